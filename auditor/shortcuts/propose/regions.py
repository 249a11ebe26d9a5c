"""P1, recurring regions: windows and connected parts where the relevance of a class is largest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from auditor.language.numbers import percent
from auditor.language.speaking import N_
from auditor.language.speaking import gettext as _
from auditor.shortcuts.propose.heat import edge_growth, top_component, with_edges
from auditor.shortcuts.propose.proposals import (
    MAX_AREA,
    ClassView,
    PlacedBy,
    Proposal,
    proposer,
    region_score,
)
from auditor.shortcuts.propose.windows import FEATHER, dictionary, masks_of, place

# Share of the most relevant pixels of each spot: a small mark, an emblem, a part of an object.
PARTS = {N_("small spot"): 0.03, N_("spot"): 0.08, N_("large spot"): 0.15}
# Sides are whole pixels, so that a window may be a little larger than it is meant to be.
ROUNDING = 1.05


@proposer("P1")
def recurring_regions(view: ClassView) -> list[Proposal]:
    """Propose every shape of the dictionary where it holds most, and the most relevant parts."""
    size = view.heat.shape[1:]
    proposals: list[Proposal] = []
    for window in dictionary(*size):
        shape = _(window.name)
        masks = masks_of(place(view.heat, window, feather=FEATHER), window, size)
        reason = _("the %(shape)s that holds most of the relevance for the class.", shape=shape)
        score = region_score(view.heat, masks, view.discovery)
        placed_by: PlacedBy = "relevance" if window.anchor is None else "shape"
        proposals.append(Proposal(shape, masks, score, reason, placed_by))
    for name, share in PARTS.items():
        masks = with_edges(np.stack([top_component(heat, share) for heat in view.heat]))
        reason = _(
            "the largest connected part of the top %(share)s of the relevance for the class.",
            share=percent(share),
        )
        score = region_score(view.heat, masks, view.discovery)
        grown = edge_growth(*size)
        proposals.append(Proposal(_(name), masks, score, reason, grown=grown))
    return [
        replace(proposal, too_large=proposal.area > MAX_AREA * ROUNDING) for proposal in proposals
    ]
