"""The sections of the report in their order, and which of them a result has content for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from auditor.base.errors import UnknownNameError
from auditor.language.speaking import gettext as _
from auditor.language.speaking import translated
from auditor.report.document.audit import AuditResult


@dataclass(frozen=True)
class Section:
    """A numbered section; ``id`` names its anchor and its template."""

    id: str
    title: str
    number: int

    @property
    def template(self) -> str:
        """Path of the section's template."""
        return f"sections/{self.id}.html.j2"


def sections_of(
    result: AuditResult,
    tier: str = "standard",
    wanted: Sequence[str] | None = None,
    *,
    compared: bool = False,
) -> tuple[Section, ...]:
    """Return the sections that have content, numbered from 1, in the order of the report.

    ``tier`` executive holds the first of them only, and the comparison is in technical alone when
    nothing was ``compared``; ``wanted`` names those to show, in its order.

    Raises:
        UnknownNameError: ``wanted`` names none of the report's sections.
    """
    check_sections(wanted)
    known = {name: (translated(title), has) for name, title, has in ORDER}
    names = [name for name in wanted or known if _in_tier(name, tier, compared)]
    present = [name for name in dict.fromkeys(names) if known[name][1](result)]
    return tuple(
        Section(id=name, title=known[name][0], number=number)
        for number, name in enumerate(present, start=1)
    )


def _in_tier(name: str, tier: str, compared: bool) -> bool:
    if tier == "executive":
        return name in EXECUTIVE
    return tier == "technical" or compared or name not in TECHNICAL


def check_sections(wanted: Sequence[str] | None) -> None:
    """Say which name is no section of the report.

    Raises:
        UnknownNameError: It names the nearest section.
    """
    known = [name for name, _, _ in ORDER]
    for name in wanted or ():
        if name not in known:
            raise UnknownNameError("report section", name, known)


def _always(_: AuditResult) -> bool:
    return True


def _has_findings(result: AuditResult) -> bool:
    return bool(result.findings)


def _has_classes(result: AuditResult) -> bool:
    return bool(result.classes) or result.overview is not None


def _has_atlas(result: AuditResult) -> bool:
    return _has_classes(result) or bool(result.concepts or result.maps)


def _has_subspaces(result: AuditResult) -> bool:
    return bool(result.subspaces or result.units)


def _has_planes(result: AuditResult) -> bool:
    return result.planes is not None


def _has_strategies(result: AuditResult) -> bool:
    return result.strategies is not None


def _has_errors(result: AuditResult) -> bool:
    return result.errors is not None


def _has_composition(result: AuditResult) -> bool:
    return result.composition is not None


def _has_local(result: AuditResult) -> bool:
    return result.local is not None and bool(result.local.cards or result.local.notes)


TECHNICAL = ("comparison",)
EXECUTIVE = ("summary", "scope", "reading", "register", "findings")
ORDER: tuple[tuple[str, str, Callable[[AuditResult], bool]], ...] = (
    ("summary", _("Summary"), _always),
    ("scope", _("Scope and intended use"), _always),
    ("reading", _("How to read this"), _always),
    ("register", _("Findings register"), _always),
    ("findings", _("Finding sheets"), _has_findings),
    ("data", _("Data"), _always),
    ("performance", _("Performance"), _always),
    ("classes", _("Dominant concepts"), _has_classes),
    ("atlas", _("Concept atlas"), _has_atlas),
    ("local", _("Single pictures"), _has_local),
    ("subspaces", _("Concept subspaces"), _has_subspaces),
    ("planes", _("Fine-grained decisions"), _has_planes),
    ("strategies", _("Strategies within a class"), _has_strategies),
    ("composition", _("What concepts are made of"), _has_composition),
    ("errors", _("Errors"), _has_errors),
    ("comparison", _("Comparison with the previous audit"), _always),
    ("method", _("Method and limits"), _always),
    ("signoff", _("Decision log and sign-off"), _always),
    ("reproducibility", _("Reproducibility"), _always),
    ("crosswalk", _("Crosswalk"), _always),
)
