"""Ask the proposals of regions what they see in a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from auditor.causal.images import Members, Pool
from auditor.causal.probe import Probe
from auditor.records.stages import LayerRelevance, Samples
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
    class_means,
)

Leading = Mapping[int, tuple[str, tuple[int, ...]]]

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


@dataclass(frozen=True, eq=False)
class Proposing:
    """Which proposals are asked, and what they are told besides the members of the class."""

    probe: Probe
    samples: Samples
    leading: Leading
    outputs: tuple[int, ...]
    relevance: LayerRelevance | None
    means: Float[np.ndarray, "class concept"] | None
    names: tuple[str, ...]
    seed: int


def proposing(
    probe: Probe,
    samples: Samples,
    leading: Leading,
    outputs: Sequence[int],
    relevance: LayerRelevance | None,
    names: Sequence[str],
    seed: int,
) -> Proposing:
    """Return what is the same for all classes."""
    means = class_means(relevance, samples, outputs) if relevance is not None else None
    wanted = tuple(name for name in PROPOSALS if name in names)
    return Proposing(probe, samples, leading, tuple(outputs), relevance, means, wanted, seed)


def propose(asked: Proposing, members: Members, others: Pool) -> list[Proposal]:
    """Return all proposals for a class, not yet merged."""
    layer, concepts = asked.leading.get(members.output, ("", ()))
    concepts = tuple(concepts)[:CONCEPTS] if "P1b" in asked.names else ()
    maps = np.zeros((0, *members.heat.shape), dtype=np.float32)
    if concepts:
        maps = smoothed_positive(
            asked.probe.concept_heatmaps(members.inputs, members.output, layer, concepts)
        )
    view = ClassView(
        output=members.output,
        heat=members.heat,
        pictures=members.pictures,
        discovery=members.discovery,
        others=asked.probe.pictures(others.inputs[others.without(members.output)]),
        layer=layer or (asked.relevance.layer if asked.relevance is not None else None),
        concepts=concepts,
        concept_heat=maps,
        table=_table(asked, members, layer, concepts, maps),
        seed=asked.seed,
    )
    return [proposal for name in asked.names for proposal in PROPOSALS[name](view)]


def _table(
    asked: Proposing,
    members: Members,
    leading: str,
    concepts: Sequence[int],
    maps: Float[np.ndarray, "concept member h w"],
) -> ConceptTable | None:
    """Return what P2 to P5 and P7 read.

    A conditional heatmap costs a pass through the whole model for every member, so those of the
    leading concepts, and any that was asked for, are not made again.
    """
    relevance = asked.relevance
    if relevance is None or asked.means is None:
        return None
    layer, output, inputs = relevance.layer, members.output, members.inputs
    known: dict[tuple[int, ...], Float[np.ndarray, "member h w"]] = {}
    if layer == leading:
        known = {(concept,): heat for concept, heat in zip(concepts, maps, strict=True)}

    def heat_of(channels: tuple[int, ...]) -> Float[np.ndarray, "member h w"]:
        if channels not in known:
            maps = asked.probe.concept_heatmaps(inputs, output, layer, [channels])
            known[channels] = smoothed_positive(maps[0])
        return known[channels]

    return ConceptTable(relevance, asked.samples, asked.outputs, asked.means, members.rows, heat_of)
