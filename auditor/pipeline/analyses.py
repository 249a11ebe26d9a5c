"""The analyses beyond single concepts, as stages: each runs once and is kept in the run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from auditor.base.progress import Progress
from auditor.causal.flipping import flipping_curves, flipping_samples
from auditor.config.audit import Config
from auditor.pipeline.analysis import Extras, LayerAnalysis, LayerExtras
from auditor.pipeline.decisions import analyse_classes, analyse_layer, compared_pairs
from auditor.pipeline.illustrate import illustrate, requests_of
from auditor.pipeline.positional import Positional, analyse_positional
from auditor.pipeline.unit_pictures import (
    class_component_requests,
    component_requests,
    draw_samples,
    draw_units,
    sample_rows,
    subspace_requests,
)
from auditor.records.accounting import accounts
from auditor.records.concepts import DecisionPlane, Empty, FlippingCurves, Mistakes, Strategies
from auditor.records.stages import Illustration, SamplePicture, Samples, UnitPicture
from auditor.records.work import Work
from auditor.relevance.explainer import Explainer
from auditor.report.show.images import ImageStore
from auditor.run.folder import RunFolder
from auditor.subject import Subject

# Concepts named per strategy, per kind of error, and reference samples of each.
NAMED = 3
REFERENCES = 4

# Measured on the demo, on the reference machine, besides as long as the reference samples take.
OTHER_SECONDS = 8.0

T = TypeVar("T")


def work_of_analyses() -> Work:
    """Return what the analyses take besides what the reference samples take."""
    return Work(fixed=OTHER_SECONDS)


@dataclass(frozen=True, eq=False)
class Stages:
    """What every stage of the analyses works with."""

    config: Config
    subject: Subject
    explainer: Explainer
    samples: Samples
    layers: Sequence[LayerAnalysis]
    outputs: Sequence[int]
    store: ImageStore
    run: RunFolder
    progress: Progress

    def once(
        self,
        stage: str,
        inputs: Iterable[str],
        make: Callable[[], T],
    ) -> T:
        """Run a stage that reads these stages, and the audited classes."""
        read: Mapping[str, Any] = {name: self.run.digest(name) for name in inputs}
        made = self.run.once(stage, {**read, "outputs": list(self.outputs)}, make)
        accounts(self.samples)
        return made


def run_analyses(stages: Stages) -> Extras:
    """Return everything that the analyses found, with the pictures that show it."""
    pairs = compared_pairs(stages.config.audit, stages.samples, stages.outputs)
    layers = tuple(_layer(stages, place, pairs) for place in range(len(stages.layers)))
    last = len(stages.layers) - 1

    def of_classes() -> tuple[tuple[Strategies | Empty, ...], Mistakes | Empty]:
        with stages.progress.stage("strategies and errors"):
            return analyse_classes(
                stages.config.audit, stages.samples, stages.layers[last].layer, stages.outputs
            )

    strategies, mistakes = stages.once("strategies", [f"concepts-{last}"], of_classes)
    units, pictures = _pictures(stages, layers, strategies, mistakes)
    return Extras(
        deepest=stages.layers[last].layer.layer,
        pairs=pairs,
        layers=layers,
        strategies=strategies,
        mistakes=mistakes,
        illustrations=_illustrations(stages, layers, strategies, mistakes),
        units=units,
        samples=pictures,
    )


def _layer(stages: Stages, place: int, pairs: Sequence[Any]) -> LayerExtras:
    audit, analysis = stages.config.audit, stages.layers[place]
    name = analysis.layer.layer
    concepts = f"concepts-{place}"

    def positional() -> Positional:
        total = audit.component_samples * len(stages.outputs)
        with stages.progress.stage(f"components of {name}", total) as step:
            return analyse_positional(
                stages.explainer,
                stages.subject.load,
                stages.samples,
                analysis.layer,
                analysis.subspaces,
                stages.outputs,
                most=audit.component_samples,
                within_classes=place == len(stages.layers) - 1,
                batch=audit.batch,
                progress=step,
                seed=audit.seed,
            )

    components, class_components, decision = stages.once(
        f"components-{place}", [concepts], positional
    )

    def decisions() -> Any:
        with stages.progress.stage(f"decisions at {name}"):
            return analyse_layer(
                stages.samples,
                analysis.layer,
                analysis.subspaces,
                decision,
                stages.outputs,
                pairs,
                seed=audit.seed,
            )

    directions, planes = stages.once(
        f"decisions-{place}", [concepts, f"components-{place}"], decisions
    )
    curves = stages.once(f"flipping-{place}", [concepts], lambda: _flipping(stages, name))
    return LayerExtras(
        name, components, class_components, decision, directions, planes, tuple(curves)
    )


def _flipping(stages: Stages, layer: str) -> tuple[FlippingCurves, ...]:
    audit = stages.config.audit
    rows = flipping_samples(stages.samples, stages.outputs, audit.flipping_images)
    if not rows:
        return ()
    with stages.progress.stage(f"concept flipping at {layer}", len(rows)) as step:
        return flipping_curves(
            stages.explainer,
            stages.subject.load,
            layer,
            rows,
            [int(stages.samples.target[row]) for row in rows],
            batch=audit.batch,
            progress=step,
            seed=audit.seed,
        )


def _pictures(
    stages: Stages,
    layers: Sequence[LayerExtras],
    strategies: Sequence[Strategies | Empty],
    mistakes: Mistakes | Empty,
) -> tuple[tuple[UnitPicture, ...], tuple[SamplePicture, ...]]:
    wanted = []
    for analysis, found in zip(stages.layers, layers, strict=True):
        wanted += component_requests(found.components)
        wanted += subspace_requests(
            analysis.subspaces, analysis.layer, stages.samples, stages.outputs
        )
        for each in found.class_components:
            wanted += class_component_requests(each, analysis.layer)
    rows = sample_rows(strategies, mistakes, stages.config.audit.mistakes, wanted)
    tools = (stages.explainer, stages.subject, stages.samples)
    batch = stages.config.audit.batch

    def make() -> tuple[tuple[UnitPicture, ...], tuple[SamplePicture, ...]]:
        with stages.progress.stage("pictures of the analyses", len(wanted) + len(rows)) as step:
            return (
                draw_units(*tools, wanted, stages.store, batch=batch, progress=step),
                draw_samples(*tools, rows, stages.store, batch=batch, progress=step),
            )

    read = [f"components-{place}" for place in range(len(layers))]
    units, pictures = stages.once("analysis-pictures", [*read, "strategies"], make)
    return tuple(units), tuple(pictures)


def _illustrations(
    stages: Stages,
    layers: Sequence[LayerExtras],
    strategies: Sequence[Strategies | Empty],
    mistakes: Mistakes | Empty,
) -> tuple[Illustration, ...]:
    """Return reference samples of the concepts that are named here and lead no class.

    Concepts that speak for a class are shown by the class's own samples first.
    """
    requests = []
    last = len(stages.layers) - 1
    for place, (analysis, found) in enumerate(zip(stages.layers, layers, strict=True)):
        within = _axes(found.planes)
        named = set()
        if place == last:
            within |= _driving_or_missing(mistakes, stages.config.audit.mistakes)
            named = _distinguishing(strategies)
        for number, output in enumerate(stages.outputs):
            own = {concept for concept, of in within if of == output}
            more = sorted(own - set(analysis.leading.get(output, ())))
            requests += requests_of(analysis.per_class[number], more, REFERENCES)
        everywhere = {concept for concept, _ in within} | named
        further = sorted(everywhere - set(analysis.shown))
        requests += requests_of(analysis.by_relevance, further, REFERENCES)

    def make() -> tuple[Illustration, ...]:
        with stages.progress.stage("reference samples of further concepts", len(requests)) as step:
            return illustrate(
                stages.explainer,
                stages.subject,
                stages.samples,
                requests,
                stages.store,
                batch=stages.config.audit.batch,
                progress=step,
            )

    read = [f"decisions-{place}" for place in range(len(layers))]
    made: tuple[Illustration, ...] = stages.once("further-concepts", [*read, "strategies"], make)
    return made


def _axes(planes: Iterable[DecisionPlane | Empty]) -> set[tuple[int, int]]:
    """Return the concepts of the axes, each with the class that it speaks for."""
    return {
        (unit, output)
        for plane in planes
        if not isinstance(plane, Empty) and plane.kind == "channel"
        for unit, output in zip(plane.units, plane.speaks_for, strict=True)
    }


def _distinguishing(strategies: Iterable[Strategies | Empty]) -> set[int]:
    named: set[int] = set()
    for each in strategies:
        if not isinstance(each, Empty):
            named |= {int(concept) for concept in each.distinguishing[:, :NAMED].ravel()}
    return named - {-1}


def _driving_or_missing(mistakes: Mistakes | Empty, pairs: int) -> set[tuple[int, int]]:
    """Return the concepts of wrong decisions, each with the class that it usually speaks for."""
    named: set[tuple[int, int]] = set()
    if not isinstance(mistakes, Empty):
        for pair in mistakes.pairs[:pairs]:
            for contrast, output in (
                (pair.driving, pair.prediction),
                (pair.missing, pair.label),
            ):
                if contrast is not None:
                    named |= {(int(concept), output) for concept in contrast.concepts[:NAMED]}
    return named
