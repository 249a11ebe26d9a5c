"""Settings of the tests of whole commands."""

from __future__ import annotations

import pytest


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time each cost of a check by one run of it, where no test asks how well it is timed."""
    from auditor.cli.check import rates

    monkeypatch.setattr(rates, "MOST_REPEATS", 1)
