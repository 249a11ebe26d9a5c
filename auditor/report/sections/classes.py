"""The section on dominant concepts: per class and layer, the concepts that lead and how much."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from auditor.concepts.selection import shared_with
from auditor.language.speaking import gettext as _
from auditor.language.speaking import ngettext
from auditor.records.part import Picture, concept_id, subspace_id
from auditor.records.stages import Subspaces
from auditor.report.document.analyses import LayerUnits, LeadUnit
from auditor.report.document.result import (
    AtlasSample,
    AuditResult,
    ClassReport,
    ConceptRow,
    LayerTable,
)
from auditor.report.draw.figures import overview_figure
from auditor.report.sections.analysis import LayerAnalysis
from auditor.report.sections.section import Audit, Row, Section, Table

# Crops of a row: enough to see what a concept is; larger units that a table leads with, and the
# concepts that are named of each: as many as a line holds.
CROPS_PER_ROW = 6
LEADING = 5
NAMED = 3
# Under this many recognised images a table is an anecdote.
FEW = 5


def classes(audit: Audit) -> list[ClassReport]:
    """Return the report of every audited class."""
    return [
        _class_report(audit, place, list(atlas))
        for place, atlas in enumerate(audit.analysis.atlases)
    ]


def overview(audit: Audit) -> Picture | None:
    """Draw which class relies on which leading concept of the deepest layer."""
    layer = audit.analysis.layers[-1]
    if not layer.shown:
        return None
    shares = layer.statistics.mean_share[:, list(layer.shown)]
    concepts = [str(concept) for concept in layer.shown]
    return audit.store.figure(
        partial(overview_figure, shares, audit.class_names, concepts),
        alt=_(
            "how much each class relies on each leading concept of %(layer)s",
            layer=layer.layer.layer,
        ),
    )


def _class_report(audit: Audit, place: int, atlas: list[AtlasSample]) -> ClassReport:
    analysis = audit.analysis
    samples, output = analysis.samples, analysis.outputs[place]
    members = samples.members(output)
    note = ""
    if not len(members):
        note = _(
            "The model recognises none of this class's images, so there is no decision "
            "for the class whose concepts could be shown."
        )
    elif len(members) < FEW:
        note = ngettext(
            "Only %(num)s image is recognised: read this table as anecdote.",
            "Only %(num)s images are recognised: read this table as anecdote.",
            len(members),
        )
    return ClassReport(
        name=samples.manifest.classes[output],
        output=output,
        n=int((samples.valid & (samples.labels == output)).sum()),
        members=len(members),
        tables=[
            _table(audit, layer, place, units)
            for layer, units in zip(analysis.layers, audit.made["units"], strict=True)
        ][::-1],
        atlas=atlas,
        note=note,
        searched=analysis.shortcuts is not None and analysis.searched[place],
    )


def _table(audit: Audit, layer: LayerAnalysis, place: int, units: LayerUnits) -> LayerTable:
    """Return the concept table of a class at a layer, most relevant concept first."""
    statistics, output = layer.statistics, audit.analysis.outputs[place]
    others = shared_with(layer.leading)
    shelf = audit.shelf
    rows = [
        ConceptRow(
            concept=concept_id(statistics.layer, concept),
            rank=int(statistics.rank[place, concept]),
            rank_low=int(statistics.rank_low[place, concept]),
            rank_high=int(statistics.rank_high[place, concept]),
            share=float(statistics.mean_share[place, concept]),
            spread=float(statistics.spread[place, concept]),
            positive=float(statistics.positive[place, concept]),
            frequency=float(statistics.frequency[place, concept]),
            shared_with=[shelf.class_name(o) for o in others.get(concept, ()) if o != output],
            crops=shelf.of_concept(statistics.layer, concept, CROPS_PER_ROW, output),
        )
        for concept in layer.leading.get(output, ())
    ]
    lead, sentence = lead_units(units, layer.subspaces, place, shelf.class_name(output))
    return LayerTable(
        layer=statistics.layer,
        top=statistics.top,
        coverage=float(sum(row.share for row in rows)),
        rows=rows,
        lead=lead,
        lead_sentence=sentence,
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


def has_classes(result: AuditResult) -> bool:
    """Say whether a class was audited, or the overview drawn."""
    return bool(result.classes) or result.overview is not None


def concept_rows(result: AuditResult) -> Iterable[Row]:
    """Yield a row for each concept that leads a class at a layer."""
    names = {concept.id: concept.name for concept in result.concepts}
    for item in result.classes:
        for table in item.tables:
            for row in table.rows:
                yield CLASS_CONCEPTS.of(row) | {
                    "class": item.name,
                    "layer": table.layer,
                    "name": names.get(row.concept, ""),
                    "shared_with": "; ".join(row.shared_with),
                }


CLASS_CONCEPTS = Table(
    (
        *("class", "layer", "rank", "rank_low", "rank_high", "concept", "name", "share", "spread"),
        *("frequency", "positive", "shared_with"),
    ),
    concept_rows,
)
SECTION = Section(
    "classes",
    _("Dominant concepts"),
    parts={"classes": classes, "overview": overview},
    needs=("subspaces",),
    has=has_classes,
    tables={"class_concepts": CLASS_CONCEPTS},
)
