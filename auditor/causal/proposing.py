"""Ask the proposals of regions what they see in a class."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from auditor.causal.context import Search
from auditor.causal.images import Members, Stage
from auditor.causal.probe import Probe
from auditor.shortcuts.propose.heat import smoothed_positive
from auditor.shortcuts.propose.proposals import PROPOSALS, ClassView, ConceptTable, Proposal

Means = Float[np.ndarray, "class concept"]
Heat = Float[np.ndarray, "member h w"]
HeatsOf = Callable[[str, Sequence[tuple[int, ...]]], list[Heat]]

# Leading concepts of a class whose regions are proposed.
CONCEPTS = 3


def propose(stage: Stage, members: Members, means: Means | None) -> list[Proposal]:
    """Return all proposals for a class, not yet merged.

    ``means`` are the mean relevance shares of each audited class, None where they are not known.
    """
    search, output = stage.search, members.output
    layer, leading = search.leading.get(output, ("", ()))
    concepts = tuple(leading)[:CONCEPTS]
    heats_of = _conditional_heats(search.probe, members)
    others = stage.others.inputs[stage.others.without(output)]
    view = ClassView(
        output=output,
        heat=members.heat,
        pictures=members.pictures,
        discovery=members.discovery,
        others=search.probe.pictures(others),
        layer=layer or (search.relevance.layer if search.relevance is not None else None),
        concepts=concepts,
        concept_heats=lambda: heats_of(layer, [(concept,) for concept in concepts]),
        table=_table(search, means, members, heats_of),
        seed=search.seed,
    )
    return [proposal for name in search.proposals for proposal in PROPOSALS[name](view)]


def _conditional_heats(probe: Probe, members: Members) -> HeatsOf:
    """Return a function from a layer and groups of its channels to heatmaps of every member.

    A conditional heatmap costs a pass through the whole model for every member, so none is made
    twice.
    """
    known: dict[tuple[str, tuple[int, ...]], Heat] = {}

    def heats_of(layer: str, groups: Sequence[tuple[int, ...]]) -> list[Heat]:
        missing = [group for group in groups if (layer, group) not in known]
        if missing:
            maps = probe.concept_heatmaps(members.inputs, members.output, layer, missing)
            heats = smoothed_positive(maps)
            known.update({(layer, group): heat for group, heat in zip(missing, heats, strict=True)})
        return [known[layer, group] for group in groups]

    return heats_of


def _table(
    search: Search, means: Means | None, members: Members, heats_of: HeatsOf
) -> ConceptTable | None:
    """Return what the proposals by concept read, None without relevance by concept."""
    relevance = search.relevance
    if relevance is None or means is None:
        return None
    return ConceptTable(
        relevance,
        search.samples,
        search.outputs,
        means,
        members.rows,
        lambda channels: heats_of(relevance.layer, [channels])[0],
    )
