"""Group concepts that mean the same into subspaces, and measure how much each class uses them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import silhouette_score

from auditor.concepts.shares import shares_of
from auditor.language.numbers import decimal, short_number
from auditor.language.speaking import gettext as _
from auditor.records.stages import LayerRelevance, Samples, Subspaces

MOST = 20
ALIKE = 0.95
PAIR = 0.5
# A mean silhouette below this says that no number of clusters describes the concepts.
SEPARATED = 0.05


def find_subspaces(
    layer: str,
    concepts: Sequence[int],
    similarity: Float[np.ndarray, "compared compared"],
    layer_relevance: LayerRelevance,
    samples: Samples,
    outputs: Sequence[int],
) -> Subspaces:
    """Return clusters of ``concepts``; subspace 0 has the most concepts, ties by first concept.

    Agglomerative clustering with average linkage on ``1 - similarity``; the number of clusters is
    the one with the largest mean silhouette in a range that ``rule`` states in plain words, as it
    does where there is nothing to choose. ``silhouette`` is 0 where it is not defined. The share
    of a subspace is the mean over a class's members of the summed relevance shares.
    """
    compared = np.asarray(concepts, dtype=np.int64)
    if similarity.shape != (len(compared), len(compared)):
        raise ValueError(f"{len(compared)} concepts, but similarity is {similarity.shape}")
    labels, silhouette, rule = _cluster(similarity)
    cluster = largest_first(labels)
    return Subspaces(
        layer=layer,
        concepts=compared,
        similarity=similarity,
        cluster=cluster,
        share=_shares(compared, cluster, layer_relevance, samples, outputs),
        silhouette=silhouette,
        rule=rule,
    )


def _cluster(
    similarity: Float[np.ndarray, "compared compared"],
) -> tuple[Int[np.ndarray, "compared"], float, str]:
    count = len(similarity)
    together, apart = np.zeros(count, dtype=np.int64), np.arange(count)
    if count == 0:
        return together, 0.0, _("No concept was compared, so there are no subspaces.")
    if count == 1:
        return together, 0.0, _("Only one concept was compared; it is its own subspace.")
    if similarity.min() >= ALIKE:
        rule = _(
            "All %(count)s compared concepts are alike (similarity %(alike)s or more): one "
            "subspace.",
            count=count,
            alike=short_number(ALIKE),
        )
        return together, 0.0, rule
    if count == 2:
        value = float(similarity[0, 1])
        one = value >= PAIR
        found = together if one else apart
        rule = _(
            "Two concepts were compared; their similarity is %(value)s and %(pair)s or more makes "
            "one subspace: %(verdict)s.",
            value=decimal(value),
            pair=short_number(PAIR),
            verdict=_("one subspace") if one else _("two subspaces"),
        )
        return found, 0.0, rule
    most = min(MOST, count - 1)
    distance = 1.0 - similarity
    np.fill_diagonal(distance, 0.0)
    best, chosen = -1.0, apart
    for number in range(2, most + 1):
        labels = AgglomerativeClustering(
            n_clusters=number, metric="precomputed", linkage="average"
        ).fit_predict(distance)
        value = float(silhouette_score(distance, labels, metric="precomputed"))
        if value > best:
            best, chosen = value, labels
    said = {
        "count": count,
        "span": _("two clusters") if most == 2 else _("2 to %(most)s clusters", most=most),
        "best": decimal(best),
    }
    if best < SEPARATED:
        rule = _(
            "%(count)s concepts compared on each other's reference samples; %(span)s tried, none "
            "separates them (largest silhouette %(best)s): every concept is its own subspace.",
            **said,
        )
        return apart, best, rule
    rule = _(
        "%(count)s concepts compared on each other's reference samples; %(span)s tried, the number "
        "with the largest silhouette (%(best)s) taken.",
        **said,
    )
    return chosen, best, rule


def largest_first(labels: Int[np.ndarray, "compared"]) -> Int[np.ndarray, "compared"]:
    """Renumber clusters by size, largest first, ties by their first member."""
    _, first, inverse, sizes = np.unique(
        labels, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.lexsort((first, -sizes))
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return number[inverse]


def _shares(
    compared: Int[np.ndarray, "compared"],
    cluster: Int[np.ndarray, "compared"],
    layer_relevance: LayerRelevance,
    samples: Samples,
    outputs: Sequence[int],
) -> Float[np.ndarray, "class subspace"]:
    count = int(cluster.max()) + 1 if len(cluster) else 0
    found = np.zeros((len(outputs), count))
    for place, output in enumerate(outputs):
        share = shares_of(layer_relevance, samples.members(output))
        if len(share):
            found[place] = np.bincount(
                cluster, weights=share[:, compared].mean(axis=0), minlength=count
            )
    return found
