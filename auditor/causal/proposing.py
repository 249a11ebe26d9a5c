"""Ask the proposals of regions what they see in a class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from auditor.causal.context import Search
from auditor.causal.images import Members, Stage
from auditor.shortcuts.propose import (
    concept_regions,
    regions,
    selective_concepts,
    shared_concepts,
    strategy_regions,
    subspace_regions,
)
from auditor.shortcuts.propose import flat_and_recurring as templates
from auditor.shortcuts.propose.heat import smoothed_positive
from auditor.shortcuts.propose.proposals import (
    PROPOSALS,
    ClassView,
    ConceptTable,
    Proposal,
)

Means = Float[np.ndarray, "class concept"]

# The modules are named so that importing this one enters their proposals in the registry.
BUILT_IN = (
    regions,
    concept_regions,
    templates,
    strategy_regions,
    subspace_regions,
    selective_concepts,
    shared_concepts,
)
CONCEPTS = 3
BY_CONCEPT = ("P2", "P3", "P4", "P5")


def propose(stage: Stage, members: Members, means: Means | None) -> list[Proposal]:
    """Return all proposals for a class, not yet merged.

    ``means`` are the mean relevance shares of each audited class, None where they are not known.
    """
    search, output = stage.search, members.output
    names = [name for name in PROPOSALS if name in search.config.proposals]
    layer, concepts = search.leading.get(output, ("", ()))
    concepts = tuple(concepts)[:CONCEPTS] if "P1b" in names else ()
    maps = np.zeros((0, *members.heat.shape), dtype=np.float32)
    if concepts:
        heat = search.probe.concept_heatmaps(members.inputs, output, layer, concepts)
        maps = smoothed_positive(heat)
    others = stage.others.inputs[stage.others.without(output)]
    view = ClassView(
        output=output,
        heat=members.heat,
        pictures=members.pictures,
        discovery=members.discovery,
        others=search.probe.pictures(others),
        layer=layer or (search.relevance.layer if search.relevance is not None else None),
        concepts=concepts,
        concept_heat=maps,
        table=_table(search, means, members, concepts, maps),
        seed=search.seed,
    )
    return [proposal for name in names for proposal in PROPOSALS[name](view)]


def _table(
    search: Search,
    means: Means | None,
    members: Members,
    concepts: Sequence[int],
    maps: Float[np.ndarray, "concept member h w"],
) -> ConceptTable | None:
    """Return what P2 to P5 and P7 read.

    A conditional heatmap costs a pass through the whole model for every member, so those of the
    leading ``concepts``, and any that was asked for, are not made again.
    """
    relevance = search.relevance
    if relevance is None or means is None:
        return None
    layer, output, inputs = relevance.layer, members.output, members.inputs
    known: dict[tuple[int, ...], Float[np.ndarray, "member h w"]] = {}
    if layer == search.leading.get(output, ("", ()))[0]:
        known = {(concept,): heat for concept, heat in zip(concepts, maps, strict=True)}

    def heat_of(channels: tuple[int, ...]) -> Float[np.ndarray, "member h w"]:
        if channels not in known:
            heat = search.probe.concept_heatmaps(inputs, output, layer, [channels])
            known[channels] = smoothed_positive(heat[0])
        return known[channels]

    return ConceptTable(relevance, search.samples, search.outputs, means, members.rows, heat_of)
