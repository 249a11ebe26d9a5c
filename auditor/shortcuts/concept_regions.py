"""P1b, concept regions: where the leading concepts of a class are, as the model sees them."""

from __future__ import annotations

import numpy as np

from auditor.shortcuts.heat import dilated, edge_pixels, top_component
from auditor.shortcuts.proposals import PROPOSALS, ClassView, Proposal, region_score

SHARE = 0.05


@PROPOSALS.register("P1b")
def concept_regions(view: ClassView) -> list[Proposal]:
    """Propose the most relevant connected part of every leading concept's conditional heatmap."""
    found = []
    grow = edge_pixels(*view.heat.shape[1:])
    for concept, heats in zip(view.concepts, view.concept_heat, strict=True):
        parts = np.stack([top_component(heat, SHARE) for heat in heats])
        masks = dilated(parts, grow)
        reason = f"where concept {concept} of layer {view.layer} supports the class most."
        found.append(
            Proposal(
                "P1b",
                f"region of concept {concept}",
                masks,
                region_score(view.heat, masks, view.discovery),
                reason,
                view.layer,
                (concept,),
            )
        )
    return found
