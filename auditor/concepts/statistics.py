"""Measure how much each audited class uses each concept, and how sure the order is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from auditor.base.streams import stream
from auditor.concepts.shares import shares_of
from auditor.concepts.topk import largest
from auditor.records.stages import ConceptStatistics, LayerRelevance, Samples

COLUMNS = {
    **dict.fromkeys(("mean_share", "spread", "positive", "frequency"), np.float64),
    **dict.fromkeys(("rank", "rank_low", "rank_high"), np.int64),
}


def concept_statistics(
    samples: Samples,
    layer_relevance: LayerRelevance,
    outputs: Sequence[int],
    *,
    top: int = 5,
    resamples: int = 200,
    seed: int,
) -> ConceptStatistics:
    """Return the statistics of every concept over the members of each class in ``outputs``.

    Shares have no unit. ``spread`` is the standard deviation over members (n - 1; 0 for one
    member). ``frequency`` counts a concept only where its relevance is positive. The rank interval
    is the 2.5 to 97.5 % range of the rank of the mean share over ``resamples`` bootstrap samples
    of members, widened to hold the rank itself; with one member nothing is known and it holds all
    ranks. A class without members gets n = 0 and zeros throughout.
    """
    classes = [
        _class_statistics(
            shares_of(layer_relevance, samples.members(output)),
            top,
            resamples,
            stream(seed, "ranks of concepts", layer_relevance.layer, output),
        )
        for output in outputs
    ]
    concepts = layer_relevance.relevance.shape[1]
    tables = {  # no class gives tables without rows, not an error
        name: np.array([of_class[name] for of_class in classes], dtype=kind).reshape(-1, concepts)
        for name, kind in COLUMNS.items()
    }
    return ConceptStatistics(
        layer=layer_relevance.layer,
        outputs=tuple(int(output) for output in outputs),
        n=np.array([len(samples.members(output)) for output in outputs], dtype=np.int64),
        top=top,
        **tables,
    )


def ranks(values: Float[np.ndarray, "... concept"]) -> Int[np.ndarray, "... concept"]:
    """Return the rank of every value along the last axis: 1 is the largest, ties by position."""
    order = np.argsort(-values, axis=-1, kind="stable")
    found = np.empty_like(order)
    places = np.broadcast_to(np.arange(1, values.shape[-1] + 1), order.shape)
    np.put_along_axis(found, order, places, axis=-1)
    return found


def _class_statistics(
    share: Float[np.ndarray, "member concept"], top: int, resamples: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return `COLUMNS` by name, each with a value per concept."""
    n, concepts = share.shape
    if n == 0:
        return dict.fromkeys(COLUMNS, np.zeros(concepts))
    mean = share.mean(axis=0)
    rank = ranks(mean)
    low, high = _rank_interval(share, rank, resamples, rng)
    leading = largest(share, top)
    times = np.bincount(leading[leading >= 0], minlength=concepts)
    return {
        "mean_share": mean,
        "spread": share.std(axis=0, ddof=1) if n > 1 else np.zeros(concepts),
        "positive": (share > 0).mean(axis=0),
        "frequency": times / n,
        "rank": rank,
        "rank_low": low,
        "rank_high": high,
    }


def _rank_interval(
    share: Float[np.ndarray, "member concept"],
    rank: Int[np.ndarray, "concept"],
    resamples: int,
    rng: np.random.Generator,
) -> tuple[Int[np.ndarray, "concept"], Int[np.ndarray, "concept"]]:
    """Return the bootstrap interval of the rank; a resample is how often each member is drawn."""
    n, concepts = share.shape
    if n == 1:
        return np.ones(concepts, dtype=np.int64), np.full(concepts, concepts, dtype=np.int64)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=resamples)
    resampled = ranks(drawn @ share)
    low = np.quantile(resampled, 0.025, axis=0, method="lower")
    high = np.quantile(resampled, 0.975, axis=0, method="higher")
    return np.minimum(low, rank), np.maximum(high, rank)
