"""The sections of the report in their order, and which of them a rendering shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from auditor.base.errors import ConfigError, UnknownNameError
from auditor.language.speaking import gettext as _
from auditor.language.speaking import translated
from auditor.report.document.result import AuditResult
from auditor.report.sections import (
    atlas,
    classes,
    composition,
    cues,
    data,
    errors,
    findings,
    local,
    method,
    performance,
    planes,
    reproducibility,
    scope,
    strategies,
    subspaces,
    summary,
)
from auditor.report.sections.section import SECTIONS, Section, Tier, register

TIERS: tuple[Tier, ...] = ("executive", "standard", "technical")
COMPARISON = "comparison"
# Sections without parts of their own are drawn from those of others, or from the review. What
# stands behind the report comes last: the appendix of the technical tier.
ORDER = tuple(
    register(section)
    for section in (
        summary.SECTION,
        findings.SECTION,
        cues.SECTION,
        classes.SECTION,
        performance.SECTION,
        data.SECTION,
        scope.SECTION,
        Section("signoff", _("Decision log and sign-off")),
        Section("reading", _("How to read this"), tier="technical"),
        Section("register", _("Findings register"), tier="technical"),
        atlas.SECTION,
        local.SECTION,
        subspaces.SECTION,
        planes.SECTION,
        strategies.SECTION,
        composition.SECTION,
        errors.SECTION,
        Section(COMPARISON, _("Comparison with the previous audit"), tier="technical"),
        method.SECTION,
        reproducibility.SECTION,
        Section("crosswalk", _("Crosswalk"), tier="technical"),
    )
)


# What a screen shows alone when asked to: the sections of each view, but all of the appendix.
VIEWS: Mapping[str, tuple[str, ...]] = {
    "findings": ("findings", "cues", "register"),
    "classes": ("classes", "performance", "data", "atlas"),
    "summary": ("summary", COMPARISON, "scope", "signoff", "reading"),
}


@dataclass(frozen=True)
class ShownSection:
    """A numbered section of a rendering; ``id`` names its anchor, ``template`` its template.

    ``appendix``: it is of the technical tier, and a screen folds it.
    """

    id: str
    title: str
    number: int
    template: str
    appendix: bool = False

    @property
    def view(self) -> str:
        """The view that it is part of."""
        own = [name for name, sections in VIEWS.items() if self.id in sections]
        return "technical" if self.appendix or not own else own[0]


def in_order() -> list[Section]:
    """Return all sections: our own, and before the scope those of plug-ins, as registered."""
    own = [section.id for section in ORDER]
    at = own.index(scope.SECTION.id)
    others = [name for name in SECTIONS if name not in own]
    return [SECTIONS[name] for name in (*own[:at], *others, *own[at:])]


def by_need() -> list[Section]:
    """Return all sections so that each comes after those whose parts it needs.

    Raises:
        ConfigError: a section needs one that is not there, or two need one another.
    """
    graph = {section.id: section.needs for section in in_order()}
    try:
        return [SECTIONS[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise ConfigError(f"report sections need one another: {circle}; drop one need.") from error


def sections_of(
    result: AuditResult,
    tier: str = "standard",
    wanted: Sequence[str] | None = None,
    *,
    compared: bool = False,
    appendix: bool = False,
) -> tuple[ShownSection, ...]:
    """Return the sections that have content, numbered from 1, in the order of the report.

    Shown are those of ``tier``, and the comparison when something was ``compared``; with an
    ``appendix`` those of the technical tier as well. ``wanted`` names those to show, in its order
    and whatever their tier.

    Raises:
        UnknownNameError: ``wanted`` names none of the report's sections.
    """
    check_sections(wanted)
    names = wanted or [section.id for section in in_order()]
    sections = [SECTIONS[name] for name in dict.fromkeys(names)]
    largest = "technical" if appendix else tier
    present = [
        each
        for each in sections
        if each.has(result) and (wanted or _in_tier(each, largest, compared))
    ]
    if not compared and tier != "technical":
        present = [each for each in present if each.id != COMPARISON]
    behind: set[str] = set()
    if not wanted:  # a comparison that was asked for stands before the appendix
        behind = {each.id for each in present if not _in_tier(each, "standard", compared)}
        present.sort(key=lambda each: each.id in behind)
    return tuple(
        ShownSection(
            each.id, translated(each.title), number, template_name(each), each.id in behind
        )
        for number, each in enumerate(present, start=1)
    )


def template_name(section: Section) -> str:
    """Return the name by which Jinja finds the template of a section."""
    return f"sections/{section.id}.html.j2"


def _in_tier(section: Section, tier: str, compared: bool) -> bool:
    least: Tier = section.tier
    if section.id == COMPARISON and compared:
        least = "standard"
    names: list[str] = [*TIERS]
    return names.index(least) <= names.index(tier)


def check_sections(wanted: Sequence[str] | None) -> None:
    """Say which name is no section of the report.

    Raises:
        UnknownNameError: It names the nearest section.
    """
    for name in wanted or ():
        if name not in SECTIONS:
            raise UnknownNameError("report section", name, [each.id for each in in_order()])
