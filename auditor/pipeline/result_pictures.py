"""Stages that draw what the result shows and that needs the model or the data."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.base.progress import Step
from auditor.concepts.typical import typical_samples
from auditor.pipeline.context import Context
from auditor.pipeline.illustrate import atlas_sample, illustrate, requests_of, samples_of
from auditor.records.part import concept_id
from auditor.records.stages import Illustration, ShortcutReport
from auditor.relevance.over_data.heatmaps import MapRequest
from auditor.report.document.result import AtlasSample, LocalPart
from auditor.report.sections.analysis import LayerAnalysis, RegionPictures
from auditor.report.sections.findings import region_pictures

Atlases = tuple[tuple[AtlasSample, ...], ...]


def reference_samples(
    context: Context, layers: Sequence[LayerAnalysis]
) -> tuple[Illustration, ...]:
    """Return the reference samples of every shown concept, over all data and of each class."""
    by_relevance, by_activation, in_class = samples_of(context.config.audit)
    requests: list[MapRequest] = []
    for analysis in layers:
        requests += requests_of(analysis.by_relevance, analysis.shown, by_relevance)
        requests += requests_of(analysis.by_activation, analysis.shown, by_activation)
        for output, of_class in zip(context.outputs, analysis.per_class, strict=True):
            leading = analysis.leading.get(output, ())
            requests += requests_of(of_class, leading, in_class)
    return context.once(
        "illustrations",
        "reference samples",
        lambda step: illustrate(context, requests, step),
        reads=[analysis.stage for analysis in layers],
        steps=len(requests),
    )


def atlases(context: Context, last: LayerAnalysis) -> Atlases:
    """Return the superpixel atlases of each audited class, on its most typical samples."""
    samples, most = context.samples, context.config.audit.atlas_samples
    chosen = [
        typical_samples(last.layer, samples.members(output), most) for output in context.outputs
    ]

    def drawn(row: int, step: Step) -> AtlasSample:
        sample = atlas_sample(context, last.layer, row)
        step(1)
        return sample

    return context.once(
        "atlases",
        "concept atlases",
        lambda step: tuple(tuple(drawn(row, step) for row in rows) for rows in chosen),
        reads=["relevance"],
        steps=sum(map(len, chosen)),
    )


def finding_regions(
    context: Context, shortcuts: ShortcutReport | None
) -> tuple[RegionPictures, ...]:
    """Return, for each finding, photographs with its region outlined and the regions cut out."""
    findings = shortcuts.findings if shortcuts else ()
    if not findings:
        return ()

    def make(step: Step) -> tuple[RegionPictures, ...]:
        drawn = []
        for finding in findings:
            drawn.append(
                region_pictures(finding, context.samples, context.store, context.subject.picture)
            )
            step(1)
        return tuple(drawn)

    return context.once(
        "finding-pictures",
        "pictures of the findings",
        make,
        reads=["shortcuts"],
        steps=len(findings),
    )


def named_concepts(
    context: Context,
    layers: Sequence[LayerAnalysis],
    illustrations: Sequence[Illustration],
    atlases: Atlases,
    local: LocalPart,
) -> tuple[Illustration, ...]:
    """Return the best reference sample of each concept that is named and has no card.

    Atlases and single pictures name concepts that lead no class.
    """
    entries = [entry for samples in atlases for sample in samples for entry in sample.legend]
    named = {entry.concept for entry in entries}
    named |= {entry.concept for card in local.cards for entry in card.concepts}
    shown = {
        concept_id(item.layer, item.concept)
        for item in illustrations
        if item.output is None and item.origin == "relevance"
    }
    references = {analysis.layer.layer: analysis.by_relevance for analysis in layers}
    requests = [
        request
        for layer, channel in (concept.rsplit("/", 1) for concept in sorted(named - shown))
        for request in requests_of(references[layer], [int(channel)], 1)
    ]
    return context.once(
        "named-concepts",
        "reference samples of named concepts",
        lambda step: illustrate(context, requests, step),
        reads=["atlases", "local", "illustrations"],
        steps=len(requests),
    )
