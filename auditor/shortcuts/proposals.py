"""What a proposal is given and what it gives: regions that a class may rest on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from auditor.registry import Registry

MAX_AREA = 0.2


@dataclass(frozen=True)
class ClassView:
    """Everything a proposal may look at: the members of one class, and pictures of others.

    ``heat`` is the smoothed positive relevance of each member; ``concept_heat`` the same of each of
    ``concepts`` of ``layer``. ``discovery`` marks the members on which a proposal may be chosen.
    """

    output: int
    heat: Float[np.ndarray, "member height width"]
    pictures: UInt8[np.ndarray, "member height width 3"]
    discovery: Bool[np.ndarray, "member"]
    others: UInt8[np.ndarray, "other height width 3"]
    layer: str | None
    concepts: tuple[int, ...]
    concept_heat: Float[np.ndarray, "concept member height width"]


@dataclass(frozen=True)
class Proposal:
    """A region in every member of a class; ``score`` orders proposals before any test."""

    kind: str
    shape: str
    masks: Bool[np.ndarray, "member height width"]
    score: float
    reason: str
    layer: str | None = None
    concepts: tuple[int, ...] = ()


Proposer = Callable[[ClassView], Sequence[Proposal]]
PROPOSALS: Registry[Proposer] = Registry("proposal")


def region_score(
    heat: Float[np.ndarray, "member height width"],
    masks: Bool[np.ndarray, "member height width"],
    discovery: Bool[np.ndarray, "member"],
) -> float:
    """Return how much more relevance than area the region holds, on the discovery half.

    Share of positive relevance minus share of area, averaged over the quarter of members where it
    is largest, so that a region that matters on a part of the class counts too.
    """
    chosen = heat[discovery], masks[discovery]
    total = chosen[0].sum(axis=(1, 2))
    inside = (chosen[0] * chosen[1]).sum(axis=(1, 2))
    share = np.divide(inside, total, out=np.zeros_like(inside), where=total > 0)
    excess = np.sort(share - chosen[1].mean(axis=(1, 2)))[::-1]
    return float(excess[: max(1, len(excess) // 4)].mean()) if len(excess) else 0.0
