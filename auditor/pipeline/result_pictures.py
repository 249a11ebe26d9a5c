"""Stages that draw what the result shows and that needs the model or the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from itertools import chain, islice
from typing import Any

from auditor.base.progress import Step
from auditor.concepts.typical import typical_samples
from auditor.pipeline.context import Context
from auditor.pipeline.illustrate import (
    atlas_sample,
    chunks_by_row,
    illustrate,
    illustrate_chunk,
    requests_of,
    samples_of,
)
from auditor.pipeline.workplace import Workplace, do_tasks, in_tasks
from auditor.records.part import concept_id
from auditor.records.stages import Illustration, ShortcutReport
from auditor.relevance.over_data.heatmaps import MapRequest
from auditor.report.document.result import AtlasSample, LocalPart
from auditor.report.sections.analysis import LayerAnalysis, RegionPictures
from auditor.report.sections.findings import region_pictures
from auditor.run.tasks import Records, Task, inputs_of

# Stages by name, and what the user reads meanwhile.
REFERENCES = "illustrations", "reference samples"
ATLASES = "atlases", "concept atlases"
# Samples of a task; each takes a dozen heatmaps.
ATLAS_CHUNK = 8
Atlases = tuple[tuple[AtlasSample, ...], ...]


def reference_samples(
    context: Context, layers: Sequence[LayerAnalysis]
) -> tuple[Illustration, ...]:
    """Return the reference samples of every shown concept, over all data and of each class."""
    tasks, inputs = _of_references(context, layers)
    return in_tasks(
        Workplace(context),
        *REFERENCES,
        tasks,
        references_of_chunk,
        lambda chunks: tuple(chain.from_iterable(chunks)),
        inputs=inputs,
    )


def atlases(context: Context, last: LayerAnalysis) -> Atlases:
    """Return the superpixel atlases of each audited class, on its most typical samples."""
    chosen, tasks, inputs = _of_atlases(context, last)

    def by_class(chunks: Records) -> Atlases:
        drawn = chain.from_iterable(chunks)
        return tuple(tuple(islice(drawn, len(rows))) for rows in chosen)

    place = Workplace(context)
    return in_tasks(place, *ATLASES, tasks, atlases_of_chunk, by_class, inputs=inputs)


def help_pictures(context: Context, layers: Sequence[LayerAnalysis]) -> None:
    """Do this job's part of reference samples and atlases, which another job puts together."""
    place = Workplace(context)
    tasks, inputs = _of_references(context, layers)
    do_tasks(place, *REFERENCES, tasks, references_of_chunk, inputs=inputs)
    _chosen, tasks, inputs = _of_atlases(context, layers[-1])
    do_tasks(place, *ATLASES, tasks, atlases_of_chunk, inputs=inputs)


def references_of_chunk(place: Workplace, task: Task, step: Step) -> tuple[Illustration, ...]:
    """Draw the reference samples of a chunk."""
    requests = [
        MapRequest(layer, tuple(concepts), *rest)
        for layer, concepts, *rest in task.asked["requests"]
    ]
    return illustrate_chunk(place.context, requests)


def atlases_of_chunk(place: Workplace, task: Task, step: Step) -> tuple[AtlasSample, ...]:
    """Draw the atlases of the rows of a chunk."""
    drawn = []
    for row in task.asked["rows"]:
        drawn.append(atlas_sample(place.context, place.layers[-1], row))
        step(1)
    return tuple(drawn)


def _of_references(
    context: Context, layers: Sequence[LayerAnalysis]
) -> tuple[list[Task], Mapping[str, Any]]:
    """Return the tasks that the reference samples are drawn in, and what they are made of."""
    by_relevance, by_activation, in_class = samples_of(context.config.audit)
    requests: list[MapRequest] = []
    for analysis in layers:
        requests += requests_of(analysis.by_relevance, analysis.shown, by_relevance)
        requests += requests_of(analysis.by_activation, analysis.shown, by_activation)
        for output, of_class in zip(context.outputs, analysis.per_class, strict=True):
            leading = analysis.leading.get(output, ())
            requests += requests_of(of_class, leading, in_class)
    inputs = context.inputs([analysis.stage for analysis in layers])
    tasks = [
        _chunk(REFERENCES, index, {"requests": [astuple(each) for each in chunk]}, inputs)
        for index, chunk in enumerate(chunks_by_row(requests))
    ]
    return tasks, inputs


def _of_atlases(
    context: Context, last: LayerAnalysis
) -> tuple[list[list[int]], list[Task], Mapping[str, Any]]:
    """Return the rows of each class, the tasks that they are drawn in, and what of."""
    samples, most = context.samples, context.config.audit.atlas_samples
    chosen = [
        [int(row) for row in typical_samples(last.layer, samples.members(output), most)]
        for output in context.outputs
    ]
    inputs, rows = context.inputs(["relevance"]), list(chain.from_iterable(chosen))
    tasks = [
        _chunk(ATLASES, index, {"rows": rows[start : start + ATLAS_CHUNK]}, inputs)
        for index, start in enumerate(range(0, len(rows), ATLAS_CHUNK))
    ]
    return chosen, tasks, inputs


def _chunk(
    stage: tuple[str, str], index: int, asked: Mapping[str, list[Any]], inputs: Mapping[str, Any]
) -> Task:
    steps = sum(map(len, asked.values()))
    return Task(stage[0], f"chunk-{index:04d}", asked, inputs_of(inputs, asked), steps)


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
