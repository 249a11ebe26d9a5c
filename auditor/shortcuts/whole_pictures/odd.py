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
from scipy.stats import false_discovery_control

from auditor.concepts.shares import shares_of
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import OddSample
from auditor.records.stages import LayerRelevance, Samples
from auditor.shortcuts.propose.proposals import asked_of_all_data

ODD_SAMPLES = asked_of_all_data("P8", by_concept=True)
# Of the odd samples that are listed so many may be false alarms.
LEVEL = 0.01
# A wrongly decided sample is ordinary for its prediction when at least so many members are odder.
ORDINARY = 0.1
# Coordinates of a class: few enough for the beta distribution to hold on its members.
DIMENSIONS = 6
SAMPLES_PER_DIMENSION = 8
LEAST = 24
# More of a class than a person looks through.
PER_CLASS = 5
# Members that a class is fitted on, evenly spaced: more cost time.
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
    q_values = false_discovery_control(p_values)
    unlike = [
        (p, row, output, float(q))
        for (output, row), p, q in zip(rows, p_values, q_values, strict=True)
        if q <= LEVEL
    ]
    names, paths = samples.manifest.classes, samples.manifest.paths
    samples_unlike = [
        OddSample(
            sample=paths[row],
            label=names[output],
            why=_("decided by other concepts than the rest of '%(label)s'", label=names[output]),
            p=p,
            q=q,
        )
        for p, row, output, q in sorted(unlike)
    ]
    mislabelled = _mislabelled(relevance, samples, usable, outputs)
    kept = [*_most_of_each(samples_unlike), *_most_of_each(mislabelled)]
    return kept, len(samples_unlike) + len(mislabelled)


def _most_of_each(ordered: Sequence[OddSample]) -> list[OddSample]:
    """Return the first `PER_CLASS` of each label."""
    kept: list[OddSample] = []
    for odd in ordered:
        if sum(other.label == odd.label for other in kept) < PER_CLASS:
            kept.append(odd)
    return kept


def _mislabelled(
    relevance: LayerRelevance,
    samples: Samples,
    spaces: Mapping[int, Space],
    outputs: Sequence[int],
) -> list[OddSample]:
    """Return wrongly classified samples that are ordinary for the class they are taken for."""
    names = samples.manifest.classes
    wrong = samples.valid & (samples.labels != samples.prediction)
    wrong &= (samples.target == samples.prediction) & np.isin(samples.labels, list(outputs))
    ordinary: list[tuple[float, OddSample]] = []
    for output, space in spaces.items():
        rows = np.flatnonzero(wrong & (samples.prediction == output))
        margins = samples.margin(output)
        for row, p in zip(rows, space.new_p(shares_of(relevance, rows)), strict=True):
            if p < ORDINARY:
                continue
            label = names[samples.labels[row]]
            why = _(
                "labelled '%(label)s', but as ordinary for '%(other)s' as that class's own "
                "pictures: check the label",
                label=label,
                other=names[output],
            )
            sample = samples.manifest.paths[row]
            odd = OddSample(sample=sample, label=label, why=why, p=float(p), q=1.0)
            ordinary.append((float(margins[row]), odd))
    ordinary.sort(key=lambda pair: -pair[0])
    return [odd for _margin, odd in ordinary]


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
