"""What a section of the report is: how its parts are built, drawn and written as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from auditor.base.errors import ConfigError
from auditor.base.registry import Registry
from auditor.config.audit import Config
from auditor.config.published import shared_config
from auditor.records.part import Interval, Part
from auditor.report.document.result import AuditResult
from auditor.report.sections.analysis import Analysis
from auditor.report.sections.shared import Shelf, shelf
from auditor.report.show.picture_store import ImageStore

Row = Mapping[str, Any]
Tier = Literal["executive", "standard", "technical"]


@dataclass(frozen=True)
class Audit:
    """What sections are built from: the config, what the stages found, where pictures are kept.

    ``run`` is the key of the run, ``tool`` what made it; ``made`` holds the parts of the sections
    that were built before, by name: see `Section.needs`.
    """

    config: Config
    analysis: Analysis
    store: ImageStore
    run: str
    tool: Mapping[str, Any]
    made: Mapping[str, Any]

    @cached_property
    def shelf(self) -> Shelf:
        """All pictures of concepts, units and samples."""
        analysis = self.analysis
        return shelf(
            analysis.samples,
            [*analysis.illustrations, *analysis.further],
            analysis.views,
            analysis.units,
        )

    @cached_property
    def shared(self) -> Config:
        """The config as it may be shared: without secrets and without folders of this machine."""
        return Config.model_validate(shared_config(self.config.model_dump(mode="json")))

    @property
    def class_names(self) -> list[str]:
        """The names of the audited classes."""
        names = self.analysis.samples.manifest.classes
        return [names[output] for output in self.analysis.outputs]


@dataclass(frozen=True)
class Table:
    """A CSV table of a section: its columns, and its rows from the result, if it ``applies``."""

    columns: tuple[str, ...]
    rows: Callable[[AuditResult], Iterable[Row]]
    applies: Callable[[AuditResult], bool] = lambda _: True

    def of(self, part: Part) -> dict[str, Any]:
        """Return the fields of a part that the table has columns for."""
        return part.model_dump(include=set(self.columns))


def cells(name: str, item: Interval) -> dict[str, Any]:
    """Return an interval as the cells of a row."""
    return {name: item.value, "low": item.low, "high": item.high}


def always(_: AuditResult) -> bool:
    """Say that a section has content in every result."""
    return True


@dataclass(frozen=True)
class Section:
    """A section: ``id`` names its anchor and its template, ``title`` is a message.

    ``parts`` are what it adds to the result: name -> what builds it. A part that is named like a
    field of `AuditResult` is that field; any other is kept, as plain values, in
    ``AuditResult.sections`` under its name. ``needs`` are the ids of sections that are built first.
    ``has`` says whether a result has content for the section; ``tier`` is the smallest tier of the
    report that shows it. ``tables`` are its CSV files by name. ``template`` is the file of a
    section from outside of this package; our own lie in ``templates/sections/<id>.html.j2``.
    """

    id: str
    title: str
    parts: Mapping[str, Callable[[Audit], Any]] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    has: Callable[[AuditResult], bool] = always
    tier: Tier = "standard"
    tables: Mapping[str, Table] = field(default_factory=dict)
    template: Path | None = None


SECTIONS: Registry[Section] = Registry("report section", group="sections", accepts=Section)


def register(section: Section) -> Section:
    """Enter a section under its id; it is then built, drawn and written like every other.

    Raises:
        ConfigError: the id or the name of a part is taken, or there is no such template.
    """
    for other in SECTIONS:
        taken = sorted(SECTIONS[other].parts.keys() & section.parts.keys())
        if taken and other != section.id:
            raise ConfigError(
                f"the part '{taken[0]}' of the report section '{section.id}' is one of '{other}'; "
                "rename it."
            )
    if section.template is not None and not section.template.is_file():
        raise ConfigError(
            f"the template of the report section '{section.id}' was not found: {section.template}."
        )
    made_of = next(iter(section.parts.values()), section.template)
    SECTIONS.enter(section.id, section, made_of=made_of)
    return section
