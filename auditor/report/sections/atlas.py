"""The section on the concept atlas: a card for each leading concept, maps, and faces."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from PIL import Image

from auditor.concepts.concept_map import concept_map
from auditor.concepts.quality import concept_quality
from auditor.concepts.references import jaccard
from auditor.language.speaking import gettext as _
from auditor.records.concepts import ConceptQuality, MapCard
from auditor.records.part import Crop, concept_id, subspace_id
from auditor.records.stages import References
from auditor.report.document.result import AuditResult, Concept
from auditor.report.sections.analysis import LayerAnalysis
from auditor.report.sections.classes import has_classes
from auditor.report.sections.section import Audit, Row, Section, Table
from auditor.report.show.picture_store import read_image


def concepts(audit: Audit) -> list[Concept]:
    """Return a card for every concept that leads some class, with its reference samples."""
    return [card for layer in audit.analysis.layers for card in _of_layer(audit, layer)]


def maps(audit: Audit) -> list[MapCard]:
    """Return the map of every layer whose concepts were compared, the deepest first."""
    layers = reversed(audit.analysis.layers)
    return [concept_map(layer.subspaces) for layer in layers if len(layer.subspaces.concepts)]


def faces(audit: Audit) -> dict[str, Crop]:
    """Return the reference crop of each concept that is named somewhere and has no card."""
    crops = {concept_id(item.layer, item.concept): item.crop for item in audit.analysis.named}
    return dict(sorted(crops.items()))


def _of_layer(audit: Audit, layer: LayerAnalysis) -> list[Concept]:
    name, shelf = layer.layer.layer, audit.shelf
    overlap = jaccard(layer.by_relevance, layer.by_activation)
    users: dict[int, list[str]] = defaultdict(list)
    for output, leading in layer.leading.items():
        for concept in leading:
            users[concept].append(shelf.class_name(output))
    subspace = dict(zip(layer.subspaces.concepts, layer.subspaces.cluster, strict=True))
    return [
        Concept(
            id=concept_id(name, concept),
            layer=name,
            channel=concept,
            name=f"{name} · {concept}",
            seen=audit.analysis.names.get(concept_id(name, concept), ""),
            by_relevance=shelf.references(name, concept),
            by_activation=shelf.references(name, concept, origin="activation"),
            jaccard=float(overlap[concept]),
            subspace=subspace_id(name, int(subspace[concept])) if concept in subspace else None,
            classes=users[concept],
            left_out=_count(layer.by_relevance, concept),
            left_out_by_activation=_count(layer.by_activation, concept),
            **dict(_quality(audit, layer, concept)),
        )
        for concept in layer.shown
    ]


def _quality(audit: Audit, layer: LayerAnalysis, concept: int) -> ConceptQuality:
    """Return how well a concept can be read, by its reference crops over all data, best first."""
    crops = []
    for item in audit.shelf.references(layer.layer.layer, concept):
        with Image.open(io.BytesIO(read_image(audit.store.folder, item.crop.file))) as kept:
            crops.append(np.asarray(kept.convert("RGB")))
    return concept_quality(concept, crops, layer.subspaces) if crops else ConceptQuality()


def _count(references: References, concept: int) -> int | None:
    return None if references.left_out is None else int(references.left_out[concept])


def has_atlas(result: AuditResult) -> bool:
    """Say whether there is a class, a card or a map."""
    return has_classes(result) or bool(result.concepts or result.maps)


def concept_rows(result: AuditResult) -> Iterable[Row]:
    """Yield a row for each concept with a card."""
    for concept in result.concepts:
        yield CONCEPTS.of(concept) | {
            "concept": concept.id,
            "leads_for": "; ".join(concept.classes),
            "overlap": concept.jaccard,
        }


CONCEPTS = Table(
    (
        *("concept", "name", "seen", "layer", "channel", "leads_for", "overlap", "clarity"),
        *("meanings", "redundancy", "subspace"),
    ),
    concept_rows,
)
SECTION = Section(
    "atlas",
    _("Concept atlas"),
    parts={"concepts": concepts, "maps": maps, "faces": faces},
    has=has_atlas,
    tables={"concepts": CONCEPTS},
    tier="technical",
)
