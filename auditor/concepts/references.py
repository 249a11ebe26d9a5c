"""Choose reference samples: relevance maximisation (RelMax) and activation maximisation.

Source: Achtibat et al. 2023, "From attribution maps to human-understandable explanations through
Concept Relevance Propagation", section on relevance maximisation.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int, UInt8

from auditor.concepts.duplicates import ALIKE, first_of_each, likeness
from auditor.concepts.topk import largest
from auditor.records.stages import LayerRelevance, Origin, References, Samples

# Columns are copied out of the (sample, concept) table in blocks, which bounds memory.
BLOCK = 64
# Candidates per reference sample, so that a set is full although near-duplicates are left out.
CANDIDATES = 3


def references(
    layer_relevance: LayerRelevance,
    samples: Samples,
    *,
    k: int,
    origin: Origin,
    output: int | None = None,
) -> References:
    """Return the ``k`` samples with the largest score of every concept.

    The order is total: score descending, then row ascending. Only valid rows with a finite,
    strictly positive score count; unused slots have row and peak -1 and score 0. With ``output``,
    only samples labelled and explained as that output count: relevance for another output says
    nothing about this class. Where fingerprints were taken, a near-duplicate of a better sample of
    the concept is left out and counted, and the next best of `CANDIDATES` times ``k`` moves up.
    Scores are sums of relevance and largest activations over positions, or, where the layer holds
    them, largest relevance and sums of activation. ``peaks`` are the most relevant positions for
    both origins.
    """
    usable = samples.valid
    if output is not None:
        usable = usable & (samples.labels == output) & (samples.target == output)
    table = _scores(layer_relevance, origin)
    left_out: np.ndarray | None = None
    if samples.fingerprint is None:
        rows = _best_rows(table, np.flatnonzero(usable), k)
    else:
        rows = _best_rows(table, np.flatnonzero(usable), CANDIDATES * k)
        rows, left_out = _without_duplicates(rows, samples.fingerprint, k)
    unused = rows < 0
    concepts = np.arange(len(rows))[:, None]
    scores, peaks = table[rows, concepts], layer_relevance.peak[rows, concepts]
    return References(
        layer=layer_relevance.layer,
        origin=origin,
        output=output,
        rows=rows,
        scores=np.where(unused, 0, scores),
        peaks=np.where(unused, -1, peaks),
        left_out=left_out,
    )


def jaccard(a: References, b: References) -> Float[np.ndarray, "concept"]:
    """Return, per concept, shared rows over all rows of two sets of reference samples.

    1 where both sets are empty: they do not differ.
    """
    if a.layer != b.layer or len(a.rows) != len(b.rows):
        raise ValueError(f"references of different layers: '{a.layer}' and '{b.layer}'")
    same = (a.rows[:, :, None] == b.rows[:, None, :]) & (a.rows >= 0)[:, :, None]
    shared = same.any(axis=2).sum(axis=1)
    either = (a.rows >= 0).sum(axis=1) + (b.rows >= 0).sum(axis=1) - shared
    overlap: np.ndarray = np.divide(shared, either, out=np.ones(len(shared)), where=either > 0)
    return overlap


def _scores(layer: LayerRelevance, origin: Origin) -> Float[np.ndarray, "sample concept"]:
    if origin == "relevance":
        return layer.relevance if layer.largest_relevance is None else layer.largest_relevance
    return layer.activation if layer.summed_activation is None else layer.summed_activation


def _without_duplicates(
    candidates: Int[np.ndarray, "concept candidate"],
    prints: UInt8[np.ndarray, "sample byte"],
    k: int,
) -> tuple[Int[np.ndarray, "concept k"], Int[np.ndarray, "concept"]]:
    """Return the ``k`` best rows that are like no better one, and how many were passed over."""
    rows = np.full((len(candidates), k), -1, dtype=np.int64)
    left_out = np.zeros(len(candidates), dtype=np.int64)
    for concept, found in enumerate(candidates):
        known = found[found >= 0]
        kept = np.flatnonzero(first_of_each(likeness(prints[known]) >= ALIKE))[:k]
        rows[concept, : len(kept)] = known[kept]
        # Past the last that is kept nothing would have been among them.
        seen = kept[-1] + 1 if len(kept) == k else len(known)
        left_out[concept] = seen - len(kept)
    return rows, left_out


def _best_rows(
    table: Float[np.ndarray, "sample concept"], usable: Int[np.ndarray, "row"], k: int
) -> Int[np.ndarray, "concept k"]:
    concepts = table.shape[1]
    if len(usable) == 0 or concepts == 0:
        return np.full((concepts, k), -1, dtype=np.int64)
    found = []
    for start in range(0, concepts, BLOCK):
        block = np.ascontiguousarray(table[:, start : start + BLOCK][usable].T)
        places = largest(block, k)
        found.append(np.where(places >= 0, usable[places], -1))
    return np.concatenate(found)
