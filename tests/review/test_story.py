"""The story of a shortcut through three audits: found, mended, back; and a risk that expires.

Fast on made-up documents, and whole on the demo's photographs, where the models are trained and
audited (slow).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from auditor.__main__ import run as auditor
from auditor.report.document.result import AuditResult
from auditor.report.document.review import Review
from auditor.report.show.render import read_review, render_run
from tests.report.example import CONTEXT
from tests.report.test_html import text_of
from tests.review.made import audit, card, write

WHO = ["--person", "Ann Lee", "--role", "Quality", "--no-render"]
GATE = "version: 1\npolicy: {fail_on: high, fail_on_new: medium, decisions: decisions.yaml}\n"
JUNE, SEPTEMBER = "1780272000", "1788220800"


def review_of(run: Path) -> Review:
    found = read_review(run)
    assert found is not None
    return found


def statuses(run: Path) -> dict[str, list[str]]:
    """Return the status of every finding's change, by the class it is of."""
    comparison = review_of(run).comparison
    assert comparison is not None
    found: dict[str, list[str]] = {}
    for change in comparison.findings:
        found.setdefault(change.class_name, []).append(change.status)
    return found


def test_the_story_on_made_documents(
    base: AuditResult, one, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", JUNE)
    Path("gate.yaml").write_text(GATE)
    Path("decisions.yaml").write_text("version: 1\ndecisions:\n")
    gate = ["--policy", "gate.yaml"]
    # An audit of a model with a shortcut fails the gate, and a person confirms it.
    write(Path("runs/1"), audit(base, [card(one)]), created="2026-03-01T00:00:00Z")
    assert auditor(["gate", "runs/1", *gate]) == 1
    confirm = ["--finding", "F1", "--confirm", "--reason", "a stamp"]
    assert auditor(["review", "runs/1", *confirm, *WHO]) == 0
    assert auditor(["gate", "runs/1", *gate]) == 1
    # The retrained model passes with the finding gone, and the decision is settled.
    write(Path("runs/2"), audit(base), created="2026-04-01T00:00:00Z")
    assert auditor(["gate", "runs/2", *gate, "--baseline", "latest"]) == 0
    assert statuses(Path("runs/2")) == {one.class_name: ["gone"]}
    assert [each.state for each in review_of(Path("runs/2")).decisions] == ["settled"]
    # The artefact came back.
    again = audit(base, [card(one, fingerprint="e" * 16, effect=0.7)])
    write(Path("runs/3"), again, created="2026-05-01T00:00:00Z")
    assert auditor(["gate", "runs/3", *gate, "--baseline", "latest"]) == 1
    assert statuses(Path("runs/3")) == {one.class_name: ["back"]}
    assert [each.state for each in review_of(Path("runs/3")).decisions] == ["in force"]
    # Its risk is accepted for a time: the gate passes until that is over.
    accept = ["--finding", "F1", "--accept", "--expires", "2026-08-31", "--reason", "few pictures"]
    assert auditor(["review", "runs/3", *accept, *WHO]) == 0
    assert auditor(["gate", "runs/3", *gate]) == 0
    monkeypatch.setenv("SOURCE_DATE_EPOCH", SEPTEMBER)
    assert auditor(["gate", "runs/3", *gate]) == 1
    assert review_of(Path("runs/3")).decisions[-1].state == "expired"
    # All of it stands in the last report and in the history.
    shutil.copytree(images, "runs/3/images")
    render_run(Path("runs/3"), CONTEXT, formats=["html"], max_html_mb=8, pdf_timeout=60)
    text = text_of(Path("runs/3/report.html").read_text())
    for words in ("Back: Mark 0", "it was gone in between", "Expired on 2026-08-31"):
        assert words in text, words
    assert auditor(["history", "runs"]) == 0
    page = text_of(Path("runs/index.html").read_text())
    assert "1 back" in page
    assert "1 decision to look at again" in page


@pytest.mark.slow
def test_the_story_on_photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    from tests.review.story import write_story

    monkeypatch.chdir(tmp_path)
    configs = write_story(tmp_path)

    def run(name: str) -> tuple[int, Path]:
        options = ["--out", "runs", "--baseline", "latest", "--quiet"]
        code = auditor(["run", str(configs[name]), *options])
        return code, Path(capsys.readouterr().out.strip().splitlines()[-1])

    code, first = run("stamped")
    assert code == 1
    named = review_of(first).judgement
    assert named is not None
    assert "F1" in named.blocking
    confirm = ["--finding", "F1", "--confirm", "--reason", "the camera's date stamp"]
    assert auditor(["review", str(first), *confirm, *WHO]) == 0
    capsys.readouterr()

    code, second = run("balanced")
    assert code == 0
    comparison = review_of(second).comparison
    assert comparison is not None
    assert comparison.like_for_like
    # Several crops of one cat's eye are among the fur: that is found with or without the stamp.
    assert set(statuses(second)) <= {"gravel", "fur"}
    assert set(statuses(second)["gravel"]) == {"gone"}
    assert review_of(second).decisions[0].state == "settled"
    assert "paired on 480 pictures" in comparison.metrics[0].difference.rule

    code, third = run("back")
    assert code == 1
    assert "back" in statuses(third)["gravel"]
    (back, *_) = [c for c in review_of(third).comparison.findings if c.status == "back"]
    assert back.last_seen == first.name

    # All that blocks is accepted until a day; the day after it fails again.
    judgement = review_of(third).judgement
    assert judgement is not None
    for finding in judgement.blocking:
        accept = ["--finding", finding, "--accept", "--expires", "2100-01-01", "--reason", "known"]
        assert auditor(["review", str(third), *accept, *WHO]) == 0
    gate = ["gate", str(third), "--policy", str(configs["back"])]
    assert auditor(gate) == 0
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "4102531200")
    assert auditor(gate) == 1
    for each in (first, second, third):
        assert auditor(["verify", str(each)]) == 0
