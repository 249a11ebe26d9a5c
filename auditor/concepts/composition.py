"""Choose the strongest parts of a composition and keep account of the rest.

Source: Achtibat et al. 2023: a concept is decomposed into concepts of lower layers,
``R(l-1: c' | y, l: c)``, and only the strongest are followed further.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from auditor.records.details import CompositionStep


def strongest(arrives: Float[np.ndarray, "parent concept"], keep: int) -> tuple[int, ...]:
    """Return the ``keep`` concepts with the largest flow from each parent, all parents together.

    Flow against the class counts by its size: a concept that inhibits is part of what decides.
    The concept that matters most to any parent comes first; ties by concept number.
    """
    size = np.abs(arrives)
    order = np.argsort(-size, axis=1, kind="stable")[:, :keep]
    chosen = {int(c) for row, found in zip(size, order, strict=True) for c in found if row[c] > 0}
    return tuple(sorted(chosen, key=lambda concept: (-size[:, concept].max(), concept)))


def step(
    upper: str | None,
    lower: str,
    parents: Sequence[int],
    children: Sequence[int],
    reaches: Float[np.ndarray, "parent"],
    arrives: Float[np.ndarray, "parent concept"],
    bypass: Float[np.ndarray, "parent"],
) -> CompositionStep:
    """Return one step of a graph from what reaches its parents and what goes on from them."""
    if not len(parents) == len(reaches) == len(arrives) == len(bypass):
        raise ValueError(f"{len(parents)} parents, but {len(arrives)} rows of flow")
    kept = list(children)
    total = arrives.sum(axis=1)
    flow = arrives[:, kept]
    return CompositionStep(
        upper=upper,
        lower=lower,
        parents=tuple(parents),
        children=tuple(kept),
        relevance=reaches,
        flow=flow,
        rest=total - flow.sum(axis=1),
        others=arrives.shape[1] - len(kept),
        bypass=bypass,
        absorbed=reaches - total - bypass,
    )


def shares(step: CompositionStep) -> Float[np.ndarray, "parent child"]:
    """Return each flow as part of what reaches its parent (0 where nothing does)."""
    reaches = step.relevance[:, None]
    found: np.ndarray = np.divide(
        step.flow, reaches, out=np.zeros_like(step.flow), where=reaches != 0
    )
    return found


def spread_rows(rows: Int[np.ndarray, "member"], most: int) -> Int[np.ndarray, "sample"]:
    """Return up to ``most`` rows evenly spread over all of them."""
    picks = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))
    found: np.ndarray = np.asarray(rows)[picks]
    return found
