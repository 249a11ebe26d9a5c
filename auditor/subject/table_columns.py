"""The columns of a table: which holds what, and which are kept as metadata."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from auditor.base.errors import ConfigError, did_you_mean
from auditor.config.audit import ColumnsConfig, DataConfig
from auditor.subject.table_text import Table

MOST_VALUES = 20  # a column of more distinct values is not kept
SHOWN = 12  # columns that are named with one reason
LOOKED_AT = 50  # rows that tell what a column holds
LONG = 40  # characters of a value that is text
# What people call the columns of files and of classes, besides path and label; without signs.
USUAL = {
    "path": frozenset(
        "file filename filepath image imagefile imagefilename imagename imagepath img imgfile "  # noqa: SIM905
        "imgfilename imgname imgpath imageid picture relpath datei bild".split()
    ),
    "label": frozenset(
        "y class classname target category categoryname diagnosis dx klasse diagnose".split()  # noqa: SIM905
    ),
}
_PRIVATE = frozenset(
    "name names surname firstname lastname forename vorname nachname patient patientin patients "  # noqa: SIM905
    "person people subject birth birthday birthdate dob born geburtsdatum geburtstag mail email "
    "phone telephone telefon mobile address adresse street strasse zip postcode plz ssn insurance "
    "mrn accession uid user username login author operator physician doctor radiologist reader "
    "annotator comment comments note notes remark remarks bemerkung kommentar report text "
    "description findings impression history url ip pat arzt geb titel anrede ort wohnort strasse "
    "krankenkasse versicherung".split()
)
# Of compounds: Patientenname, Geburtsort, Hausarzt, Versichertennummer.
_PRIVATE_PARTS = re.compile(
    r"patient|geburt|birth|versicher|insur|anschrift|adress|telefon|arzt|ärzt|zuweis|überweis|"
    r"behandler|untersucher|befund|einsender|straße|name(n|ns)?$"
)
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})|(19|20)\d{6}"
)
_TITLE = r"(?:(?:Dr|Prof|PD|Frau|Fr|Herr|Hr|Mr|Mrs|Ms|Miss|Sr|Sra|Mme|M)\b\.? ?)"
_SURNAME = r"(?:(?:von|van|de|di|zu|der|den) )*[A-ZÀ-Þ][\w'’-]+"
_PERSON = re.compile(
    r"[^\W\d_]+\^[^\W\d_]+.*"
    rf"|{_TITLE}*[A-ZÀ-Þ](?:[\w'’-]+|\.),? {_SURNAME}"
    rf"|{_TITLE}+{_SURNAME}"
    r"|[A-ZÀ-Þ][\w'’-]+,? [A-ZÀ-Þ]\."
)
_MAIL = re.compile(r"\S+@\S+\.\S+")


def usual_columns(
    table: Table, config: DataConfig, is_file: Callable[[str], bool]
) -> tuple[ColumnsConfig, tuple[str, ...]]:
    """Return the columns of path and label, and what to say of those that were found.

    Where the config leaves one open and no column is called so, it is the only one that has a usual
    name (`USUAL`) and holds what it should.
    """
    columns, notes = config.columns, []
    for key, usual in USUAL.items():
        named_so = columns.path if key == "path" else columns.labels[0]
        if key in columns.model_fields_set or named_so in table.header:
            continue
        named = [at for at, name in enumerate(table.header) if bare_name(name) in usual]
        fitting = [at for at in named if _holds(table, at, key, is_file)]
        if len(fitting) == 1:
            name = table.header[fitting[0]]
            columns = columns.model_copy(update={key: name})
            notes.append(f"the column '{name}' is taken for data.columns.{key}")
    return columns, tuple(f"{table.name}: {note}" for note in notes)


def bare_name(name: str) -> str:
    """Return the name of a column as `USUAL` has it: lower case, without spaces and signs."""
    return re.sub(r"[\s_.-]+", "", name).lower()


def _holds(table: Table, at: int, key: str, is_file: Callable[[str], bool]) -> bool:
    """Return whether a column holds paths of files that are there, or labels that repeat."""
    cells = [row[at].strip() for row in table.rows]
    if key == "path":
        seen = cells[:: max(1, len(cells) // LOOKED_AT)]
        return 2 * sum(map(is_file, seen)) > len(seen)
    counts = Counter(cells)
    return "" not in counts and len(counts) > 1 and 2 * len(counts) <= len(cells)


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
    table: Table, config: DataConfig, is_file: Callable[[str], bool], besides: Sequence[str] = ()
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return name and place of the columns kept as metadata, and what to say about the choice.

    Kept are those that ``data.metadata`` names; without it those of at most `MOST_VALUES` values
    that repeat, and that by name and content are no text, date or name of a person. ``besides``
    are columns that were read as labels.
    """
    columns = config.columns
    grouping = {
        name: column_at(table, name, "data.groups", is_file) for name in config.groups or ()
    }
    if config.metadata is not None:
        named = config.metadata
        kept = {name: column_at(table, name, "data.metadata", is_file) for name in named}
        return kept | grouping, ()
    special = ("", columns.path, *columns.labels, *besides, columns.mask, columns.box)
    kept = dict(grouping)
    left: dict[str, list[str]] = {}
    for at, name in enumerate(table.header):
        if name in special or name in grouping:
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
    lower = [word.lower() for word in [*words, name]]
    if any(word in _PRIVATE or _PRIVATE_PARTS.search(word) for word in lower):
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


def chosen_rows(
    table: Table, config: DataConfig, is_file: Callable[[str], bool]
) -> tuple[Table, list[int], tuple[str, ...]]:
    """Return the rows that ``data.rows`` asks for, the places of the others, and what to say.

    Raises:
        ConfigError: a column that does not exist, or a value that no row has there.
    """
    chosen = [True] * len(table.rows)
    notes = []
    for name, asked in config.rows.items():
        at = column_at(table, name, "data.rows", is_file)
        counts = Counter(row[at].strip() for row in table.rows)
        values = [str(each) for each in (asked if isinstance(asked, list) else [asked])]
        for value in values:
            if value not in counts:
                raise ConfigError(_no_value(table.name, name, value, counts))
        chosen = [
            has and row[at].strip() in values for has, row in zip(chosen, table.rows, strict=True)
        ]
        shown = ", ".join(f"'{value}' ({counts[value]:,})" for value in values)
        notes.append(f"{table.name}: of {len(table.rows):,} rows those with {name} = {shown}")
    if config.rows and not any(chosen):
        raise ConfigError(f"no row of {table.name} has all that data.rows asks for.")
    kept = [at for at, has in enumerate(chosen) if has]
    left = [at for at, has in enumerate(chosen) if not has]
    smaller = replace(
        table,
        rows=tuple(table.rows[at] for at in kept),
        places=tuple(table.places[at] for at in kept),
    )
    return smaller, left, (*notes, *_several_splits(table, config))


def _no_value(table: str, name: str, value: str, counts: Counter[str]) -> str:
    has = f"{len(counts):,} different values"
    if len(counts) <= MOST_VALUES:
        has = ", ".join(f"'{each}' ({count:,})" for each, count in sorted(counts.items()))
    return f"data.rows: no row of {table} has {name} = '{value}'; it has {has}."


def _several_splits(table: Table, config: DataConfig) -> tuple[str, ...]:
    """Say that the rows are of several splits, of which the model may have been trained on some."""
    for at, name in enumerate(table.header):
        counts = Counter(row[at].strip() for row in table.rows)
        if (
            bare_name(name) == "split"
            and name not in config.rows
            and 1 < len(counts) <= MOST_VALUES
        ):
            shown = ", ".join(f"'{each}' ({count:,})" for each, count in sorted(counts.items()))
            return (
                f"CHECK: {table.name}: rows of several splits are used, {name} = {shown}; take by "
                "data.rows those that the model was not trained on",
            )
    return ()
