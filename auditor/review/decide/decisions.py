"""What the decisions of people mean in an audit: about which finding, and whether they hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auditor.concepts.matching import THRESHOLD_ALONE
from auditor.language.speaking import gettext as _
from auditor.language.speaking import joined
from auditor.report.document.result import AuditResult
from auditor.report.document.review import Decision, DecisionState
from auditor.report.show.chosen import SHEET_GRADES
from auditor.review import words
from auditor.review.compare.testable import class_untested
from auditor.review.decide.decisions_file import read_decisions
from auditor.review.graded import Graded, Look, graded_findings, likeness_of, look_of
from auditor.shortcuts.fingerprint import SAME


def decision_states(
    decisions: Sequence[Decision], result: AuditResult, *, as_of: str
) -> list[DecisionState]:
    """Return each decision with what it is about in this audit, in the order given.

    A finding is known again by its fingerprint, or by what it looks like (`same_finding`); a
    concept by its reference samples. A decision that fits two findings alike holds for neither,
    and that a cue is part of its class not for what has become a likely shortcut.
    ``as_of`` is the day (YYYY-MM-DD) on which a decision holds or has expired.
    """
    findings = graded_findings(result)
    alike = [{} if d.what == "name" else _alike(d, findings) for d in decisions]
    abouts = [
        _concept(decision, result)
        if decision.what == "name"
        else next(iter(fitting.items()), None)
        if len(fitting) < 2
        else None
        for decision, fitting in zip(decisions, alike, strict=True)
    ]
    last: dict[str, int] = {}
    for place in sorted(range(len(decisions)), key=lambda i: (decisions[i].date, i)):
        about = abouts[place]
        if about is not None:
            last[about[0]] = place
    return [
        _state(
            decision,
            about,
            [each for each in findings if each.id in alike[place]],
            result,
            last=about is not None and last[about[0]] == place,
            as_of=as_of,
        )
        for place, (decision, about) in enumerate(zip(decisions, abouts, strict=True))
    ]


def states_of_file(path: Path, result: AuditResult, *, as_of: str) -> list[DecisionState]:
    """Return the states of all decisions of a file; see `decision_states`.

    Raises:
        ConfigError: the file cannot be read or holds something wrong.
    """
    return decision_states(read_decisions(path), result, as_of=as_of)


def concept_references(result: AuditResult, concept: str) -> list[str]:
    """Return the reference samples by which a concept is known again, none if not kept."""
    layer, _slash, channel = concept.rpartition("/")
    for each in result.identity.layers if result.identity else ():
        if each.layer == layer and channel.isdigit() and int(channel) in each.concepts:
            assert result.identity is not None
            places = each.references[each.concepts.index(int(channel))]
            return [result.identity.samples[place] for place in places]
    return []


def _alike(decision: Decision, findings: Sequence[Graded]) -> dict[str, float]:
    """Return the findings that a decision fits best, all that it fits as well, and how surely."""
    look = Look(decision.class_name, decision.fingerprint, decision.signature)
    scores = {finding.id: likeness_of(look, look_of(finding)) for finding in findings}
    best = max(scores.values(), default=0.0)
    return {name: score for name, score in scores.items() if score == best >= SAME}


def _concept(decision: Decision, result: AuditResult) -> tuple[str, float] | None:
    """Return the concept of the layer that shares most of the reference samples."""
    layer = decision.concept.rpartition("/")[0]
    wanted = set(decision.references)
    if not wanted:
        known = any(each.id == decision.concept for each in result.concepts)
        return (decision.concept, 1.0) if known else None
    best = ("", 0.0)
    for each in result.identity.layers if result.identity else ():
        if each.layer != layer:
            continue
        assert result.identity is not None
        samples = result.identity.samples
        for channel, places in zip(each.concepts, each.references, strict=True):
            own = {samples[place] for place in places}
            score = len(own & wanted) / len(own | wanted)
            if score > best[1]:
                best = (f"{layer}/{channel}", score)
    return best if best[1] >= THRESHOLD_ALONE else None


def _state(
    decision: Decision,
    about: tuple[str, float] | None,
    alike: Sequence[Graded],
    result: AuditResult,
    *,
    last: bool,
    as_of: str,
) -> DecisionState:
    naming = decision.what == "name"
    what = {"title": decision.title or decision.concept, "place": decision.place or "options"}
    if len(alike) > 1:
        state, text = "unmatched", words.FITS_BOTH
    elif about is None:
        state, text = _unmatched(decision, result)
    elif not last:
        state, text = "replaced", words.REPLACED
    elif decision.what == "reject" and decision.grade == "C" and alike[0].grade in SHEET_GRADES:
        state, text = "unmatched", words.GRAVER
    elif decision.expires is not None and as_of > decision.expires:
        state, text = "expired", words.EXPIRED.get(decision.what, words.EXPIRED_OTHER)
    else:
        state, text = "in force", words.IN_FORCE[decision.what]
    sentence = _(
        text,
        **what,
        id=about[0] if about else "",
        name=decision.name,
        person=decision.person,
        expires=decision.expires or words.NO_END,
        ids=joined((each.id for each in alike), ", "),
        grade=alike[0].grade if alike else "",
        reason=class_untested(decision.class_name, result) or "",
    )
    return DecisionState(
        decision=decision,
        finding=about[0] if about and not naming and state != "unmatched" else None,
        concept=about[0] if about and naming and state == "in force" else None,
        likeness=about[1] if about else None,
        state=state,
        sentence=sentence,
    )


def _unmatched(decision: Decision, result: AuditResult) -> tuple[str, str]:
    if decision.what == "name":
        return "unmatched", words.NO_CONCEPT
    if class_untested(decision.class_name, result) is not None:
        return "unmatched", words.UNMATCHED_UNTESTED
    # What was accepted may be here in another form; nothing hangs on the rest any more.
    if decision.what != "accept":
        return "settled", words.SETTLED
    return "unmatched", words.UNMATCHED
