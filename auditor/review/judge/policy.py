"""Judge an audit by the owner's policy. What did not run never counts as passed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from auditor.config.policy import PolicyConfig, TargetsConfig
from auditor.language.speaking import gettext as _
from auditor.language.speaking import joined, ngettext
from auditor.report.document.result import AuditResult
from auditor.report.document.review import (
    Check,
    Comparison,
    Decision,
    DecisionState,
    Judgement,
    Waived,
)
from auditor.report.show.formatting import interval as in_words
from auditor.review.graded import RANK, Graded, by_severity, listed
from auditor.review.judge.targets import check_targets, gaps_of

WAIVING = ("reject", "accept")
TITLES = {
    "fail_on": _("Findings"),
    "fail_on_new": _("New findings"),
    "decisions": _("Decisions"),
    "require_complete": _("Completeness"),
    "chance": _("Better than chance"),
}
RuleState = Literal["met", "not met", "not measured", "waived", "condition", "not asked"]


def judge(
    result: AuditResult,
    policy: PolicyConfig,
    targets: TargetsConfig,
    comparison: Comparison | None = None,
    decisions: Sequence[DecisionState] = (),
) -> Judgement:
    """Return the verdict of a policy on an audit, with a check for every target and rule.

    A rejected finding or an accepted risk is waived while the decision is in force; it stays
    visible and makes the verdict conditional. An expired decision about a finding that is there
    blocks, whatever its severity. Without a comparison nothing is new.
    """
    findings = by_severity(result)
    waived = _waived(findings, decisions)
    open_ones = [item for item in findings if item.id not in {each.finding for each in waived}]
    checks = [
        *check_targets(result, targets, findings, {each.finding for each in waived}),
        _fail_on(policy, open_ones, waived, gaps_of(result)),
        _fail_on_new(policy, open_ones, comparison),
        _decisions(findings, decisions),
        _complete(policy, result),
        *_chance(result),
    ]
    return Judgement(
        **_verdict(checks, policy),
        checks=checks,
        blocking=list(
            dict.fromkeys(f for check in checks if check.state == "not met" for f in check.findings)
        ),
        waived=waived,
        policy={"policy": policy.model_dump(mode="json"), "targets": targets.asked()},
    )


def _waived(findings: Iterable[Graded], decisions: Iterable[DecisionState]) -> list[Waived]:
    known = {item.id: item for item in findings}
    found = []
    for state in decisions:
        item, made = known.get(state.finding or ""), state.decision
        if item is None or state.state != "in force" or made.what not in WAIVING:
            continue
        if made.what == "reject":
            verb = _("%(person)s rejected it as no shortcut on %(date)s", **_said(made))
        else:
            verb = _("%(person)s accepted its risk on %(date)s", **_said(made))
        if made.expires:
            verb = _("%(verb)s, until %(date)s", verb=verb, date=made.expires)
        found.append(
            Waived(
                finding=item.id,
                title=item.what,
                what=made.what,
                person=made.person,
                until=made.expires,
                sentence=_(
                    "%(finding)s is waived: %(verb)s. Reason: %(reason)s",
                    finding=item.said,
                    verb=verb,
                    reason=made.reason,
                ),
            )
        )
    return found


def _said(made: Decision) -> dict[str, str]:
    return {"person": made.person, "date": made.date}


def _fail_on(
    policy: PolicyConfig,
    open_ones: Sequence[Graded],
    waived: Sequence[Waived],
    gaps: Sequence[str],
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
        state = "condition"
        sentence = _(
            "%(findings)s: a person has to review this before the model is relied on.",
            findings=listed(review),
        )
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
    ids = [item.id for item in blocking or review] or [each.finding for each in waived]
    return _rule("fail_on", wanted, measured, state, sentence, ids)


def _fail_on_new(
    policy: PolicyConfig,
    open_ones: Sequence[Graded],
    comparison: Comparison | None,
) -> Check:
    severity = policy.fail_on_new
    wanted = (
        _("new findings do not fail the gate")
        if severity == "never"
        else _("no new finding of severity %(severity)s", severity=_or_above(severity))
    )
    if comparison is None:
        said = _("There is no earlier audit to compare with, so nothing can be called new.")
        return _rule("fail_on_new", wanted, _("not compared"), "not asked", said, ())
    arrived = {
        change.id: change.status
        for change in comparison.findings
        if change.id is not None and change.status in ("new", "back")
    }
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
    sentence = joined((sentence, limits))
    return _rule("fail_on_new", wanted, measured, "met", sentence, ())


def _decisions(findings: Sequence[Graded], decisions: Sequence[DecisionState]) -> Check:
    wanted = _("every decision is in force and about a finding that is there")
    ids = {item.id for item in findings}
    about = [state for state in decisions if state.decision.what != "name"]
    expired = [state for state in about if state.state == "expired" and state.finding in ids]
    loose = [state for state in about if state.state in ("expired", "unmatched")]
    loose = [state for state in loose if state not in expired]
    held = sum(state.state == "in force" for state in about)
    measured = _(
        "%(held)s in force, %(expired)s expired, %(loose)s about nothing found here",
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
    return [_rule("chance", wanted, measured, state, result.verdict.headline, ())]


def _verdict(checks: Sequence[Check], policy: PolicyConfig) -> dict[str, Any]:
    # What a finding fails comes first: a shortcut is graver news than a missed number.
    failed = _sentences(sorted(checks, key=lambda check: not check.findings), "not met")
    open_ones = _sentences(checks, "not measured")
    conditions = _sentences(checks, "condition", "waived")
    reasons = [*failed, *open_ones, *conditions]
    # What is missed for certain is said in the same breath, and a model worse than a guess before.
    heads = _sentences((check for check in checks if check.headline), "not met")
    before = _sentences(
        (check for check in checks if check.name == "chance"), "not met", "condition"
    )
    if failed:
        shown = list(dict.fromkeys([failed[0], *heads]))
        word, sentence = "FAIL", _("The gate fails. %(reason)s", reason=joined(shown))
        more = len(set(failed) - {*shown, *before})
        if more:
            below = ngettext(
                "%(num)s more reason stands below.", "%(num)s more reasons stand below.", more
            )
            sentence = joined((sentence, below))
    elif open_ones and policy.require_complete:
        word, sentence = "INCOMPLETE", _("The gate cannot pass. %(reason)s", reason=open_ones[0])
    elif conditions or open_ones:
        first = (conditions or open_ones)[0]
        word = "PASS WITH CONDITIONS"
        sentence = _("The gate passes, with conditions. %(reason)s", reason=first)
    else:
        word, sentence = "PASS", _("The gate passes: every target and every rule is met.")
    lead = [head for head in before if head not in sentence]
    return {"word": word, "sentence": joined((*lead, sentence)), "reasons": reasons}


def _sentences(checks: Iterable[Check], *states: str) -> list[str]:
    return list(
        dict.fromkeys(
            _("%(title)s: %(sentence)s", title=check.title, sentence=check.sentence)
            for check in checks
            if check.state in states
        )
    )


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
