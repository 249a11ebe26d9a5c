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
    UnitChoice,
)
from auditor.records.part import concept_id, subspace_id
from auditor.records.stages import Subspaces
from auditor.report.document.analyses import (
    ClassComponent,
    ClassComponents,
    Component,
    LayerUnits,
    LeadUnit,
    RelevanceDirection,
    SubspacePictures,
)
from auditor.report.sections.shared import Shelf

NAMED = 3
LEADING = 5


def layer_units(
    layer: str,
    decision: UnitChoice | Empty,
    components: PositionalComponents | Empty,
    class_components: Sequence[PositionalComponents | Empty],
    directions: RelevanceDirections | Empty,
    subspaces: Subspaces,
    outputs: Sequence[int],
    shelf: Shelf,
) -> LayerUnits:
    """Return the units of a layer; what could not be found has a reason."""
    return LayerUnits(
        layer=layer,
        choice=None if isinstance(decision, Empty) else decision,
        choice_note=decision.reason if isinstance(decision, Empty) else "",
        components=[] if isinstance(components, Empty) else _components(components, shelf),
        components_rule="" if isinstance(components, Empty) else components.rule,
        components_note=components.reason if isinstance(components, Empty) else "",
        classes=[
            _of_class(found, output, shelf)
            for output, found in zip(outputs, class_components, strict=bool(class_components))
        ],
        directions=[] if isinstance(directions, Empty) else _directions(directions, shelf),
        directions_rule="" if isinstance(directions, Empty) else directions.rule,
        directions_note=directions.reason if isinstance(directions, Empty) else "",
        subspaces=_subspaces(subspaces, shelf),
    )


def lead_units(
    units: LayerUnits, subspaces: Subspaces, place: int, class_name: str
) -> tuple[list[LeadUnit], str]:
    """Return the larger units that a class's table starts with, and what they are; or nothing."""
    if units.choice is None or units.choice.leads == "channel":
        return [], ""
    if units.choice.leads == "subspace":
        return _lead_subspaces(units, subspaces, place), (
            _(
                "Single channels are not distinct at this layer, so its subspaces come first: "
                "channels that react to the same content, read as one."
            )
        )
    own = [item for item in units.classes if item.class_name == class_name and item.components]
    if own:
        found = [
            LeadUnit(
                id=each.id,
                share=each.share,
                concepts=each.concepts,
                pictures=[] if each.picture is None else [each.picture],
            )
            for each in own[0].components[:LEADING]
        ]
        return found, (
            _(
                "Single channels are not distinct at this layer, so the class's components come "
                "first: channels whose relevance lies at the same places, on the most typical "
                "picture."
            )
        )
    ranked = sorted(units.components, key=lambda each: -each.share.get(class_name, 0.0))
    return [
        LeadUnit(
            id=each.id,
            share=each.share.get(class_name, 0.0),
            concepts=each.concepts,
            pictures=[p for p in each.pictures if p.caption == class_name][:1],
        )
        for each in ranked[:LEADING]
    ], (
        _(
            "Single channels are not distinct at this layer, so its components come first: "
            "channels whose relevance lies at the same places."
        )
    )


def _lead_subspaces(units: LayerUnits, subspaces: Subspaces, place: int) -> list[LeadUnit]:
    shown = {each.subspace: each.pictures for each in units.subspaces}
    order = np.argsort(-subspaces.share[place], kind="stable")[:LEADING]
    return [
        LeadUnit(
            id=subspace_id(units.layer, int(group)),
            share=float(subspaces.share[place, group]),
            concepts=[
                concept_id(units.layer, int(concept))
                for concept in subspaces.concepts[subspaces.cluster == group][:NAMED]
            ],
            pictures=shown.get(subspace_id(units.layer, int(group)), [])[:1],
        )
        for group in order
        if subspaces.share[place, group] > 0
    ]


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
