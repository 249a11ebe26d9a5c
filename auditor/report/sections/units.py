"""Units larger than a concept: the one that leads, components, directions, subspace pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from auditor.language.speaking import gettext as _
from auditor.records.concepts import (
    Empty,
    PositionalComponents,
    RelevanceDirections,
)
from auditor.records.part import concept_id, subspace_id
from auditor.records.stages import Subspaces
from auditor.report.document.analyses import (
    ClassComponent,
    ClassComponents,
    Component,
    LayerUnits,
    RelevanceDirection,
    SubspacePictures,
)
from auditor.report.sections.analysis import LayerDecisions
from auditor.report.sections.shared import Shelf

NAMED = 3


def layer_units(
    extra: LayerDecisions, subspaces: Subspaces, outputs: Sequence[int], shelf: Shelf
) -> LayerUnits:
    """Return the units of a layer; what could not be found has a reason."""
    decision, components, directions = extra.decision, extra.components, extra.directions
    return LayerUnits(
        layer=extra.layer,
        choice=None if isinstance(decision, Empty) else decision,
        choice_note=decision.reason if isinstance(decision, Empty) else "",
        components=[] if isinstance(components, Empty) else _components(components, shelf),
        components_rule="" if isinstance(components, Empty) else components.rule,
        components_note=components.reason if isinstance(components, Empty) else "",
        classes=[
            _of_class(found, output, shelf)
            for output, found in zip(
                outputs, extra.class_components, strict=bool(extra.class_components)
            )
        ],
        directions=[] if isinstance(directions, Empty) else _directions(directions, shelf),
        directions_rule="" if isinstance(directions, Empty) else directions.rule,
        directions_note=directions.reason if isinstance(directions, Empty) else "",
        subspaces=_subspaces(subspaces, shelf),
    )


def _components(components: PositionalComponents, shelf: Shelf) -> list[Component]:
    return [
        Component(
            id=f"{components.layer}/K{unit + 1}",
            share={
                shelf.class_name(output): float(components.class_share[place, unit])
                for place, output in enumerate(components.outputs)
            },
            redundancy=float(components.redundancy[unit]),
            concepts=_largest(components.layer, components.directions[unit]),
            pictures=shelf.of_unit(components.layer, "component", unit, None),
        )
        for unit in range(len(components.directions))
    ]


def _of_class(
    components: PositionalComponents | Empty, output: int, shelf: Shelf
) -> ClassComponents:
    name = shelf.class_name(output)
    if isinstance(components, Empty):
        return ClassComponents(
            class_name=name,
            n=0,
            rest=1.0,
            rule="",
            photo=None,
            components=[],
            note=components.reason,
        )
    layer = components.layer
    rows = [
        each.row
        for unit in range(len(components.directions))
        for each in shelf.units.get((layer, "component", unit, output), [])
    ]
    photos = shelf.of_samples(rows[:1])
    return ClassComponents(
        class_name=name,
        n=len(components.rows),
        rest=float(components.class_rest[0]),
        rule=components.rule,
        photo=photos[0] if photos else None,
        components=[
            ClassComponent(
                id=_("%(name)s, component %(value)s", name=name, value=unit + 1),
                share=float(components.class_share[0, unit]),
                concepts=_largest(layer, direction),
                picture=next(iter(shelf.of_unit(layer, "component", unit, output)), None),
            )
            for unit, direction in enumerate(components.directions)
        ],
        note="",
    )


def _directions(directions: RelevanceDirections, shelf: Shelf) -> list[RelevanceDirection]:
    found = []
    for place, direction in enumerate(directions.directions):
        means = directions.class_coordinates[:, place]
        order = np.argsort(-means, kind="stable")
        names = [shelf.class_name(directions.outputs[i]) for i in order]
        signs = means[order]
        found.append(
            RelevanceDirection(
                explained=float(directions.explained[place]),
                chance=float(directions.chance[place]),
                concepts=_largest(directions.layer, direction),
                concepts_against=_largest(directions.layer, -direction),
                classes=[n for n, v in zip(names, signs, strict=True) if v > 0][:2],
                classes_against=[n for n, v in zip(names, signs, strict=True) if v < 0][::-1][:2],
            )
        )
    return found


def _subspaces(subspaces: Subspaces, shelf: Shelf) -> list[SubspacePictures]:
    groups = range(subspaces.share.shape[1])
    found = [(unit, shelf.of_unit(subspaces.layer, "subspace", unit, None)) for unit in groups]
    return [
        SubspacePictures(subspace=subspace_id(subspaces.layer, unit), pictures=pictures)
        for unit, pictures in found
        if pictures
    ]


def _largest(layer: str, weights: Float[np.ndarray, "concept"]) -> list[str]:
    order = np.argsort(-weights, kind="stable")[:NAMED]
    return [concept_id(layer, int(concept)) for concept in order if weights[concept] > 0]
