"""Strategies and wrong decisions as the report shows them."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.concepts.strategies import STABLE
from auditor.records.concepts import ConceptContrast, Empty, MistakePair, Mistakes, Strategies
from auditor.records.part import concept_id
from auditor.report.document.analyses import (
    ClassStrategies,
    ContrastRow,
    ErrorReport,
    MistakeCard,
    Strategy,
    StrategyConcept,
    StrategyReport,
)
from auditor.report.sections.shared import Shelf

NAMED = 3
CROPS = 4
NEAREST, WRONG = 5, 4


def strategy_report(
    layer: str, found: Sequence[Strategies | Empty], outputs: Sequence[int], shelf: Shelf
) -> StrategyReport:
    """Return the strategies of every audited class."""
    return StrategyReport(
        layer=layer,
        classes=[
            _class(each, shelf.class_name(output), shelf)
            for each, output in zip(found, outputs, strict=True)
        ],
    )


def error_report(layer: str, found: Mistakes | Empty, most: int, shelf: Shelf) -> ErrorReport:
    """Return what the most frequent kinds of wrong decision rested on, ``most`` of them."""
    if isinstance(found, Empty):
        return ErrorReport(layer=layer, n=0, pairs=[], more=0, note=found.reason)
    return ErrorReport(
        layer=layer,
        n=found.n,
        pairs=[_mistake(layer, pair, shelf) for pair in found.pairs[:most]],
        more=max(0, len(found.pairs) - most),
        note="",
    )


def _class(found: Strategies | Empty, name: str, shelf: Shelf) -> ClassStrategies:
    if isinstance(found, Empty):
        return ClassStrategies(
            class_name=name,
            n=0,
            stability=None,
            stable=False,
            strategies=[],
            odd=[],
            rule="",
            note=found.reason,
        )
    return ClassStrategies(
        class_name=name,
        n=len(found.rows),
        stability=found.stability,
        stable=found.stability is None or found.stability >= STABLE,
        strategies=[_strategy(found, place, shelf) for place in range(len(found.share_of_class))],
        odd=shelf.of_samples([int(row) for row in found.odd[: found.outlying]]),
        rule=found.rule,
        note="",
    )


def _strategy(found: Strategies, place: int, shelf: Shelf) -> Strategy:
    concepts = [int(c) for c in found.distinguishing[place] if c >= 0][:NAMED]
    return Strategy(
        share=float(found.share_of_class[place]),
        n=int((found.assigned == place).sum()),
        concepts=[
            StrategyConcept(
                concept=concept_id(found.layer, concept),
                difference=float(found.difference_spread[place, concept]),
                crop=next(iter(shelf.of_concept(found.layer, concept, 1)), None),
            )
            for concept in concepts
        ],
        nearest=shelf.of_samples([int(row) for row in found.nearest[place] if row >= 0])[:NEAREST],
    )


def _mistake(layer: str, pair: MistakePair, shelf: Shelf) -> MistakeCard:
    return MistakeCard(
        label=shelf.class_name(pair.label),
        prediction=shelf.class_name(pair.prediction),
        n=pair.n,
        driving=_rows(layer, pair.driving, pair.prediction, shelf),
        missing=_rows(layer, pair.missing, pair.label, shelf),
        examples=shelf.of_samples([int(row) for row in pair.rows[:WRONG]]),
        reason=pair.reason,
    )


def _rows(
    layer: str, contrast: ConceptContrast | None, output: int, shelf: Shelf
) -> list[ContrastRow]:
    if contrast is None:
        return []
    return [
        ContrastRow(
            concept=concept_id(layer, int(concept)),
            share=float(contrast.share[place]),
            share_in_predicted=float(contrast.share_in_predicted[place]),
            share_in_label=float(contrast.share_in_label[place]),
            difference=float(contrast.difference[place]),
            activation_difference=float(contrast.activation_difference[place]),
            crops=shelf.of_concept(layer, int(concept), CROPS, output),
        )
        for place, concept in enumerate(contrast.concepts[:NAMED])
    ]
