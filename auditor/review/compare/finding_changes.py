"""Which findings of two audits are the same, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.language.numbers import percent
from auditor.language.speaking import gettext as _
from auditor.language.speaking import joined
from auditor.report.document.review import ChangeStatus, FindingChange, MetricChange, Remembered
from auditor.review import words
from auditor.review.compare.metric_change import metric_change
from auditor.review.compare.testable import untested_because
from auditor.review.graded import RANK, Graded, Look, assign, graded_findings, likeness, look_of
from auditor.review.keep.runs import AuditedRun
from auditor.shortcuts.fingerprint import SAME

ORDER: tuple[ChangeStatus, ...] = (
    *("back", "new", "worse", "not tested", "persisting", "better", "gone"),
)


@dataclass(frozen=True)
class _Sides:
    """Two audits, and what earlier ones had and the first of the two has no longer."""

    earlier: AuditedRun
    now: AuditedRun
    memory: Sequence[Remembered]


def finding_changes(
    earlier: AuditedRun, now: AuditedRun, memory: Sequence[Remembered]
) -> list[FindingChange]:
    """Return every likely shortcut of either audit with what became of it, worst first.

    Args:
        earlier: the audit compared with.
        now: the audit at hand.
        memory: findings of still earlier audits that ``earlier`` had no longer.
    """
    sides = _Sides(earlier, now, memory)
    before, after = graded_findings(earlier.result), graded_findings(now.result)
    # What counts is matched first, so that a mere region does not take a finding's place.
    pairs = _matched(before, after)
    found = [_pair(sides, before[i], after[j], score) for i, (j, score) in pairs.items()]
    lone = [each for i, each in enumerate(before) if i not in pairs and each.counts]
    taken = {j for j, _ in pairs.values()}
    fresh = [each for j, each in enumerate(after) if j not in taken and each.counts]
    for each in lone:
        same = _part_of(each, after)
        found.append(_pair(sides, each, *same) if same else _only_before(sides, each))
    parts = [_part_of(each, before) for each in fresh]
    both = list(zip(fresh, parts, strict=True))
    found += [_pair(sides, part[0], each, part[1]) for each, part in both if part]
    found += _only_now(sides, [each for each, part in both if not part])
    return sorted((each for each in found if each is not None), key=_worst_first)


def remembered(
    earlier: AuditedRun,
    now: AuditedRun,
    changes: Sequence[FindingChange],
    memory: Sequence[Remembered],
) -> list[Remembered]:
    """Return what the next audit has to know to say that a finding is back."""
    back = [each.fingerprint for each in changes if each.status == "back"]
    kept = [each for each in memory if each.fingerprint not in back]
    looks = {each.id: each for each in graded_findings(earlier.result)}
    for change in changes:
        if change.status not in ("gone", "not tested") or change.earlier_id is None:
            continue
        one = looks[change.earlier_id]
        kept.append(remember(one, earlier.name, now.name if change.status == "gone" else ""))
    return kept


def remember(finding: Graded, seen_in: str, gone_in: str) -> Remembered:
    """Return a finding as later audits know it: the one that had it, and the first that had not."""
    return Remembered(
        fingerprint=finding.fingerprint,
        title=finding.title,
        class_name=finding.class_name,
        severity=finding.severity,
        signature=finding.signature,
        seen_in=seen_in,
        gone_in=gone_in,
        carriers=list(finding.carriers),
        data=finding.data,
    )


def look_of_memory(memory: Remembered) -> Look:
    """Return what `assign` compares of a finding that an earlier audit had."""
    carriers = tuple(memory.carriers)
    return Look(memory.class_name, memory.fingerprint, memory.signature, carriers, memory.data)


def _matched(before: Sequence[Graded], after: Sequence[Graded]) -> dict[int, tuple[int, float]]:
    """Return the pairs: findings that count among themselves first, then with all others."""
    pairs: dict[int, tuple[int, float]] = {}
    for both in (True, False):
        ones = [i for i, each in enumerate(before) if i not in pairs and (each.counts or not both)]
        taken = {j for j, _ in pairs.values()}
        twos = [j for j, each in enumerate(after) if j not in taken and (each.counts or not both)]
        found = assign([look_of(before[i]) for i in ones], [look_of(after[j]) for j in twos])
        pairs |= {ones[i]: (twos[j], score) for i, (j, score) in found.items()}
    return pairs


def _part_of(finding: Graded, others: Sequence[Graded]) -> tuple[Graded, float] | None:
    """Return the likeliest of the findings that count and are the same, though taken already.

    One artefact may be found as two regions in one audit and as one in the other.
    """
    scores = [(likeness(finding, each), each) for each in others if each.counts]
    score, best = max(scores, key=_first, default=(0.0, finding))
    return (best, score) if score >= SAME else None


def _first(pair: tuple[float, Graded]) -> float:
    return pair[0]


def _pair(sides: _Sides, before: Graded, after: Graded, score: float) -> FindingChange | None:
    if not before.counts and not after.counts:
        return None
    effect = _effect(before, after)
    status, sentence = _what_became(sides, before, after, effect)
    change = _change(before, after, status, sentence, score=score, effect=effect)
    if before.counts or status != "new":
        return change
    known = assign([look_of(after)], [look_of_memory(each) for each in sides.memory])
    return _returned(change, sides.memory[known[0][0]]) if known else change


def _what_became(
    sides: _Sides, before: Graded, after: Graded, effect: MetricChange | None
) -> tuple[ChangeStatus, str]:
    if not after.counts:
        if after.grade == "U":
            return _not_tested(before, words.BECAUSE_UNTESTABLE)
        if after.grade == "C":
            return "persisting", _(words.STILL_A_CUE, title=before.title, id=after.id)
        if not after.ruled_out:
            return _not_tested(before, words.BECAUSE_NOT_RULED_OUT)
        return "gone", _(words.GONE_UNUSED, title=before.title)
    if not before.counts:
        if before.grade == "U":
            reason = words.BECAUSE_UNTESTABLE
            return "new", _(words.NEW_UNTESTED, title=after.title, reason=reason)
        grades = {"earlier": before.grade, "now": after.grade}
        return "new", _(words.NEW_KNOWN, title=after.title, **grades)
    ranks = RANK[before.severity], RANK[after.severity]
    if ranks[0] != ranks[1]:
        both = {"earlier": _(before.severity), "now": _(after.severity)}
        why = _(words.WHY_SEVERITY, **both)
        worse = ranks[1] > ranks[0]
    elif effect is not None and effect.status in ("better", "worse"):
        assert before.effect is not None
        assert after.effect is not None
        shares = {"earlier": percent(before.effect.value), "now": percent(after.effect.value)}
        why = _(words.WHY_EFFECT, **shares)
        worse = effect.status == "worse"
    else:
        return "persisting", _(words.PERSISTING, title=after.title)
    text = words.WORSE if worse else words.BETTER
    return ("worse" if worse else "better"), _(text, title=after.title, why=why)


def _effect(before: Graded, after: Graded) -> MetricChange | None:
    if before.effect is None or after.effect is None:
        return None
    return metric_change(
        "effect",
        words.EFFECT,
        before.effect,
        after.effect,
        words.FROM_INTERVALS,
        better="lower",
    )


def _only_before(sides: _Sides, before: Graded) -> FindingChange:
    reason = untested_because(before, sides.now.result)
    if reason is not None:
        return _change(before, None, *_not_tested(before, reason))
    sentence = _(words.GONE, title=before.title)
    if sides.earlier.result.data.digest != sides.now.result.data.digest:
        sentence = joined((sentence, words.GONE_OTHER_PICTURES))
    return _change(before, None, "gone", sentence)


def _only_now(sides: _Sides, fresh: Sequence[Graded]) -> Iterator[FindingChange]:
    known = assign(
        [look_of(each) for each in fresh], [look_of_memory(each) for each in sides.memory]
    )
    for place, after in enumerate(fresh):
        reason = untested_because(after, sides.earlier.result)
        if place in known:
            memory = sides.memory[known[place][0]]
            change = _change(None, after, "back", "", score=known[place][1])
            if memory.gone_in:
                yield _returned(change, memory)
                continue
            reason = reason or words.BECAUSE_UNTESTABLE
            texts = {"title": after.title, "seen": memory.seen_in, "reason": reason}
            still = {"status": "persisting", "sentence": _(words.PERSISTING_UNTESTED, **texts)}
            yield change.model_copy(update={**still, "last_seen": memory.seen_in})
        elif reason is not None:
            sentence = _(words.NEW_UNTESTED, title=after.title, reason=reason)
            yield _change(None, after, "new", sentence)
        else:
            yield _change(None, after, "new", _(words.NEW, title=after.title))


def _returned(change: FindingChange, memory: Remembered) -> FindingChange:
    texts = {"title": change.title, "seen": memory.seen_in, "before": memory.title}
    sentence = _(words.BACK, **texts)
    return change.model_copy(
        update={"status": "back", "sentence": sentence, "last_seen": memory.seen_in}
    )


def _not_tested(before: Graded, reason: str) -> tuple[ChangeStatus, str]:
    return "not tested", _(words.NOT_TESTED, title=before.title, reason=reason)


def _change(
    before: Graded | None,
    after: Graded | None,
    status: ChangeStatus,
    sentence: str,
    *,
    score: float | None = None,
    effect: MetricChange | None = None,
) -> FindingChange:
    shown = after or before
    assert shown is not None
    return FindingChange(
        fingerprint=shown.fingerprint,
        id=after.id if after else None,
        earlier_id=before.id if before else None,
        title=shown.title,
        class_name=shown.class_name,
        severity=after.severity if after else None,
        earlier_severity=before.severity if before else None,
        grade=after.grade if after else None,
        status=status,
        likeness=score,
        effect=effect,
        picture=after.picture if after else None,
        earlier_picture=before.picture if before else None,
        sentence=sentence,
    )


def _worst_first(change: FindingChange) -> tuple[int, int, str]:
    severity = change.severity or change.earlier_severity or "none"
    return ORDER.index(change.status), -RANK[severity], change.title
