"""The section on errors: what wrong decisions rested on, by pair of classes."""

from __future__ import annotations

from auditor.language.speaking import gettext as _
from auditor.records.concepts import ConceptContrast, Empty, MistakePair
from auditor.records.part import concept_id
from auditor.report.document.analyses import ContrastRow, ErrorReport, MistakeCard
from auditor.report.document.result import AuditResult
from auditor.report.sections.section import Audit, Section
from auditor.report.sections.shared import Shelf

NAMED = 3  # concepts that drove, or that were missing
CROPS = 4  # of each of them
WRONG = 4  # pictures of a pair


def errors(audit: Audit) -> ErrorReport:
    """Return what the most frequent kinds of wrong decision rested on, audit.mistakes of them."""
    analysis, most = audit.analysis, audit.config.audit.mistakes
    found, layer = analysis.mistakes, analysis.deepest
    if isinstance(found, Empty):
        return ErrorReport(layer=layer, n=0, pairs=[], more=0, note=found.reason)
    return ErrorReport(
        layer=layer,
        n=found.n,
        pairs=[_mistake(layer, pair, audit.shelf) for pair in found.pairs[:most]],
        more=max(0, len(found.pairs) - most),
        note="",
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
            crops=shelf.of_concept(layer, int(concept), CROPS, output)[:CROPS],
        )
        for place, concept in enumerate(contrast.concepts[:NAMED])
    ]


def has_errors(result: AuditResult) -> bool:
    """Say whether wrong decisions were looked at."""
    return result.errors is not None


SECTION = Section("errors", _("Errors"), parts={"errors": errors}, has=has_errors, tier="technical")
