"""Keep the budget: proposals that are the same are merged, the rest wait their turn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from auditor.shortcuts.propose.proposals import Proposal

# Mean intersection over union from which on two regions are one: most of either lies in the other.
OVERLAP = 0.5


def merged(proposals: Sequence[Proposal], most: int) -> list[Proposal]:
    """Return at most ``most`` proposals that follow relevance, and the fixed ones; none overlaps.

    Regions placed by the pictures first, which would lose every comparison of relevance;
    then by score, ties in the order given. Two overlap when the intersection over union of their
    masks, averaged over members, is above `OVERLAP`; the better one stays. The fixed regions
    (corners, frame) come after these, however little relevance they hold: a small mark at the
    border holds little, and to try them costs half, as their controls are shared.
    """
    kept: list[Proposal] = []
    for proposal in sorted(proposals, key=_priority, reverse=True):
        following = sum(not other.fixed for other in kept)
        if (
            (proposal.fixed or following < most)
            and proposal.masks.any()
            and not proposal.too_large
            and all(overlap(proposal.masks, other.masks) <= OVERLAP for other in kept)
        ):
            kept.append(proposal)
    return kept


def left_out(proposals: Sequence[Proposal], kept: Sequence[Proposal]) -> tuple[int, int]:
    """Return how many regions were too large to be tried, and how many there was no turn for.

    A region that overlaps one of ``kept`` is tried with it.
    """
    large = sum(proposal.too_large and bool(proposal.masks.any()) for proposal in proposals)
    waiting = sum(
        bool(proposal.masks.any())
        and not proposal.too_large
        and all(overlap(proposal.masks, other.masks) <= OVERLAP for other in kept)
        for proposal in proposals
    )
    return large, waiting


def overlap(
    first: Bool[np.ndarray, "member height width"], second: Bool[np.ndarray, "member height width"]
) -> float:
    """Return the mean intersection over union of two regions, 0 where both are empty."""
    both = (first & second).sum(axis=(1, 2))
    either = (first | second).sum(axis=(1, 2))
    ratio = np.divide(both, either, out=np.zeros(len(first)), where=either > 0)
    return float(ratio.mean())


def _priority(proposal: Proposal) -> tuple[bool, bool, float]:
    return not proposal.fixed, proposal.placed_by == "pictures", proposal.score
