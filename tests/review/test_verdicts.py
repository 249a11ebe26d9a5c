"""The words of a verdict over all combinations of what it rests on, held beside the table."""

from __future__ import annotations

from itertools import product

import pytest

from auditor.config.policy import PolicyConfig, TargetsConfig
from auditor.records.shortcuts import Exposure
from auditor.report.document.codes import WORDS, Grounds, code_of
from auditor.report.document.result import AuditResult, FindingCard, NotRun, Verdict
from auditor.report.document.review import Decision, DecisionState
from auditor.review.judge.gate import exit_code
from auditor.review.judge.policy import judge
from tests.review.made import audit, card

# Severity of the finding and what was decided about it; None: there is no finding.
FINDINGS = [
    None,
    *product(
        ("critical", "high", "medium"),
        ("", "confirm", "unsure", "mitigate", "mitigate until", "accept", "reject", "expired"),
    ),
]
CUES = [None, "", "unsure", "reject", "confirm"]
OPEN = ("", "confirm", "unsure", "mitigate", "expired")


def state(finding: str, what: str) -> DecisionState:
    kind = {"mitigate until": "mitigate", "expired": "accept"}.get(what, what)
    made = Decision(
        what=kind,
        fingerprint="0" * 16,
        class_name="brick",
        reason="so",
        person="Ada",
        date="2026-01-01",
        expires="2026-06-30" if what in ("mitigate until", "accept", "expired") else None,
    )
    held = "expired" if what == "expired" else "in force"
    return DecisionState(decision=made, finding=finding, state=held, sentence="It is so.")


def by_the_table(
    finding: tuple[str, str] | None, cue: str | None, *, gap: bool, missed: bool, left_out: bool
) -> str:
    """Return the word as the table in the manual gives it, written anew."""
    severities = [finding[0]] if finding and finding[1] in OPEN else []
    severities += ["medium"] if cue == "confirm" else []
    if missed or {"critical", "high"} & set(severities):
        return "DO NOT USE YET"
    if severities:
        return "NEEDS A DECISION"
    if gap:
        return "INCOMPLETE"
    if cue in ("", "unsure"):
        return "NEEDS A LOOK"
    return "PASS WITH CONDITIONS" if finding or left_out else "PASS"


@pytest.mark.parametrize("finding", FINDINGS)
@pytest.mark.parametrize("cue", CUES)
def test_the_word_is_what_the_table_says(
    base: AuditResult, one: FindingCard, finding: tuple[str, str] | None, cue: str | None
) -> None:
    cards, decisions = [], []
    if finding:
        grade = "B" if finding[0] == "medium" else "A"
        cards.append(card(one, 1, 1, grade=grade, severity=finding[0]))
        decisions += [state("F1", finding[1])] if finding[1] else []
    if cue is not None:
        narrow = Exposure(share=0.1, classes=(one.class_name,), lost=0.0)
        bare = one.details.model_copy(update={"exposure": narrow})
        cards.append(card(one, 2, 2, grade="C", severity="none", details=bare))
        decisions += [state("F2", cue)] if cue else []
    asked = ["F2"] if cue is not None else []
    result = audit(base, cards, cues=asked, not_run=[])
    for gap, missed, left_out in product((False, True), repeat=3):
        # Only the gaps of the evidence's own verdict count for the gate.
        seen = Verdict(code="pass", sentence="x", gaps=["the search did not run"] if gap else [])
        parts = [NotRun(part="x", reason="by choice")] if left_out else []
        found = result.model_copy(update={"verdict": seen, "not_run": parts})
        targets = TargetsConfig(accuracy=">= 1") if missed else TargetsConfig()
        found = found.model_copy(
            update={
                "performance": found.performance.model_copy(
                    update={
                        "accuracy": found.performance.accuracy.model_copy(
                            update={"value": 0.9, "low": 0.85, "high": 0.93}
                        )
                    }
                )
            }
        )
        judgement = judge(found, PolicyConfig(), targets, None, decisions)
        wanted = by_the_table(finding, cue, gap=gap, missed=missed, left_out=left_out)
        assert judgement.word == wanted
        assert judgement.sentence
        code = exit_code(judgement)
        if judgement.word == "DO NOT USE YET":
            assert code == 1
        if judgement.word == "INCOMPLETE":
            assert code == 4
        if judgement.word in ("PASS", "PASS WITH CONDITIONS", "NEEDS A LOOK"):
            assert code == 0
        if judgement.word == "PASS":
            assert not any((gap, missed, left_out, finding))
            assert cue in (None, "reject")


def test_the_order_of_the_table() -> None:
    """Whatever else is the case, the first row that applies wins."""
    sides = [(False, True)] * 3
    for undecided in ((), ("low",), ("medium",), ("high", "medium"), ("critical",)):
        for missed, (gaps, unanswered, conditions) in product((False, True), product(*sides)):
            code = code_of(
                Grounds(
                    missed=missed,
                    undecided=undecided,
                    gaps=gaps,
                    unanswered=unanswered,
                    conditions=conditions,
                )
            )
            if missed or {"high", "critical"} & set(undecided):
                wanted = "do_not_use"
            elif undecided:
                wanted = "needs_decision"
            elif gaps:
                wanted = "incomplete"
            elif unanswered:
                wanted = "needs_look"
            else:
                wanted = "conditions" if conditions else "pass"
            assert code == wanted
            assert code in WORDS
