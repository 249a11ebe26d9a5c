"""The section on composition: graphs of nodes with crops, and edges with shares."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from auditor.concepts.composition import shares
from auditor.language.speaking import gettext as _
from auditor.records.details import CompositionGraph, CompositionStep
from auditor.records.part import concept_id
from auditor.records.stages import Samples
from auditor.report.document.result import (
    AuditResult,
    CompositionCard,
    CompositionPart,
    GraphEdge,
    GraphNode,
    Picture,
)
from auditor.report.sections.section import Audit, Section

Key = tuple[str, int, int]  # layer, concept, row
Crops = Mapping[Key, Picture]


def composition(audit: Audit) -> CompositionPart:
    """Return the graphs of classes and findings; a stage has made their cards."""
    return audit.analysis.compositions


def composition_card(
    graph: CompositionGraph, samples: Samples, findings: Mapping[str, str], crops: Crops
) -> CompositionCard:
    """Return a graph as nodes and edges; ``findings`` maps candidates to ids of findings."""
    return CompositionCard(
        class_name=samples.manifest.classes[graph.output],
        finding=findings.get(graph.candidate, "") if graph.candidate else "",
        n=len(graph.rows),
        nodes=_nodes(graph, samples, crops),
        edges=_edges(graph),
        reason=graph.reason,
    )


def _nodes(graph: CompositionGraph, samples: Samples, crops: Crops) -> list[GraphNode]:
    if not graph.steps:
        return []
    score = float(graph.steps[0].relevance[0])
    nodes = [_node(0, "", 1.0, graph.steps[0], 0, "", None)]
    for level, part in enumerate(graph.steps, start=1):
        below = graph.steps[level] if level < len(graph.steps) else None
        reaches = part.flow.sum(axis=0)
        for place, (concept, row) in enumerate(
            zip(part.children, graph.best[level - 1], strict=True)
        ):
            name = concept_id(part.lower, concept)
            share = float(reaches[place]) / score
            crop = crops.get((part.lower, concept, row))
            sample = samples.manifest.paths[row]
            nodes.append(_node(level, name, share, below, place, sample, crop))
    return nodes


def _node(
    level: int,
    concept: str,
    share: float,
    below: CompositionStep | None,
    place: int,
    sample: str,
    crop: Picture | None,
) -> GraphNode:
    def part(amounts: np.ndarray) -> float | None:
        if below is None or not below.relevance[place]:
            return None
        return float(amounts[place] / below.relevance[place])

    return GraphNode(
        level=level,
        concept=concept,
        share=share,
        rest=part(below.rest) if below else None,
        others=below.others if below else 0,
        bypass=part(below.bypass) if below else None,
        absorbed=part(below.absorbed) if below else None,
        sample=sample,
        crop=crop,
    )


def _edges(graph: CompositionGraph) -> list[GraphEdge]:
    edges, start = [], 0
    for part in graph.steps:
        first = start + len(part.parents)
        edges += [
            GraphEdge(source=start + p, target=first + c, share=float(share))
            for p, row in enumerate(shares(part))
            for c, share in enumerate(row)
            if share
        ]
        start = first
    return edges


def has_composition(result: AuditResult) -> bool:
    """Say whether graphs were looked for."""
    return result.composition is not None


SECTION = Section(
    "composition",
    _("What concepts are made of"),
    parts={"composition": composition},
    has=has_composition,
    tier="technical",
)
