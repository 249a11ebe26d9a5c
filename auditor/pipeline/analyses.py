"""The analyses beyond single concepts, as stages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from auditor.base.progress import Step
from auditor.causal.flipping import flipping_curves, flipping_samples
from auditor.pipeline.context import Context
from auditor.pipeline.decisions import OfClasses, analyse_classes, analyse_layer
from auditor.pipeline.illustrate import illustrate, requests_of
from auditor.pipeline.positional import analyse_positional
from auditor.pipeline.unit_pictures import (
    class_component_requests,
    component_requests,
    draw_samples,
    draw_units,
    sample_rows,
    subspace_requests,
)
from auditor.records.concepts import (
    ConfusedPair,
    DecisionPlane,
    Empty,
    FlippingCurves,
    Mistakes,
    Strategies,
)
from auditor.records.part import SampleView
from auditor.records.stages import Illustration, UnitPicture
from auditor.records.work import Work
from auditor.report.sections.analysis import LayerAnalysis, LayerDecisions

# Concepts named per strategy, per kind of error, and reference samples of each.
NAMED = 3
REFERENCES = 4
# Measured on the demo, on the reference machine, besides as long as the reference samples take.
OTHER_SECONDS = 8.0


def work_of_analyses() -> Work:
    """Return what the analyses take besides what the reference samples take."""
    return Work(fixed=OTHER_SECONDS)


def decisions_of_layers(
    context: Context, layers: Sequence[LayerAnalysis], pairs: Sequence[ConfusedPair]
) -> tuple[LayerDecisions, ...]:
    """Return, of every layer, where its relevance lies and what decides between classes there."""
    return tuple(
        _layer(context, index, analysis, pairs, deepest=analysis is layers[-1])
        for index, analysis in enumerate(layers)
    )


def strategies_and_mistakes(context: Context, last: LayerAnalysis) -> OfClasses:
    """Return the strategies of every class, and what wrong decisions rested on."""
    return context.once(
        "strategies",
        "strategies and errors",
        lambda _: analyse_classes(context, last.layer),
        reads=[last.stage],
    )


def _layer(
    context: Context,
    index: int,
    analysis: LayerAnalysis,
    pairs: Sequence[ConfusedPair],
    *,
    deepest: bool,
) -> LayerDecisions:
    name = analysis.layer.layer
    components, class_components, decision = context.once(
        f"components-{index}",
        f"components of {name}",
        lambda step: analyse_positional(context, analysis, within_classes=deepest, progress=step),
        reads=[analysis.stage],
        steps=context.config.audit.component_samples * len(context.outputs),
    )
    directions, planes = context.once(
        f"decisions-{index}",
        f"decisions at {name}",
        lambda _: analyse_layer(context, analysis, decision, pairs),
        reads=[analysis.stage, f"components-{index}"],
    )
    curves = _flipping(context, f"flipping-{index}", analysis)
    return LayerDecisions(name, components, class_components, decision, directions, planes, curves)


def _flipping(context: Context, stage: str, analysis: LayerAnalysis) -> tuple[FlippingCurves, ...]:
    audit, samples, layer = context.config.audit, context.samples, analysis.layer.layer
    rows = flipping_samples(samples, context.outputs, audit.flipping_images)
    if not rows:
        return ()

    def make(step: Step) -> tuple[FlippingCurves, ...]:
        return flipping_curves(
            context.explainer,
            context.subject.load,
            layer,
            rows,
            [int(samples.target[row]) for row in rows],
            batch=audit.batch,
            progress=step,
            seed=audit.seed,
        )

    return context.once(
        stage, f"concept flipping at {layer}", make, reads=[analysis.stage], steps=len(rows)
    )


def analysis_pictures(
    context: Context,
    layers: Sequence[LayerAnalysis],
    decisions: Sequence[LayerDecisions],
    of_classes: OfClasses,
) -> tuple[tuple[UnitPicture, ...], Mapping[int, SampleView]]:
    """Return the pictures that show units larger than a concept, and those of samples."""
    wanted = []
    for analysis, found in zip(layers, decisions, strict=True):
        wanted += component_requests(found.components)
        wanted += subspace_requests(
            analysis.subspaces, analysis.layer, context.samples, context.outputs
        )
        for components in found.class_components:
            wanted += class_component_requests(components, analysis.layer)
    rows = sample_rows(*of_classes, context.config.audit.mistakes, wanted)
    return context.once(
        "analysis-pictures",
        "pictures of the analyses",
        lambda step: (draw_units(context, wanted, step), draw_samples(context, rows, step)),
        reads=[*(f"components-{index}" for index in range(len(layers))), "strategies"],
        steps=len(wanted) + len(rows),
    )


def further_concepts(
    context: Context,
    layers: Sequence[LayerAnalysis],
    decisions: Sequence[LayerDecisions],
    of_classes: OfClasses,
) -> tuple[Illustration, ...]:
    """Return reference samples of the concepts that are named here and lead no class.

    Concepts that speak for a class are shown by the class's own samples first.
    """
    strategies, mistakes = of_classes
    requests = []
    for analysis, found in zip(layers, decisions, strict=True):
        within = _axes(found.planes)
        named = set()
        if analysis is layers[-1]:
            within |= _driving_or_missing(mistakes, context.config.audit.mistakes)
            named = _distinguishing(strategies)
        for output, references in zip(context.outputs, analysis.per_class, strict=True):
            speaking = {concept for concept, of in within if of == output}
            more = sorted(speaking - set(analysis.leading.get(output, ())))
            requests += requests_of(references, more, REFERENCES)
        everywhere = {concept for concept, _ in within} | named
        further = sorted(everywhere - set(analysis.shown))
        requests += requests_of(analysis.by_relevance, further, REFERENCES)
    return context.once(
        "further-concepts",
        "reference samples of further concepts",
        lambda step: illustrate(context, requests, step),
        reads=[*(f"decisions-{index}" for index in range(len(layers))), "strategies"],
        steps=len(requests),
    )


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
