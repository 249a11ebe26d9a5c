"""A model that is worse than a guess says so first, wherever its audit is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.__main__ import run
from tests.pipeline.small import write_own_model_audit

SAID = "The model is worse than guessing"


@pytest.mark.slow
@pytest.mark.parametrize("gated", [False, True])
def test_outputs_named_in_the_wrong_order(
    tmp_path: Path, gated: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {"policy": {"require_complete": False}} if gated else {}
    names = ["horse", "cat", "dog"]
    config = write_own_model_audit(
        tmp_path, model={"classes": names}, audit={"layers": ["0"]}, **changes
    )
    out = tmp_path / "runs"
    assert run(["run", str(config), "--out", str(out), "--format", "html"]) == int(gated)
    (folder,) = out.glob("*/")
    summary = json.loads((out / "summary.json").read_text())
    assert summary["code"] == "do_not_use"
    assert summary["headline"].startswith(SAID)
    assert SAID in summary["sentence"]
    for file in ("report.html", "summary.md", "model_card.md"):
        text = (folder / file).read_text(encoding="utf-8")
        assert SAID in text, file
        assert "more pictures would" not in text.lower(), file
    last = capsys.readouterr().err.splitlines()[-12:]
    assert any(SAID in line for line in last), last
    assert ("Nothing was gated" in last[-1]) is not gated
