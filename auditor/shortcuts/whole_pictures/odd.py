"""P8, odd samples: decided unlike their class, or exactly like another; a list to look through.

Source of the idea: Dreyer et al. 2024 (PCX), the likelihood of a sample under its class's relevance
vectors. Here with the exact distribution of that distance, so that "odd" has a p-value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import f as f_distribution

from auditor.concepts.shares import shares_of
from auditor.records.stages import LayerRelevance, OddSample, Samples
from auditor.shortcuts.statistics import benjamini_hochberg

LEVEL = 0.01
ORDINARY = 0.1
DIMENSIONS = 6
SAMPLES_PER_DIMENSION = 8
LEAST = 24
PER_CLASS = 5
FITTED = 500


def odd_samples(
    relevance: LayerRelevance, samples: Samples, outputs: Sequence[int]
) -> tuple[list[OddSample], int]:
    """Return the oddest samples, at most `PER_CLASS` of a class, and how many there are in all.

    Of correctly classified samples: those far from the rest of the class (q <= `LEVEL` over all
    samples of all classes). Of wrongly classified ones: those that are as ordinary for the class
    they are taken for as its own members are (p >= `ORDINARY`): their label may be wrong.
    """
    usable: dict[int, Space] = {}
    for output in outputs:
        space = space_of(relevance, samples.members(output))
        if space is not None:
            usable[output] = space
    rows: list[tuple[int, int]] = []
    p_values: list[float] = []
    for output, space in usable.items():
        others = np.setdiff1d(samples.members(output), space.rows)
        rows += [(output, int(row)) for row in (*space.rows, *others)]
        p_values += [float(p) for p in space.own_p(shares_of(relevance, space.rows))]
        p_values += [float(p) for p in space.new_p(shares_of(relevance, others))]
    q_values = benjamini_hochberg(p_values) if p_values else []
    found = [
        OddSample(row, output, "unlike its class", None, p, q)
        for (output, row), p, q in zip(rows, p_values, q_values, strict=True)
        if q <= LEVEL
    ]
    found.sort(key=lambda each: (each.p, each.row))
    found += _mislabelled(relevance, samples, usable, outputs)
    kept: list[OddSample] = []
    for each in found:
        alike = sum(e.output == each.output and e.kind == each.kind for e in kept)
        if alike < PER_CLASS:
            kept.append(each)
    return kept, len(found)


def _mislabelled(
    relevance: LayerRelevance,
    samples: Samples,
    spaces: Mapping[int, Space],
    outputs: Sequence[int],
) -> list[OddSample]:
    wrong = samples.valid & (samples.labels != samples.prediction)
    wrong &= (samples.target == samples.prediction) & np.isin(samples.labels, list(outputs))
    found = []
    for output, space in spaces.items():
        rows = np.flatnonzero(wrong & (samples.prediction == output))
        for row, p in zip(rows, space.new_p(shares_of(relevance, rows)), strict=True):
            if p >= ORDINARY:
                label = int(samples.labels[row])
                found.append(OddSample(int(row), label, "like another class", output, float(p), 1))
    margins = {each.row: float(samples.margin(int(each.other or 0))[each.row]) for each in found}
    return sorted(found, key=lambda each: -margins[each.row])


@dataclass(frozen=True, eq=False)
class Space:
    """A class's members (``rows``) in a few principal coordinates of their relevance shares."""

    rows: Int[np.ndarray, "member"]
    mean: Float[np.ndarray, "concept"]
    axes: Float[np.ndarray, "coordinate concept"]
    spread: Float[np.ndarray, "coordinate"]

    def squared(self, shares: Float[np.ndarray, "sample concept"]) -> Float[np.ndarray, "sample"]:
        """Return the squared distance from the mean, in standard deviations."""
        points = ((shares - self.mean) @ self.axes.T) / self.spread
        distance: np.ndarray = (points**2).sum(axis=1)
        return distance

    def own_p(self, shares: Float[np.ndarray, "member concept"]) -> Float[np.ndarray, "member"]:
        """Return p of each member: the squared distance D from the mean is a scaled beta.

        ``n D / (n - 1)^2 ~ Beta(d/2, (n - d - 1)/2)`` (Gnanadesikan and Kettenring 1972).
        """
        n, d = len(self.rows), len(self.axes)
        share = np.minimum(n * self.squared(shares) / (n - 1) ** 2, 1 - 1e-12)
        ratio = share / (1 - share) * (n - d - 1) / d
        p: np.ndarray = f_distribution.sf(ratio, d, n - d - 1)
        return p

    def new_p(self, shares: Float[np.ndarray, "sample concept"]) -> Float[np.ndarray, "sample"]:
        """Return p of samples that are not members: Hotelling's prediction distance."""
        n, d = len(self.rows), len(self.axes)
        ratio = self.squared(shares) * n * (n - d) / (d * (n - 1) * (n + 1))
        p: np.ndarray = f_distribution.sf(ratio, d, n - d)
        return p


def space_of(relevance: LayerRelevance, rows: Int[np.ndarray, "member"]) -> Space | None:
    """Return the space of a class, None with fewer than `LEAST` members or nothing that varies.

    Fitted on at most `FITTED` members, evenly spaced.
    """
    if len(rows) < LEAST:
        return None
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), FITTED)).round().astype(int)]
    shares = shares_of(relevance, rows)
    mean = shares.mean(axis=0)
    _, sizes, axes = np.linalg.svd(shares - mean, full_matrices=False)
    varying = int((sizes > 1e-9 * max(float(sizes[0]), 1e-12)).sum())
    count = min(DIMENSIONS, len(rows) // SAMPLES_PER_DIMENSION, varying)
    if sizes[0] < 1e-9 or count == 0:
        return None
    return Space(rows, mean, axes[:count], ((shares - mean) @ axes[:count].T).std(axis=0, ddof=1))
