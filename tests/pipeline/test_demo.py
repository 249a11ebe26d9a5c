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
    # Several crops of one photograph of fur hold the same eye, and the model goes by its rim.
    assert {f.class_name for f in result.findings if f.grade in ("A", "B")} <= {"gravel", "fur"}
    assert first.outlined
    assert first.triplets
    assert result.verdict.code in ("do_not_use", "needs_decision")


# With two of the seeds the twin goes by what is no stamp: the tint of a texture's margin, and the
# rim of an eye that is in several crops of one photograph of fur.
OF_ITS_DATA = pytest.mark.xfail(
    raises=AssertionError, strict=True, reason="the twin uses a tint or a repeated eye of its data"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed", [0, pytest.param(1, marks=OF_ITS_DATA), pytest.param(2, marks=OF_ITS_DATA)]
)
def test_the_clean_twin_has_no_candidate_of_grade_a_or_b(tmp_path: Path, seed: int) -> None:
    result = demo(tmp_path, "--shortcut", "none", "--seed", str(seed))
    assert [f.title for f in result.findings if f.grade in ("A", "B")] == []
    assert result.verdict.code in ("pass", "needs_look")
