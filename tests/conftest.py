"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch is imported: one core for each worker
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Start no workers for a few tests: those of -k, or of one file (``-n auto`` asks here).

    A file's tests share a worker (``--dist loadfile``), so that one file gains nothing from more.
    """
    files = {argument.partition("::")[0] for argument in config.args}
    one_file = len(files) == 1 and next(iter(files)).endswith(".py")
    return 0 if config.option.keyword or one_file else None


SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The folder of shared photographs and weights; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("needs the shared photographs (../shared/data), which are not here")
    return SHARED
