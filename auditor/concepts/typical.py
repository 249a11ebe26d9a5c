"""Choose the samples of a class that the atlas shows: the most typical one, then variety."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from auditor.concepts.shares import shares_of
from auditor.records import LayerRelevance


def typical_samples(
    layer_relevance: LayerRelevance, members: Int[np.ndarray, "member"], count: int
) -> tuple[int, ...]:
    """Return up to ``count`` of the member rows of a class, the most typical first.

    Typical is closeness (cosine) of the member's relevance shares to the class's mean shares. The
    others come from the more typical half, each the one that is least like those already chosen,
    so that they show how the class varies and not its outliers. Ties go to the lower row.
    """
    rows = members
    share = shares_of(layer_relevance, rows)
    used = np.abs(share).sum(axis=1) > 0
    rows, share = rows[used], share[used]
    if count < 1 or len(rows) == 0:
        return ()
    unit = share / np.linalg.norm(share, axis=1, keepdims=True)
    typicality = unit @ share.mean(axis=0)
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
