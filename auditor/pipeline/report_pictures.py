"""Stages that draw what the result shows and that needs the model or the data."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.concepts.typical import typical_samples
from auditor.pipeline.analyses import Stages
from auditor.pipeline.illustrate import atlas_sample, illustrate, requests_of
from auditor.records.part import concept_id
from auditor.records.stages import Illustration, ShortcutReport
from auditor.report.document.audit import AtlasSample, LocalPart
from auditor.report.sections.findings import RegionPictures, region_pictures


def atlases(stages: Stages) -> tuple[tuple[AtlasSample, ...], ...]:
    """Return the superpixel atlases of each audited class, on its most typical samples."""
    last, samples = stages.layers[-1].layer, stages.samples
    chosen = [
        typical_samples(last, samples.members(output), stages.config.audit.atlas_samples)
        for output in stages.outputs
    ]

    def make() -> tuple[tuple[AtlasSample, ...], ...]:
        with stages.progress.stage("concept atlases", sum(map(len, chosen))) as step:
            return tuple(
                tuple(
                    atlas_sample(
                        stages.explainer, stages.subject, samples, last, row, stages.store, step
                    )
                    for row in rows
                )
                for rows in chosen
            )

    return stages.once("atlases", ["relevance"], make)


def finding_regions(stages: Stages, shortcuts: ShortcutReport | None) -> tuple[RegionPictures, ...]:
    """Return, for each finding, photographs with its region outlined and the regions cut out."""
    findings = shortcuts.findings if shortcuts else ()
    if not findings:
        return ()

    def make() -> tuple[RegionPictures, ...]:
        with stages.progress.stage("pictures of the findings", len(findings)) as step:
            drawn = []
            for finding in findings:
                drawn.append(
                    region_pictures(finding, stages.samples, stages.store, stages.subject.picture)
                )
                step(1)
            return tuple(drawn)

    return stages.once("finding-pictures", ["shortcuts"], make)


def named_concepts(
    stages: Stages,
    illustrations: Sequence[Illustration],
    atlases: Sequence[Sequence[AtlasSample]],
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
    references = {analysis.layer.layer: analysis.by_relevance for analysis in stages.layers}
    requests = [
        request
        for layer, channel in (concept.rsplit("/", 1) for concept in sorted(named - shown))
        for request in requests_of(references[layer], [int(channel)], 1)
    ]

    def make() -> tuple[Illustration, ...]:
        with stages.progress.stage("reference samples of named concepts", len(requests)) as step:
            return illustrate(
                stages.explainer,
                stages.subject,
                stages.samples,
                requests,
                stages.store,
                batch=stages.config.audit.batch,
                progress=step,
            )

    return stages.once("named-concepts", ["atlases", "local", "illustrations"], make)
