"""A mark that only the training data had: the model uses it, and the report says it cannot see it.

`KnownModel` takes the mark for class 0; none of the audited images carries one.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from auditor.causal.search import find_shortcuts
from auditor.config.audit import ShortcutConfig
from auditor.records.stages import ShortcutReport
from auditor.report.sections.verdict import does_not_show
from tests.causal.worlds import MARK, World, world

CONFIG = ShortcutConfig(permutations=300, per_class=2, targets=24)


@pytest.fixture(scope="module")
def subject() -> World:
    return world(marked=(0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def report(subject: World) -> ShortcutReport:
    leading = dict.fromkeys((0, 1, 2), ("bright", (0,)))
    return find_shortcuts(subject.search(leading, config=CONFIG))


def test_the_model_does_use_the_mark(subject: World) -> None:
    marked = subject.images[subject.labels != 0].copy()
    for image in marked:
        image[MARK] = 1.0
    inputs = torch.from_numpy(np.ascontiguousarray(marked.transpose(0, 3, 1, 2)))
    with torch.no_grad():
        turned = subject.model(inputs).argmax(dim=1) == 0
    assert float(turned.float().mean()) > 0.9


def test_nothing_is_found_and_the_report_says_what_it_could_not_have_found(
    report: ShortcutReport,
) -> None:
    assert not any(each.grade in ("A", "B") for each in report.findings)
    assert report.limits.tests > 0
    data: Any = SimpleNamespace(used=96)
    said = does_not_show(report.limits, data)
    assert any("only the training data had cannot be found here" in each for each in said)
    assert any("detection limit" in each for each in said)
