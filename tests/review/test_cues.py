"""Cues: who answers them, how they are known again, and what the gate makes of the answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from auditor.__main__ import run as auditor
from auditor.cli.review import command
from auditor.config.policy import PolicyConfig, TargetsConfig
from auditor.records.shortcuts import Exposure, GlobalFactor
from auditor.report.document.result import AuditResult, FindingCard, Verdict
from auditor.report.document.review import Comparison, Decision, DecisionState, Judgement
from auditor.review.compare.audits import compare
from auditor.review.decide.deciding import Said, about_finding
from auditor.review.decide.decisions import decision_states
from auditor.review.decide.decisions_file import add_decisions, read_decisions
from auditor.review.judge.gate import exit_code
from auditor.review.judge.junit import junit_xml
from auditor.review.judge.policy import judge
from auditor.review.keep.history import read_history
from auditor.review.keep.runs import read_run
from auditor.shortcuts.cues import (
    MOST,
    cues,
    inside_the_object,
    severity_as_shortcut,
    shown_at_once,
)
from auditor.shortcuts.fingerprint import factor_fingerprint
from auditor.shortcuts.tests import FLIP_EXCESS, REMOVAL, in_order
from tests.review.made import audit, card, write

WHO = ["--person", "Ann Lee", "--no-render"]
SAID = Said(reason="stems", person="Ann Lee", date="2026-03-01")
FINE = Verdict(code="needs_look", sentence="A person has to look.")


def cue(one: FindingCard, number: int, seed: int, **changes: object) -> FindingCard:
    """Return a cue of narrow exposure."""
    found = card(one, number, seed, grade="C", severity="none", **changes)
    narrow = Exposure(share=0.1, classes=(one.class_name,), lost=0.0)
    bare = found.details.model_copy(update={"exposure": narrow})
    return found.model_copy(update={"details": bare})


def looked_at(base: AuditResult, *cards: FindingCard, **changes: object) -> AuditResult:
    """Return an audit whose only findings are cues, as the report is built."""
    asked = cues(cards)
    return audit(base, cards, cues=asked, verdict=FINE, not_run=[], **changes)


def judged(
    result: AuditResult, decisions: list[DecisionState] | None = None, **policy: object
) -> Judgement:
    return judge(result, PolicyConfig(**policy), TargetsConfig(), None, decisions or [])


def answers(result: AuditResult, as_of: str = "2026-03-02", **said: str) -> list[DecisionState]:
    """Return decisions about findings by id: F1="reject"."""
    made = [about_finding(result, Path("r"), name, what, SAID) for name, what in said.items()]
    return decision_states(made, result, as_of=as_of)


def test_all_of_a_class_are_asked_about_and_three_of_them_at_once(one: FindingCard) -> None:
    cards = [cue(one, i, i, effect=0.4 + i / 20) for i in range(1, 6)]
    other = [cue(one, 8, 8, class_name="other"), card(one, 9, 9)]
    assert cues([*cards, *other]) == ["F5", "F4", "F3", "F2", "F1", "F8"]
    assert MOST == 3
    asked = [("a", False)] * 2 + [("a", True)] + [("a", False)] * 2 + [("b", False)]
    assert shown_at_once(asked) == [True, True, True, True, False, True]


def test_a_new_cue_behind_three_answered_ones_does_not_pass(
    base: AuditResult, one: FindingCard
) -> None:
    result = looked_at(base, *[cue(one, i, i, effect=0.9 - i / 10) for i in range(1, 5)])
    three = answers(result, F1="reject", F2="reject", F3="reject")
    assert judged(result, three).code == "needs_look"
    assert judged(result, answers(result, **dict.fromkeys(result.cues, "reject"))).code == "pass"


def test_an_unanswered_cue_never_passes(base: AuditResult, one: FindingCard) -> None:
    result = looked_at(base, cue(one, 1, 1))
    judgement = judged(result)
    assert (judgement.code, exit_code(judgement)) == ("needs_look", 0)
    assert [each.state for each in judgement.cues] == ["new"]
    assert "F1 (mark 1 in" in judgement.sentence
    assert exit_code(judged(result, require_reviewed=True)) == 1
    assert judged(result, answers(result, F1="unsure")).code == "needs_look"


def test_a_cue_that_is_part_of_the_class_passes(base: AuditResult, one: FindingCard) -> None:
    result = looked_at(base, cue(one, 1, 1))
    judgement = judged(result, answers(result, F1="reject"), require_reviewed=True)
    assert (judgement.code, exit_code(judgement)) == ("pass", 0)
    assert [(each.state, each.person) for each in judgement.cues] == [
        ("part of the class", "Ann Lee")
    ]
    assert judgement.waived == []


def test_a_cue_that_is_a_shortcut_is_a_finding(base: AuditResult, one: FindingCard) -> None:
    """By the same table as every other: here one kind of test passed, so B; with two A."""
    removed = REMOVAL.result(
        outcome="supports", effect=0.6, low=0.4, high=0.7, n=64, p=0.001, q=0.001
    )
    weak = cue(one, 1, 1)
    flips = weak.evidence[FLIP_EXCESS.id]
    strong = weak.model_copy(update={"evidence": in_order([flips, removed])})
    for found, code, severity in (
        (weak, "needs_decision", "medium"),
        (strong, "do_not_use", "high"),
    ):
        result = looked_at(base, found)
        judgement = judged(result, answers(result, F1="confirm"))
        assert judgement.code == code
        assert [(c.state, c.severity) for c in judgement.cues] == [("a shortcut", severity)]
        assert "mark 1" in judgement.sentence
    unknown = [severity_as_shortcut(each.evidence, None) for each in (weak, strong)]
    assert unknown == ["high", "critical"]


def test_the_risk_of_a_cue_can_be_accepted(base: AuditResult, one: FindingCard) -> None:
    result = looked_at(base, cue(one, 1, 1))
    made = about_finding(
        result, Path("r"), "F1", "accept", Said(**vars(SAID) | {"expires": "2026-06-30"})
    )
    held = judged(result, decision_states([made], result, as_of="2026-06-30"))
    assert (held.code, [each.finding for each in held.waived]) == ("conditions", ["F1"])
    over = judged(result, decision_states([made], result, as_of="2026-07-01"))
    assert exit_code(over) == 1
    assert over.blocking == ["F1"]


def test_an_answer_that_expired_leaves_the_cue_open(base: AuditResult, one: FindingCard) -> None:
    result = looked_at(base, cue(one, 1, 1))
    said = Said(**vars(SAID) | {"expires": "2026-06-30"})
    made = about_finding(result, Path("r"), "F1", "reject", said)
    judgement = judged(result, decision_states([made], result, as_of="2026-07-01"))
    assert (judgement.code, exit_code(judgement)) == ("needs_look", 0)
    assert [each.state for each in judgement.cues] == ["expired"]


def test_a_cue_inside_the_marked_object_needs_no_answer(
    base: AuditResult, one: FindingCard
) -> None:
    artefact = looked_at(base, cue(one, 1, 1, outside=0.02, plausibility=0.8))
    assert [each.state for each in judged(artefact).cues] == ["new"]
    result = looked_at(base, cue(one, 1, 1, outside=0.02, plausibility=0.2))
    judgement = judged(result, require_reviewed=True)
    assert judgement.code == "pass"
    assert [each.state for each in judgement.cues] == ["inside the marked object"]
    assert judged(result, answers(result, F1="confirm")).code != "pass"
    assert not inside_the_object(None, 0.2)
    assert not inside_the_object(0.5, 0.2)


def test_a_scheduled_job_passes_by_itself_and_stops_at_a_new_cue(
    base: AuditResult, one: FindingCard
) -> None:
    """The next model's region has another fingerprint and nearly the same look."""
    first = looked_at(base, cue(one, 1, 1), cue(one, 2, 2))
    made = [state.decision for state in answers(first, F1="reject", F2="reject")]
    again = looked_at(base, cue(one, 1, 2, fingerprint="e" * 16), cue(one, 2, 1))
    states = decision_states(made, again, as_of="2026-09-01")
    assert judged(again, states, require_reviewed=True).code == "pass"
    gone = looked_at(base, cue(one, 1, 1))
    assert judged(gone, decision_states(made, gone, as_of="2026-09-01")).code == "pass"
    new = looked_at(base, cue(one, 1, 1), cue(one, 2, 7))
    judgement = judged(new, decision_states(made, new, as_of="2026-09-01"), require_reviewed=True)
    assert (judgement.code, exit_code(judgement)) == ("needs_look", 1)
    assert {each.finding: each.state for each in judgement.cues} == {
        "F1": "part of the class",
        "F2": "new",
    }
    assert judgement.blocking == ["F2"]


def test_an_equal_fingerprint_of_another_look_is_a_new_cue(
    base: AuditResult, one: FindingCard
) -> None:
    """Size, place and colour may agree, coarsely, and the thing be another."""
    first = looked_at(base, cue(one, 1, 1))
    made = [state.decision for state in answers(first, F1="reject")]
    other = looked_at(base, cue(one, 1, 7, fingerprint=first.findings[0].fingerprint))
    judgement = judged(other, decision_states(made, other, as_of="2026-09-01"))
    assert ([each.state for each in judgement.cues], judgement.code) == (["new"], "needs_look")


def compared(folder: Path, before: AuditResult, after: AuditResult) -> Comparison:
    runs = zip(("before", "after"), (before, after), strict=True)
    return compare(*(read_run(write(folder / name, result)) for name, result in runs))


RULES = ("largest_severity", "fail_on", "fail_on_new")


@pytest.mark.parametrize(
    ("answer", "policy", "states"),
    [
        (None, {}, ("open", "open", "open")),
        (None, {"fail_on_new": "never"}, ("open", "open", "met")),
        ("unsure", {}, ("open", "open", "open")),
        ("reject", {}, ("met", "met", "met")),
        ("confirm", {"fail_on": "medium"}, ("not met", "not met", "not met")),
    ],
)
def test_rules_that_a_cue_may_still_break_are_open(
    base: AuditResult, one: FindingCard, tmp_path: Path, answer: str | None, policy, states
) -> None:
    result = looked_at(base, cue(one, 1, 1))
    made = answers(result, F1=answer) if answer else []
    targets = TargetsConfig(largest_severity="low")
    comparison = compared(tmp_path, looked_at(base), result)
    found = judge(result, PolicyConfig(**policy), targets, comparison, made)
    checks = {check.name: check for check in found.checks}
    assert tuple(checks[name].state for name in RULES) == states
    for name in RULES:
        told = "1 cue has no answer" in checks[name].sentence
        assert told == (checks[name].state == "open")
    # It is said once why a person has to look.
    assert "has no answer" not in " ".join([found.sentence, *found.reasons])
    tolerant = TargetsConfig(largest_severity="high")
    (check, *_rules) = judge(result, PolicyConfig(), tolerant, None, made).checks
    assert (check.name, check.state) == ("largest_severity", "met")


@pytest.mark.parametrize(
    ("before", "state", "code"), [("nothing", "not met", 1), ("finding", "met", 0)]
)
def test_what_a_person_calls_a_shortcut_is_new_unless_the_comparison_knows_it(
    base: AuditResult, one: FindingCard, tmp_path: Path, before: str, state: str, code: int
) -> None:
    result = looked_at(base, cue(one, 1, 1))
    earlier = looked_at(base, *([card(one, 1, 1)] if before == "finding" else []))
    comparison = compared(tmp_path, earlier, result)
    made = answers(result, F1="confirm")
    found = judge(result, PolicyConfig(), TargetsConfig(), comparison, made)
    rule = next(check for check in found.checks if check.name == "fail_on_new")
    assert (rule.state, exit_code(found)) == (state, code)
    assert ("new as a finding" in rule.sentence) == (state == "not met")


def test_a_factor_of_whole_pictures_is_a_cue_too(base: AuditResult) -> None:
    factor = base.factors.factors[0].model_copy(update={"grade": "C", "auc": 0.9})
    assert cues([factor]) == [factor.id]
    result = looked_at(base).model_copy(
        update={
            "factors": base.factors.model_copy(update={"factors": (factor,)}),
            "cues": [factor.id],
        }
    )
    assert judged(result).code == "needs_look"
    states = answers(result, **{factor.id: "reject"})
    assert judged(result, states).code == "pass"
    turned = factor.model_copy(update={"auc": 0.1})
    other = result.model_copy(
        update={"factors": base.factors.model_copy(update={"factors": (turned,)})}
    )
    known = decision_states([state.decision for state in states], other, as_of="2026-03-02")
    assert judged(other, known).code == "needs_look"
    names = [factor_fingerprint("a", "blur", larger=larger) for larger in (True, False)]
    assert len(set(names)) == 2


def test_junit_and_history_tell_new_and_answered_cues(
    base: AuditResult, one: FindingCard, tmp_path: Path
) -> None:
    result = looked_at(base, cue(one, 1, 1), cue(one, 2, 2), cue(one, 3, 3))
    states = answers(result, F1="reject", F2="confirm")
    judgement = judged(result, states)
    text = junit_xml(result, judgement, created="2026-01-02T03:04:05Z").decode()
    assert 'classname="cue.' in text
    assert text.count("<skipped") == 1
    assert "F2 (mark 2 in" in text
    assert "a shortcut, says Ann Lee" in text
    required = judged(result, states, require_reviewed=True)
    failing = junit_xml(result, required, created="2026-01-02T03:04:05Z").decode()
    assert 'type="new"' in failing
    assert "<skipped" not in failing
    folder = write(tmp_path / "run", result)
    (row,) = read_history(tmp_path).rows
    assert (row.verdict, row.cues) == ("needs_look", {"new": 3})
    from auditor.review.keep.reviewed import update_review

    update_review(folder, result.run, as_of="2026-03-02", decisions=states)
    (row,) = read_history(tmp_path).rows
    assert row.cues == {"part of the class": 1, "a shortcut": 1, "new": 1}
    update_review(folder, result.run, as_of="2026-03-02", decisions=states, judgement=judgement)
    (row,) = read_history(tmp_path).rows
    assert row.cues == {"part of the class": 1, "a shortcut": 1, "new": 1}
    assert row.count == 1
    assert row.verdict == judgement.code


@pytest.fixture
def run(base: AuditResult, one: FindingCard, tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1772409600")
    return write(tmp_path / "run", looked_at(base, *(cue(one, i, i) for i in (1, 2, 3))))


def test_without_a_terminal_the_cues_and_the_way_to_answer_are_shown(run: Path, capsys) -> None:
    assert auditor(["review", "run", "--cues"]) == 0
    shown = capsys.readouterr().out
    for words in ("F1 (", "F3 (", "picture: run/images/", "--answer F1=yes", "nobody has said yet"):
        assert words in shown, words
    assert not Path("decisions.yaml").exists()


def test_all_at_once_and_one_apart(run: Path, capsys) -> None:
    assert auditor(["review", "run", "--answer", "all=yes", "--answer", "F2=no", *WHO]) == 0
    made = read_decisions(Path("decisions.yaml"))
    assert {(each.title, each.what) for each in made} == {
        (f"Mark {i} in '{made[0].class_name}'", "confirm" if i == 2 else "reject")
        for i in (1, 2, 3)
    }
    assert made[0].reason.startswith("Part of what '")
    assert auditor(["gate", "run", "--decisions", "decisions.yaml"]) == 0
    gated = capsys.readouterr().out
    assert "NEEDS A DECISION: " in gated
    assert "cue: F2 (mark 2 in" in gated
    # What is answered is not asked again, and an answer can be changed.
    assert auditor(["review", "run", "--answer", "all=no", *WHO]) == 0
    assert len(read_decisions(Path("decisions.yaml"))) == 3
    assert auditor(["review", "run", "--answer", "F2=yes", *WHO]) == 0
    capsys.readouterr()
    assert auditor(["gate", "run", "--decisions", "decisions.yaml", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("PASS")
    summary = json.loads(Path("run/summary.json").read_text())
    assert set(summary["cues"].values()) == {"part of the class"}


def test_names_and_answers_are_read_however_they_are_written(run: Path) -> None:
    given = [" f1 = YES", "f2=No", "F2=no ", "ALL=unsure"]
    options = [text for each in given for text in ("--answer", each)]
    assert auditor(["review", "run", *options, *WHO]) == 0
    made = read_decisions(Path("decisions.yaml"))
    assert {(each.title[:6], each.what) for each in made} == {
        ("Mark 1", "reject"),
        ("Mark 2", "confirm"),
        ("Mark 3", "unsure"),
    }
    assert {each.grade for each in made} == {"C"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["F1=yes", "f1=no"], "--answer says both F1=yes and F1=no"),
        (["all=yes", "all=unsure"], "--answer says both all=yes and all=unsure"),
        (["F4=yes"], "F4 is no cue but a finding of grade A: decide about it with --finding F4"),
        (["F1=yes"], "--person is missing: a decision has the name of who decides"),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused_in_a_sentence(
    base: AuditResult, one: FindingCard, tmp_path: Path, monkeypatch, capsys, given, said
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "run", looked_at(base, cue(one, 1, 1), card(one, 4, 4)))
    options = [text for each in given for text in ("--answer", each)]
    who = ["--no-render"] if "person" in said else WHO
    assert auditor(["review", "run", *options, *who]) == 2
    assert said in capsys.readouterr().err
    assert not Path("decisions.yaml").exists()


@pytest.mark.parametrize(("keys", "kept"), [("y\nn\n", ["reject", "confirm"]), ("", None)])
def test_an_interruption_keeps_the_answers_given_so_far(
    run: Path, monkeypatch, keys: str, kept: list[str] | None
) -> None:
    monkeypatch.setattr("auditor.cli.review.is_terminal", lambda: True)
    typed = f"Ann Lee\n{keys}"  # then the input ends, which click takes as Ctrl-C
    done = CliRunner().invoke(command, ["run", "--cues", "--no-render"], input=typed)
    assert (done.exit_code == 0) == (kept is not None)
    if kept is None:
        assert not Path("decisions.yaml").exists()
    else:
        assert [each.what for each in read_decisions(Path("decisions.yaml"))] == kept


@pytest.mark.parametrize(
    "options",
    [
        ["--answer", "F9=yes"],
        ["--answer", "F1=maybe"],
        ["--answer", "F1"],
        ["--answer", "F1=yes", "--finding", "F1", "--confirm"],
    ],
)
def test_a_wrong_answer_writes_nothing(run: Path, options: list[str]) -> None:
    assert auditor(["review", "run", *options, *WHO]) == 2
    assert not Path("decisions.yaml").exists()


def test_one_by_one_on_a_terminal(run: Path, monkeypatch) -> None:
    monkeypatch.setattr("auditor.cli.review.is_terminal", lambda: True)
    done = CliRunner().invoke(command, ["run", "--cues", "--no-render"], input="Ann Lee\ny\nu\nn\n")
    assert done.exit_code == 0, done.output
    made = read_decisions(Path("decisions.yaml"))
    assert [each.what for each in made] == ["reject", "unsure", "confirm"]
    assert "3 of 3" in done.output
    again = CliRunner().invoke(command, ["run", "--cues", "--no-render"], input="Bo\nq\n")
    assert "1 of 1" in again.output
    assert "Ann Lee was not sure" in again.output


def test_an_unsure_answer_survives_the_file(
    base: AuditResult, one: FindingCard, tmp_path: Path
) -> None:
    result = looked_at(base, cue(one, 1, 1))
    made: Decision = about_finding(result, Path("r"), "F1", "unsure", SAID)
    add_decisions(tmp_path / "d.yaml", [made])
    (back,) = read_decisions(tmp_path / "d.yaml")
    assert back.what == "unsure"
    assert isinstance(base.factors.factors[0], GlobalFactor)
