"""The statistics of the causal tests: permutation, correction, intervals, detection limit."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import beta, binom, binomtest, fisher_exact

from auditor.records.part import Interval

# Permutations at once, and the places of the bits of a byte.
CHUNK = 20_000
BITS = np.arange(8)
# With this probability an interval misses.
MISS = 0.05


def sign_flip_p(
    effects: Float[np.ndarray, "target"], permutations: int, rng: np.random.Generator
) -> float:
    """Return the one-sided p-value that the mean effect is above zero.

    Under the null an effect is as likely as its negative (sign-flip permutation on per-target
    means); p = (1 + number of permuted means >= the observed) / (1 + permutations). Up to 12
    non-zero effects are permuted exhaustively.
    """
    moved = effects[effects != 0]
    if len(moved) == 0:
        return 1.0
    observed = moved.sum() - 1e-12 * np.abs(moved).sum()
    if len(moved) <= 12:
        signs = 1.0 - 2.0 * (np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved)) & 1)
        return float((signs @ moved >= observed).mean())
    # Eight signs are one byte: of every eight effects the sums are known for all its values.
    eights = np.zeros((-(-len(moved) // len(BITS)), len(BITS)))
    eights.ravel()[: len(moved)] = moved
    sums = eights @ (1.0 - 2.0 * (np.arange(256) >> BITS[:, None] & 1))
    reached = 0
    for start in range(0, permutations, CHUNK):
        count = min(CHUNK, permutations - start)
        drawn = rng.integers(0, 256, size=(len(sums), count), dtype=np.uint8)
        permuted = np.zeros(count)
        for of_byte, byte in zip(sums, drawn, strict=True):
            permuted += of_byte[byte]
        reached += int((permuted >= observed).sum())
    return (1 + reached) / (1 + permutations)


def refined_p(
    effects: Float[np.ndarray, "target"],
    permutations: int,
    tests: int,
    level: float,
    rng: np.random.Generator,
) -> float:
    """Return `sign_flip_p` with enough permutations to pass ``level`` after ``tests`` tests.

    With P permutations p cannot fall under 1 / (P + 1), and Benjamini-Hochberg asks the smallest
    of ``tests`` values to be below level / tests. Only values near that floor are refined.
    """
    p = sign_flip_p(effects, permutations, rng)
    enough = math.ceil(2 * tests / level)
    if p <= 5 / (1 + permutations) and enough > permutations:
        p = sign_flip_p(effects, enough, rng)
    return p


def bootstrap_interval(
    effects: Float[np.ndarray, "target reference"],
    rng: np.random.Generator,
    *,
    draws: int = 2000,
    miss: float = MISS,
) -> tuple[float, float]:
    """Return the percentile interval of the mean, resampling targets and references.

    It misses with probability ``miss``, half of it on either side. A column is a slot of
    references; resampling rows and columns independently keeps effects of one target together and
    effects of one slot together.
    """
    targets, references = effects.shape
    weights, picks = (_resampled(count, draws, rng) for count in (targets, references))
    means = ((weights @ effects) * picks).sum(axis=1)
    low, high = np.quantile(means, [miss / 2, 1 - miss / 2])
    return float(low), float(high)


def _resampled(count: int, draws: int, rng: np.random.Generator) -> Float[np.ndarray, "draw item"]:
    """Return how much each of ``count`` items counts in samples drawn with replacement."""
    picked = rng.integers(0, count, size=(draws, count)) + count * np.arange(draws)[:, None]
    times = np.bincount(picked.ravel(), minlength=draws * count).reshape(draws, count)
    return times / count


def wilson(successes: int, n: int, *, level: float = 0.95) -> Interval:
    """Return a share with its Wilson score interval (Wilson 1927); all of [0, 1] at n = 0.

    ``level`` is how often the interval holds, from 0 to 1.
    """
    if n == 0:
        return Interval(value=0.0, low=0.0, high=1.0, n=0)
    bounds = binomtest(successes, n).proportion_ci(level, method="wilson")
    low, high = max(0.0, float(bounds.low)), min(1.0, float(bounds.high))
    return Interval(value=successes / n, low=low, high=high, n=n)


def accuracy(correct: Bool[np.ndarray, "sample"]) -> Interval | None:
    """Return the share of images that are right, None without images."""
    return wilson(int(correct.sum()), len(correct)) if len(correct) else None


def median_interval(values: Float[np.ndarray, "value"]) -> tuple[float, float] | None:
    """Return the 95 % interval of the median by order statistics, None for fewer than 6 values.

    Needs no shape of the distribution; covers at least 95 % (David and Nagaraja 2003, 7.1).
    """
    rank = int(binom.ppf(0.025, len(values), 0.5)) if len(values) else 0
    if rank < 1:
        return None
    ordered = np.sort(values)
    return float(ordered[rank - 1]), float(ordered[-rank])


def counted(share: Interval | None) -> tuple[int, int]:
    """Return how many of how many images a share is of."""
    return (round(share.value * share.n), share.n) if share else (0, 0)


def gap_p(first: Interval | None, second: Interval | None) -> float | None:
    """Return Fisher's exact p-value (two-sided) of equal accuracies; None if one is empty."""
    if first is None or second is None:
        return None
    table = np.array([[hits, n - hits] for hits, n in (counted(first), counted(second))])
    return float(fisher_exact(table).pvalue)


def more_than(passed: int, tried: int, level: float) -> float:
    """Return how likely at least ``passed`` of ``tried`` tests pass, each at ``level``."""
    return float(binomtest(passed, tried, level, alternative="greater").pvalue) if tried else 1.0


def detection_limit(targets: int, tests: int, *, level: float, bound: float) -> float | None:
    """Return the smallest flip excess that could have been found, None when none could.

    It must be significant when it is the only effect among ``tests`` tests (k images that flip
    and none that flips with the control: p = 2^-k <= level / tests), and the lower end of its
    interval (Wilson) must reach ``bound``.
    """
    for flips in range(1, targets + 1):
        if 2.0**-flips <= level / max(tests, 1) and wilson(flips, targets).low >= bound:
            return flips / targets
    return None


def least_prevalence(discovered: int, references: int, *, sure: float = 0.95) -> float | None:
    """Return how frequent in a class a mark must be to be on enough of its pictures to be chosen.

    The smallest share p of the class so that of ``discovered`` pictures at least ``references``
    carry it with probability ``sure``. By the binomial distribution, of which the upper tail is a
    beta distribution in p (Clopper and Pearson 1934); None where there are fewer pictures.
    """
    if discovered < references:
        return None
    return float(beta.ppf(sure, references, discovered - references + 1))


def noisy_or(parts: Iterable[float]) -> float:
    """Return 1 - product of (1 - part): how likely it is that any of independent signs holds."""
    rest = 1.0
    for part in parts:
        rest *= 1.0 - part
    return 1.0 - rest
