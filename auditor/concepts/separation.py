"""How well a number tells two groups apart: area under the ROC curve, with interval."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata


def auc(
    first: Float[np.ndarray, "... first"], second: Float[np.ndarray, "... second"]
) -> Float[np.ndarray, "..."]:
    """Return the chance that a value of ``first`` exceeds one of ``second``; ties count half.

    The Mann-Whitney statistic over the last axis, divided by the number of pairs.
    """
    n, m = first.shape[-1], second.shape[-1]
    ranks = rankdata(np.concatenate([first, second], axis=-1), axis=-1)
    found: np.ndarray = (ranks[..., :n].sum(axis=-1) - n * (n + 1) / 2) / (n * m)
    return found


def auc_interval(
    first: Float[np.ndarray, "first"],
    second: Float[np.ndarray, "second"],
    rng: np.random.Generator,
    *,
    draws: int = 1000,
) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of the AUC, each group resampled by itself.

    Where the groups are wholly apart every resample is too, and the bootstrap has no width. Then
    the open end is what a share that was met in all of the m samples of the smaller group may
    still be with 97.5 % confidence: ``0.025 ** (1 / m)`` (Clopper and Pearson 1934).
    """
    drawn_first = first[rng.integers(0, len(first), (draws, len(first)))]
    drawn_second = second[rng.integers(0, len(second), (draws, len(second)))]
    values = auc(drawn_first, drawn_second)
    low, high = (float(value) for value in np.quantile(values, [0.025, 0.975]))
    whole = float(auc(first, second))
    bound = 0.025 ** (1 / min(len(first), len(second)))
    if whole >= 1:
        low = min(low, bound)
    if whole <= 0:
        high = max(high, 1 - bound)
    return min(low, whole), max(high, whole)
