"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The folder of shared photographs and weights; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("needs the shared photographs (../shared/data), which are not here")
    return SHARED
