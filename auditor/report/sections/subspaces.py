"""The section on subspaces: concepts of a layer that mean the same, and other larger units."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from auditor.language.speaking import gettext as _
from auditor.records.part import Picture, concept_id, subspace_id
from auditor.records.stages import Subspaces
from auditor.report.document.analyses import LayerUnits
from auditor.report.document.result import AuditResult, SubspaceCard, SubspaceLayer
from auditor.report.draw.figures import similarity_figure
from auditor.report.sections.section import Audit, Row, Section, Table
from auditor.report.sections.units import layer_units


def subspaces(audit: Audit) -> list[SubspaceLayer]:
    """Return the subspaces of every layer, those of several concepts first, largest first."""
    layers = (layer.subspaces for layer in audit.analysis.layers)
    return [
        SubspaceLayer(
            layer=found.layer,
            compared=len(found.concepts),
            rule=found.rule,
            silhouette=float(found.silhouette),
            subspaces=sorted(
                (_card(audit, found, cluster) for cluster in range(found.share.shape[1])),
                key=_largest_first,
            ),
            figure=_similarity(audit, found),
        )
        for found in layers
    ]


def units(audit: Audit) -> list[LayerUnits]:
    """Return the units larger than a concept of every layer."""
    analysis = audit.analysis
    return [
        layer_units(extra, layer.subspaces, analysis.outputs, audit.shelf)
        for layer, extra in zip(analysis.layers, analysis.decisions, strict=True)
    ]


def _card(audit: Audit, found: Subspaces, cluster: int) -> SubspaceCard:
    inside = np.flatnonzero(found.cluster == cluster)
    block = found.similarity[np.ix_(inside, inside)]
    pairs = block[np.triu_indices(len(inside), k=1)]
    return SubspaceCard(
        id=subspace_id(found.layer, cluster),
        layer=found.layer,
        concepts=[concept_id(found.layer, int(c)) for c in found.concepts[inside]],
        similarity=float(pairs.mean()) if len(pairs) else 1.0,
        share=dict(zip(audit.class_names, map(float, found.share[:, cluster]), strict=True)),
    )


def _similarity(audit: Audit, found: Subspaces) -> Picture | None:
    if len(found.concepts) < 2:
        return None
    names = [str(concept) for concept in found.concepts]
    return audit.store.figure(
        partial(similarity_figure, found.similarity, found.cluster, names),
        alt=_("similarity of the concepts of %(layer)s", layer=found.layer),
    )


def _largest_first(card: SubspaceCard) -> tuple[int, str]:
    return -len(card.concepts), card.id


def has_subspaces(result: AuditResult) -> bool:
    """Say whether there are subspaces or other units."""
    return bool(result.subspaces or result.units)


def subspace_rows(result: AuditResult) -> Iterable[Row]:
    """Yield a row for each subspace and class."""
    for layer in result.subspaces:
        for card in layer.subspaces:
            for name, share in card.share.items():
                yield {
                    "subspace": card.id,
                    "layer": card.layer,
                    "concepts": "; ".join(card.concepts),
                    "likeness": card.similarity,
                    "class": name,
                    "share": share,
                }


SUBSPACES = Table(("subspace", "layer", "concepts", "likeness", "class", "share"), subspace_rows)
SECTION = Section(
    "subspaces",
    _("Concept subspaces"),
    parts={"subspaces": subspaces, "units": units},
    has=has_subspaces,
    tables={"subspaces": SUBSPACES},
    tier="technical",
)
