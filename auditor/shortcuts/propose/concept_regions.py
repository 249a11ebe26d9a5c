"""P1b, concept regions: where the leading concepts of a class are, as the model sees them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from auditor.language.speaking import gettext as _
from auditor.shortcuts.propose.heat import edge_growth, top_component, with_edges
from auditor.shortcuts.propose.proposals import PROPOSALS, ClassView, Proposal, region_score

SHARE = 0.05


@PROPOSALS.register("P1b")
def concept_regions(view: ClassView) -> list[Proposal]:
    """Propose the most relevant connected part of every leading concept's conditional heatmap."""
    found = []
    for concept, heats in zip(view.concepts, view.concept_heat, strict=True):
        reason = _(
            "where concept %(concept)s of layer %(layer)s supports the class most.",
            concept=concept,
            layer=view.layer,
        )
        shape = f"region of concept {concept}"
        found.append(region_of("P1b", view, shape, heats, (concept,), reason))
    return found


def region_of(
    kind: str,
    view: ClassView,
    shape: str,
    heats: Float[np.ndarray, "member height width"],
    concepts: tuple[int, ...],
    reason: str,
    carriers: Bool[np.ndarray, "member"] | None = None,
) -> Proposal:
    """Return the most relevant connected part of conditional heatmaps, its edges inside."""
    parts = np.stack([top_component(heat, SHARE) for heat in heats])
    masks = with_edges(parts)
    chosen = view.discovery if carriers is None else view.discovery & carriers
    score = region_score(view.heat, masks, chosen)
    return Proposal(
        kind,
        shape,
        masks,
        score,
        reason,
        view.layer,
        concepts,
        carriers,
        grown=edge_growth(*masks.shape[1:]),
    )
