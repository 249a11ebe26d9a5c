"""Decisions of people: the file, what they mean in an audit, and how they show."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from auditor.__main__ import run as auditor
from auditor.base.errors import ConfigError
from auditor.config.policy import PolicyConfig, TargetsConfig
from auditor.report.document.result import AuditResult, RenderContext
from auditor.report.document.review import Decision
from auditor.report.show.render import read_review, render_run
from auditor.review.decide.deciding import Said, about_concept, about_finding, undecided
from auditor.review.decide.decisions import decision_states
from auditor.review.decide.decisions_file import add_decisions, read_decisions
from auditor.review.graded import Look, likeness_of
from auditor.review.judge.policy import judge
from auditor.shortcuts.signature_text import from_text, to_text
from tests.report.test_html import text_of
from tests.review.made import audit, card, look, write

SAID = Said(reason="Seen on all pictures: 'it' is a stamp", person="Ann Lee", date="2026-03-01")
TODAY = "2026-03-02"


def decide(result: AuditResult, what: str = "confirm", **changes) -> Decision:
    said = Said(**(vars(SAID) | changes))
    return about_finding(result, Path("run-1"), "F1", what, said)


def state_of(decisions, result, as_of=TODAY):
    (state,) = decision_states(decisions, result, as_of=as_of)
    return state


def test_a_look_survives_the_file(one) -> None:
    for seed in range(20):
        kept = from_text(to_text(look(seed)))
        assert likeness_of(Look("a", "1", look(seed)), Look("a", "2", kept)) > 0.99


@pytest.mark.parametrize("text", ["abc", "AAAA", "é"])
def test_a_cut_look_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="copy it whole"):
        from_text(text)


def test_decisions_come_back_as_they_were_made(base, one, tmp_path: Path) -> None:
    path = tmp_path / "decisions.yaml"
    result = audit(base, [card(one)])
    first = decide(result, "accept", expires="2026-09-01", ticket="QA-1", role="Quality")
    second = about_concept(result, Path("run-1"), "stage3/2", "date stamp", SAID)
    add_decisions(path, [first])
    add_decisions(path, [second])
    back = read_decisions(path)
    assert [each.place for each in back] == ["decisions.yaml:7", "decisions.yaml:20"]
    for made, found in zip((first, second), back, strict=True):
        same = {"place": "", "signature": None}
        assert found.model_copy(update=same) == made.model_copy(update=same)
    assert back[1].references


def test_comments_and_layout_of_the_file_stay(base, one, tmp_path: Path) -> None:
    path = tmp_path / "decisions.yaml"
    text = (
        "# ours\nversion: 1\ndecisions:\n- what: name   # a comment\n  concept: stage3/0\n"
        "  name: edge\n  reason: seen\n  person: Bo\n  date: 2026-01-01\n"
    )
    path.write_text(text)
    add_decisions(path, [decide(audit(base, [card(one)]))])
    assert path.read_text().startswith(text + "- what: confirm\n")
    assert len(read_decisions(path)) == 2


def test_a_file_that_cannot_be_added_to_says_what_to_write(base, one, tmp_path: Path) -> None:
    path = tmp_path / "decisions.yaml"
    path.write_text("decisions: []\nversion: 1\n")
    with pytest.raises(ConfigError, match="Add this by hand:\n  - what: confirm"):
        add_decisions(path, [decide(audit(base, [card(one)]))])
    assert path.read_text() == "decisions: []\nversion: 1\n"


BAD = """\
version: 1
decisions:
  - what: acept
    finding: zz
    persn: A
  - what: accept
    finding: a4413cef4dda6c06
    class_name: gravel
    reason: known
    person: Ann
    date: 2026-11-25
  - what: confirm
    finding: a4413cef4dda6c06
    class_name: gravel
    reason: known
    person: Ann
    date: 2026-11-25
    expires: 2026-11-20
"""


def test_every_problem_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    path.write_text(BAD)
    with pytest.raises(ConfigError) as caught:
        read_decisions(path)
    text = str(caught.value)
    for words in (
        f"{path}:3: 'decisions.0.what' is 'acept'",
        "did you mean 'accept'?",
        f"{path}:4: 'decisions.0.finding' is 'zz': a finding is named by its fingerprint",
        f"{path}:5: unknown key 'decisions.0.persn'. Did you mean 'person'?",
        f"{path}:3: 'decisions.0.reason' is missing",
        f"{path}:6: 'decisions.1': a risk is accepted for a time",
        f"{path}:12: 'decisions.2': 'expires' (2026-11-20) lies before 'date' (2026-11-25)",
    ):
        assert words in text, text


@pytest.mark.parametrize(
    ("what", "expires", "as_of", "state"),
    [
        ("confirm", None, "2030-01-01", "in force"),
        ("reject", None, TODAY, "in force"),
        ("accept", "2026-06-30", "2026-06-30", "in force"),
        ("accept", "2026-06-30", "2026-07-01", "expired"),
        ("mitigate", "2026-06-30", "2026-07-01", "expired"),
    ],
)
def test_a_decision_holds_until_its_last_day(base, one, what, expires, as_of, state) -> None:
    result = audit(base, [card(one)])
    found = state_of([decide(result, what, expires=expires)], result, as_of)
    assert (found.state, found.finding) == (state, "F1")


def test_it_is_about_the_same_look_in_the_next_audit(base, one) -> None:
    made = decide(audit(base, [card(one)]))
    after = audit(base, [card(one, 1, seed=3), card(one, 2, fingerprint="f" * 16)])
    assert state_of([made], after).finding == "F2"


def test_a_waiver_does_not_reach_another_finding(base, one) -> None:
    made = decide(audit(base, [card(one)]), "accept", expires="2027-01-01")
    found = state_of([made], audit(base, [card(one, seed=3)]))
    assert (found.finding, found.state) == (None, "unmatched")
    assert "take the decision out" in found.sentence


def test_a_decision_that_fits_two_findings_alike_holds_for_neither(base, one) -> None:
    """As in a result of a version whose fingerprints were not each their own."""
    both = [card(one, 1, seed=4), card(one, 2, seed=4)]
    decision = decide(audit(base, both), "accept", expires="2026-09-01")
    for about in (decision, decision.model_copy(update={"signature": None})):
        state = state_of([about], audit(base, both))
        assert (state.state, state.finding) == ("unmatched", None)
        assert "fits F1, F2 of this audit alike" in state.sentence
    assert state_of([decision], audit(base, both[:1])).finding == "F1"


def test_a_shared_fingerprint_waives_only_what_looks_the_same(base, one) -> None:
    shared = "ab" * 8
    both = [card(one, 1, seed=4, fingerprint=shared), card(one, 2, seed=5, fingerprint=shared)]
    decision = decide(audit(base, both), "accept", expires="2026-09-01")
    state = state_of([decision], audit(base, both[::-1]))
    assert (state.state, state.finding) == ("in force", "F1")
    nameless = decision.model_copy(update={"signature": None})
    assert state_of([nameless], audit(base, both)).state == "unmatched"


@pytest.mark.parametrize(
    ("what", "state"),
    [
        ("confirm", "settled"),
        ("mitigate", "settled"),
        ("reject", "settled"),
        ("accept", "unmatched"),
    ],
)
def test_what_is_found_no_longer_is_settled_or_unmatched(base, one, what, state) -> None:
    day = "2027-01-01" if what == "accept" else None
    made = decide(audit(base, [card(one)]), what, expires=day)
    assert state_of([made], audit(base)).state == state


@pytest.mark.parametrize(
    ("grade", "then", "now", "holds"),
    [
        ("C", "reject", "C", True),
        ("C", "reject", "B", False),
        ("C", "reject", "A", False),
        ("C", "accept", "A", True),
        ("B", "reject", "A", True),
        ("", "reject", "A", True),
    ],
)
def test_part_of_the_class_said_of_a_cue_does_not_hold_for_a_likely_shortcut(
    base, one, grade, then, now, holds
) -> None:
    """Decisions of versions that did not keep the grade hold as they did."""
    before = audit(base, [card(one, grade=grade or "C")])
    made = decide(before, then, expires="2027-01-01" if then == "accept" else None)
    assert made.grade == (grade or "C")
    made = made.model_copy(update={"grade": grade})
    result = audit(base, [card(one, grade=now)])
    found = state_of([made], result)
    assert (found.state, found.finding) == (("in force", "F1") if holds else ("unmatched", None))
    judgement = judge(result, PolicyConfig(), TargetsConfig(), None, [found])
    assert bool(judgement.waived) == (holds and now != "C")
    assert [each.id for each in undecided(result, [found])] == ([] if holds else ["F1"])
    if not holds:
        assert f"now F1 is a likely shortcut (grade {now})" in found.sentence
        assert judgement.code == "do_not_use"


def test_nothing_is_settled_where_nobody_looked(base, one) -> None:
    made = decide(audit(base, [card(one)]))
    found = state_of([made], audit(base, search={"ran": False, "reason": "switched off"}))
    assert found.state == "unmatched"
    assert "switched off" in found.sentence


def test_the_last_decision_counts(base, one) -> None:
    result = audit(base, [card(one)])
    first, second = decide(result), decide(result, "reject", date="2026-03-02")
    states = decision_states([second, first], result, as_of=TODAY)
    assert [each.state for each in states] == ["in force", "replaced"]


def test_a_named_concept_is_known_by_its_references(base) -> None:
    made = about_concept(audit(base), Path("run-1"), "stage3/3", "date stamp", SAID)
    found = state_of([made], audit(base, moved=True))
    assert (found.concept, found.state) == ("stage3/0", "in force")
    strange = made.model_copy(update={"references": ["a.png", "b.png"]})
    lost = state_of([strange], audit(base))
    assert (lost.concept, lost.state) == (None, "unmatched")
    assert "'date stamp' is not used" in lost.sentence


@pytest.fixture
def reviewed(base, one, images: Path, tmp_path: Path, monkeypatch) -> Path:
    """A run with two findings; commands start in its folder's parent."""
    from shutil import copytree

    result = audit(base, [card(one, 1, seed=1), card(one, 2, seed=2)])
    path = write(tmp_path / "run", result)
    copytree(images, path / "images")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1772409600")
    return path


ACCEPT = ["--finding", "F1", "--accept", "--expires", "2027-03-01", "--ticket", "QA-12"]
WHO = ["--reason", "cameras are replaced", "--person", "Ann Lee", "--role", "Quality"]


def test_deciding_by_options(reviewed: Path, capsys) -> None:
    assert auditor(["review", "run", *ACCEPT, *WHO, "--no-render"]) == 0
    assert capsys.readouterr().out.strip() == "decisions.yaml"
    (made,) = read_decisions(Path("decisions.yaml"))
    assert (made.what, made.date, made.expires) == ("accept", "2026-03-02", "2027-03-01")
    review = read_review(reviewed)
    assert review is not None
    assert [each.finding for each in review.decisions] == ["F1"]
    assert auditor(["review", "run", "--list"]) == 0
    listed = capsys.readouterr().out
    assert "In force until 2027-03-01" in listed
    assert "open        F2" in listed


@pytest.mark.parametrize("name", ["person", "reason"])
@pytest.mark.parametrize(
    "about", [["--finding", "F1", "--confirm"], ["--concept", "stage3/0", "--name", "x"]]
)
def test_who_decides_and_why_is_asked_for_by_the_name_of_the_option(
    reviewed: Path, capsys, name: str, about: list[str]
) -> None:
    given = {"person": "Ann Lee", "reason": "so"} | {name: " "}
    options = [text for key, value in given.items() for text in (f"--{key}", value)]
    assert auditor(["review", "run", "--no-render", *about, *options]) == 2
    assert f"--{name} is missing: a decision" in capsys.readouterr().err


def test_an_interrupted_review_keeps_what_was_decided(reviewed: Path, monkeypatch) -> None:
    from click.testing import CliRunner

    from auditor.cli.review import command

    monkeypatch.setattr("auditor.cli.review.is_terminal", lambda: True)
    typed = "\n".join(["Ann Lee", "c", "a stamp", "", "r"]) + "\n"  # then the input ends
    done = CliRunner().invoke(command, ["run", "--no-render"], input=typed)
    assert (done.exit_code, "What was answered before is kept" in done.output) == (0, True)
    assert [each.what for each in read_decisions(Path("decisions.yaml"))] == ["confirm"]


@pytest.mark.parametrize(
    "options",
    [
        ["--finding", "F9", "--confirm", *WHO],
        ["--finding", "F1", "--accept", *WHO],
        ["--finding", "F1", *WHO],
        ["--confirm", *WHO],
        ["--finding", "F1", "--confirm", "--person", "Ann"],
        ["--finding", "F1", "--confirm", "--reason", "so"],
        ["--finding", "F1", "--confirm", *WHO, "--date", "yesterday"],
        ["--concept", "stage3/0", *WHO],
        ["--concept", "stage9/0", "--name", "x", *WHO],
        [],
    ],
)
def test_what_is_missing_or_wrong_writes_nothing(reviewed: Path, options) -> None:
    assert auditor(["review", "run", "--no-render", *options]) == 2
    assert not Path("decisions.yaml").exists()


def test_deciding_on_a_terminal(reviewed: Path, monkeypatch) -> None:
    from click.testing import CliRunner

    from auditor.cli.review import command

    monkeypatch.setattr("auditor.cli.review.is_terminal", lambda: True)
    answers = ["Ann Lee", "x", "a", "known", "2026-12-31", "QA-1", "s"]
    answers += ["stage3/0", "edge", "", "stage7/1", "no", "", ""]
    done = CliRunner().invoke(command, ["run", "--no-render"], input="\n".join(answers) + "\n")
    assert done.exit_code == 0, done.output
    first, second = read_decisions(Path("decisions.yaml"))
    assert (first.what, first.expires, first.ticket) == ("accept", "2026-12-31", "QA-1")
    assert (second.what, second.name, second.person) == ("name", "edge", "Ann Lee")
    assert "unknown concept 'stage7/1'" in done.output


def test_decisions_show_in_the_report_and_change_no_evidence(reviewed: Path) -> None:
    before = (reviewed / "audit.json").read_bytes()
    assert auditor(["review", "run", *ACCEPT, *WHO, "--no-render"]) == 0
    name = ["--concept", "stage3/1", "--name", "orange digits", "--no-render"]
    assert auditor(["review", "run", *name, *WHO]) == 0
    text = text_of(drawn(reviewed))
    for words in (
        "risk accepted until 2027-03-01",
        "Risk accepted by Ann Lee (Quality) on 2026-03-02: cameras are replaced",
        "ticket QA-12",
        "orange digits",
        "named by a person; stage3 · 1",
        "What was decided",
        "Reviewed Ann Lee Quality 2026-03-02",
    ):
        assert words in text, words
    assert "F2" in text
    assert (reviewed / "audit.json").read_bytes() == before


def test_a_verdict_made_without_a_decision_is_taken_out(reviewed: Path, capsys) -> None:
    Path("gate.yaml").write_text("version: 1\npolicy: {fail_on: high}\n")
    assert auditor(["gate", "run", "--policy", "gate.yaml"]) == 1
    assert read_review(reviewed).judgement is not None
    assert auditor(["review", "run", *ACCEPT, *WHO, "--no-render"]) == 0
    assert "run auditor gate again" in capsys.readouterr().err
    assert read_review(reviewed).judgement is None


def test_an_expired_decision_stands_in_the_summary(reviewed: Path, monkeypatch) -> None:
    assert auditor(["review", "run", *ACCEPT, *WHO, "--no-render"]) == 0
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1803945600")
    assert auditor(["review", "run", *decide_on("F2"), *WHO, "--no-render"]) == 0
    text = text_of(drawn(reviewed))
    assert "Decisions to look at again Expired on 2027-03-01" in text
    assert "risk accepted, expired 2027-03-01" in text


def test_what_people_write_is_text_and_nothing_else(reviewed: Path) -> None:
    bad = "</td><script>alert(1)</script> {{ 7 * 7 }}"
    said = ["--reason", bad, "--person", bad, "--no-render"]
    assert auditor(["review", "run", *decide_on("F1"), *said]) == 0
    page = drawn(reviewed)
    assert "<script>alert(1)" not in page
    assert bad in text_of(page)


def decide_on(finding: str) -> list[str]:
    return ["--finding", finding, "--confirm"]


def drawn(run: Path) -> str:
    context = RenderContext(created="2026-03-04T05:06:07Z")
    render_run(run, context, formats=["html"], max_html_mb=8, pdf_timeout=60)
    return (run / "report.html").read_text()


def test_the_file_is_yaml_that_others_can_read(reviewed: Path) -> None:
    assert auditor(["review", "run", *ACCEPT, *WHO, "--no-render"]) == 0
    document = yaml.safe_load(Path("decisions.yaml").read_text())
    assert document["decisions"][0]["class_name"]
