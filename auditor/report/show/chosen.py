"""Which classes a rendering shows where it cannot show all: the flagged ones and the worst."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from auditor.report.document.audit import (
    AuditResult,
    ClassPerformance,
    ClassReport,
    CompositionCard,
    FindingCard,
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


def worst_compositions(result: AuditResult) -> Sequence[CompositionCard]:
    """Return the composition graphs of classes, the class that is most often wrong first."""
    cards = result.composition.cards if result.composition else []
    places = {item.name: place for place, item in enumerate(worst_first(result))}
    own = [card for card in cards if not card.finding]
    return sorted(own, key=lambda card: places.get(card.class_name, len(places)))


def _first(result: AuditResult, names: Iterable[str], most: int | None) -> set[str]:
    known = list(names)
    if most is None or len(known) <= most:
        return set(known)
    order = [*flagged(result), *(item.name for item in worst_first(result)), *known]
    present = set(known)
    return set([name for name in dict.fromkeys(order) if name in present][:most])
