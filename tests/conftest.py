"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch is imported: one core for each worker
    os.environ.setdefault("OMP_NUM_THREADS", "1")


# What a crash of the machine would leave is no test's subject, and waiting for the disk takes long.
os.fsync = lambda handle: None


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Start no workers for a few tests: those of -k, or of one file (``-n auto`` asks here).

    A file's tests share a worker (``--dist loadfile``), so that one file gains nothing from more.
    """
    files = {argument.partition("::")[0] for argument in config.args}
    one_file = len(files) == 1 and next(iter(files)).endswith(".py")
    return 0 if config.option.keyword or one_file else None


# Folders whose files take long, and come first: at the end no worker has one while others are idle.
LONG = ("pipeline", "causal", "report", "review", "shortcut_benchmark", "planted", "relevance")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files of `LONG` first, in this order."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.parent.name, len(LONG)))


SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The folder of shared photographs and weights; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("needs the shared photographs (../shared/data), which are not here")
    return SHARED
