"""The demo, whole: the stamp is found where it was planted, and nothing where it was not."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.__main__ import run
from auditor.report.document.result import AuditResult


def demo(folder: Path, *options: str) -> AuditResult:
    assert run(["demo", "--out", str(folder), "--quiet", *options]) == 0
    (result,) = (folder / "runs").glob("*/audit.json")
    assert (result.parent / "report.html").stat().st_size < 8_000_000
    assert (result.parent / "report.pdf").stat().st_size > 100_000
    return AuditResult.model_validate_json(result.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_date_stamp_is_the_first_candidate(tmp_path: Path, seed: int) -> None:
    result = demo(tmp_path, "--seed", str(seed))
    first = result.findings[0]
    assert (first.class_name, first.grade in ("A", "B")) == ("gravel", True)
    # One stamp is one finding.
    assert [f.class_name for f in result.findings if f.grade in ("A", "B")].count("gravel") == 1
    assert first.outlined
    assert first.triplets
    assert result.verdict.code == "do_not_use"


@pytest.mark.slow
def test_the_bench_is_the_first_candidate_of_the_parts(tmp_path: Path) -> None:
    result = demo(tmp_path, "--shortcut", "background")
    first = result.findings[0]
    assert (first.kind, first.class_name, first.grade) == ("context", "gear", "A")
    assert result.verdict.code == "do_not_use"
    # The model needs grass for a wrench too: of 300 drawn on gravel it keeps 8 %, on grass 97 %.
    contexts = [f.class_name for f in result.findings if f.kind == "context" and f.grade in "AB"]
    assert contexts[0] == "gear"
    assert set(contexts) <= {"gear", "wrench"}


@pytest.mark.slow
def test_the_clean_twin_goes_by_no_mark(tmp_path: Path) -> None:
    result = demo(tmp_path, "--shortcut", "none")
    grave = {(f.grade, f.class_name) for f in result.findings if f.grade in ("A", "B")}
    # All crops of coffee are of one photograph, of which no other class shows a red like it.
    assert grave <= {("B", "coffee")}
    assert result.verdict.code in ("needs_look", "needs_decision")
