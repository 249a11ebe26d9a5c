"""What people get wrong first: one sentence that says what to do, and the exit code for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.__main__ import run as auditor
from auditor.report.document.result import AuditResult
from tests.review.made import audit, card, write

REVIEW = ["review", "runs/one", "--finding", "F1", "--reason", "x", "--person", "y"]


@pytest.fixture
def place(base: AuditResult, one, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path / "runs" / "one", audit(base, [card(one)]))
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "wrong.yaml").write_text(
        "version: 1\ndecisions:\n- what: reject\n  finding: ab12\n  class_name: gravel\n"
        "  reason: r\n  person: p\n  date: 25.11.2026\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["gate", "nosuch"], 2, "the run folder nosuch does not exist. Give the folder that"),
        (["verify", "file"], 2, "the run folder file is a file. Give the folder that auditor run"),
        (["review", "empty"], 5, "empty is not a run: it has no manifest.json. Give the folder"),
        (["gate", "runs"], 5, "It holds 1 of them: give one, such as runs/one."),
        (["compare", "runs/one", "nosuch"], 2, "the run folder nosuch does not exist."),
        (["history", "runs/one"], 2, "runs/one is a run. Give the folder that holds it: "),
        (["history", "empty", "--no-index"], 0, "no run in empty yet"),
        (["gate", "runs/one", "--decisions", "no.yaml"], 2, "cannot read the decisions file"),
        (["gate", "runs/one", "--baseline", "no"], 2, "the baseline 'no' is no folder"),
        ([*REVIEW, "--confirm", "--reject"], 2, "with exactly one of --confirm, --reject"),
        (REVIEW, 2, "with exactly one of --confirm, --reject, --accept and --mitigate."),
        ([*REVIEW, "--accept", "--expires", "01.03.2027"], 2, "'01.03.2027' is not a day: write"),
        ([*REVIEW, "--accept"], 2, "give the last day as 'expires' (YYYY-MM-DD)"),
        ([*REVIEW[:3], "F9", *REVIEW[4:], "--confirm"], 2, "unknown finding 'F9'. Known: F1."),
    ],
)
def test_a_mistake_is_a_sentence(
    place: Path, words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert auditor(words) == code
    assert said in capsys.readouterr().err
    assert not (place / "decisions.yaml").exists()


def test_a_wrong_decisions_file_is_named_with_its_lines(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert auditor(["review", "runs/one", "--decisions", "wrong.yaml", "--list"]) == 2
    said = capsys.readouterr().err
    assert "wrong.yaml:4: 'decisions.0.finding' is 'ab12'" in said
    assert (
        "wrong.yaml:8: 'decisions.0.date' is '25.11.2026': it should be a day as YYYY-MM-DD."
        in (said)
    )
