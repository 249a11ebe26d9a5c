"""Members are told apart by the finding that the report names first, of whichever kind it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.shortcuts.searching import member_gains


def factor(statistic: str, grade: str, auc: float) -> Any:
    return SimpleNamespace(
        class_name="a",
        statistic=statistic,
        grade=grade,
        auc=auc,
        plausibility=0.0,
        evidence={},
    )


@pytest.mark.parametrize(("auc", "sign"), [(0.9, 1), (0.1, -1)])
def test_of_a_finding_about_the_whole_picture_members_score_by_its_statistic(
    auc: float, sign: int
) -> None:
    images = np.stack([np.full((8, 8, 3), value, np.uint8) for value in (200, 50, 120)])
    audited: Any = SimpleNamespace(
        samples=SimpleNamespace(manifest=SimpleNamespace(classes=("a", "b"))),
        subject=SimpleNamespace(images=images),
    )
    found = [factor("brightness", "B", auc), factor("contrast", "C", 0.9)]
    report: Any = SimpleNamespace(findings=(), whole=SimpleNamespace(factors=found))
    gains = sign * member_gains(report, 0, np.array([0, 1, 2]), [], audited)
    assert gains[0] > gains[2] > gains[1]
    assert not member_gains(report, 1, np.array([0, 1, 2]), [], audited).any()
    found[0] = factor("object size", "B", 0.9)
    assert not member_gains(report, 0, np.array([0, 1, 2]), [], audited).any()
