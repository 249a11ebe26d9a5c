"""The rules of the policy, each held beside what was found and what people decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from auditor.config.policy import PolicyConfig
from auditor.language.speaking import N_, joined, ngettext
from auditor.language.speaking import gettext as _
from auditor.report.document.result import AuditResult
from auditor.report.document.review import Check, Comparison, CueAnswer, DecisionState, Waived
from auditor.report.show.formatting import interval as in_words
from auditor.review.graded import RANK, Graded, listed
from auditor.review.judge.cue_answers import waiting
from auditor.review.judge.targets import gaps_of

CUES, CHANCE = "require_reviewed", "chance"
# Cues that the sentence of their check names.
MOST_TOLD = 3
TITLES = {
    "fail_on": _("Findings"),
    "fail_on_new": _("New findings"),
    CUES: _("Cues"),
    "decisions": _("Decisions"),
    "require_complete": _("Completeness"),
    CHANCE: _("Better than chance"),
}
RuleState = Literal["met", "not met", "open", "not measured", "waived", "condition", "not asked"]


def check_rules(
    result: AuditResult,
    policy: PolicyConfig,
    comparison: Comparison | None,
    decisions: Sequence[DecisionState],
    findings: Sequence[Graded],
    cues: Sequence[CueAnswer],
    waived: Sequence[Waived],
) -> list[Check]:
    """Return a check for every rule; ``waived`` are among the ``findings``, and do not count."""
    names = {each.finding for each in waived}
    open_ones = [item for item in findings if item.id not in names]
    gaps = gaps_of(result)
    return [
        _fail_on(policy, open_ones, waived, gaps, waiting(cues)),
        _fail_on_new(policy, open_ones, comparison, waiting(cues)),
        _decisions(findings, decisions),
        _cues(policy, cues, gaps),
        _complete(policy, result),
        *_chance(result),
    ]


def _fail_on(
    policy: PolicyConfig,
    open_ones: Sequence[Graded],
    waived: Sequence[Waived],
    gaps: Sequence[str],
    unanswered: str,
) -> Check:
    wanted = (
        _("no finding fails the gate")
        if policy.fail_on == "never"
        else _("no finding of severity %(severity)s", severity=_or_above(policy.fail_on))
    )
    blocking = _at_least(open_ones, policy.fail_on)
    review = [item for item in open_ones if item.counts and item not in blocking]
    grave = [item for item in open_ones if RANK[item.severity]]
    measured = listed(grave) if grave else _("none")
    if blocking:
        state: RuleState = "not met"
        sentence = ngettext(
            "%(findings)s is a likely shortcut: mend the data and train again, or have a person "
            "reject it or accept the risk in the decisions file.",
            "%(findings)s are likely shortcuts: mend the data and train again, or have a person "
            "reject each or accept its risk in the decisions file.",
            len(blocking),
            findings=listed(blocking),
        )
    elif review:
        state = "open"
        sentence = _(
            "%(findings)s: a person has to decide about this before the model is relied on.",
            findings=listed(review),
        )
    elif unanswered:
        state = "open"
        sentence = joined((*(each.sentence for each in waived), unanswered))
    elif waived:
        state = "waived"
        sentence = joined(each.sentence for each in waived)
    elif gaps:
        state = "not measured"
        sentence = _(
            "No finding counts, but not everything was looked at: %(gaps)s.",
            gaps=joined(gaps, "; "),
        )
    else:
        state, sentence = "met", _("No finding counts against the model.")
    ids = [item.id for item in blocking or review]
    ids = ids or ([] if unanswered else [each.finding for each in waived])
    return _rule("fail_on", wanted, measured, state, sentence, ids)


def _fail_on_new(
    policy: PolicyConfig,
    open_ones: Sequence[Graded],
    comparison: Comparison | None,
    unanswered: str,
) -> Check:
    severity = policy.fail_on_new
    wanted = (
        _("new findings do not fail the gate")
        if severity == "never"
        else _("no new finding of severity %(severity)s", severity=_or_above(severity))
    )
    if comparison is None:
        said = _("No earlier audit was given, so nothing can be called new.")
        return _rule("fail_on_new", wanted, _("not compared"), "not asked", said, ())
    arrived: dict[str, str] = {
        change.id: change.status
        for change in comparison.findings
        if change.id is not None and change.status in ("new", "back")
    }
    known = {change.id for change in comparison.findings}
    # A comparison is of what counts by its grade: what a person calls a shortcut is not in it.
    called = [item for item in open_ones if item.shortcut and item.id not in known]
    arrived |= {item.id: N_("new as a finding") for item in called}
    fresh = [item for item in open_ones if item.id in arrived]
    blocking = _at_least(fresh, severity)
    measured = listed(fresh) if fresh else _("none")
    earlier = comparison.earlier.folder
    limits = "" if comparison.like_for_like else comparison.sentence
    if blocking:
        changes = [
            _("%(finding)s is %(status)s", finding=item.said, status=_(arrived[item.id]))
            for item in blocking
        ]
        sentence = _(
            "Since %(earlier)s: %(changes)s.", earlier=earlier, changes=joined(changes, "; ")
        )
        sentence = joined((sentence, limits))
        ids = [item.id for item in blocking]
        return _rule("fail_on_new", wanted, measured, "not met", sentence, ids)
    sentence = _("Nothing new since %(earlier)s counts against the model.", earlier=earlier)
    state: RuleState = "open" if unanswered and severity != "never" else "met"
    sentence = joined((sentence, unanswered if state == "open" else "", limits))
    return _rule("fail_on_new", wanted, measured, state, sentence, ())


def _decisions(findings: Sequence[Graded], decisions: Sequence[DecisionState]) -> Check:
    wanted = _("every decision is in force and about a finding that is there")
    # An answer about a cue that has expired leaves the cue open: see `_cues`.
    ids = {item.id for item in findings if item.grade != "C" or item.shortcut}
    about = [state for state in decisions if state.decision.what != "name"]
    expired = [state for state in about if state.state == "expired" and state.finding in ids]
    loose = [state for state in about if state.state in ("expired", "unmatched")]
    loose = [state for state in loose if state not in expired]
    held = sum(state.state == "in force" for state in about)
    measured = _(
        "%(held)s in force, %(expired)s expired, %(loose)s that hold for nothing here",
        held=held,
        expired=len(expired),
        loose=len(loose),
    )
    if expired:
        sentence = joined(state.sentence for state in expired)
        found = [state.finding for state in expired if state.finding]
        return _rule("decisions", wanted, measured, "not met", sentence, found)
    if loose:
        sentence = joined(state.sentence for state in loose)
        return _rule("decisions", wanted, measured, "condition", sentence, ())
    sentence = (
        ngettext("%(num)s decision holds.", "%(num)s decisions hold.", held)
        if held
        else _("No decision was needed or made.")
    )
    return _rule("decisions", wanted, measured, "met", sentence, ())


def _cues(policy: PolicyConfig, cues: Sequence[CueAnswer], gaps: Sequence[str]) -> Check:
    """Hold the answers of people beside what steers the model without looking like an artefact."""
    wanted = (
        _("every cue is answered by a person")
        if policy.require_reviewed
        else _("cues that nobody has answered are named")
    )
    open_cues = [each for each in cues if not each.answered]
    measured = _(
        "%(count)s, of which %(new)s new and %(open)s open",
        count=len(cues),
        new=sum(each.state == "new" for each in cues),
        open=sum(each.state in ("unsure", "expired") for each in cues),
    )
    if open_cues:
        state: RuleState = "not met" if policy.require_reviewed else "open"
        told = [each.sentence for each in open_cues[:MOST_TOLD]]
        if len(open_cues) > MOST_TOLD:
            told.append(_("%(more)s more.", more=len(open_cues) - MOST_TOLD))
        sentence = joined((*told, _("Answer with auditor review RUN --cues.")))
    elif cues:
        state, sentence = "met", joined(each.sentence for each in cues)
    elif gaps:
        state = "not measured"
        sentence = _(
            "No cue was found, but not everything was searched: %(gaps)s.",
            gaps=joined(gaps, "; "),
        )
    else:
        state, sentence = "met", _("There is no cue to ask about.")
    ids = [each.finding for each in open_cues]
    return _rule(CUES, wanted, measured, state, sentence, ids)


def _complete(policy: PolicyConfig, result: AuditResult) -> Check:
    wanted = _("everything ran") if policy.require_complete else _("what did not run is named")
    gaps = gaps_of(result)
    if gaps:
        state: RuleState = "not measured" if policy.require_complete else "condition"
        sentence = _("Not all ran: %(gaps)s.", gaps=joined(gaps, "; "))
        return _rule("require_complete", wanted, _("incomplete"), state, sentence, ())
    if result.not_run:
        parts = [
            _("%(part)s (%(reason)s)", part=item.part, reason=item.reason)
            for item in result.not_run
        ]
        sentence = _("Left out: %(parts)s.", parts=joined(parts, "; "))
        return _rule("require_complete", wanted, _("parts left out"), "condition", sentence, ())
    return _rule("require_complete", wanted, _("complete"), "met", _("Everything ran."), ())


def _chance(result: AuditResult) -> list[Check]:
    """Return a check where there is something to say of accuracy beside chance."""
    if not result.verdict.headline:
        return []
    state: RuleState = "not met" if result.verdict.worse else "condition"
    measured = in_words(result.performance.accuracy)
    wanted = _("right more often than a guess")
    return [_rule(CHANCE, wanted, measured, state, result.verdict.headline, ())]


def _rule(
    name: str,
    wanted: str,
    measured: str,
    state: RuleState,
    sentence: str,
    findings: Sequence[str],
) -> Check:
    return Check(
        name=name,
        title=TITLES[name],
        kind="rule",
        wanted=wanted,
        measured=measured,
        state=state,
        sentence=sentence,
        findings=list(findings),
    )


def _or_above(severity: str) -> str:
    if severity == "critical":
        return _(severity)
    return _("%(severity)s or above", severity=_(severity))


def _at_least(items: Iterable[Graded], severity: str) -> list[Graded]:
    if severity == "never":
        return []
    return [item for item in items if RANK[item.severity] >= RANK[severity]]
