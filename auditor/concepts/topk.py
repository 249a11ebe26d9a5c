"""Find the largest values under one total order: value descending, then position ascending."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def largest(values: Float[np.ndarray, "row position"], k: int) -> Int[np.ndarray, "row k"]:
    """Return, per row, the positions of the ``k`` largest values, best first, ties by position.

    Only finite, strictly positive values count (NaN and infinity never do); slots that stay
    unused hold -1. Partition first, sort only what reaches the k-th value: linear in positions.
    """
    found = np.full((len(values), k), -1, dtype=np.int64)
    for row, given in enumerate(values):
        usable = np.where(np.isfinite(given) & (given > 0), given, 0)
        if k < len(usable):
            least = np.partition(usable, len(usable) - k)[len(usable) - k]
            reached = np.flatnonzero((usable >= least) & (usable > 0))
        else:
            reached = np.flatnonzero(usable)
        order = np.argsort(-usable[reached], kind="stable")[:k]
        found[row, : len(order)] = reached[order]
    return found
