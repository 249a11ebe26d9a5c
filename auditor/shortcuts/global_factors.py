"""P6, global factors: statistics of whole pictures that tell a class from the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import norm, rankdata, tiecorrect

from auditor.records import Plausibility
from auditor.shortcuts.global_statistics import STATISTICS
from auditor.shortcuts.modes import bimodal, otsu
from auditor.shortcuts.proposals import least_group
from auditor.shortcuts.statistics import benjamini_hochberg

LEVEL = 0.01
CLEAR_AUC = 0.75
PER_CLASS, IN_ALL = 2, 10
CHUNK = 500

BY_NATURE = "made by camera or processing"
PART = "part of the class lacks it"
# What a term of 1 counts in the noisy-or; `Statistic.nature` is the value of the first.
WEIGHTS: Mapping[str, float] = {BY_NATURE: 1.0, PART: 0.45}


@dataclass(frozen=True, eq=False)
class Predictive:
    """A statistic that tells a class from the others on the discovery half.

    ``auc`` is the chance that a picture of the class has the larger value; ``p`` two-sided, by
    permutation of the labels; ``q`` over all classes and statistics.
    """

    output: int
    statistic: str
    own: Float[np.ndarray, "own"]
    others: Float[np.ndarray, "other"]
    auc: float
    p: float
    q: float = 1.0


def predictive_statistics(
    values: Mapping[str, Float[np.ndarray, "sample"]],
    labels: Int[np.ndarray, "sample"],
    outputs: Sequence[int],
    permutations: int,
    generator: np.random.Generator,
) -> list[Predictive]:
    """Return the statistics with q <= `LEVEL` and an AUC of `CLEAR_AUC` or more (or the reverse).

    Best first. A class needs 8 pictures, and the others together too.
    """
    everything: list[Predictive] = []
    ranks = {name: rankdata(column) for name, column in values.items()}
    for output in outputs:
        own = labels == output
        if own.sum() < 8 or (~own).sum() < 8:
            continue
        table = np.stack([ranks[name] for name in values], axis=1) if values else np.zeros((0, 0))
        for name, auc, p in zip(values, *_tested(table, own, permutations, generator), strict=True):
            column = values[name]
            everything.append(Predictive(output, name, column[own], column[~own], auc, p))
    q_values = benjamini_hochberg([each.p for each in everything]) if everything else []
    found = [replace(each, q=q) for each, q in zip(everything, q_values, strict=True)]
    clear = [each for each in found if each.q <= LEVEL and _clarity(each) >= CLEAR_AUC]
    return sorted(clear, key=lambda each: -_clarity(each))


def budgeted(found: Sequence[Predictive]) -> list[Predictive]:
    """Return the clearest, at most `PER_CLASS` of a class and `IN_ALL`, artefacts by nature first.

    A class is often told by many statistics of what it is; those that are never part of an object
    must not be crowded out.
    """
    order = sorted(found, key=lambda each: STATISTICS[each.statistic].nature < 0.5)
    kept: list[Predictive] = []
    for each in order:
        if sum(other.output == each.output for other in kept) < PER_CLASS and len(kept) < IN_ALL:
            kept.append(each)
    return kept


def implausibility(candidate: str, factor: Predictive) -> Plausibility:
    """Return how surely a factor is no part of the class's objects.

    ``made by camera or processing`` is the statistic's own nature; ``part of the class lacks it``
    is 1 when the class falls into two groups (dip test), of which one is as the other classes are:
    then the class is recognised without it. Combined by noisy-or.
    """
    terms = {
        BY_NATURE: STATISTICS[factor.statistic].nature,
        PART: float(partial(factor.own, factor.others)),
    }
    rest = 1.0
    for name, value in terms.items():
        rest *= 1.0 - WEIGHTS[name] * value
    return Plausibility(candidate, terms, 1.0 - rest)


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
    generator: np.random.Generator,
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
        order = np.argsort(generator.random((count, n + m)), axis=1)[:, :n]
        drawn = np.zeros((count, n + m))
        np.put_along_axis(drawn, order, 1.0, axis=1)
        reached += (np.abs(drawn @ ranks - centre) >= observed - 1e-9).sum(axis=0)
    p = (1 + reached) / (1 + permutations)
    for place in np.flatnonzero(reached == 0):
        spread = (n * m * (n + m + 1) / 12 * tiecorrect(ranks[:, place])) ** 0.5
        limit = float(2 * norm.sf(observed[place] / max(spread, 1e-12)))
        p[place] = min(p[place], max(limit, 1e-12))
    auc = (ranks[own].sum(axis=0) - n * (n + 1) / 2) / (n * m)
    return [float(a) for a in auc], [float(each) for each in p]


def _clarity(each: Predictive) -> float:
    return max(each.auc, 1 - each.auc)
