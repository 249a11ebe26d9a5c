"""The scores of the benchmark, on plain arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

LISTED, FLAGGED = ("A", "B", "C"), ("A", "B")
# The order of the report: grades first, within them what is strongest.
ABOVE = {"A": 2.0, "B": 1.0, "C": 0.0}
# Members with the artefact, and without it, that tell how well a score tells them apart.
LEAST_SIDE = 3
LEAST_IOU = 0.2
LEAST_INSIDE = 0.5
GROWN = 3
TOP = 10


@dataclass(frozen=True)
class MemberScores:
    """How well a number tells the members of a class that carry the artefact from the others."""

    auc: float
    ap: float
    p10: float
    carriers: int
    members: int


def member_scores(
    scores: Float[np.ndarray, "member"], carries: Bool[np.ndarray, "member"]
) -> MemberScores | None:
    """Return AUC, average precision and precision among the top 10; None when all are alike.

    With fewer than 10 carriers the precision is among as many as there are. Ties at the cut count
    by the share of carriers among the tied.
    """
    count = int(carries.sum())
    if count in (0, len(carries)):
        return None
    return MemberScores(
        auc=float(roc_auc_score(carries, scores)),
        ap=float(average_precision_score(carries, scores)),
        p10=precision_at(scores, carries, min(TOP, count)),
        carriers=count,
        members=len(carries),
    )


def precision_at(
    scores: Float[np.ndarray, "member"], carries: Bool[np.ndarray, "member"], count: int
) -> float:
    """Return the share of carriers among the ``count`` largest scores, expected over ties."""
    cut = np.sort(scores)[::-1][count - 1]
    above, tied = scores > cut, scores == cut
    places = count - int(above.sum())
    return float((carries[above].sum() + places * carries[tied].mean()) / count)


def iou(
    first: Bool[np.ndarray, "sample height width"], second: Bool[np.ndarray, "sample height width"]
) -> Float[np.ndarray, "sample"]:
    """Return intersection over union of every pair, 0 where both are empty."""
    both = (first & second).sum(axis=(1, 2))
    either = (first | second).sum(axis=(1, 2))
    shares: np.ndarray = np.divide(both, either, out=np.zeros(len(first)), where=either > 0)
    return shares


def inside(
    regions: Bool[np.ndarray, "sample height width"],
    artefacts: Bool[np.ndarray, "sample height width"],
) -> Float[np.ndarray, "sample"]:
    """Return the share of every region that lies in the artefact grown by `GROWN` pixels."""
    side = 2 * GROWN + 1
    near = ndimage.maximum_filter(artefacts.astype(np.uint8), size=(1, side, side)) > 0
    size = regions.sum(axis=(1, 2))
    shares: np.ndarray = np.divide(
        (regions & near).sum(axis=(1, 2)), size, out=np.zeros(len(regions)), where=size > 0
    )
    return shares


def covered(
    regions: Bool[np.ndarray, "sample height width"],
    artefacts: Bool[np.ndarray, "sample height width"],
) -> Float[np.ndarray, "sample"]:
    """Return the share of every artefact that the region covers."""
    size = artefacts.sum(axis=(1, 2))
    shares: np.ndarray = np.divide(
        (regions & artefacts).sum(axis=(1, 2)), size, out=np.zeros(len(regions)), where=size > 0
    )
    return shares


def hits(
    regions: Bool[np.ndarray, "carrier height width"],
    artefacts: Bool[np.ndarray, "carrier height width"],
) -> bool:
    """Say whether a region found the artefact.

    On at least half of the pictures that carry it, the two must overlap by an intersection over
    union of `LEAST_IOU`, or `LEAST_INSIDE` of the region must lie in the artefact grown by
    `GROWN` pixels.
    """
    if not len(regions):
        return False
    good = (iou(regions, artefacts) >= LEAST_IOU) | (inside(regions, artefacts) >= LEAST_INSIDE)
    return bool(good.mean() >= 0.5)


def pointing(
    heatmaps: Float[np.ndarray, "carrier height width"],
    regions: Bool[np.ndarray, "carrier height width"],
    artefacts: Bool[np.ndarray, "carrier height width"],
) -> float:
    """Return how often the most relevant pixel of the region lies in the artefact, grown."""
    within = np.where(regions, heatmaps, -np.inf).reshape(len(regions), -1)
    side = 2 * GROWN + 1
    near = ndimage.maximum_filter(artefacts.astype(np.uint8), size=(1, side, side)) > 0
    peaks = within.argmax(axis=1)
    found = near.reshape(len(near), -1)[np.arange(len(near)), peaks]
    return float((found & regions.any(axis=(1, 2))).mean())


def rank_of(found: Sequence[bool]) -> int | None:
    """Return the place of the first hit, counted from 1."""
    return next((place for place, hit in enumerate(found, start=1) if hit), None)


def place_of(scores: Sequence[float], wanted: int) -> float:
    """Return the expected place of an item by score, ties in random order, counted from 1."""
    own = scores[wanted]
    above = sum(score > own for score in scores)
    tied = sum(score == own for score in scores) - 1
    return 1 + above + tied / 2


def hit_within(scores: Sequence[float], wanted: int, count: int) -> float:
    """Return the chance that an item is among the ``count`` best, ties in random order."""
    own = scores[wanted]
    above = sum(score > own for score in scores)
    tied = sum(score == own for score in scores)
    return float(np.clip((count - above) / tied, 0, 1))


def separation(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """Return the chance that a positive scores above a negative, ties half; None if one lacks."""
    if not positive or not negative:
        return None
    truth = [True] * len(positive) + [False] * len(negative)
    return float(roc_auc_score(truth, [*positive, *negative]))


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return Spearman's correlation, None under three pairs or where one side is constant."""
    if len(first) < 3 or len(set(first)) < 2 or len(set(second)) < 2:
        return None
    return float(spearmanr(first, second).statistic)


def mean_interval(
    values: Sequence[float], *, draws: int = 4000
) -> tuple[float, float, float] | None:
    """Return mean and 95 % bootstrap interval over models; None without values.

    Where all values are the same 0 or 1 the bootstrap has no width: the open end is then what a
    share met n times in a row may still be (Clopper and Pearson 1934).
    """
    if not values:
        return None
    array = np.asarray(values, dtype=np.float64)
    generator = np.random.default_rng(0)
    means = array[generator.integers(0, len(array), (draws, len(array)))].mean(axis=1)
    low, high = (float(value) for value in np.quantile(means, [0.025, 0.975]))
    if (array == 1).all():
        low = 0.025 ** (1 / len(array))
    if (array == 0).all():
        high = 1 - 0.025 ** (1 / len(array))
    return float(array.mean()), low, high


def share_interval(successes: int, n: int) -> tuple[float, float, float] | None:
    """Return a share with its 95 % interval (Wilson 1927); None without trials."""
    if n == 0:
        return None
    z2 = 1.959963984540054**2
    share = successes / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * share * (1 - share) / n + z2 * z2 / (4 * n * n)) / (1 + z2 / n)
    return share, max(0.0, centre - half), min(1.0, centre + half)
