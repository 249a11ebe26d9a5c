"""Measure how much each audited class uses each concept, and how sure the order is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from auditor.base.streams import stream
from auditor.concepts.shares import shares_of
from auditor.concepts.topk import largest
from auditor.records.stages import ConceptStatistics, LayerRelevance, Samples


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
    return ConceptStatistics(
        layer=layer_relevance.layer,
        outputs=tuple(int(output) for output in outputs),
        n=np.array([found.n for found in classes], dtype=np.int64),
        top=top,
        mean_share=_table([found.mean_share for found in classes], concepts),
        spread=_table([found.spread for found in classes], concepts),
        positive=_table([found.positive for found in classes], concepts),
        frequency=_table([found.frequency for found in classes], concepts),
        rank=_table([found.rank for found in classes], concepts).astype(np.int64),
        rank_low=_table([found.rank_low for found in classes], concepts).astype(np.int64),
        rank_high=_table([found.rank_high for found in classes], concepts).astype(np.int64),
    )


def ranks(values: Float[np.ndarray, "... concept"]) -> Int[np.ndarray, "... concept"]:
    """Return the rank of every value along the last axis: 1 is the largest, ties by position."""
    order = np.argsort(-values, axis=-1, kind="stable")
    found = np.empty_like(order)
    places = np.broadcast_to(np.arange(1, values.shape[-1] + 1), order.shape)
    np.put_along_axis(found, order, places, axis=-1)
    return found


@dataclass(frozen=True)
class _ClassStatistics:
    n: int
    mean_share: Float[np.ndarray, "concept"]
    spread: Float[np.ndarray, "concept"]
    positive: Float[np.ndarray, "concept"]
    frequency: Float[np.ndarray, "concept"]
    rank: Int[np.ndarray, "concept"]
    rank_low: Int[np.ndarray, "concept"]
    rank_high: Int[np.ndarray, "concept"]


def _class_statistics(
    share: Float[np.ndarray, "member concept"], top: int, resamples: int, rng: np.random.Generator
) -> _ClassStatistics:
    n, concepts = share.shape
    if n == 0:
        zeros, none = np.zeros(concepts), np.zeros(concepts, dtype=np.int64)
        return _ClassStatistics(0, zeros, zeros, zeros, zeros, none, none, none)
    mean = share.mean(axis=0)
    rank = ranks(mean)
    low, high = _rank_interval(share, rank, resamples, rng)
    leading = largest(share, top)
    times = np.bincount(leading[leading >= 0], minlength=concepts)
    return _ClassStatistics(
        n=n,
        mean_share=mean,
        spread=share.std(axis=0, ddof=1) if n > 1 else np.zeros(concepts),
        positive=(share > 0).mean(axis=0),
        frequency=times / n,
        rank=rank,
        rank_low=low,
        rank_high=high,
    )


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


def _table(rows: Sequence[np.ndarray], concepts: int) -> np.ndarray:
    """Return one row per class; no class gives a table without rows, not an error."""
    return np.array(rows).reshape(-1, concepts)
