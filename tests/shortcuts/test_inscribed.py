"""The largest rectangle inside a region, against trying every one."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.shortcuts.propose.inscribed import largest_rectangle


def by_trying(mask: np.ndarray) -> int:
    height, width = mask.shape
    return max(
        (
            (bottom - top) * (right - left)
            for top in range(height)
            for bottom in range(top + 1, height + 1)
            for left in range(width)
            for right in range(left + 1, width + 1)
            if mask[top:bottom, left:right].all()
        ),
        default=0,
    )


@pytest.mark.parametrize("seed", range(8))
def test_it_is_as_large_as_any(seed: int) -> None:
    mask = np.random.default_rng(seed).random((7, 9)) < 0.7
    found = largest_rectangle(mask)
    assert found is not None
    top, left, height, width = found
    assert mask[top : top + height, left : left + width].all()
    assert height * width == by_trying(mask)


def test_of_a_frame_it_is_a_strip() -> None:
    ring = np.ones((20, 20), bool)
    ring[3:-3, 3:-3] = False
    assert largest_rectangle(ring) == (0, 0, 3, 20)


def test_of_nothing_there_is_none() -> None:
    assert largest_rectangle(np.zeros((4, 4), bool)) is None
