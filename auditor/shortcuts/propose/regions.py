"""P1, recurring regions: windows and connected parts where the relevance of a class is largest."""

from __future__ import annotations

import numpy as np

from auditor.language.numbers import percent
from auditor.language.shapes import shape_in_words
from auditor.language.speaking import gettext as _
from auditor.shortcuts.propose.heat import edge_growth, top_component, with_edges
from auditor.shortcuts.propose.proposals import (
    MAX_AREA,
    PROPOSALS,
    ClassView,
    Proposal,
    region_score,
)
from auditor.shortcuts.propose.windows import FEATHER, dictionary, masks_of, place

PARTS = {"small spot": 0.03, "spot": 0.08, "large spot": 0.15}


@PROPOSALS.register("P1")
def recurring_regions(view: ClassView) -> list[Proposal]:
    """Propose every shape of the dictionary where it holds most, and the most relevant parts."""
    size = view.heat.shape[1:]
    found = []
    for shape in dictionary(*size):
        masks = masks_of(place(view.heat, shape, feather=FEATHER), shape, size)
        reason = _(
            "the %(shape)s that holds most of the relevance for the class.",
            shape=shape_in_words(shape.name),
        )
        found.append(_proposal(view, shape.name, masks, reason, fixed=shape.anchor is not None))
    for name, share in PARTS.items():
        parts = np.stack([top_component(heat, share) for heat in view.heat])
        reason = _(
            "the largest connected part of the top %(share)s of the relevance for the class.",
            share=percent(share),
        )
        found.append(_proposal(view, name, with_edges(parts), reason, grown=edge_growth(*size)))
    return [proposal for proposal in found if proposal.masks.mean() <= MAX_AREA * 1.05]


def _proposal(
    view: ClassView,
    shape: str,
    masks: np.ndarray,
    reason: str,
    *,
    fixed: bool = False,
    grown: int = 0,
) -> Proposal:
    score = region_score(view.heat, masks, view.discovery)
    return Proposal("P1", shape, masks, score, reason, fixed=fixed, grown=grown)
