"""The section on strategies: groups of a class's pictures that are decided alike."""

from __future__ import annotations

from auditor.concepts.strategies import STABLE
from auditor.language.speaking import gettext as _
from auditor.records.concepts import Empty, Strategies
from auditor.records.part import concept_id
from auditor.report.document.analyses import (
    ClassStrategies,
    Strategy,
    StrategyConcept,
    StrategyReport,
)
from auditor.report.document.result import AuditResult
from auditor.report.sections.section import Audit, Section
from auditor.report.sections.shared import Shelf

NAMED = 3  # concepts of a strategy
NEAREST = 5  # pictures of a strategy


def strategies(audit: Audit) -> StrategyReport:
    """Return the strategies of every audited class, at the deepest layer."""
    analysis, shelf = audit.analysis, audit.shelf
    pairs = zip(analysis.strategies, audit.class_names, strict=True)
    return StrategyReport(
        layer=analysis.deepest, classes=[_class(found, name, shelf) for found, name in pairs]
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
                crop=next(iter(shelf.references(found.layer, concept)), None),
            )
            for concept in concepts
        ],
        nearest=shelf.of_samples([int(row) for row in found.nearest[place] if row >= 0])[:NEAREST],
    )


def has_strategies(result: AuditResult) -> bool:
    """Say whether strategies were looked for."""
    return result.strategies is not None


SECTION = Section(
    "strategies",
    _("Strategies within a class"),
    parts={"strategies": strategies},
    has=has_strategies,
    tier="technical",
)
