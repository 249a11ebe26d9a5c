"""The columns of a table: which holds what, and which are kept as metadata."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from auditor.base.errors import ConfigError, did_you_mean
from auditor.config.audit import DataConfig
from auditor.subject.table_text import Table

MOST_VALUES = 20  # a column of more distinct values is not kept
SHOWN = 12  # columns that are named with one reason
LOOKED_AT = 50  # rows that tell what a column holds
LONG = 40  # characters of a value that is text
_PRIVATE = frozenset(
    "name names surname firstname lastname forename vorname nachname patient patientin patients "  # noqa: SIM905
    "person people subject birth birthday birthdate dob born geburtsdatum geburtstag mail email "
    "phone telephone telefon mobile address adresse street strasse zip postcode plz ssn insurance "
    "mrn accession uid user username login author operator physician doctor radiologist reader "
    "annotator comment comments note notes remark remarks bemerkung kommentar report text "
    "description findings impression history url ip".split()
)
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})|(19|20)\d{6}"
)
_PERSON = re.compile(r"[^\W\d_]+\^[^\W\d_]+.*|[A-ZÀ-Þ][\w'’-]+,? [A-ZÀ-Þ][\w'’-]+")
_MAIL = re.compile(r"\S+@\S+\.\S+")


def column_at(table: Table, column: str, key: str, is_file: Callable[[str], bool]) -> int:
    """Return the place of a column.

    Raises:
        ConfigError: there is no such column; names all in the order of the file, and one that
            holds what is asked for.
    """
    if column in table.header:
        return table.header.index(column)
    if any(is_file(cell) for cell in table.header):
        raise ConfigError(
            f"{table.name}:1: the first line looks like a row and not like a header; write a line "
            "such as path,label above it, one name per column."
        )
    fitting = _fitting(table, key, is_file)
    hint = did_you_mean(column, table.header)
    if fitting:
        what = "paths of files" if key == "data.columns.path" else "a few values that repeat"
        hint = f" '{fitting}' holds {what}: set {key}: {fitting}."
    shown = ", ".join(table.header)
    raise ConfigError(
        f"unknown column '{column}' of {table.name} (set {key}).{hint} Its columns, in order: "
        f"{shown}."
    )


def kept_columns(
    table: Table, config: DataConfig, is_file: Callable[[str], bool]
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return name and place of the columns kept as metadata, and what to say about the choice.

    Kept are those that ``data.metadata`` names; without it those of at most `MOST_VALUES` values
    that repeat, and that by name and content are no text, date or name of a person.
    """
    columns = config.columns
    if config.metadata is not None:
        named = config.metadata
        return {name: column_at(table, name, "data.metadata", is_file) for name in named}, ()
    special = ("", columns.path, columns.label, columns.mask, columns.box)
    kept: dict[str, int] = {}
    left: dict[str, list[str]] = {}
    for at, name in enumerate(table.header):
        if name in special:
            continue
        why = _why_left(name, [row[at].strip() for row in table.rows])
        if why is None:
            kept[name] = at
        else:
            left.setdefault(why, []).append(name)
    notes = []
    if kept:
        notes.append(f"{table.name}: columns kept as metadata: {', '.join(kept)}")
    if left:
        said = "; ".join(f"{_listed(names)} ({why})" for why, names in left.items())
        notes.append(f"{table.name}: columns left out: {said}; data.metadata names those to keep")
    return kept, tuple(notes)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _why_left(name: str, cells: Sequence[str]) -> str | None:
    """Return why a column is not kept unasked, None where it is."""
    words = re.findall(r"[A-ZÀ-Þ]?[a-zß-ÿ]+|[A-ZÀ-Þ]+(?![a-zß-ÿ])", name)
    if any(word.lower() in _PRIVATE for word in [*words, name]):
        return "by their name personal data or text"
    counts = Counter(cell for cell in cells if cell)
    if not counts:
        return "empty"
    for pattern, what in ((_DATE, "dates"), (_MAIL, "addresses"), (_PERSON, "names of people")):
        if 2 * sum(bool(pattern.fullmatch(value)) for value in counts) > len(counts):
            return f"by their look {what}"
    if any(len(value) > LONG or len(value.split()) > 5 for value in counts):
        return "text"
    if len(counts) > MOST_VALUES:
        return f"more than {MOST_VALUES} different values"
    once = sum(count == 1 for count in counts.values())
    if once > max(1, len(counts) // 10) or once == len(counts):
        return "values that do not repeat"
    return None


def _fitting(table: Table, key: str, is_file: Callable[[str], bool]) -> str | None:
    """Return the first column whose cells are what is asked for."""
    rows = table.rows[:: max(1, len(table.rows) // LOOKED_AT)]
    for at, name in enumerate(table.header):
        cells = [row[at].strip() for row in rows]
        files = [cell for cell in cells if cell and is_file(cell)]
        if key == "data.columns.path" and 2 * len(files) > len(cells):
            return name
        if key == "data.columns.label" and not files and _why_left("", cells) is None:
            return name
    return None
