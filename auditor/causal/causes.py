"""One cause, one candidate: outlines that cover the mark and little else, and which are the same.

A region was proposed where relevance, a concept or a shape led to; it may cut a mark in two or hold
much beside it. On the discovery half other outlines of the same mark are tried, and the smallest
one is kept that does what the region did while the rest of the region does next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Int

from auditor.causal.images import Members, Stage
from auditor.causal.screening import Screened, effects_of, selected
from auditor.shortcuts.grading import UNUSED
from auditor.shortcuts.outline import (
    APART,
    RELEVANT,
    RELEVANT_ALONE,
    Matcher,
    mark_anywhere,
    mark_at,
    relevant_at,
    relevant_in_each,
    set_apart,
)
from auditor.shortcuts.propose.heat import edge_growth, eroded
from auditor.shortcuts.propose.merging import OVERLAP, overlap
from auditor.shortcuts.propose.proposals import MAX_AREA, PlacedBy
from auditor.shortcuts.propose.windows import FEATHER

# An outline does at least this share of what the region did that it is drawn in (its rim is put in
# at less than full weight, that of a region lies beside the mark) ...
KEPT = 0.6
# ... and what it leaves of the region at most this share.
LEFT = 0.1
# Of outlines that do nearly as much as the best of them the smallest is kept.
NEARLY = 0.9
# References, and other members, by which an outline is tried.
TRIED = 8
# A member carries what does this share of what it does in the references.
CARRIES = 0.5
# Two regions are one cause when without the first the second does no more than this share.
SAME_CAUSE = 0.5

Masks = Bool[np.ndarray, "member height width"]


@dataclass(frozen=True, eq=False)
class Ground:
    """What the outlines of a class are drawn on: its members, and pictures of other classes."""

    stage: Stage
    members: Members

    @cached_property
    def matcher(self) -> Matcher:
        """The members, ready for marks to be looked for in them."""
        return Matcher(self.members.pictures)

    @cached_property
    def others(self) -> Matcher:
        """Pictures of other classes from the discovery half."""
        rows = self.stage.others.without(self.members.output)
        return Matcher(self.stage.probe.pictures(self.stage.others.inputs[rows]))

    def effect(self, screened: Screened, masks: Masks, rows: Int[np.ndarray, "row"]) -> float:
        """Return the mean margin that members' content inside ``masks`` gains, see `screen`."""
        return float(self.effects(screened, masks, rows).mean()) if len(rows) else 0.0

    def effects(self, screened: Screened, masks: Masks, rows: Int[np.ndarray, "row"]) -> np.ndarray:
        """Return the margin that each member's content inside its mask gains."""
        return effects_of(
            self.stage.probe,
            self.members.inputs[torch.from_numpy(rows)],
            masks[rows],
            self.members.output,
            self.stage.others,
            screened.targets,
            screened.fillers,
        )


def causes_of(stage: Stage, members: Members, chosen: Sequence[Screened]) -> list[Screened]:
    """Return the chosen regions with outlines that cover their marks, as far as these differ.

    Of two whose outlines are one the first stays, and of all those that `selected` prefers.
    """
    ground = Ground(stage, members)
    causes: list[Screened] = []
    for region in chosen:
        cause = outlined(ground, region)
        if not any(_coincide(cause, other) for other in causes):
            causes.append(cause)
    return selected(causes, len(causes))


def _coincide(first: Screened, second: Screened) -> bool:
    """Say whether two outlines are one, in the references of both, and placed alike.

    Otherwise both are tested: a frame, and the most relevant part of it in every picture, may cover
    the same pixels in the references and look differently.
    """
    if (first.proposal.placed_by == "relevance") != (second.proposal.placed_by == "relevance"):
        return False
    rows = np.union1d(first.references, second.references)
    return overlap(first.proposal.masks[rows], second.proposal.masks[rows]) > OVERLAP


def outlined(ground: Ground, screened: Screened) -> Screened:
    """Return a screened region within a tighter outline of the same mark.

    Of the first kind of `_outlines` of which any does what the region does: the smallest of those
    that do nearly as much as the best of them, or a larger one that holds more of the mark. Its
    references stay; what each member's region does is measured anew. The region itself is returned
    where no outline is better, or where nothing could be measured.
    """
    if not screened.measured or screened.share < UNUSED:
        return screened
    order = screened.tried[np.argsort(-screened.effects, kind="stable")]
    best = order[np.isin(order, screened.references)][:TRIED]
    rest = order[~np.isin(order, screened.references)]
    rest = rest[np.linspace(0, len(rest) - 1, min(TRIED, len(rest))).round().astype(int)]
    for placed_by, kind in _outlines(ground, screened, order):
        good = [outline for outline in kind if _stands_in(ground, screened, outline, best)]
        effects = [ground.effect(screened, each, np.concatenate([best, rest])) for each in good]
        # Of members without the mark the outline may lose more than it gains of the others.
        if max(effects, default=0.0) > 0:
            enough = np.flatnonzero(np.array(effects) >= NEARLY * max(effects))
            areas = [float(each[best].mean()) for each in good]
            chosen = good[min(enough, key=areas.__getitem__)]
            chosen = _whole(ground, screened, chosen, good, best)
            return measured_within(ground, screened, chosen, placed_by)
    return screened


def _whole(
    ground: Ground,
    screened: Screened,
    chosen: Masks,
    outlines: Sequence[Masks],
    rows: Int[np.ndarray, "row"],
) -> Masks:
    """Return an outline, or a larger one of which what is outside of it does much as well."""
    effect = ground.effect(screened, chosen, rows)
    for larger in sorted(outlines, key=lambda each: float(each[rows].mean())):
        rest = larger & ~chosen
        if rest[rows].any() and ground.effect(screened, rest, rows) >= CARRIES * effect:
            chosen = larger
    return chosen


def _stands_in(
    ground: Ground, screened: Screened, outline: Masks, rows: Int[np.ndarray, "row"]
) -> bool:
    """Say whether an outline does most of what the region does, and the rest of it nothing.

    Of a mark too small to have a middle inside the rim over which its weight rises, little would be
    put in whole: that stays in its region, which is wider than the mark.
    """
    if outline.mean() > MAX_AREA or not eroded(outline[rows], FEATHER).any(axis=(1, 2)).all():
        return False
    masks = screened.proposal.masks
    whole = float(screened.effects[np.isin(screened.tried, rows)].mean())
    return (
        ground.effect(screened, outline, rows) >= KEPT * whole
        and ground.effect(screened, masks & ~outline, rows) <= LEFT * whole
    )


def _outlines(
    ground: Ground, screened: Screened, order: Int[np.ndarray, "tried"]
) -> Iterator[tuple[PlacedBy, list[Masks]]]:
    """Yield outlines, the steadiest kind first: by pictures, by mean relevance, by relevance.

    What pictures have in common may be larger than the region, which may have cut it in two; where
    relevance is large there is the object too, so those outlines are not. ``order`` are the tried
    members, the largest effect first; carriers do half of what the references do.
    """
    members, proposal = ground.members, screened.proposal
    count = int((screened.effects >= CARRIES * screened.reference_effect).sum())
    carriers = order[:count]
    cores = proposal.cores(np.arange(len(proposal.masks)))
    rng = ground.stage.search.rng("outline", members.output, *proposal.name)
    heat = members.heat[carriers]
    area = float(proposal.masks[carriers].mean())

    def everywhere(mask: Bool[np.ndarray, "height width"]) -> Masks:
        return np.repeat(mask[None], len(members.rows), axis=0)

    apart = set_apart(members.pictures[carriers], ground.others.usual)
    common = [
        everywhere(mark_at(apart, cores[carriers], edge, gap))
        for edge in APART
        for gap in (0, edge_growth(*heat.shape[1:]))
    ]
    common += mark_anywhere(ground.matcher, ground.others, cores, carriers, APART, rng)
    yield "pictures", common
    placed = [everywhere(relevant_at(heat, cores[carriers], edge)) for edge in RELEVANT]
    yield proposal.placed_by, [each for each in placed if each[carriers].mean() <= area]
    alone = [relevant_in_each(members.heat, cores, edge) for edge in RELEVANT_ALONE]
    yield "relevance", [each for each in alone if each[carriers].mean() <= area]


def measured_within(
    ground: Ground, screened: Screened, masks: Masks, placed_by: PlacedBy
) -> Screened:
    """Return a screened region with other masks and what they do."""
    effects = ground.effects(screened, masks, screened.tried)
    of_references = np.isin(screened.tried, screened.references)
    before, after = screened.effects[of_references].mean(), effects[of_references].mean()
    proposal = replace(screened.proposal, masks=masks, placed_by=placed_by, grown=0, drawn=True)
    share = screened.share * float(after) / max(float(before), 1e-6)
    return replace(screened, proposal=proposal, effects=effects, share=share)


def same_cause(ground: Ground, first: Screened, second: Screened) -> bool:
    """Say whether the second region does what it does by what lies in the first.

    Of the second's references, on the discovery half: what the region does without the pixels of
    the first, over what it does with them.
    """
    if not second.measured or second.reference_effect <= 0:
        return False
    rows = second.references
    without = second.proposal.masks & ~first.proposal.masks
    left = ground.effect(second, without, rows)
    return left <= SAME_CAUSE * second.reference_effect
