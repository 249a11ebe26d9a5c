"""P2, strategies: groups within a class that are decided by other concepts than the rest.

Relevance shares of the discovery members, reduced by principal components, are split by k-means. A
split counts when it is tighter than the same split of one Gaussian cloud of the same variances
(the cluster index of Liu et al. 2008, "Statistical significance of clustering for high-dimension,
low-sample-size data"), and a group when bootstrap samples find it again (clusterwise Jaccard of
Hennig 2007, "Cluster-wise assessment of cluster stability").
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from auditor.base.streams import stream
from auditor.concepts.factors import leading_channels
from auditor.language.numbers import decimal
from auditor.language.speaking import gettext as _
from auditor.shortcuts.propose.concept_regions import region_of
from auditor.shortcuts.propose.proposals import ClassView, Proposal, least_group, proposer

# Most groups that a class is split into.
MOST = 4
# Clusterwise Jaccard from which on Hennig calls a cluster valid and stable.
STABLE = 0.75
# Level of the test against one Gaussian cloud, over all numbers of groups.
LEVEL = 0.05
RESAMPLES = 20
# The smallest p is 1 %: below `LEVEL` over the three numbers of groups that are tried.
NULLS = 99
# Principal components: those that hold this share of the variance, at most so many.
DIMENSIONS = 10
VARIANCE = 0.9
# Starts and steps of k-means, few as it runs `NULLS` times: both sides of the test have the same.
STARTS = 4
STEPS = 12
# Each group costs a sweep through the model for every member.
PROPOSED = 2
# Concepts that set a group apart; further ones add little to the heatmap.
CHANNELS = 8

Points = Float[np.ndarray, "member coordinate"]


@dataclass(frozen=True)
class Group:
    """A stable group of members, in all of them and with what it has more of than the rest."""

    members: Bool[np.ndarray, "member"]
    direction: Float[np.ndarray, "concept"]
    stability: float


@proposer("P2", by_concept=True)
def strategy_regions(view: ClassView) -> list[Proposal]:
    """Propose for every stable group the place of the concepts that set it apart."""
    if view.table is None:
        return []
    proposals = []
    rng = stream(view.seed, "groups", view.output)
    for group in stable_groups(view.table.shares(), view.discovery, rng):
        channels = leading_channels(group.direction, most=CHANNELS)
        reason = _(
            "where the concepts lie that set %(sum)s of %(members)s pictures apart from the rest "
            "of the class (a group that bootstrap samples find again with a Jaccard index of "
            "%(stability)s).",
            sum=int(group.members.sum()),
            members=len(group.members),
            stability=decimal(group.stability),
        )
        heats = view.table.heat_of(channels)
        shape = _("region of a strategy")
        proposals.append(region_of(view, shape, heats, channels, reason, group.members))
    return proposals


def stable_groups(
    shares: Float[np.ndarray, "member concept"],
    discovery: Bool[np.ndarray, "member"],
    rng: np.random.Generator,
) -> list[Group]:
    """Return up to `PROPOSED` groups of a class, the most stable first; most classes have none.

    Chosen on the discovery members; the others are put with the nearest mean.
    """
    chosen = shares[discovery]
    least = least_group(len(chosen))
    if len(chosen) < 2 * least or not chosen.var(axis=0).max() > 1e-20:
        return []
    points, axes = _reduced(chosen)
    splits = {k: _split(points, k, rng) for k in range(2, MOST + 1) if len(points) >= k * least}
    levels = {k: _chance(points, k, _index(points, split), rng) for k, split in splits.items()}
    best = min(levels, key=lambda k: (levels[k], k), default=0)
    if best == 0 or levels[best] * len(levels) > LEVEL:
        return []
    assigned = splits[best]
    jaccards = _stability(points, assigned, best, rng)
    means = np.stack([points[assigned == group].mean(axis=0) for group in range(best)])
    everyone = _nearest((shares - chosen.mean(axis=0)) @ axes.T, means)
    groups = []
    for group in np.argsort(-jaccards, kind="stable"):
        inside = assigned == group
        direction = np.maximum(chosen[inside].mean(axis=0) - chosen[~inside].mean(axis=0), 0.0)
        if jaccards[group] >= STABLE and inside.sum() >= least and direction.any():
            groups.append(Group(everyone == group, direction, float(jaccards[group])))
    return groups[:PROPOSED]


def _reduced(
    shares: Float[np.ndarray, "member concept"],
) -> tuple[Points, Float[np.ndarray, "coordinate concept"]]:
    """Return coordinates along the principal components that hold `VARIANCE`, and these."""
    centred = shares - shares.mean(axis=0)
    _left, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    total = np.cumsum(sizes**2) / (sizes**2).sum()
    count = min(DIMENSIONS, int(np.searchsorted(total, VARIANCE)) + 1)
    return centred @ axes[:count].T, axes[:count]


def _split(points: Points, k: int, rng: np.random.Generator) -> Int[np.ndarray, "member"]:
    """Return the tightest of `STARTS` splits by k-means (Lloyd 1982), numbered from 0."""
    means = KMeans(k, n_init=STARTS, max_iter=STEPS, random_state=int(rng.integers(2**31)))
    with warnings.catch_warnings():
        # Fewer different points than groups: some groups stay empty, which is no split to propose.
        warnings.simplefilter("ignore", ConvergenceWarning)
        assigned: np.ndarray = means.fit_predict(points)
    return assigned.astype(np.int64)


def _nearest(points: Points, means: Float[np.ndarray, "k coordinate"]) -> Int[np.ndarray, "member"]:
    distance = ((points[:, None] - means[None]) ** 2).sum(axis=2)
    nearest: np.ndarray = distance.argmin(axis=1)
    return nearest


def _index(points: Points, assigned: Int[np.ndarray, "member"]) -> float:
    """Return the sum of squares within groups over the whole: 0 tight, 1 no groups."""
    within = sum(
        float(((points[assigned == group] - points[assigned == group].mean(axis=0)) ** 2).sum())
        for group in np.unique(assigned)
    )
    return within / max(float(((points - points.mean(axis=0)) ** 2).sum()), 1e-300)


def _chance(points: Points, k: int, index: float, rng: np.random.Generator) -> float:
    """Return how often one Gaussian cloud of the same variances splits as tightly.

    Drawing stops at the first cloud that does: with `NULLS` clouds one is too many already, for up
    to three numbers of groups.
    """
    deviations = points.std(axis=0)
    for drawn in range(1, NULLS + 1):
        cloud = rng.normal(size=points.shape) * deviations
        if _index(cloud, _split(cloud, k, rng)) <= index:
            return 2 / (1 + drawn)
    return 1 / (1 + NULLS)


def _stability(
    points: Points, assigned: Int[np.ndarray, "member"], k: int, rng: np.random.Generator
) -> Float[np.ndarray, "k"]:
    """Return the mean over bootstrap samples of each group's best Jaccard index."""
    totals = np.zeros(k)
    for _repeat in range(RESAMPLES):
        drawn = np.unique(rng.integers(len(points), size=len(points)), return_counts=True)
        again = _split(np.repeat(points[drawn[0]], drawn[1], axis=0), k, rng)
        rows = np.repeat(drawn[0], drawn[1])
        for group in range(k):
            own = assigned[rows] == group
            best = 0.0
            for other in np.unique(again):
                either = (own | (again == other)).sum()
                best = max(best, float((own & (again == other)).sum() / either))
            totals[group] += best
    return totals / RESAMPLES
