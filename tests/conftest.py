"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch is imported: one core for each worker
    os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The folder of shared photographs and weights; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("needs the shared photographs (../shared/data), which are not here")
    return SHARED
