"""Choose the samples of a class that the atlas shows: the most typical one, then variety."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from auditor.concepts.shares import shares_of
from auditor.records.stages import LayerRelevance


def typical_samples(
    layer_relevance: LayerRelevance, members: Int[np.ndarray, "member"], count: int
) -> tuple[int, ...]:
    """Return up to ``count`` of the member rows of a class, the most typical first.

    Typical is closeness (cosine) of the member's relevance shares to the class's mean shares. The
    others come from the more typical half, each the one that is least like those already chosen,
    so that they show how the class varies and not its outliers. Ties go to the lower row.
    """
    rows, unit, typicality = _typicality(layer_relevance, members)
    if count < 1 or len(rows) == 0:
        return ()
    order = np.argsort(-typicality, kind="stable")
    pool = order[: max(count, (len(order) + 1) // 2)]
    pool = np.sort(pool)
    chosen = [int(order[0])]
    likeness = unit[pool] @ unit[chosen[0]]
    while len(chosen) < min(count, len(pool)):
        likeness[np.isin(pool, chosen)] = np.inf
        following = int(pool[np.argmin(likeness)])
        chosen.append(following)
        likeness = np.maximum(likeness, unit[pool] @ unit[following])
    return tuple(int(rows[place]) for place in chosen)


def least_typical(
    layer_relevance: LayerRelevance, members: Int[np.ndarray, "member"]
) -> int | None:
    """Return the member row that is least like the class's mean; None with fewer than two."""
    rows, _, typicality = _typicality(layer_relevance, members)
    return int(rows[np.argmin(typicality)]) if len(rows) > 1 else None


def _typicality(
    layer_relevance: LayerRelevance, members: Int[np.ndarray, "member"]
) -> tuple[Int[np.ndarray, "used"], Float[np.ndarray, "used concept"], Float[np.ndarray, "used"]]:
    """Return the rows with relevance, their shares as unit vectors, and how typical each is."""
    share = shares_of(layer_relevance, members)
    used = np.abs(share).sum(axis=1) > 0
    rows, share = members[used], share[used]
    unit = share / np.linalg.norm(share, axis=1, keepdims=True)
    return rows, unit, unit @ share.mean(axis=0) if len(rows) else np.zeros(0)
