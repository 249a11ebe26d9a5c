"""Judge an audit by the owner's policy. What did not run never counts as passed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from auditor.gate_config import PolicyConfig, TargetsConfig
from auditor.report.model import AuditResult
from auditor.review.counted import RANK, Counted, counted_findings, gaps_of, listed
from auditor.review.records import Check, Comparison, DecisionState, Judgement, Waived
from auditor.review.targets import check_targets

WAIVING = ("reject", "accept")
TITLES = {
    "fail_on": "Findings",
    "fail_on_new": "New findings",
    "decisions": "Decisions",
    "require_complete": "Completeness",
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
    counted = counted_findings(result)
    waived = _waived(counted, decisions)
    open_ones = [item for item in counted if item.id not in {each.finding for each in waived}]
    checks = [
        *check_targets(result, targets, counted, {each.finding for each in waived}),
        _fail_on(policy, open_ones, waived, gaps_of(result)),
        _fail_on_new(policy, open_ones, comparison),
        _decisions(counted, decisions),
        _complete(policy, result),
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


def _waived(counted: Iterable[Counted], decisions: Iterable[DecisionState]) -> list[Waived]:
    known = {item.id: item for item in counted}
    found = []
    for state in decisions:
        item, made = known.get(state.finding or ""), state.decision
        if item is None or state.state != "in force" or made.what not in WAIVING:
            continue
        verb = "rejected it as no shortcut" if made.what == "reject" else "accepted its risk"
        until = f", until {made.expires}" if made.expires else ""
        found.append(
            Waived(
                finding=item.id,
                title=item.what,
                what=made.what,
                person=made.person,
                until=made.expires,
                sentence=f"{item} is waived: {made.person} {verb} on {made.date}{until}. "
                f"Reason: {made.reason}",
            )
        )
    return found


def _fail_on(
    policy: PolicyConfig,
    open_ones: Sequence[Counted],
    waived: Sequence[Waived],
    gaps: Sequence[str],
) -> Check:
    wanted = (
        "no finding fails the gate"
        if policy.fail_on == "never"
        else f"no finding of severity {_or_above(policy.fail_on)}"
    )
    blocking = _at_least(open_ones, policy.fail_on)
    review = [item for item in open_ones if item.suspected and item not in blocking]
    grave = [item for item in open_ones if RANK[item.severity]]
    measured = listed(grave) if grave else "none"
    if blocking:
        state: RuleState = "not met"
        what = "is a likely shortcut" if len(blocking) == 1 else "are likely shortcuts"
        sentence = (
            f"{listed(blocking)} {what}: mend the data and train again, or have a person reject it "
            "or accept the risk in the decisions file."
        )
    elif review:
        state = "condition"
        sentence = f"{listed(review)}: a person has to review this before the model is relied on."
    elif waived:
        state = "waived"
        sentence = " ".join(each.sentence for each in waived)
    elif gaps:
        state = "not measured"
        sentence = f"No finding counts, but not everything was looked at: {'; '.join(gaps)}."
    else:
        state, sentence = "met", "No finding counts against the model."
    ids = [item.id for item in blocking or review] or [each.finding for each in waived]
    return _rule("fail_on", wanted, measured, state, sentence, ids)


def _fail_on_new(
    policy: PolicyConfig,
    open_ones: Sequence[Counted],
    comparison: Comparison | None,
) -> Check:
    severity = policy.fail_on_new
    wanted = (
        "new findings do not fail the gate"
        if severity == "never"
        else f"no new finding of severity {_or_above(severity)}"
    )
    if comparison is None:
        said = "There is no earlier audit to compare with, so nothing can be called new."
        return _rule("fail_on_new", wanted, "not compared", "not asked", said, ())
    arrived = {
        change.id: change.status
        for change in comparison.findings
        if change.id is not None and change.status in ("new", "back")
    }
    fresh = [item for item in open_ones if item.id in arrived]
    blocking = _at_least(fresh, severity)
    measured = listed(fresh) if fresh else "none"
    limits = "" if comparison.like_for_like else f" {comparison.sentence}"
    if blocking:
        words = "; ".join(f"{item} is {arrived[item.id]}" for item in blocking)
        sentence = f"Since {comparison.earlier.folder}: {words}.{limits}"
        ids = [item.id for item in blocking]
        return _rule("fail_on_new", wanted, measured, "not met", sentence, ids)
    sentence = f"Nothing new since {comparison.earlier.folder} counts against the model.{limits}"
    return _rule("fail_on_new", wanted, measured, "met", sentence, ())


def _decisions(counted: Sequence[Counted], decisions: Sequence[DecisionState]) -> Check:
    wanted = "every decision is in force and about a finding that is there"
    ids = {item.id for item in counted}
    about = [state for state in decisions if state.decision.what != "name"]
    expired = [state for state in about if state.state == "expired" and state.finding in ids]
    loose = [state for state in about if state.state in ("expired", "unmatched")]
    loose = [state for state in loose if state not in expired]
    held = sum(state.state == "in force" for state in about)
    measured = f"{held} in force, {len(expired)} expired, {len(loose)} about nothing found here"
    if expired:
        sentence = " ".join(state.sentence for state in expired)
        found = [state.finding for state in expired if state.finding]
        return _rule("decisions", wanted, measured, "not met", sentence, found)
    if loose:
        sentence = " ".join(state.sentence for state in loose)
        return _rule("decisions", wanted, measured, "condition", sentence, ())
    sentence = f"{held} decisions hold." if held else "No decision was needed or made."
    return _rule("decisions", wanted, measured, "met", sentence, ())


def _complete(policy: PolicyConfig, result: AuditResult) -> Check:
    wanted = "everything ran" if policy.require_complete else "what did not run is named"
    gaps = gaps_of(result)
    if gaps:
        state: RuleState = "not measured" if policy.require_complete else "condition"
        text = "; ".join(gaps)
        return _rule("require_complete", wanted, "incomplete", state, f"Not all ran: {text}.", ())
    if result.not_run:
        text = "; ".join(f"{item.part} ({item.reason})" for item in result.not_run)
        sentence = f"Left out: {text}."
        return _rule("require_complete", wanted, "parts left out", "condition", sentence, ())
    return _rule("require_complete", wanted, "complete", "met", "Everything ran.", ())


def _verdict(checks: Sequence[Check], policy: PolicyConfig) -> dict[str, Any]:
    failed = _sentences(checks, "not met")
    open_ones = _sentences(checks, "not measured")
    conditions = _sentences(checks, "condition", "waived")
    reasons = [*failed, *open_ones, *conditions]
    if failed:
        word, sentence = "FAIL", f"The gate fails. {failed[0]}"
        more = len(failed) - 1
        if more:
            sentence += f" {more} more {'reason stands' if more == 1 else 'reasons stand'} below."
    elif open_ones and policy.require_complete:
        word, sentence = "INCOMPLETE", f"The gate cannot pass. {open_ones[0]}"
    elif conditions or open_ones:
        first = (conditions or open_ones)[0]
        word, sentence = "PASS WITH CONDITIONS", f"The gate passes, with conditions. {first}"
    else:
        word, sentence = "PASS", "The gate passes: every target and every rule is met."
    return {"word": word, "sentence": sentence, "reasons": reasons}


def _sentences(checks: Iterable[Check], *states: str) -> list[str]:
    return list(
        dict.fromkeys(
            f"{check.title}: {check.sentence}" for check in checks if check.state in states
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
    return severity if severity == "critical" else f"{severity} or above"


def _at_least(items: Iterable[Counted], severity: str) -> list[Counted]:
    if severity == "never":
        return []
    return [item for item in items if RANK[item.severity] >= RANK[severity]]
