"""A table with one row per picture: path, label, and some further columns kept as metadata."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from auditor.base.errors import ConfigError, DataError
from auditor.base.factories import find_file
from auditor.config.audit import DataConfig
from auditor.records.accounting import NOT_ASKED, OUTSIDE
from auditor.subject.coco import read_coco
from auditor.subject.collection import Collection, FileReader, sorted_names
from auditor.subject.contents import File
from auditor.subject.excel import read_excel
from auditor.subject.label_states import (
    LabelStates,
    classes_of,
    find_labels,
    one_of_each,
    read_labels,
    said_of,
)
from auditor.subject.limits import Unreadable
from auditor.subject.remote import Remote, located
from auditor.subject.table_columns import (
    USUAL,
    bare_name,
    chosen_rows,
    column_at,
    kept_columns,
    usual_columns,
)
from auditor.subject.table_paths import Addresses, Paths, Start, check_addresses
from auditor.subject.table_text import Table, cell_texts, check_header, read_text_table

TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".parquet", ".xlsx", ".json")
LOOKED_AT = 50  # paths that tell which folder they start from
MOST_BYTES = 4_000_000_000
_MISSING = frozenset({"nan", "<na>", "#n/a", "nat"})  # what programs write for an empty cell


@dataclass
class Rows:
    """The pictures of a table in its order, each once; ``at`` are their rows of the table."""

    names: dict[str, int] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    repeated: int = 0


def read_table(path: Path | Remote, config: DataConfig, base: Path | None = None) -> Collection:
    """Return the pictures a table lists; paths start from its folder, or from ``data.root``.

    ``base`` is the folder that ``data.root`` starts from, unless it is an address.

    Raises:
        DataError: an unreadable table, an empty path, a picture with two labels, an empty label, a
            path outside the folder; each names file, line and value.
        ConfigError: a column that does not exist, or a key that does not fit.
    """
    paths = _start(path, config, base or Path())
    return table_collection(_table(path, config), config, paths)


def table_collection(table: Table, config: DataConfig, paths: Start) -> Collection:
    """Return the pictures that the rows of a table list.

    Raises:
        DataError, ConfigError: as `read_table`.
    """
    if config.root is None and isinstance(paths, Paths):
        paths = _one_below(table, config, paths)
    columns, column_notes = usual_columns(table, config, paths.is_file)
    config = config.model_copy(update={"columns": columns})
    path_at = column_at(table, columns.path, "data.columns.path", paths.is_file)
    cells = find_labels(table, config, paths.is_file)
    label_at = None
    if cells is None:
        label_at = column_at(table, columns.labels[0], "data.columns.label", paths.is_file)
    marked = columns.mask or columns.box
    key = "data.columns.mask" if columns.mask else "data.columns.box"
    mark_at = column_at(table, marked, key, paths.is_file) if marked else None
    everything = table
    table, left, row_notes = chosen_rows(table, config, paths.is_file)
    states = None if cells is None else read_labels(table, cells)
    guessed = states is not None and not states.chosen and config.labels == "auto"
    one_hot = states is not None and guessed and one_of_each(states)
    read_as_labels = () if cells is None else tuple(table.header[at] for at in cells.columns)
    kept, kept_notes = kept_columns(table, config, paths.is_file, besides=read_as_labels)
    if not table.rows:
        lost = "; ".join(f"{count} x {reason}" for reason, count in table.left_out.items())
        raise DataError(
            f"{table.name} has a header but no rows{f' ({lost})' if lost else ''}; list at least "
            "one picture."
        )
    check_addresses([row[path_at].strip() for row in table.rows], table.places, columns.path, paths)
    found = _rows(table, config, paths, (path_at, label_at, mark_at), states)
    labels, label_notes = whole_labels(found.labels, table.name)
    if states is not None:
        states = states.take(found.at)
        label_notes = iter(said_of(states, stated=config.labels == "multi", one_hot=one_hot))
        if one_hot:
            labels, states = classes_of(states), None
    notes = [
        *table.notes,
        *column_notes,
        *row_notes,
        *paths.notes(table.name),
        *label_notes,
        *kept_notes,
    ]
    if found.repeated:
        notes.append(f"{table.name}: {found.repeated:,} rows repeat a picture; each counts once")
    return Collection(
        paths=tuple(found.names),
        labels=labels,
        names=table.names or sorted_names(labels),
        ordered=bool(table.names),
        reader=FileReader(tuple(found.files)),
        metadata={
            name: tuple(table.rows[row][at].strip() for row in found.at)
            for name, at in kept.items()
        },
        excluded=_excluded(everything, left, label_at),
        states=states,
        marks=tuple(found.marks),
        rows_chosen=True,
        numbering="possible" if all(re.fullmatch(r"\d+", label) for label in labels) else "none",
        notes=tuple(notes),
    )


def _excluded(table: Table, left: Sequence[int], label_at: int | None) -> dict[str, dict[str, int]]:
    """Count what a table lists and has no row for, and the rows not asked for, by their label."""
    if label_at is None:
        outside = Counter({NOT_ASKED: len(left)} | dict(table.left_out))
        return {OUTSIDE: dict(+outside)} if +outside else {}
    labels, _notes = whole_labels([" ".join(table.rows[at][label_at].split()) for at in left], "")
    counts = Counter(labels)
    found = {label: {NOT_ASKED: counts[label]} for label in sorted(counts)}
    if table.left_out:
        found[OUTSIDE] = found.get(OUTSIDE, {}) | dict(table.left_out)
    return found


def _table(path: Path | Remote, config: DataConfig) -> Table:
    """Return the cells of a file by its suffix."""
    data, name = _content(path), path.name
    if name.lower().endswith(".parquet"):
        return _read_parquet(data, name)
    if name.lower().endswith(".xlsx"):
        return read_excel(data, name, config)
    if name.lower().endswith(".json"):
        return read_coco(data, name, config)
    return read_text_table(data, name, config)


def _one_below(table: Table, config: DataConfig, paths: Paths) -> Paths:
    """Return where paths start from: where none is a file, the one folder below with most of them.

    Raises:
        ConfigError: several folders have them.
    """
    rows = table.rows[:: max(1, len(table.rows) // LOOKED_AT)]
    columns = [
        [row[at].strip() for row in rows]
        for at, name in enumerate(table.header)
        if name == config.columns.path or bare_name(name) in USUAL["path"]
    ]
    if any(paths.is_file(cell) for cells in columns for cell in cells):
        return paths
    found = {
        name: most
        for name in _folders(paths.folder)
        if 2 * (most := _most_files(columns, paths.below(name))) > len(rows)
    }
    if len(found) > 1:
        names = ", ".join(f"'{name}'" for name in found)
        raise ConfigError(
            f"the paths of {table.name} name pictures in several folders beside it ({names}); set "
            "data.root to the one that is meant."
        )
    for name, most in found.items():
        return paths.below(name, f"{most} of {len(rows)} looked at")
    return paths


def _most_files(columns: Sequence[Sequence[str]], paths: Paths) -> int:
    return max((sum(map(paths.is_file, cells)) for cells in columns), default=0)


def _folders(folder: Path) -> list[str]:
    try:
        return sorted(each.name for each in folder.iterdir() if each.is_dir())
    except OSError:
        return []


def _content(path: Path | Remote) -> bytes:
    try:
        return path.content(MOST_BYTES) if isinstance(path, Remote) else path.read_bytes()
    except (OSError, Unreadable) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"cannot read {path.name}: {reason}.") from error


def _start(path: Path | Remote, config: DataConfig, base: Path) -> Start:
    """Return the folder that paths start from."""
    if config.root is None:
        if isinstance(path, Remote):
            return Addresses(path.folder, "the table", config.allow_outside)
        return Paths(path.parent, "the table", config.allow_outside)
    root = located(config.root, "data.root")
    if isinstance(root, Remote):
        return Addresses(root, "data.root", config.allow_outside)
    root = root or find_file(config.root, base)
    if not root.is_dir():
        raise ConfigError(
            f"data.root '{config.root}' is no folder; give the one that the paths of {path.name} "
            "start from."
        )
    return Paths(root, "data.root", config.allow_outside)


def _rows(
    table: Table,
    config: DataConfig,
    paths: Start,
    columns: tuple[int, int | None, int | None],
    states: LabelStates | None,
) -> Rows:
    path_at, label_at, mark_at = columns
    found = Rows()
    for at, (row, place) in enumerate(zip(table.rows, table.places, strict=True)):
        name, file = paths.find(row[path_at].strip(), place)
        if states is not None:
            label = ",".join(map(str, states.states[at].tolist()))
        elif label_at is not None:
            label = " ".join(row[label_at].split())
            check_label(label, name, place, config)
        mark = ""
        if mark_at is not None:
            mark = _mark(row[mark_at].strip(), paths, place, masks=config.columns.mask is not None)
        if name in found.names:
            _check_same(found, table, name, (label, mark), place)
            found.repeated += 1
            continue
        found.names[name] = len(found.names)
        found.labels.append(label)
        found.files.append(file)
        found.at.append(at)
        if mark_at is not None:
            found.marks.append(mark)
    return found


def check_label(label: str, name: str, place: str, config: DataConfig) -> None:
    """Refuse the label of a picture, which has a name, that is empty.

    Raises:
        DataError: where.
    """
    known = [*(config.classes or ()), *(config.labels if isinstance(config.labels, dict) else ())]
    if not label:
        raise DataError(f"{place}: the label of '{name}' is empty; write one or remove the row.")
    if label.lower() in _MISSING and label not in known:
        raise DataError(
            f"{place}: the label of '{name}' is '{label}', which programs write for an empty cell; "
            "write a label, remove the row, or name it in data.labels if it is a class."
        )


def _check_same(found: Rows, table: Table, name: str, said: tuple[str, str], place: str) -> None:
    """Refuse a picture that is listed twice with another label or mark."""
    at = found.names[name]
    also = f"{place}: the path '{name}' is also in {table.places[found.at[at]]}"
    if found.labels[at] != said[0]:
        raise DataError(
            f"{also}, with the label '{found.labels[at]}' and not '{said[0]}'; a picture has one "
            "label (of several labels: one row with all of them)."
        )
    if found.marks and found.marks[at] != said[1]:
        raise DataError(
            f"{also}, with another mask or box; write several boxes of a picture in one cell, "
            "divided by semicolons."
        )


def whole_labels(labels: Sequence[str], name: str) -> tuple[tuple[str, ...], Iterator[str]]:
    """Return the labels, whole numbers without their point, and what to say about them."""
    whole = all(re.fullmatch(r"\d+(\.0+)?", label) for label in labels)
    pointed = sum("." in label for label in labels)
    if not (whole and pointed):
        return tuple(labels), iter(())
    note = f"{name}: {pointed:,} labels are numbers such as '{labels[0]}', read as whole numbers"
    return tuple(label.partition(".")[0] for label in labels), iter((note,))


def _mark(value: str, paths: Start, place: str, *, masks: bool) -> str:
    """Return the text of a box, or a mask's path from the working directory, or its address."""
    if not masks or not value:
        return value
    _name, file = paths.find(value, place)
    if isinstance(file, Remote):
        return file.address
    if not isinstance(file, Path) or not file.is_file():
        raise DataError(
            f"{place}: the mask '{value}' does not exist; write a path relative to the folder of "
            f"{paths.start}, or nothing where there is no mask."
        )
    return str(file)


def _read_parquet(data: bytes, name: str) -> Table:
    try:
        import pyarrow  # noqa: F401 - asked for by name so that the message can say what to do
    except ImportError as error:
        raise DataError(
            f"reading {name} needs pyarrow; install it with pip install 'concept-auditor[parquet]'."
        ) from error
    import pandas as pd

    try:
        frame = pd.read_parquet(BytesIO(data), engine="pyarrow")
    except Exception as error:  # pyarrow raises its own, OSError, ValueError and more
        first = (str(error).splitlines() or [""])[0]
        raise DataError(f"cannot read {name}: {first[:200]}.") from error
    header = tuple(str(column) for column in frame.columns)
    check_header(header, name)
    columns = [cell_texts(frame.iloc[:, at].tolist()) for at in range(len(header))]
    rows = tuple(zip(*columns, strict=True))
    return Table(name, header, rows, tuple(f"{name}, row {at + 1}" for at in range(len(rows))))
