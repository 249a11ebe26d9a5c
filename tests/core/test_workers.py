"""Tests run in several processes only where that makes them faster."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.conftest import pytest_xdist_auto_num_workers


@pytest.mark.parametrize(
    ("arguments", "keyword", "workers"),
    [
        (["tests"], "", None),
        (["tests"], "one", 0),
        (["tests/core/test_a.py::test_one"], "", 0),
        (["tests/core/test_a.py::test_one", "tests/core/test_a.py::test_two"], "", 0),
        (["tests/core/test_a.py", "tests/core/test_b.py"], "", None),
        (["tests/core"], "", None),
    ],
)
def test_a_few_tests_start_no_workers(
    arguments: list[str], keyword: str, workers: int | None
) -> None:
    config = SimpleNamespace(args=arguments, option=SimpleNamespace(keyword=keyword))
    assert pytest_xdist_auto_num_workers(cast("Any", config)) == workers
