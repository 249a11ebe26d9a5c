"""What the tests could not settle is named, and nothing else is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from auditor.pipeline.assemble import unsettled
from auditor.records.stages import Evidence
from auditor.shortcuts.grading import FLIPS


def found(grade: str, high: float, n: int) -> Any:
    evidence = Evidence("c", FLIPS, "inconclusive", 0.0, "share of images", 0.0, high, n)
    return SimpleNamespace(grade=grade, evidence=(evidence,))


@pytest.mark.parametrize(
    ("grade", "high", "n", "named"),
    [("D", 0.38, 64, True), ("D", 0.0, 8, True), ("D", 0.05, 64, False), ("C", 0.38, 64, False)],
)
def test_a_data_note_is_open_unless_its_intervals_close_it(
    grade: str, high: float, n: int, named: bool
) -> None:
    report: Any = SimpleNamespace(findings=(found("A", 0.9, 64), found(grade, high, n)))
    cards: Any = [SimpleNamespace(what="stamp in gravel"), SimpleNamespace(what="strip in ketch")]
    assert unsettled(report, cards) == (["strip in ketch"] if named else [])


def test_without_a_search_nothing_is_open() -> None:
    assert unsettled(None, []) == []
