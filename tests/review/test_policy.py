"""The gate's verdicts: what blocks, what is waived, what was not measured."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.config.policy import PolicyConfig, TargetsConfig
from auditor.language.speaking import speaking, translated
from auditor.records.part import Interval
from auditor.report.document.result import AuditResult, Verdict
from auditor.report.document.review import (
    Check,
    Comparison,
    Decision,
    DecisionState,
    FindingChange,
    Judgement,
    RunRef,
)
from auditor.review.judge.gate import exit_code
from auditor.review.judge.policy import judge
from tests.report.example import Example


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    """F1 critical, F2 medium, F5 low; a factor of medium severity; nothing missing."""
    made = Example(
        tmp_path_factory.mktemp("images"), classes=("brick", "coffee"), references=2, rows=2
    ).result()
    return made.model_copy(update={"not_run": []})


def clean(result: AuditResult, **changes: Any) -> AuditResult:
    fine = Verdict(code="pass", sentence="Fine.")
    nothing = {"findings": [], "cues": [], "factors": None, "verdict": fine}
    return result.model_copy(update=nothing | changes)


def decided(
    what: str, finding: str | None, state: str = "in force", *, day: bool = True, **more: Any
) -> DecisionState:
    decision = Decision(
        what=what,
        fingerprint="019f3ac1d7",
        class_name="brick",
        reason="a sticker",
        person="Ada",
        date="2026-01-02",
        expires="2026-06-30" if what in ("accept", "mitigate") and day else None,
        **more,
    )
    sentence = f"The decision about {finding} is {state}."
    return DecisionState(decision=decision, finding=finding, state=state, sentence=sentence)


def check(judgement: Judgement, name: str) -> Check:
    (found,) = [each for each in judgement.checks if each.name == name]
    return found


def gate(result: AuditResult, targets: dict | None = None, **policy: Any) -> Judgement:
    return judge(result, PolicyConfig(**policy), TargetsConfig(**targets or {}))


@pytest.mark.parametrize(
    ("fail_on", "blocking"),
    [
        ("critical", ["F1"]),
        ("high", ["F1"]),
        ("medium", ["F1", "F2", "0-g0"]),
        ("low", ["F1", "F2", "0-g0", "F5"]),
        ("never", []),
    ],
)
def test_findings_block_from_their_severity_on_and_the_word_stays(
    result: AuditResult, fail_on: str, blocking: list[str]
) -> None:
    judgement = gate(result, fail_on=fail_on)
    assert (judgement.code, judgement.word) == ("do_not_use", "DO NOT USE YET")
    assert judgement.blocking == blocking
    assert exit_code(judgement) == int(bool(blocking))


def test_a_finding_that_blocks_is_named_before_a_target_that_is_missed(result: AuditResult) -> None:
    judgement = gate(result, {"accuracy": 0.999}, fail_on="high")
    assert check(judgement, "accuracy").state == "not met"
    assert judgement.sentence.startswith(
        "Use the model only after each finding below is fixed or its risk accepted by a named "
        "person. Findings: F1 "
    )
    assert judgement.reasons[0].startswith("Findings: F1 ")
    assert judgement.reasons[1].startswith("Accuracy: ")


def test_without_findings_all_is_met(result: AuditResult) -> None:
    judgement = gate(clean(result))
    assert judgement.code == "pass"
    assert {each.state for each in judgement.checks} == {"met", "not asked"}
    assert judgement.reasons == []


@pytest.mark.parametrize(("fail_on", "code"), [("high", 0), ("medium", 1), ("low", 1)])
def test_a_medium_finding_needs_a_decision(result: AuditResult, fail_on: str, code: int) -> None:
    judgement = gate(clean(result, findings=result.findings[1:2]), fail_on=fail_on)
    assert judgement.code == "needs_decision"
    assert "F2 (a mark in the bottom right corner of coffee; medium)" in judgement.sentence
    assert exit_code(judgement) == code


def test_a_medium_finding_does_not_turn_what_is_incomplete_into_a_success(
    result: AuditResult,
) -> None:
    verdict = Verdict(code="needs_decision", sentence="x", gaps=["the search did not run"])
    judgement = gate(clean(result, findings=result.findings[1:2], verdict=verdict))
    assert (judgement.code, exit_code(judgement)) == ("needs_decision", 4)


@pytest.mark.parametrize("what", ["accept", "reject", "mitigate"])
def test_a_decision_in_force_waives_and_stays_visible(result: AuditResult, what: str) -> None:
    found = clean(result, findings=result.findings[:1])
    judgement = judge(
        found, PolicyConfig(), TargetsConfig(largest_severity="none"), None, [decided(what, "F1")]
    )
    assert judgement.code == "conditions"
    assert judgement.blocking == []
    assert [each.finding for each in judgement.waived] == ["F1"]
    assert check(judgement, "fail_on").state == "waived"
    assert check(judgement, "largest_severity").state == "met"
    assert "Ada" in judgement.sentence
    assert "a sticker" in judgement.sentence


@pytest.mark.parametrize(
    ("what", "state"),
    [
        ("confirm", "in force"), ("unsure", "in force"), ("accept", "replaced"),
        ("mitigate without a day", "in force"),
    ],
)  # fmt: skip
def test_other_decisions_do_not_waive(result: AuditResult, what: str, state: str) -> None:
    found = clean(result, findings=result.findings[:1])
    states = [decided(what.split()[0], "F1", state, day="without" not in what)]
    judgement = judge(found, PolicyConfig(), TargetsConfig(), None, states)
    assert (judgement.code, judgement.blocking, judgement.waived) == ("do_not_use", ["F1"], [])


def test_an_expired_decision_blocks_whatever_the_severity(result: AuditResult) -> None:
    found = clean(result, findings=[result.findings[4]])  # low
    assert gate(found).code == "pass"
    states = [decided("accept", "F5", "expired")]
    judgement = judge(found, PolicyConfig(fail_on="never"), TargetsConfig(), None, states)
    assert (judgement.code, judgement.blocking) == ("needs_decision", ["F5"])
    assert exit_code(judgement) == 1
    assert "is expired" in judgement.sentence


def test_a_decision_about_nothing_is_a_condition(result: AuditResult) -> None:
    states = [decided("accept", None, "unmatched")]
    judgement = judge(clean(result), PolicyConfig(), TargetsConfig(), None, states)
    assert judgement.code == "conditions"
    assert check(judgement, "decisions").state == "condition"


@pytest.mark.parametrize(("required", "word"), [(True, "incomplete"), (False, "conditions")])
def test_what_did_not_run_is_never_passed(result: AuditResult, required: bool, word: str) -> None:
    verdict = Verdict(code="incomplete", sentence="x", gaps=["the search did not run"])
    judgement = gate(clean(result, verdict=verdict), require_complete=required)
    assert judgement.code == word
    assert "the search did not run" in judgement.sentence
    assert check(judgement, "fail_on").state == "not measured"
    old = Verdict(code="incomplete", sentence="The audit cannot pass: nothing ran.")
    assert "nothing ran" in gate(clean(result, verdict=old)).sentence


def test_a_failure_wins_over_a_gap(result: AuditResult) -> None:
    verdict = Verdict(code="do_not_use", sentence="x", gaps=["the search did not run"])
    judgement = gate(result.model_copy(update={"verdict": verdict}))
    assert judgement.code == "do_not_use"
    assert any("did not run" in reason for reason in judgement.reasons)


def compared(*changes: tuple[str | None, str]) -> Comparison:
    ref = RunRef(
        run="r", folder="before", created="2026-01-01", project="p", verdict="pass",
        model_version="", model_digest="", data_digest="", digest="",
    )  # fmt: skip
    findings = [
        FindingChange(
            fingerprint="f", id=name, earlier_id=None, title="t", class_name="brick",
            severity=None, earlier_severity=None, grade=None,
            status=status, likeness=None, sentence="s",
        )
        for name, status in changes
    ]  # fmt: skip
    return Comparison(
        earlier=ref, now=ref, like_for_like=True, differences=[], sentence="Alike.",
        metrics=[], layers=[], concepts=[], findings=findings,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "code"),
    [("new", 1), ("back", 1), ("persisting", 0)],
)
def test_new_findings_have_a_threshold_of_their_own(
    result: AuditResult, status: str, code: int
) -> None:
    found = clean(result, findings=[result.findings[1]])  # F2, medium
    judgement = judge(
        found, PolicyConfig(), TargetsConfig(), compared(("F2", status), (None, "gone"))
    )
    assert (judgement.code, exit_code(judgement)) == ("needs_decision", code)
    lenient = judge(
        found, PolicyConfig(fail_on_new="high"), TargetsConfig(), compared(("F2", status))
    )
    assert (lenient.code, exit_code(lenient)) == ("needs_decision", 0)


def test_without_a_baseline_the_rule_on_new_findings_is_not_met_but_not_asked(
    result: AuditResult,
) -> None:
    assert check(gate(clean(result)), "fail_on_new").state == "not asked"


@pytest.mark.parametrize(
    ("target", "wanted", "state"),
    [
        ("accuracy", ">= 0.9", "met"),
        ("accuracy", ">= 0.92", "not met"),
        ("worst_class_accuracy", ">= 0.96", "met"),
        ("worst_class_accuracy", ">= 0.97", "not met"),
        ("calibration_error", "<= 0.05", "met"),
        ("calibration_error", "<= 4 %", "not met"),
        ("conservation", ">= 0.74", "met"),
        ("conservation", ">= 0.75", "not met"),
        ("faithfulness", "partly trusted", "not measured"),
    ],
)
def test_targets_against_what_was_measured(
    result: AuditResult, target: str, wanted: str, state: str
) -> None:
    judgement = gate(clean(result), {target: wanted})
    found = check(judgement, target)
    assert found.state == state
    assert found.kind == "target"
    word = {"met": "pass", "not met": "do_not_use", "not measured": "incomplete"}[state]
    assert judgement.code == word


def test_by_interval_the_whole_interval_has_to_meet_a_target(result: AuditResult) -> None:
    by = {"by": "interval"}
    assert gate(clean(result), {"accuracy": ">= 0.89", **by}).code == "pass"
    assert gate(clean(result), {"accuracy": ">= 0.9", **by}).code == "do_not_use"
    assert gate(clean(result), {"calibration_error": "<= 0.07", **by}).code == "do_not_use"
    found = check(gate(clean(result), {"accuracy": ">= 0.9"}), "accuracy")
    assert found.interval == Interval(value=0.913, low=0.89, high=0.93, n=240)
    assert "more pictures would make it certain" in found.sentence


def test_a_conservation_beyond_all_is_no_better_than_one_below(result: AuditResult) -> None:
    method = result.method.model_copy(update={"conservation": 1.3})
    found = clean(result, method=method)
    assert check(gate(found, {"conservation": 0.8}), "conservation").state == "not met"
    none = clean(result, method=result.method.model_copy(update={"conservation": None}))
    assert gate(none, {"conservation": 0.0}).code == "incomplete"


def test_the_worst_class_is_not_known_where_classes_were_left_out(result: AuditResult) -> None:
    data = result.data.model_copy(update={"counts": {"brick": 40, "coffee": 40, "fur": 40}})
    found = clean(result, data=data)
    assert check(gate(found, {"worst_class_accuracy": 0.5}), "worst_class_accuracy").state == (
        "not measured"
    )
    assert gate(found, {"worst_class_accuracy": 0.99}).code == "do_not_use"
    chosen = clean(result, data=data, config="audit: {classes: [brick, coffee]}")
    assert gate(chosen, {"worst_class_accuracy": 0.5}).code == "pass"


def test_the_worst_group_is_known_only_where_all_groups_were_judged(result: AuditResult) -> None:
    def measured(**changes: Any) -> AuditResult:
        table = result.performance.groups.model_copy(update={"small": 0, "unknown": 0, **changes})
        return clean(result, performance=result.performance.model_copy(update={"groups": table}))

    name = "worst_group_accuracy"
    assert gate(measured(), {name: 0.7}).code == "pass"
    assert gate(measured(), {name: 0.7, "by": "interval"}).code == "do_not_use"
    assert "'brick', camera = old" in check(gate(measured(), {name: 0.7}), name).measured
    assert gate(measured(), {name: 0.85}).code == "do_not_use"
    for lacking in ({"small": 2}, {"unknown": 1}, {"worst": None, "note": "no group"}):
        assert gate(measured(**lacking), {name: 0.5}).code == "incomplete"
        found = check(gate(measured(**lacking), {name: 0.5}), name)
        assert found.state == "not measured"
    none = clean(result, performance=result.performance.model_copy(update={"groups": None}))
    assert gate(none, {name: 0.1}).code == "incomplete"


def test_faithfulness_is_that_of_the_worst_layer(result: AuditResult) -> None:
    tested = [card.model_copy(update={"trust": "trusted"}) for card in result.ranking]
    worse = [tested[0], tested[1].model_copy(update={"trust": "partly trusted"})]
    asked = {"faithfulness": "trusted"}
    assert gate(clean(result, ranking=tested), asked).code == "pass"
    assert gate(clean(result, ranking=worse), asked).code == "do_not_use"
    assert gate(clean(result, ranking=worse), {"faithfulness": "partly trusted"}).code == "pass"
    assert gate(clean(result, ranking=[]), asked).code == "incomplete"


def test_the_judgement_names_the_policy_as_it_was_applied(result: AuditResult) -> None:
    judgement = gate(result, {"accuracy": 0.5}, fail_on="critical")
    assert judgement.policy["policy"]["fail_on"] == "critical"
    assert judgement.policy["targets"] == {"accuracy": ">= 0.5"}


def test_classes_that_were_not_searched_are_named(result: AuditResult) -> None:
    classes = [result.classes[0].model_copy(update={"searched": False}), *result.classes[1:]]
    verdict = Verdict(code="incomplete", sentence="x", gaps=["1 of the classes has too few"])
    judgement = gate(clean(result, verdict=verdict, classes=classes))
    assert "has too few; not searched: brick." in judgement.sentence
    assert gate(clean(result, classes=classes)).code == "pass"


def test_the_judgement_is_told_in_the_language_that_is_spoken(result: AuditResult) -> None:
    wanted = {"accuracy": ">= 0.99", "largest_severity": "low", "faithfulness": "trusted"}
    english = gate(result, wanted)
    with speaking("de"):
        german = english.translated()
    assert german.code == english.code
    with speaking("de"):
        assert translated(german.word) == "NOCH NICHT VERWENDEN"
    assert [each.state for each in german.checks] == [each.state for each in english.checks]
    for said, original in zip(german.checks, english.checks, strict=True):
        assert said.title != original.title
        assert said.wanted != original.wanted
        assert said.sentence != original.sentence
