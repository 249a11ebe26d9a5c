"""The decisions file: YAML in the user's repository, read strictly, added to at its end.

What people wrote in it, comments included, stays as it is.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from auditor.base.errors import ConfigError
from auditor.base.yaml_text import load, read_text
from auditor.config.layers import file_layer
from auditor.config.problems import problems_of
from auditor.config.section import Section
from auditor.records.shortcuts import Grade
from auditor.report.document.review import Decision, DecisionKind
from auditor.run.storage import write_atomic
from auditor.shortcuts.signature_text import from_text, to_text

FINGERPRINT = re.compile(r"[0-9a-f]{8,64}")
HEADER = """\
# Decisions of people about findings and concepts of audits; `auditor review RUN` adds to it.
# what: confirm (a shortcut), reject (none: part of the class), accept (its risk, until `expires`),
# mitigate (being mended, until `expires`), unsure, name (a concept). The last decision about a
# thing counts. Keep this file under version control, and let changes be reviewed.
version: 1
decisions:
"""


class DecisionEntry(Section):
    """One decision as the file holds it."""

    what: DecisionKind
    finding: str = Field("", coerce_numbers_to_str=True)
    title: str = ""
    class_name: str = Field("", coerce_numbers_to_str=True)
    grade: Grade | Literal[""] = ""
    looks: str = ""
    concept: str = ""
    name: str = ""
    references: list[str] = Field(default_factory=list)
    reason: str = Field(min_length=1)
    person: str = Field(min_length=1)
    role: str = ""
    date: datetime.date
    expires: datetime.date | None = None
    ticket: str = Field("", coerce_numbers_to_str=True)
    run: str = ""

    @field_validator("finding")
    @classmethod
    def _fingerprint(cls, text: str) -> str:
        if text and not FINGERPRINT.fullmatch(text):
            raise ValueError(
                "a finding is named by its fingerprint, 16 digits and letters from a to f, which "
                "its sheet in the report and summary.json give (quote it where YAML would read a "
                "number)"
            )
        return text

    @field_validator("looks")
    @classmethod
    def _whole(cls, text: str) -> str:
        if text:
            from_text(text)
        return text

    @model_validator(mode="after")
    def _fits(self) -> DecisionEntry:
        if self.what == "name":
            if not (self.concept and self.name):
                raise ValueError("to name a concept give 'concept' (layer/channel) and 'name'")
        elif not (self.finding and self.class_name):
            raise ValueError(
                f"to {self.what} a finding give its fingerprint as 'finding', and its 'class_name'"
            )
        if self.what == "accept" and self.expires is None:
            raise ValueError(
                "a risk is accepted for a time: give the last day as 'expires' (YYYY-MM-DD)"
            )
        if self.expires is not None and self.expires < self.date:
            raise ValueError(f"'expires' ({self.expires}) lies before 'date' ({self.date})")
        return self


class DecisionsFile(Section):
    """The whole file."""

    version: Literal[1]
    decisions: list[DecisionEntry] = Field(default_factory=list)

    @field_validator("decisions", mode="before")
    @classmethod
    def _none_yet(cls, value: Any) -> Any:
        return [] if value is None else value


def read_decisions(path: Path) -> list[Decision]:
    """Return the decisions of a file in its order, each with its place.

    Raises:
        ConfigError: the file cannot be read, or holds a wrong key or value; every problem is
            listed with file, line and the nearest known key.
    """
    layer = file_layer(path, "decisions file")
    problems = list(layer.problems)
    found: DecisionsFile | None = None
    try:
        found = DecisionsFile.model_validate(layer.values)
    except ValidationError as error:
        problems += problems_of(error, DecisionsFile, str(path), layer.origins)
    if found is None or problems:
        raise ConfigError(*dict.fromkeys(problems))
    return [
        # The name alone: what is shared says nothing about this machine's folders.
        _decision(entry, Path(layer.origins[("decisions", str(place))]).name)
        for place, entry in enumerate(found.decisions)
    ]


def add_decisions(path: Path, decisions: Sequence[Decision]) -> None:
    """Add decisions at the end of the file, which is made where there is none.

    Raises:
        ConfigError: the file cannot be read, or is not laid out as a list that can be added to.
        OutputError: it cannot be written.
    """
    known = read_decisions(path) if path.exists() else []
    text = read_text(path, "decisions file") if path.exists() else HEADER
    entries = [_entry(decision) for decision in decisions]
    block = yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=4000)
    indent = _indent(text)
    lines = "".join(f"{indent}{line}\n" if line else "\n" for line in block.splitlines())
    longer = text.rstrip("\n") + "\n" + lines
    try:
        found = DecisionsFile.model_validate(load(longer, str(path)).value)
    except (ConfigError, ValidationError) as error:
        raise ConfigError(*_by_hand(path, lines)) from error
    if len(found.decisions) != len(known) + len(decisions):
        raise ConfigError(*_by_hand(path, lines))
    write_atomic(path, longer.encode())


def checked(decision: Decision) -> Decision:
    """Return a decision that the file may hold.

    Raises:
        ConfigError: something is missing or wrong; all of it, one a line.
    """
    try:
        values = _entry(decision)
    except ValueError as error:
        wrong = next(day for day in (decision.date, decision.expires) if not _is_day(day))
        raise ConfigError(
            f"the decision: '{wrong}' is not a day: write it as YYYY-MM-DD, such as 2027-03-31."
        ) from error
    try:
        DecisionEntry.model_validate(values)
    except ValidationError as error:
        raise ConfigError(*problems_of(error, DecisionEntry, "the decision", {})) from error
    return decision


def _is_day(text: str | None) -> bool:
    try:
        return text is None or bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False


def _by_hand(path: Path, lines: str) -> list[str]:
    return [
        f"{path} cannot be added to: 'decisions:' has to be its last key, with one decision below "
        "the other. Add this by hand:",
        *lines.splitlines(),
    ]


def _indent(text: str) -> str:
    """Return how far the entries of the list are indented."""
    tree = load(text, "the decisions").tree
    assert isinstance(tree, yaml.MappingNode)
    for key, value in tree.value:
        if key.value == "decisions" and isinstance(value, yaml.SequenceNode) and value.value:
            return " " * value.start_mark.column
    return "  "


def _decision(entry: DecisionEntry, place: str) -> Decision:
    return Decision(
        what=entry.what,
        fingerprint=entry.finding,
        concept=entry.concept,
        name=entry.name,
        title=entry.title,
        class_name=entry.class_name,
        grade=entry.grade,
        reason=entry.reason,
        person=entry.person,
        role=entry.role,
        date=entry.date.isoformat(),
        expires=entry.expires.isoformat() if entry.expires else None,
        ticket=entry.ticket,
        run=entry.run,
        signature=from_text(entry.looks) if entry.looks else None,
        references=entry.references,
        place=place,
    )


def _entry(decision: Decision) -> dict[str, Any]:
    """Return a decision as the file holds it, without what is empty."""
    values = {
        "what": decision.what,
        "finding": decision.fingerprint,
        "title": decision.title,
        "class_name": decision.class_name,
        "grade": decision.grade,
        "concept": decision.concept,
        "name": decision.name,
        "reason": decision.reason,
        "person": decision.person,
        "role": decision.role,
        "date": datetime.date.fromisoformat(decision.date),
        "expires": datetime.date.fromisoformat(decision.expires) if decision.expires else "",
        "ticket": decision.ticket,
        "run": decision.run,
        "references": decision.references,
        "looks": to_text(decision.signature) if decision.signature else "",
    }
    return {key: value for key, value in values.items() if value not in ("", [])}
