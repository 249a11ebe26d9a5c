"""One mode or two: Hartigan's dip, and Otsu's threshold between two groups."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

# The 99 % quantile of sqrt(n) * dip of n uniform values: 10,000 draws for each n, 3,000 from 256.
NUMBERS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512)
CRITICAL = (0.488, 0.509, 0.531, 0.549, 0.557, 0.574, 0.577, 0.591, 0.599, 0.613, 0.605)
LEAST = NUMBERS[0]


def bimodal(values: Float[np.ndarray, "value"]) -> bool:
    """Say whether values have more than one mode, at a level of 1 %; of fewer than 8, never.

    The dip against that of uniform values, the hardest unimodal case (Hartigan and Hartigan 1985).
    """
    if len(values) < LEAST:
        return False
    critical = np.interp(np.log(len(values)), np.log(NUMBERS), CRITICAL)
    return bool(dip(values) * len(values) ** 0.5 > critical)


def dip(values: Float[np.ndarray, "value"]) -> float:
    """Return the largest distance of the distribution function from the nearest unimodal one.

    Between 1 / 2n and 1/4. Source: Hartigan and Hartigan 1985, "The dip test of unimodality", the
    algorithm of section 4: the modal interval shrinks while its convex minorant and concave
    majorant are further apart than what lies outside it departs from its own.
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    n = len(x)
    if n < 2 or x[0] == x[-1]:
        return 0.5 / max(n, 1)
    ranks = np.arange(n)
    low, high, widest_gap = 0, n - 1, 1.0
    while True:
        minorant = _hull(x, low, high, lower=True)
        majorant = _hull(x, low, high, lower=False)
        inside = np.arange(low, high + 1)
        below = _line(x, minorant, inside)
        above = _line(x, majorant, inside)
        gaps = above - below + 1.0
        widest = _touching(gaps, minorant, majorant, low)
        if gaps[widest - low] <= widest_gap or low >= high:
            break
        left = int(minorant[minorant <= widest][-1])
        right = int(majorant[majorant >= widest][0])
        before, after = slice(0, left - low + 1), slice(right - low, None)
        widest_gap = max(
            widest_gap,
            float((ranks[low : left + 1] - below[before]).max()) + 1.0,
            float((above[after] - ranks[right : high + 1]).max()) + 1.0,
        )
        if (left, right) == (low, high):
            break
        low, high = left, right
    return widest_gap / (2 * n)


def otsu(values: Float[np.ndarray, "value"]) -> float:
    """Return the threshold that splits values with most variance between the parts (Otsu 1979).

    The middle of the two values that it lies between; of constant values, that value.
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    if len(x) < 2 or x[0] == x[-1]:
        return float(x[0])
    counts = np.arange(1, len(x))
    sums = np.cumsum(x)[:-1]
    lower, upper = sums / counts, (x.sum() - sums) / (len(x) - counts)
    between = counts * (len(x) - counts) * (upper - lower) ** 2
    between[x[1:] == x[:-1]] = -1.0
    index = int(np.argmax(between))
    return float((x[index] + x[index + 1]) / 2)


def separation(values: Float[np.ndarray, "value"]) -> float:
    """Return the share of the variance that lies between the two groups of Otsu's threshold.

    0.75 for uniform values, 0.64 for Gaussian ones, 1 for two values only.
    """
    low = values <= otsu(values)
    if low.all() or values.var() < 1e-12:
        return 0.0
    p = float(low.mean())
    gap = float(values[~low].mean() - values[low].mean())
    return p * (1 - p) * gap**2 / float(values.var())


def _hull(
    x: Float[np.ndarray, "value"], low: int, high: int, *, lower: bool
) -> Int[np.ndarray, "touching"]:
    """Return where the convex minorant (or concave majorant) of ``i`` over ``x[i]`` touches it."""
    kept: list[int] = []
    for index in range(low, high + 1):
        while len(kept) > 1:
            first, second = kept[-2], kept[-1]
            turn = (second - first) * (x[index] - x[second]) - (index - second) * (
                x[second] - x[first]
            )
            if (turn >= 0) == lower and turn != 0:
                kept.pop()
            else:
                break
        kept.append(index)
    return np.array(kept)


def _line(
    x: Float[np.ndarray, "value"], touching: Int[np.ndarray, "touching"], at: Int[np.ndarray, "at"]
) -> Float[np.ndarray, "at"]:
    heights: np.ndarray = np.interp(x[at], x[touching], touching.astype(np.float64))
    heights[touching - at[0]] = touching
    return heights


def _touching(
    gaps: Float[np.ndarray, "inside"],
    minorant: Int[np.ndarray, "a"],
    majorant: Int[np.ndarray, "b"],
    low: int,
) -> int:
    both = np.union1d(minorant, majorant)
    return int(both[np.argmax(gaps[both - low])])
