"""The sections of the report in their order, and which of them a rendering shows."""

from __future__ import annotations

from collections.abc import Sequence
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
# Sections without parts of their own are drawn from those of others, or from the review.
ORDER = tuple(
    register(section)
    for section in (
        summary.SECTION,
        scope.SECTION,
        Section("reading", _("How to read this"), tier="executive"),
        Section("register", _("Findings register"), tier="executive"),
        findings.SECTION,
        cues.SECTION,
        data.SECTION,
        performance.SECTION,
        classes.SECTION,
        atlas.SECTION,
        local.SECTION,
        subspaces.SECTION,
        planes.SECTION,
        strategies.SECTION,
        composition.SECTION,
        errors.SECTION,
        Section(COMPARISON, _("Comparison with the previous audit"), tier="technical"),
        method.SECTION,
        Section("signoff", _("Decision log and sign-off")),
        reproducibility.SECTION,
        Section("crosswalk", _("Crosswalk")),
    )
)


@dataclass(frozen=True)
class ShownSection:
    """A numbered section of a rendering; ``id`` names its anchor, ``template`` its template."""

    id: str
    title: str
    number: int
    template: str


def in_order() -> list[Section]:
    """Return all sections: our own, and before the comparison those of plug-ins, as registered."""
    own = [section.id for section in ORDER]
    at = own.index(COMPARISON)
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
) -> tuple[ShownSection, ...]:
    """Return the sections that have content, numbered from 1, in the order of the report.

    Shown are those of ``tier``, and the comparison when something was ``compared``; ``wanted``
    names those to show, in its order.

    Raises:
        UnknownNameError: ``wanted`` names none of the report's sections.
    """
    check_sections(wanted)
    names = wanted or [section.id for section in in_order()]
    sections = [SECTIONS[name] for name in dict.fromkeys(names)]
    present = [each for each in sections if _in_tier(each, tier, compared) and each.has(result)]
    return tuple(
        ShownSection(each.id, translated(each.title), number, template_name(each))
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
