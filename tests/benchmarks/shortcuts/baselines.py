"""Other ways to look for clever-Hans behaviour, each with its natural continuous score.

Each looks at one class at a time and gives a score per member, and one for the class, by which the
classes are ranked. They see the same members as the search and are told nothing about artefacts.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor, kneighbors_graph

from auditor.concepts.shares import shares_of
from tests.benchmarks.shortcuts.audited import Audited

LEAST = 8
SIDE = 16
DIMENSIONS = 10
MOST_CLUSTERS = 8
MOST_COMPONENTS = 4


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a baseline says of a class: a score per member, and one for the class."""

    members: Float[np.ndarray, "member"]
    suspicion: float


def spectral_relevance(points: Float[np.ndarray, "member feature"]) -> Verdict:
    """SpRAy (Lapuschkin et al. 2019): spectral clusters of a neighbour graph of explanations.

    The number of clusters is that of the largest gap of eigenvalues. A class is as suspicious as
    the best Fisher separation of a cluster of at most half of it (Anders et al. 2022); a member
    scores by its side of that discriminant.
    """
    count = len(points)
    graph = kneighbors_graph(_normal(points), min(10, count - 1), include_self=True)
    weights = 0.5 * (graph + graph.T).toarray()
    scale = 1 / np.sqrt(weights.sum(axis=1))
    values, vectors = np.linalg.eigh(np.eye(count) - scale[:, None] * weights * scale)
    gaps = np.diff(values[: MOST_CLUSTERS + 1])
    number = max(2, 1 + int(gaps.argmax()))
    embedding = vectors[:, :number]
    clusters = _k_means(embedding, number)
    best = Verdict(np.zeros(count), 0.0)
    for cluster in range(number):
        own = clusters == cluster
        if not 2 <= own.sum() <= count / 2:
            continue
        side = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1).fit(embedding, own)
        scores = side.decision_function(embedding)
        within = scores[own].var() + scores[~own].var()
        fisher = (scores[own].mean() - scores[~own].mean()) ** 2 / max(within, 1e-12)
        if fisher > best.suspicion:
            best = Verdict(scores, float(fisher))
    return best


def activation_clustering(features: Float[np.ndarray, "member feature"]) -> Verdict:
    """Activation clustering (Chen et al. 2018): two means of the last activations.

    The smaller cluster is the suspicious one; the class scores by the silhouette.
    """
    points = _reduced(features)
    clusters = _k_means(points, 2)
    if len(np.unique(clusters)) < 2:
        return Verdict(np.zeros(len(points)), 0.0)
    small = int((clusters == 1).sum() <= (clusters == 0).sum())
    centres = [points[clusters == each].mean(axis=0) for each in (1 - small, small)]
    away, near = (np.linalg.norm(points - centre, axis=1) for centre in centres)
    return Verdict(away - near, float(silhouette_score(points, clusters)))


def spectral_signature(features: Float[np.ndarray, "member feature"]) -> Verdict:
    """Spectral signatures (Tran et al. 2018): the squared part along the first singular vector.

    The class scores by the share of the variance that lies along it.
    """
    centred = features - features.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    total = float((values**2).sum())
    return Verdict((left[:, 0] * values[0]) ** 2, float(values[0] ** 2) / max(total, 1e-12))


def prototype_component(shares: Float[np.ndarray, "member concept"]) -> Verdict:
    """PCX (Dreyer et al. 2024): the posterior of the smallest Gaussian of a mixture.

    The number of Gaussians is by BIC; the class scores by the gain in BIC over one, per member.
    """
    points = _reduced(shares)
    single, *several = _mixtures(points)
    if not several:
        return Verdict(np.zeros(len(points)), 0.0)
    fit = min(several, key=lambda each: float(each.bic(points)))
    smallest = int(np.argmin(fit.weights_))
    posterior = fit.predict_proba(points)[:, smallest]
    return Verdict(posterior, float(single.bic(points) - fit.bic(points)) / len(points))


def prototype_likelihood(shares: Float[np.ndarray, "member concept"]) -> Verdict:
    """PCX (Dreyer et al. 2024): how unlikely a member is under the mixture of its class.

    The class scores by how far its most unlikely twentieth is from its median.
    """
    points = _reduced(shares)
    best = min(_mixtures(points), key=lambda fit: float(fit.bic(points)))
    unlikely = -best.score_samples(points)
    return Verdict(unlikely, float(np.quantile(unlikely, 0.95) - np.median(unlikely)))


def outlier_factor(shares: Float[np.ndarray, "member concept"]) -> Verdict:
    """Local outlier factor (Breunig et al. 2000) of concept relevance; the class by its 95 %."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Duplicates among few neighbours.
        fit = LocalOutlierFactor(n_neighbors=min(20, len(shares) - 1)).fit(shares)
    scores = -fit.negative_outlier_factor_
    return Verdict(scores, float(np.quantile(scores, 0.95)))


def relevance_rank(
    shares: Float[np.ndarray, "member concept"], others: Float[np.ndarray, "class concept"]
) -> Verdict:
    """The concept whose mean relevance ranks highest here compared with the other classes.

    Ranks count from 1 by mean share. Members score by their share of that concept.
    """
    own = _places(shares.mean(axis=0)[None])[0]
    gain = _places(others).mean(axis=0) - own
    gain[own > DIMENSIONS] = -np.inf
    concept = int(gain.argmax())
    return Verdict(shares[:, concept], float(gain[concept]))


def all_verdicts(audited: Audited) -> dict[str, dict[int, Verdict]]:
    """Return what every baseline of this file says of every class with enough members."""
    shares = shares_of(audited.layer, np.arange(len(audited.layer.relevance)))
    rows = {output: audited.members(output) for output in audited.outputs}
    rows = {output: members for output, members in rows.items() if len(members) >= LEAST}
    means = {output: shares[members].mean(axis=0) for output, members in rows.items()}
    maps = shrunk(audited.heatmaps)
    found: dict[str, dict[int, Verdict]] = {name: {} for name in (*SIMPLE, RANK)}
    for output, members in rows.items():
        given = {
            "heatmaps": maps[members],
            "concepts": shares[members],
            "features": audited.features[members],
        }
        for name, (method, what) in SIMPLE.items():
            found[name][output] = method(given[what])
        others = np.stack([mean for label, mean in means.items() if label != output])
        found[RANK][output] = relevance_rank(shares[members], others)
    return found


SIMPLE: Mapping[str, tuple[Callable[[np.ndarray], Verdict], str]] = {
    "SpRAy, heatmaps": (spectral_relevance, "heatmaps"),
    "SpRAy, concepts": (spectral_relevance, "concepts"),
    "activation clustering": (activation_clustering, "features"),
    "spectral signatures": (spectral_signature, "features"),
    "PCX component": (prototype_component, "concepts"),
    "PCX likelihood": (prototype_likelihood, "concepts"),
    "local outlier factor": (outlier_factor, "concepts"),
}
RANK = "mean relevance rank"


def shrunk(heatmaps: Float[np.ndarray, "sample height width"]) -> Float[np.ndarray, "sample cell"]:
    """Return the means of heatmaps over `SIDE` x `SIDE` cells, as shares of absolute relevance."""
    count, height, width = heatmaps.shape
    cells = heatmaps.reshape(count, SIDE, height // SIDE, SIDE, width // SIDE).mean(axis=(2, 4))
    return _normal(cells.reshape(count, -1))


def _normal(points: np.ndarray) -> np.ndarray:
    total = np.abs(points).sum(axis=1, keepdims=True)
    shares: np.ndarray = points / np.maximum(total, 1e-12)
    return shares


def _reduced(points: np.ndarray) -> np.ndarray:
    number = min(DIMENSIONS, points.shape[1], max(1, len(points) // 4))
    reduced: np.ndarray = PCA(number, random_state=0).fit_transform(points.astype(np.float64))
    return reduced / max(float(reduced[:, 0].std()), 1e-12)


def _k_means(points: np.ndarray, number: int) -> Int[np.ndarray, "member"]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # Fewer distinct points than clusters.
        found: np.ndarray = KMeans(number, n_init=4, random_state=0).fit_predict(points)
    return found


def _mixtures(points: np.ndarray) -> list[GaussianMixture]:
    """Return mixtures of 1 to `MOST_COMPONENTS` Gaussians, none of fewer than `LEAST` members.

    A Gaussian of a few members shrinks around them and makes outliers the likeliest of all.
    """
    fits = []
    for number in range(1, MOST_COMPONENTS + 1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fit = GaussianMixture(number, reg_covar=1e-2, random_state=0).fit(points)
        if number == 1 or fit.weights_.min() * len(points) >= LEAST:
            fits.append(fit)
    return fits


def _places(values: np.ndarray) -> np.ndarray:
    order = np.argsort(-values, axis=1, kind="stable")
    places: np.ndarray = np.argsort(order, axis=1, kind="stable") + 1
    return places
