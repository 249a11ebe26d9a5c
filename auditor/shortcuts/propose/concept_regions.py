"""P1b, concept regions: where the leading concepts of a class are, as the model sees them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from auditor.language.speaking import gettext as _
from auditor.shortcuts.propose.heat import edge_growth, top_component, with_edges
from auditor.shortcuts.propose.proposals import ClassView, Proposal, proposer, region_score

# Share of the most relevant pixels of a concept's heatmap, as between a small spot and a spot.
SHARE = 0.05


@proposer("P1b")
def concept_regions(view: ClassView) -> list[Proposal]:
    """Propose the most relevant connected part of every leading concept's conditional heatmap."""
    proposals = []
    for concept, heats in zip(view.concepts, view.concept_heats(), strict=True):
        reason = _(
            "where concept %(concept)s of layer %(layer)s supports the class most.",
            concept=concept,
            layer=view.layer,
        )
        proposals.append(concept_region(view, heats, concept, reason))
    return proposals


def concept_region(
    view: ClassView, heats: Float[np.ndarray, "member height width"], concept: int, reason: str
) -> Proposal:
    """Return the region of one concept by its conditional heatmaps."""
    shape = _("region of concept %(concept)s", concept=concept)
    return region_of(view, shape, heats, (concept,), reason)


def region_of(
    view: ClassView,
    shape: str,
    heats: Float[np.ndarray, "member height width"],
    concepts: tuple[int, ...],
    reason: str,
    carriers: Bool[np.ndarray, "member"] | None = None,
) -> Proposal:
    """Return the most relevant connected part of conditional heatmaps, its edges inside."""
    masks = with_edges(np.stack([top_component(heat, SHARE) for heat in heats]))
    chosen = view.discovery if carriers is None else view.discovery & carriers
    return Proposal(
        shape,
        masks,
        region_score(view.heat, masks, chosen),
        reason,
        layer=view.layer,
        concepts=concepts,
        carriers=carriers,
        grown=edge_growth(*masks.shape[1:]),
    )
