"""Strategies within a class: groups of its samples that are decided by different concepts.

Source: Dreyer et al. 2024, "Understanding the (extra-)ordinary: validating deep model decisions
with prototypical concept-based explanations" (PCX): Gaussian mixtures on relevance vectors, their
means as prototypes, the likelihood of a sample as a measure of how ordinary its decision is.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from auditor.concepts.principal import Principal, principal
from auditor.concepts.shares import shares_of
from auditor.concepts.topk import largest
from auditor.language.numbers import decimal, short_number
from auditor.language.speaking import gettext as _
from auditor.language.speaking import joined, ngettext
from auditor.records.concepts import Empty, Strategies
from auditor.records.stages import LayerRelevance

MOST = 5
# A strategy needs this many samples: fewer are odd samples, not a strategy.
LEAST = 8
# Coordinates that the mixture sees: enough for this part of the variance, within limits.
VARIANCE = 0.9
DIMENSIONS = 10
SAMPLES_PER_DIMENSION = 8
# Added to every variance, as a part of the mean variance of the coordinates.
REGULARISED = 1e-2
# Groups that bootstrap samples find again to this adjusted Rand index are stable.
STABLE = 0.75
# Mixtures are fitted on at most so many members, drawn at random; all are then assigned.
FITTED = 1000
# A log-likelihood this many robust spreads below the median is clearly apart.
APART = 3.0

Points = Float[np.ndarray, "member coordinate"]


@dataclass(frozen=True, eq=False)
class _Fit:
    """A mixture of ``number`` Gaussians, fitted ``on`` so many members; ``points`` are of all."""

    mixture: GaussianMixture
    points: Points
    number: int
    bic: Float[np.ndarray, "number"]
    stability: float | None
    rule: str
    on: int


def strategies(
    layer_relevance: LayerRelevance,
    output: int,
    members: Int[np.ndarray, "member"],
    *,
    most: int = MOST,
    least: int = LEAST,
    resamples: int = 20,
    top: int = 5,
    nearest: int = 6,
    odd: int = 5,
    rng: np.random.Generator,
) -> Strategies | Empty:
    """Return the strategies of a class's members, and the odd samples.

    Shares are reduced by principal components (enough for `VARIANCE` of the variance, at most
    `DIMENSIONS` and one per `SAMPLES_PER_DIMENSION` members). Mixtures of 1 to ``most`` Gaussians
    with full, regularised covariance are fitted. The number is the one with the smallest BIC among
    those that leave every strategy at least ``least`` members and are stable: the mean adjusted
    Rand index (Hubert and Arabie 1985) of the groups with those of ``resamples`` bootstrap samples,
    for each of which reduction and mixture are fitted anew with the same number, is `STABLE` or
    more. Without this a class whose shares are merely skewed is split in two, as a mixture of
    Gaussians describes a long tail better than one. All this on at most `FITTED` members; all of
    them are assigned. Likelihoods are in reduced coordinates: what
    happens outside them does not make a sample odd.

    Args:
        layer_relevance: the layer.
        output: the class, for the record.
        members: its rows, as `Samples.members` gives them.
        most: largest number of strategies tried.
        least: fewest members of a strategy.
        resamples: bootstrap samples behind the stability.
        top: how many distinguishing concepts are listed per strategy.
        nearest: how many samples are listed per strategy.
        odd: how many samples of the lowest likelihood are listed.
        rng: seeds mixtures and bootstrap.
    """
    if len(members) < 2 * least:
        return Empty(_too_few(len(members), least))
    share = shares_of(layer_relevance, members)
    if not share.var(axis=0).max() > 1e-20:
        return Empty(_("All samples of the class have the same relevance shares: one strategy."))
    fit = _fitted_to(share, most, least, resamples, rng)
    mixture, points, number = fit.mixture, fit.points, fit.number
    given = mixture.predict(points)
    order = np.argsort(-np.bincount(given, minlength=number), kind="stable")
    assigned = np.argsort(order)[given]
    difference, in_spreads = _differences(share, assigned, number)
    likelihood = mixture.score_samples(points)
    lowest = likelihood.argsort(kind="stable")[:odd]
    return Strategies(
        layer=layer_relevance.layer,
        output=output,
        rows=np.asarray(members),
        assigned=assigned,
        share_of_class=np.bincount(assigned, minlength=number) / len(members),
        difference=difference,
        difference_spread=in_spreads,
        distinguishing=largest(np.abs(difference), top) if number > 1 else np.full((1, top), -1),
        nearest=_nearest(mixture, points, assigned, order, members, nearest),
        odd=np.asarray(members)[lowest],
        outlying=int((likelihood[lowest] < _apart(likelihood)).sum()),
        stability=fit.stability,
        numbers=tuple(range(1, most + 1)),
        bic=fit.bic,
        rule=joined((fit.rule, _fitted_on(fit.on, len(members)))),
    )


def _fitted_to(
    share: Float[np.ndarray, "member channel"],
    most: int,
    least: int,
    resamples: int,
    rng: np.random.Generator,
) -> _Fit:
    """Return the mixture that is chosen, fitted on at most `FITTED` members."""
    seed, drawn = int(rng.integers(2**31)), _drawn(share, rng)
    reduction = _reduction(drawn)
    points, seen = reduction.coordinates(share), reduction.coordinates(drawn)
    fitted = {number: _mixture(seen, number, seed) for number in range(1, most + 1)}
    bic = np.array([_bic(mixture, seen, least) for mixture in fitted.values()])
    number, stability, unstable = _choose(drawn, seen, fitted, bic, resamples, seed, rng)
    rule = _rule(most, least, points.shape[1], number, stability, unstable)
    return _Fit(fitted[number], points, number, bic, stability, rule, len(drawn))


def _too_few(members: int, least: int) -> str:
    return _(
        "Strategies need %(both)s right decisions of a class, %(least)s for each of two; "
        "there are %(there)s.",
        both=2 * least,
        least=least,
        there=members,
    )


def _fitted_on(drawn: int, members: int) -> str:
    """Say that mixtures were fitted on a part of the members, nothing where they were not."""
    if drawn == members:
        return ""
    return _(
        "Fitted on %(drawn)s of the %(members)s samples, drawn at random.",
        drawn=drawn,
        members=members,
    )


def _differences(
    share: Float[np.ndarray, "member concept"], assigned: Int[np.ndarray, "member"], number: int
) -> tuple[Float[np.ndarray, "strategy concept"], Float[np.ndarray, "strategy concept"]]:
    """Return how each strategy's mean shares differ from the class's, plain and in spreads."""
    prototypes = np.stack([share[assigned == index].mean(axis=0) for index in range(number)])
    difference = prototypes - share.mean(axis=0)
    spread = share.std(axis=0, ddof=1)
    return difference, np.divide(
        difference, spread, out=np.zeros_like(difference), where=spread > 0
    )


def _drawn(
    share: Float[np.ndarray, "member concept"], rng: np.random.Generator
) -> Float[np.ndarray, "drawn concept"]:
    """Return the members that mixtures are fitted on: all, or `FITTED` of them at random."""
    if len(share) <= FITTED:
        return share
    return share[np.sort(rng.choice(len(share), FITTED, replace=False))]


def _reduction(share: Float[np.ndarray, "member concept"]) -> Principal:
    """Return the principal components that the mixture sees; also where there are few concepts."""
    n, concepts = share.shape
    limit = max(1, min(DIMENSIONS, concepts, n // SAMPLES_PER_DIMENSION))
    found = principal(share, limit)
    enough = int(np.searchsorted(np.cumsum(found.explained), VARIANCE)) + 1
    return found.first(enough)


def _mixture(points: Points, number: int, seed: int) -> GaussianMixture:
    found = GaussianMixture(
        number,
        covariance_type="full",
        reg_covar=max(REGULARISED * float(points.var(axis=0).mean()), 1e-18),
        n_init=3,
        random_state=seed,
    )
    with warnings.catch_warnings():
        # A mixture with too many Gaussians may not settle; BIC then judges it as it is.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return found.fit(points)


def _bic(mixture: GaussianMixture, points: Points, least: int) -> float:
    """Return the Bayesian information criterion, infinite where a strategy is too small."""
    sizes = np.bincount(mixture.predict(points), minlength=mixture.n_components)
    return float(mixture.bic(points)) if sizes.min() >= least else float("inf")


def _nearest(
    mixture: GaussianMixture,
    points: Points,
    assigned: Int[np.ndarray, "member"],
    order: Int[np.ndarray, "strategy"],
    members: Int[np.ndarray, "member"],
    count: int,
) -> Int[np.ndarray, "strategy nearest"]:
    """Return the assigned members with the smallest Mahalanobis distance to each mean."""
    found = np.full((len(order), count), -1, dtype=np.int64)
    for place, component in enumerate(order):
        own = np.flatnonzero(assigned == place)
        whitened = (points[own] - mixture.means_[component]) @ mixture.precisions_cholesky_[
            component
        ]
        closest = own[np.argsort((whitened**2).sum(axis=1), kind="stable")][:count]
        found[place, : len(closest)] = members[closest]
    return found


def _apart(likelihood: Float[np.ndarray, "member"]) -> float:
    median = float(np.median(likelihood))
    return median - APART * 1.4826 * float(np.median(np.abs(likelihood - median)))


def _stability(
    share: Float[np.ndarray, "member concept"],
    given: Int[np.ndarray, "member"],
    number: int,
    resamples: int,
    seed: int,
    rng: np.random.Generator,
) -> float:
    found = []
    for _drawn in range(resamples):
        drawn = share[rng.integers(0, len(share), len(share))]
        reduction = _reduction(drawn)
        mixture = _mixture(reduction.coordinates(drawn), number, seed)
        found.append(adjusted_rand_score(given, mixture.predict(reduction.coordinates(share))))
    return float(np.mean(found))


def _choose(
    share: Float[np.ndarray, "member concept"],
    points: Points,
    fitted: Mapping[int, GaussianMixture],
    bic: Float[np.ndarray, "number"],
    resamples: int,
    seed: int,
    rng: np.random.Generator,
) -> tuple[int, float | None, tuple[tuple[int, float], ...]]:
    """Return the number, its stability, and numbers of a smaller BIC that are not stable."""
    numbers = np.array(list(fitted))
    unstable: list[tuple[int, float]] = []
    for place in np.argsort(bic, kind="stable"):
        number = int(numbers[place])
        if number == 1 or not np.isfinite(bic[place]):
            break
        given = fitted[number].predict(points)
        found = _stability(share, given, number, resamples, seed, rng)
        if found >= STABLE:
            return number, found, tuple(unstable)
        unstable.append((number, found))
    return 1, None, tuple(unstable)


def _rule(
    most: int,
    least: int,
    dimensions: int,
    number: int,
    stability: float | None,
    unstable: Sequence[tuple[int, float]],
) -> str:
    chosen = ngettext(
        "Gaussian mixtures of 1 to %(most)s strategies on %(num)s coordinate of the relevance "
        "shares; the number with the smallest BIC among those with at least %(least)s samples in "
        "each that bootstrap samples find again (adjusted Rand index of %(stable)s or more): "
        "%(number)s",
        "Gaussian mixtures of 1 to %(most)s strategies on %(num)s coordinates of the relevance "
        "shares; the number with the smallest BIC among those with at least %(least)s samples in "
        "each that bootstrap samples find again (adjusted Rand index of %(stable)s or more): "
        "%(number)s",
        dimensions,
        most=most,
        least=least,
        stable=short_number(STABLE),
        number=number,
    )
    if stability is not None:
        chosen = joined((chosen, _("(found again with %(value)s)", value=decimal(stability))))
    refused = [
        _("%(number)s with %(value)s", number=each, value=decimal(value))
        for each, value in unstable
    ]
    more = _("Not stable, so not taken: %(refused)s.", refused=joined(refused, "; "))
    return joined((chosen + ".", more if unstable else ""))
