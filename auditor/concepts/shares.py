"""Relevance as shares: what part of a sample's relevance each concept carries."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from auditor.records.stages import LayerRelevance


def shares_of(
    layer: LayerRelevance, rows: Int[np.ndarray, "member"]
) -> Float[np.ndarray, "member concept"]:
    """Return relevance over the sample's sum of absolute relevance, in double precision.

    A row without any relevance gets zeros. Reads only ``rows``, so that a memory-mapped table of
    100,000 samples is never in memory as a whole.
    """
    relevance = layer.relevance[rows].astype(np.float64)
    total = np.abs(relevance).sum(axis=1, keepdims=True)
    share: np.ndarray = np.divide(relevance, total, out=np.zeros_like(relevance), where=total > 0)
    return share
