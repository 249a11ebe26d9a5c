"""P6, global factors: statistics of whole pictures that tell a class from the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import false_discovery_control, norm, rankdata, tiecorrect

from auditor.base.streams import stream
from auditor.language.speaking import N_
from auditor.records.shortcuts import Evidence, Plausibility
from auditor.shortcuts.grading import LIKELY_ARTEFACT
from auditor.shortcuts.propose.proposals import asked_of_all_data, least_group
from auditor.shortcuts.statistics import noisy_or
from auditor.shortcuts.whole_pictures.global_statistics import STATISTICS
from auditor.shortcuts.whole_pictures.modes import bimodal, otsu

WHOLE_PICTURES = asked_of_all_data("P6")
LEVEL = 0.01
CLEAR_AUC = 0.75
# Permutations for the difference of distributions: one set serves all statistics of a class.
RESOLUTION = 20_000
# Where distributions are compared: not where fewer than this share of all pictures lie beyond.
TAIL = 0.05
# How far the margin differs, as a share of how far the whole does: none of it counts, all does.
OBJECT_ONLY, EVERYWHERE = 0.3, 0.6
# The share of other pictures from which on a change of whole pictures needs no object at all.
FULLY = 0.5
PER_CLASS, IN_ALL = 3, 20
CHUNK = 500

Moved = tuple[int, str, bool]
BY_NATURE = N_("made by camera or processing")
PART = "part of the class lacks it"
ENOUGH = N_("enough without any object")
# What a term of 1 counts in the noisy-or; `Statistic.nature` is the value of the first.
WEIGHTS: Mapping[str, float] = {BY_NATURE: 1.0, PART: 0.45, ENOUGH: 0.45}


@dataclass(frozen=True, eq=False)
class Predictive:
    """A statistic that tells a class from the others.

    ``auc`` is the chance that a picture of the class has the larger value; ``p`` by permutation of
    the labels; ``q`` over all classes and statistics.
    """

    output: int
    statistic: str
    own: Float[np.ndarray, "own"]
    others: Float[np.ndarray, "other"]
    auc: float
    p: float
    q: float = 1.0

    @property
    def apart(self) -> float:
        """How far the distributions are apart (`widest`), positive where the class has more."""
        return widest(self.own, self.others)[0]

    @property
    def typical(self) -> float:
        """Median of those of the class that lie beyond the point where the two differ most.

        About that of the class where all of it differs; where only a part of it does, that of the
        part.
        """
        difference, point = widest(self.own, self.others)
        beyond = self.own > point if difference > 0 else self.own <= point
        return float(np.median(self.own[beyond] if beyond.any() else self.own))


def predictive_statistics(
    values: Mapping[str, Float[np.ndarray, "sample"]],
    labels: Int[np.ndarray, "sample"],
    outputs: Sequence[int],
    permutations: int,
    seed: int,
) -> list[Predictive]:
    """Return the statistics with q <= `LEVEL`, the furthest apart first.

    Tested by ranks, and by the largest difference of the distributions (`widest`), which sees
    better what only a part of the class has; twice the smaller p. A class needs 8 pictures, and the
    others together too.
    """
    everything: list[Predictive] = []
    ranks = {name: rankdata(column) for name, column in values.items()}
    by_chance: dict[tuple[int, int], Float[np.ndarray, "permutation"]] = {}
    for output in outputs:
        own = labels == output
        sizes = int(own.sum()), int((~own).sum())
        if min(sizes) < 8:
            continue
        if sizes not in by_chance:
            by_chance[sizes] = _widest_by_chance(*sizes, stream(seed, "widest by chance", *sizes))
        table = np.stack([ranks[name] for name in values], axis=1) if values else np.zeros((0, 0))
        rng = stream(seed, "statistics that tell a class", output)
        for name, auc, p in zip(values, *_tested(table, own, permutations, rng), strict=True):
            factor = Predictive(output, name, values[name][own], values[name][~own], auc, p)
            reached = int((by_chance[sizes] >= abs(factor.apart) - 1e-9).sum())
            p = min(1.0, 2 * min(p, (1 + reached) / (1 + RESOLUTION)))
            everything.append(replace(factor, p=p))
    q_values = false_discovery_control([factor.p for factor in everything])
    corrected = [
        replace(factor, q=float(q)) for factor, q in zip(everything, q_values, strict=True)
    ]
    return sorted((e for e in corrected if e.q <= LEVEL), key=lambda factor: -abs(factor.apart))


def budgeted(telling: Sequence[Predictive], moved: Mapping[Moved, float]) -> list[Predictive]:
    """Return what is tested: at most `PER_CLASS` of a class and `IN_ALL`.

    First what is an artefact by nature, then what moves the model most: a class is told by many
    statistics of what it is, most of which the model does not look at.

    Args:
        telling: the statistics.
        moved: by class, statistic and whether it rises, what a change of it in other pictures
            moves the margin of the class by; a statistic that is missing there cannot be set.
    """

    def effect(factor: Predictive) -> float:
        return moved.get((factor.output, factor.statistic, factor.apart > 0), -np.inf)

    def order(factor: Predictive) -> tuple[bool, float]:
        by_nature = STATISTICS[factor.statistic].nature >= LIKELY_ARTEFACT
        return not by_nature, -effect(factor)

    kept: list[Predictive] = []
    for factor in sorted(telling, key=order):
        full = sum(other.output == factor.output for other in kept) >= PER_CLASS
        if not full and len(kept) < IN_ALL:
            kept.append(factor)
    return kept


def implausibility(
    factor: Predictive, given: Evidence | None = None, margin: float = 1.0
) -> Plausibility:
    """Return how surely a factor is no part of the class's objects.

    ``made by camera or processing`` is the statistic's own nature; ``part of the class lacks it``
    is 1 when the class falls into two groups (dip test), of which one is as the other classes are:
    then the class is recognised without it. ``enough without any object`` is the lower end of what
    ``given``, the statistic given with its q, turns of other pictures, 1 from `FULLY` on: a change
    of a whole picture brings no object along. It counts less the less the class differs at the
    ``margin`` (`margin_share`): sunflowers are yellow in the middle. Combined by noisy-or.
    """
    enough = 0.0
    if given is not None and given.outcome == "supports":
        everywhere = np.clip((margin - OBJECT_ONLY) / (EVERYWHERE - OBJECT_ONLY), 0.0, 1.0)
        enough = min(1.0, max(0.0, given.low / FULLY)) * float(everywhere)
    terms = {
        BY_NATURE: STATISTICS[factor.statistic].nature,
        PART: float(partial(factor.own, factor.others)),
        ENOUGH: enough,
    }
    score = noisy_or(WEIGHTS[name] * value for name, value in terms.items())
    return Plausibility(terms=terms, score=score)


def margin_share(
    factor: Predictive, own: Float[np.ndarray, "own"], others: Float[np.ndarray, "other"]
) -> float:
    """Return how far apart the classes are at the margin, as a share of how far the whole is."""
    share = widest(own, others)[0] / factor.apart if factor.apart else 0.0
    return max(0.0, share)


def partial(own: Float[np.ndarray, "own"], others: Float[np.ndarray, "other"]) -> bool:
    """Say whether values of a class fall into two groups, the one like those of the others."""
    if not bimodal(own):
        return False
    threshold = otsu(own)
    groups = own[own <= threshold], own[own > threshold]
    if min(len(group) for group in groups) < least_group(len(own)):
        return False
    distance = [abs(auc_of(group, others) - 0.5) for group in groups]
    return min(distance) <= 0.2 and max(distance) >= CLEAR_AUC - 0.5


def auc_of(first: Float[np.ndarray, "first"], second: Float[np.ndarray, "second"]) -> float:
    """Return the chance that a value of the first exceeds one of the second, ties half."""
    ranks = rankdata(np.concatenate([first, second]))[: len(first)]
    n, m = len(first), len(second)
    return float((ranks.sum() - n * (n + 1) / 2) / (n * m))


def _tested(
    ranks: Float[np.ndarray, "sample statistic"],
    own: Bool[np.ndarray, "sample"],
    permutations: int,
    rng: np.random.Generator,
) -> tuple[list[float], list[float]]:
    """Return AUC and two-sided p per statistic.

    By permuted labels; where those no longer resolve it, by the normal limit of the permutation
    distribution with correction for ties.
    """
    n, m = int(own.sum()), int((~own).sum())
    centre = n * (n + m + 1) / 2
    observed = np.abs(ranks[own].sum(axis=0) - centre)
    reached = np.zeros(ranks.shape[1])
    for start in range(0, permutations, CHUNK):
        count = min(CHUNK, permutations - start)
        order = np.argsort(rng.random((count, n + m)), axis=1)[:, :n]
        drawn = np.zeros((count, n + m))
        np.put_along_axis(drawn, order, 1.0, axis=1)
        reached += (np.abs(drawn @ ranks - centre) >= observed - 1e-9).sum(axis=0)
    p = (1 + reached) / (1 + permutations)
    for column in np.flatnonzero(reached == 0):
        spread = (n * m * (n + m + 1) / 12 * tiecorrect(ranks[:, column])) ** 0.5
        limit = float(2 * norm.sf(observed[column] / max(spread, 1e-12)))
        p[column] = min(p[column], max(limit, 1e-12))
    auc = (ranks[own].sum(axis=0) - n * (n + 1) / 2) / (n * m)
    return [float(a) for a in auc], [float(value) for value in p]


def widest(
    own: Float[np.ndarray, "own"], others: Float[np.ndarray, "other"]
) -> tuple[float, float]:
    """Return where two distributions differ most, and by how much; positive: own is larger.

    The difference of the distribution functions over the standard deviation of an indicator,
    sqrt(H (1 - H)) with H the share of all values up to there, so that a tail counts as much as the
    middle (after Anderson and Darling 1952), where H is in [`TAIL`, 1 - `TAIL`].
    """
    places, counts = np.unique(np.concatenate([own, others]), return_counts=True)
    pooled = np.cumsum(counts) / counts.sum()
    below = [
        np.searchsorted(np.sort(values), places, side="right") / len(values)
        for values in (others, own)
    ]
    difference = _weighed(below[0] - below[1], pooled)
    index = int(np.abs(difference).argmax())
    return float(difference[index]), float(places[index])


def _weighed(
    difference: Float[np.ndarray, "*rows place"], pooled: Float[np.ndarray, "place"]
) -> Float[np.ndarray, "*rows place"]:
    inside = (pooled >= TAIL) & (pooled <= 1 - TAIL)
    spread = np.sqrt(np.maximum(pooled * (1 - pooled), TAIL * (1 - TAIL)))
    weighed: np.ndarray = np.where(inside, difference / spread, 0.0)
    return weighed


def _widest_by_chance(n: int, m: int, rng: np.random.Generator) -> Float[np.ndarray, "permutation"]:
    """Return the size of `widest` for `RESOLUTION` random labels of ``n`` and ``m`` values.

    Without ties, with which it could only be smaller.
    """
    pooled = np.arange(1, n + m + 1) / (n + m)
    largest = []
    for start in range(0, RESOLUTION, CHUNK):
        count = min(CHUNK, RESOLUTION - start)
        own = np.argsort(rng.random((count, n + m)), axis=1) < n
        difference = np.cumsum(~own, axis=1) / m - np.cumsum(own, axis=1) / n
        largest.append(np.abs(_weighed(difference, pooled)).max(axis=1))
    return np.concatenate(largest)
