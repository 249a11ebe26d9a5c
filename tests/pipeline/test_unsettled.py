"""What the tests could not settle is named, and nothing else is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from auditor.report.sections.summary import unsettled
from auditor.shortcuts.tests import FLIP_EXCESS, in_order


def found(grade: str, high: float, n: int) -> Any:
    flips = FLIP_EXCESS.result(outcome="inconclusive", effect=0.0, low=0.0, high=high, n=n)
    return SimpleNamespace(grade=grade, evidence=in_order([flips]))


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
