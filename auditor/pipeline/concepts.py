"""The first stages of an audit: the relevance of every image, and the concepts of every layer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from auditor.base.progress import Step
from auditor.concepts.references import references
from auditor.concepts.selection import leading_concepts
from auditor.concepts.similarity import similarity_matrix
from auditor.concepts.statistics import concept_statistics
from auditor.concepts.subspaces import find_subspaces
from auditor.config.audit import AuditConfig
from auditor.pipeline.context import Context, Opened
from auditor.pipeline.workplace import Workplace, in_tasks
from auditor.records.accounting import accounts
from auditor.records.stages import LayerRelevance, Samples
from auditor.relevance.over_data.collect import PassPlan, collect_shard, merge
from auditor.relevance.over_data.heatmaps import activation_products
from auditor.report.sections.analysis import LayerAnalysis
from auditor.run.codec import Stacked
from auditor.run.tasks import Records, Task, inputs_of
from auditor.shortcuts.split import halves
from auditor.subject.usable import nothing_usable

# A guess that no GPU has confirmed yet: see tests/benchmarks/gpu_audit.py.
LOADERS_ON_GPU = 4
Relevance = tuple[Samples, tuple[LayerRelevance, ...]]


def pass_plan(audit: AuditConfig, layers: tuple[str, ...]) -> PassPlan:
    """Return how the pass over the data goes."""
    return PassPlan(layers, audit.target, audit.batch, audit.shard, audit.relmax, audit.actmax)


def relevance_of_data(opened: Opened) -> Relevance:
    """Return what the pass over the data found, for every image and by concept.

    Raises:
        DataError: no image can be used.
        IntegrityError: what was found is not what was used and set aside together.
    """
    audit, manifest, key = opened.config.audit, opened.subject.manifest, {"key": opened.run.key}
    plan = pass_plan(audit, opened.layers)

    def merged(shards: Records) -> Relevance:
        discovery = halves(manifest, audit.seed)
        cuts = [opened.explainer.cuts(layer) for layer in opened.layers]
        return merge(shards, manifest, plan, discovery, cuts, join=Stacked.of)

    samples, relevance = in_tasks(
        Workplace(opened),
        "relevance",
        "relevance of every image",
        [_shard(key, index, rows) for index, rows in enumerate(plan.ranges(len(manifest)))],
        relevance_of_shard,
        merged,
        inputs=key,
    )
    accounts(samples)
    if not samples.valid.any():
        quarantine = {row: reason or "" for row, reason in enumerate(samples.quarantine)}
        raise nothing_usable(manifest.paths, quarantine, opened.subject.reader)
    return samples, relevance


def _shard(key: Mapping[str, str], index: int, rows: range) -> Task:
    asked = {"rows": [rows.start, rows.stop]}
    name = f"shard-{index:05d}"
    return Task("pass", name, asked, inputs_of(key, asked), steps=len(rows))


def relevance_of_shard(place: Workplace, task: Task, step: Step) -> dict[str, np.ndarray]:
    """Return what the pass finds in the rows of a task."""
    opened = place.opened
    plan = pass_plan(opened.config.audit, opened.layers)
    rows = range(*task.asked["rows"])
    loaders = opened.config.run.loaders
    if loaders is None:
        threads = opened.subject.device.type != "cpu" and opened.subject.read_by_threads
        loaders = LOADERS_ON_GPU if threads else 0
    subject = opened.subject.tried(rows)
    return collect_shard(opened.explainer, subject, plan, rows, step, loaders=loaders)


def concepts_of_layers(
    context: Context, relevance: tuple[LayerRelevance, ...]
) -> tuple[LayerAnalysis, ...]:
    """Return the concepts of every layer: statistics, reference samples, subspaces."""
    return tuple(
        LayerAnalysis(
            f"concepts-{index}",
            layer,
            *context.once(
                f"concepts-{index}",
                f"concepts of {layer.layer}",
                partial(_concepts, context, layer),
                reads=["relevance"],
            ),
        )
        for index, layer in enumerate(relevance)
    )


def _concepts(context: Context, layer: LayerRelevance, _: Step) -> tuple[Any, ...]:
    """Return the fields of `LayerAnalysis` after its layer."""
    audit, samples, outputs = context.config.audit, context.samples, context.outputs
    statistics = concept_statistics(samples, layer, outputs, seed=audit.seed)
    leading = {
        output: tuple(concepts)
        for output, concepts in leading_concepts(statistics, audit.concepts).items()
    }
    by_relevance = references(layer, samples, k=audit.references, origin="relevance")
    by_activation = references(layer, samples, k=audit.references, origin="activation")
    per_class = tuple(
        references(layer, samples, k=audit.class_references, origin="relevance", output=output)
        for output in outputs
    )
    shown = sorted({concept for concepts in leading.values() for concept in concepts})
    dots, squares = activation_products(
        context.explainer,
        context.subject.load,
        layer.layer,
        by_relevance,
        shown,
        batch=audit.batch,
    )
    similarity = similarity_matrix(dots, squares)
    subspaces = find_subspaces(layer.layer, shown, similarity, layer, samples, outputs)
    return statistics, by_relevance, by_activation, per_class, leading, subspaces
