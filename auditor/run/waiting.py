"""Waiting for what another process writes."""

from __future__ import annotations

import time
from collections.abc import Callable

# Seconds between two looks, and after how many of waiting it is said what for.
LOOK, SAY = 0.5, 60.0


def wait_for(missing: Callable[[], str], say: Callable[[str], object]) -> None:
    """Wait until ``missing`` returns nothing; what it returns is said every `SAY` seconds."""
    said = time.monotonic()
    while what := missing():
        if time.monotonic() - said >= SAY:
            said = time.monotonic()
            say(f"waiting for {what}")
        time.sleep(LOOK)
