"""Single pictures as the report shows them: concepts, heatmaps, the ranking inside a region."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.records.details import LocalAnalysis, LocalSample, RegionRanking
from auditor.records.stages import Samples
from auditor.report.document.audit import (
    LocalCard,
    LocalConceptRow,
    LocalPart,
    RegionCard,
    RegionRow,
)
from auditor.report.sections.concepts import concept_id

RANKED = 6  # concepts of a region that the report lists
NEGLIGIBLE = 5e-4  # a smaller part of the region's relevance would read as nothing


def local_part(found: LocalAnalysis, samples: Samples) -> LocalPart:
    """Return the section, one card per sample."""
    names = samples.manifest.classes
    cards = [
        local_card(
            sample,
            path=samples.manifest.paths[sample.row],
            label=names[samples.labels[sample.row]],
            prediction=names[samples.prediction[sample.row]],
            names=names,
        )
        for sample in found.samples
    ]
    return LocalPart(cards=cards, notes=list(found.notes))


def local_card(
    sample: LocalSample, *, path: str, label: str, prediction: str, names: Sequence[str]
) -> LocalCard:
    """Return the card of one sample at one layer; ``label`` is empty where there is none."""
    return LocalCard(
        sample=path,
        label=label,
        explained=names[sample.target],
        prediction=prediction,
        why=sample.why,
        layer=sample.layer,
        photo=sample.photo,
        heatmap=sample.heatmap,
        concepts=[
            LocalConceptRow(
                concept=concept_id(sample.layer, item.concept),
                share=item.share,
                heatmap=item.heatmap,
                crop=item.crop,
            )
            for item in sample.concepts
        ],
        regions=[_region(region, sample.layer) for region in sample.regions],
        compared=sample.compared,
        covered=sample.covered,
        alone=sample.alone,
    )


def _region(region: RegionRanking, layer: str) -> RegionCard:
    total = float(np.abs(region.relevance).sum())
    pairs = list(zip(region.concepts, map(float, region.relevance), strict=True))
    ranked = [pair for pair in pairs if abs(pair[1]) >= NEGLIGIBLE * total > 0][:RANKED]
    return RegionCard(
        box=region.box,
        chosen=region.chosen,
        picture=region.picture,
        total=region.total,
        part=region.part,
        rows=[
            RegionRow(
                concept=concept_id(layer, concept),
                relevance=relevance,
                share=relevance / total,
            )
            for concept, relevance in ranked
        ],
    )
