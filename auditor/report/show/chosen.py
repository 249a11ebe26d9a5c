"""What a rendering shows where it cannot show all: flagged classes, the worst, the gravest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from auditor.report.document.result import (
    AuditResult,
    ClassPerformance,
    ClassReport,
    CompositionCard,
    Concept,
    FindingCard,
    LocalCard,
)

SHEET_GRADES = ("A", "B")
SEVERITIES = ("critical", "high", "medium", "low", "none")
CONFIDENCES = ("high", "moderate", "low")


def flagged(result: AuditResult) -> Sequence[str]:
    """Return the classes that have a candidate of grade A or B, in the order of the findings."""
    names = (item.class_name for item in result.findings if item.grade in SHEET_GRADES)
    return list(dict.fromkeys(names))


def gravest(findings: Sequence[FindingCard], most: int | None) -> Sequence[FindingCard]:
    """Return at most ``most`` findings: by severity, then confidence; their order is kept."""
    if most is None or len(findings) <= most:
        return findings
    ranked = sorted(
        range(len(findings)),
        key=lambda at: (
            SEVERITIES.index(findings[at].severity),
            CONFIDENCES.index(findings[at].confidence),
        ),
    )
    return [findings[at] for at in sorted(ranked[:most])]


def worst_first(result: AuditResult) -> Sequence[ClassPerformance]:
    """Return all classes by accuracy, the lowest first; of equals the one with more pictures."""
    return sorted(result.performance.classes, key=lambda item: (item.accuracy.value, -item.n))


def chosen_classes(result: AuditResult, most: int | None) -> Sequence[ClassReport]:
    """Return at most ``most`` audited classes: flagged, then worst, in the order of the result."""
    kept = _first(result, (item.name for item in result.classes), most)
    return [item for item in result.classes if item.name in kept]


def chosen_performance(result: AuditResult, most: int | None) -> Sequence[ClassPerformance]:
    """Return at most ``most`` rows of accuracy, worst first, flagged classes among them."""
    kept = _first(result, (item.name for item in result.performance.classes), most)
    return [item for item in worst_first(result) if item.name in kept]


def chosen_compositions(result: AuditResult, most: int | None) -> Sequence[CompositionCard]:
    """Return the composition graphs of classes, most often wrong first where not all are shown."""
    cards = result.composition.cards if result.composition else []
    of_classes = [card for card in cards if not card.finding]
    if most is None:
        return of_classes
    ranks = {item.name: rank for rank, item in enumerate(worst_first(result))}
    return sorted(of_classes, key=lambda card: ranks.get(card.class_name, len(ranks)))


def chosen_concepts(
    result: AuditResult, wanted: Sequence[str], most: int | None
) -> Sequence[Concept]:
    """Return at most ``most`` concepts: those ``wanted``, then the first ranks of every class."""
    if most is None or len(result.concepts) <= most:
        return result.concepts
    tables = [table.rows for item in result.classes for table in item.tables]
    ranked = [row.concept for rank in zip_longest(*tables) for row in rank if row is not None]
    known = {concept.id for concept in result.concepts}
    ordered = [name for name in dict.fromkeys([*wanted, *ranked]) if name in known]
    kept = set(ordered[:most])
    return [concept for concept in result.concepts if concept.id in kept]


def chosen_pictures(result: AuditResult, most: int | None) -> Sequence[LocalCard]:
    """Return at most ``most`` pictures looked at closely, from every class in turn.

    A wrong decision says more than a typical one, so it comes first within its class.
    """
    cards = result.local.cards if result.local else []
    if most is None or len(cards) <= most:
        return cards
    queues: dict[str, list[int]] = {}
    for index, card in enumerate(cards):
        queues.setdefault(card.label or card.prediction, []).append(index)
    for queue in queues.values():
        queue.sort(key=lambda index: cards[index].label == cards[index].prediction)
    turns = (index for turn in zip_longest(*queues.values()) for index in turn)
    return [cards[index] for index in sorted([i for i in turns if i is not None][:most])]


def _first(result: AuditResult, names: Iterable[str], most: int | None) -> set[str]:
    known = list(names)
    if most is None or len(known) <= most:
        return set(known)
    order = [*flagged(result), *(item.name for item in worst_first(result)), *known]
    present = set(known)
    return set([name for name in dict.fromkeys(order) if name in present][:most])
