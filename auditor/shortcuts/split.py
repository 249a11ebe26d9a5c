"""Divide the data once: one half chooses candidates, the other half measures them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int

from auditor.base.streams import stream
from auditor.records.stages import Manifest


def halves(manifest: Manifest, seed: int) -> Bool[np.ndarray, "sample"]:
    """Mark the rows of a random half of the pictures; all rows of a picture are in the same half.

    Of several labels a picture counts as one of its rarest.
    """
    several = manifest.several
    if several is None:
        return discovery_split(manifest.labels, seed)
    counts = np.bincount(manifest.labels, minlength=several.count + 1)
    rarest: dict[int, int] = {}
    for picture, label in zip(several.picture.tolist(), manifest.labels.tolist(), strict=True):
        known = rarest.get(picture)
        if known is None or counts[label] < counts[known]:
            rarest[picture] = label
    labels = np.array([rarest[picture] for picture in sorted(rarest)], dtype=np.int64)
    of_pictures = discovery_split(labels, seed)
    half: Bool[np.ndarray, "sample"] = of_pictures[several.picture]
    return half


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
