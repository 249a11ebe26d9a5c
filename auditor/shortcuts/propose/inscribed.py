"""The largest upright rectangle inside a region: the part of a frame that a window can show."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool


def largest_rectangle(
    mask: Bool[np.ndarray, "height width"],
) -> tuple[int, int, int, int] | None:
    """Return top, left, height and width of the largest rectangle of ``mask``, None when empty.

    Of equally large ones the first from the top, then the first from the left.
    """
    largest, rectangle = 0, None
    for top in range(len(mask)):
        full = np.ones(mask.shape[1], dtype=bool)
        for bottom in range(top, len(mask)):
            full &= mask[bottom]
            left, width = _longest_run(full)
            if not width:
                break
            if (bottom + 1 - top) * width > largest:
                largest = (bottom + 1 - top) * width
                rectangle = (top, left, bottom + 1 - top, width)
    return rectangle


def _longest_run(row: Bool[np.ndarray, "width"]) -> tuple[int, int]:
    """Return start and length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
    starts, ends = edges[::2], edges[1::2]
    if not len(starts):
        return 0, 0
    longest = int(np.argmax(ends - starts))
    return int(starts[longest]), int(ends[longest] - starts[longest])
