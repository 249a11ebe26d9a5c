"""Judge an audit by the owner's policy. What did not run never counts as passed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from auditor.config.policy import PolicyConfig, TargetsConfig
from auditor.language.speaking import gettext as _
from auditor.language.speaking import joined, ngettext
from auditor.report.document.codes import Code, Grounds, code_of
from auditor.report.document.result import AuditResult
from auditor.report.document.review import (
    Check,
    Comparison,
    Decision,
    DecisionState,
    Judgement,
    Waived,
)
from auditor.report.sections.verdict import unsearched
from auditor.review.graded import Graded, graded_findings
from auditor.review.judge.cue_answers import cue_answers, with_answers
from auditor.review.judge.rules import CHANCE, CUES, check_rules
from auditor.review.judge.targets import check_targets

# The order in which reasons are told.
TOLD = ("not met", "open", "not measured", "condition", "waived")
LEADS: Mapping[Code, str] = {
    "do_not_use": _("Use the model only after it meets what is asked of it."),
    "needs_decision": _("A person has to decide before the model is relied on."),
    "incomplete": _("The audit cannot pass: supply what is missing and audit the model again."),
    "needs_look": _("A person has to look at what steers the model and say what it is."),
    "conditions": _("Use the model within the conditions below."),
    "pass": _("Every target and every rule is met."),
}
FIX_FIRST = _(
    "Use the model only after each finding below is fixed or its risk accepted by a named person."
)


def judge(
    result: AuditResult,
    policy: PolicyConfig,
    targets: TargetsConfig,
    comparison: Comparison | None = None,
    decisions: Sequence[DecisionState] = (),
) -> Judgement:
    """Return the verdict of a policy on an audit, with a check for every target and rule.

    A finding that was rejected, whose risk is accepted, or that is being mended until a day, is
    waived while the decision is in force; it stays visible and makes the verdict conditional. An
    expired decision about a finding that is there blocks, whatever its severity. A cue that a
    person calls a shortcut is a finding. Without a comparison nothing is new.
    """
    findings = with_answers(graded_findings(result), decisions)
    cues = cue_answers(findings, decisions)
    waived = _waived(findings, decisions)
    open_ones = [item for item in findings if item.id not in {each.finding for each in waived}]
    checks = [
        *check_targets(result, targets, findings, cues, {each.finding for each in waived}),
        *check_rules(result, policy, comparison, decisions, findings, cues, waived),
    ]
    blocked = {name for check in checks if check.state == "not met" for name in check.findings}
    asked = {each.finding for each in cues if not each.answered}
    undecided = [item for item in open_ones if item.counts or item.id in blocked - asked]
    states = {check.state for check in checks}
    code = code_of(
        Grounds(
            missed=any(
                check.state == "not met" and (check.kind == "target" or check.name == CHANCE)
                for check in checks
            ),
            undecided=tuple(item.severity for item in undecided),
            gaps="not measured" in states and policy.require_complete,
            unanswered=bool(asked),
            conditions=bool(states & {"condition", "waived", "not measured"}),
        )
    )
    return Judgement(
        code=code,
        sentence=_sentence(code, checks, result, grave=bool(undecided)),
        reasons=_reasons(checks),
        checks=checks,
        blocking=[item.id for item in findings if item.id in blocked],
        waived=waived,
        cues=cues,
        policy={"policy": policy.model_dump(mode="json"), "targets": targets.asked()},
    )


def _waived(findings: Iterable[Graded], decisions: Iterable[DecisionState]) -> list[Waived]:
    known = {item.id: item for item in findings}
    found = []
    for state in decisions:
        item, made = known.get(state.finding or ""), state.decision
        if item is None or state.state != "in force" or not _waives(item, made):
            continue
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
                    verb=_verb(made),
                    reason=made.reason,
                ),
            )
        )
    return found


def _waives(item: Graded, made: Decision) -> bool:
    """Say whether a decision in force takes a finding out of what blocks.

    What is being mended has a last day, as an accepted risk has: without one it is only a plan. A
    cue that belongs to its class never counted.
    """
    if item.grade == "C" and not item.shortcut:
        return False
    return made.what in ("reject", "accept") or (made.what == "mitigate" and bool(made.expires))


def _verb(made: Decision) -> str:
    said = {"person": made.person, "date": made.date}
    if made.what == "reject":
        verb = _("%(person)s rejected it as no shortcut on %(date)s", **said)
    elif made.what == "accept":
        verb = _("%(person)s accepted its risk on %(date)s", **said)
    else:
        verb = _("it is being mended, says %(person)s on %(date)s", **said)
    return _("%(verb)s, until %(date)s", verb=verb, date=made.expires) if made.expires else verb


def _sentence(code: Code, checks: Sequence[Check], result: AuditResult, *, grave: bool) -> str:
    """Return what to do and the first reason for it."""
    # What a finding fails comes first: a shortcut is graver news than a missed number.
    failed = _sentences(sorted(checks, key=lambda check: not check.findings), "not met")
    # What is missed for certain is said in the same breath, and a model worse than a guess before.
    heads = _sentences((check for check in checks if check.headline), "not met")
    before = _sentences((check for check in checks if check.name == CHANCE), "not met", "condition")
    cues = _sentences((check for check in checks if check.name == CUES), *TOLD)
    open_ones = _open(checks)
    first = {
        "do_not_use": [*failed, *open_ones],
        "needs_decision": [each for each in (*failed, *open_ones) if each not in cues],
        "incomplete": _sentences(checks, "not measured"),
        "needs_look": cues,
        "conditions": _sentences(checks, "condition", "waived", "not measured"),
        "pass": [],
    }[code][:1]
    shown = list(dict.fromkeys((*first, *heads)))
    more = len(set(failed) - {*shown, *before})
    if more and code in ("do_not_use", "needs_decision"):
        shown.append(
            ngettext("%(num)s more reason stands below.", "%(num)s more reasons stand below.", more)
        )
    if code in ("needs_look", "conditions", "pass"):
        shown.append(unsearched(result.search))
    lead = FIX_FIRST if code == "do_not_use" and grave else LEADS[code]
    return joined((*before, lead, *(each for each in shown if each not in before)))


def _reasons(checks: Sequence[Check]) -> list[str]:
    failed = _sentences(sorted(checks, key=lambda check: not check.findings), "not met")
    rest = (_open(checks), _sentences(checks, TOLD[2]), _sentences(checks, *TOLD[3:]))
    return [*failed, *(sentence for told in rest for sentence in told)]


def _open(checks: Iterable[Check]) -> list[str]:
    """Return what waits for a person; a rule that waits for cues alone names no finding."""
    return _sentences((check for check in checks if check.findings), "open")


def _sentences(checks: Iterable[Check], *states: str) -> list[str]:
    return list(
        dict.fromkeys(
            _("%(title)s: %(sentence)s", title=check.title, sentence=check.sentence)
            for check in checks
            if check.state in states
        )
    )
