"""Divide the data once: one half chooses candidates, the other half measures them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int

from auditor.base.streams import stream


def discovery_split(labels: Int[np.ndarray, "sample"], seed: int) -> Bool[np.ndarray, "sample"]:
    """Mark a random half of every class for discovery; of an odd class the smaller half.

    The choice within a class depends on ``seed``, the class and its number of samples only.
    """
    discovery = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        shuffled = stream(seed, "discovery half", label).permutation(rows)
        discovery[shuffled[: len(rows) // 2]] = True
    return discovery
