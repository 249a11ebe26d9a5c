"""The first stages of an audit: the relevance of every image, and the concepts of every layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auditor.base.progress import Progress
from auditor.concepts.references import references
from auditor.concepts.selection import leading_concepts
from auditor.concepts.similarity import similarity_matrix
from auditor.concepts.statistics import concept_statistics
from auditor.concepts.subspaces import find_subspaces
from auditor.config.audit import AuditConfig, Config
from auditor.pipeline.analysis import LayerAnalysis
from auditor.records.accounting import accounts
from auditor.records.stages import ConceptStatistics, LayerRelevance, References, Samples, Subspaces
from auditor.relevance.explainer import Explainer
from auditor.relevance.over_data.collect import PassPlan, merge, run_pass, shard_path
from auditor.relevance.over_data.heatmaps import activation_products
from auditor.run.folder import RunFolder
from auditor.shortcuts.split import discovery_split
from auditor.subject import Subject
from auditor.subject.usable import nothing_usable

LayerConcepts = Mapping[int, tuple[int, ...]]


def pass_plan(audit: AuditConfig, layers: tuple[str, ...]) -> PassPlan:
    """Return how the pass over the data goes."""
    return PassPlan(layers, audit.target, audit.batch, audit.shard, audit.relmax, audit.actmax)


def relevance_stage(
    config: Config,
    subject: Subject,
    explainer: Explainer,
    layers: tuple[str, ...],
    run: RunFolder,
    progress: Progress,
) -> tuple[Samples, tuple[LayerRelevance, ...]]:
    """Return what the pass over the data found, for every image and by concept.

    Raises:
        DataError: no image can be used.
        IntegrityError: what was found is not what was used and set aside together.
    """
    plan = pass_plan(config.audit, layers)
    discovery = discovery_split(subject.manifest.labels, config.audit.seed)

    ranges = plan.ranges(len(subject.manifest))
    shards = [f"{run.shards.name}/{shard_path(run.shards, i).name}" for i in range(len(ranges))]

    def make() -> tuple[Samples, tuple[LayerRelevance, ...]]:
        with progress.stage("relevance of every image", len(subject.manifest)) as step:
            run_pass(explainer, subject, plan, run.shards, step)
        cuts = [explainer.cuts(layer) for layer in layers]
        return merge(run.shards, subject.manifest, plan, discovery, cuts)

    samples, relevance = run.once("relevance", {"key": run.key}, make, besides=shards)
    accounts(samples)
    if not samples.valid.any():
        quarantine = {row: reason or "" for row, reason in enumerate(samples.quarantine)}
        raise nothing_usable(subject.manifest.paths, quarantine, subject.reader)
    return samples, relevance


def concept_stages(
    config: Config,
    subject: Subject,
    explainer: Explainer,
    samples: Samples,
    relevance: Sequence[LayerRelevance],
    outputs: Sequence[int],
    run: RunFolder,
    progress: Progress,
) -> list[LayerAnalysis]:
    """Return the concepts of every layer: statistics, reference samples, subspaces."""
    found = []
    for index, layer in enumerate(relevance):

        def make(
            layer: LayerRelevance = layer,
        ) -> tuple[
            ConceptStatistics,
            References,
            References,
            tuple[References, ...],
            LayerConcepts,
            Subspaces,
        ]:
            with progress.stage(f"concepts of {layer.layer}"):
                return _analyse_layer(config, subject, explainer, samples, layer, outputs)

        inputs = {"relevance": run.digest("relevance"), "outputs": list(outputs)}
        record = run.once(f"concepts-{index}", inputs, make)
        found.append(LayerAnalysis(layer, *record))
    return found


def _analyse_layer(
    config: Config,
    subject: Subject,
    explainer: Explainer,
    samples: Samples,
    layer: LayerRelevance,
    outputs: Sequence[int],
) -> tuple[
    ConceptStatistics, References, References, tuple[References, ...], LayerConcepts, Subspaces
]:
    audit = config.audit
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
        explainer,
        subject.load,
        layer.layer,
        by_relevance,
        shown,
        batch=audit.batch,
    )
    similarity = similarity_matrix(dots, squares)
    subspaces = find_subspaces(layer.layer, shown, similarity, layer, samples, outputs)
    return statistics, by_relevance, by_activation, per_class, leading, subspaces
