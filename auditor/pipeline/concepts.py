"""The first stages of an audit: the relevance of every image, and the concepts of every layer."""

from __future__ import annotations

from functools import partial
from typing import Any

from auditor.base.progress import Step
from auditor.concepts.references import references
from auditor.concepts.selection import leading_concepts
from auditor.concepts.similarity import similarity_matrix
from auditor.concepts.statistics import concept_statistics
from auditor.concepts.subspaces import find_subspaces
from auditor.config.audit import AuditConfig
from auditor.pipeline.context import Context, Opened
from auditor.records.accounting import accounts
from auditor.records.stages import LayerRelevance, Samples
from auditor.relevance.over_data.collect import PassPlan, merge, run_pass, shard_path
from auditor.relevance.over_data.heatmaps import activation_products
from auditor.report.sections.analysis import LayerAnalysis
from auditor.shortcuts.split import discovery_split
from auditor.subject.usable import nothing_usable

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
    audit, subject, explainer = opened.config.audit, opened.subject, opened.explainer
    folder, manifest = opened.run.shards, opened.subject.manifest
    plan = pass_plan(audit, opened.layers)
    shards = range(len(plan.ranges(len(manifest))))

    def make(step: Step) -> Relevance:
        run_pass(explainer, subject, plan, folder, step)
        discovery = discovery_split(manifest.labels, audit.seed)
        return merge(folder, manifest, plan, discovery, [explainer.cuts(x) for x in opened.layers])

    samples, relevance = opened.stage(
        "relevance",
        "relevance of every image",
        make,
        inputs={"key": opened.run.key},
        steps=len(manifest),
        besides=[f"{folder.name}/{shard_path(folder, index).name}" for index in shards],
    )
    accounts(samples)
    if not samples.valid.any():
        quarantine = {row: reason or "" for row, reason in enumerate(samples.quarantine)}
        raise nothing_usable(manifest.paths, quarantine, subject.reader)
    return samples, relevance


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
