"""A table with one row per picture: path, label, and further columns kept as metadata."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from auditor.config import DataConfig
from auditor.errors import DataError, UnknownNameError
from auditor.subject.collection import Collection, FileReader, sorted_names, text_path

TABLE_SUFFIXES = (".csv", ".parquet")
_FIELD_LIMIT = 1_000_000


@dataclass(frozen=True)
class Table:
    """The cells of a table as text, with the place of each row for error messages."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    places: tuple[str, ...]


def read_table(path: Path, config: DataConfig) -> Collection:
    """Return the pictures a table lists; paths are relative to the folder of the table.

    Raises:
        DataError: an unreadable table, an empty or repeated path, an empty label, a path outside
            the table's folder; each names file, line and value.
        UnknownNameError: a column that does not exist.
    """
    table = _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path)
    path_at = _column(table, config.columns.path, "data.columns.path")
    label_at = _column(table, config.columns.label, "data.columns.label")
    marked = config.columns.mask or config.columns.box
    key = "data.columns.mask" if config.columns.mask else "data.columns.box"
    mark_at = _column(table, marked, key) if marked else None
    special = (config.columns.path, config.columns.label, marked)
    kept = [name for name in table.header if name not in special]
    if config.metadata is not None:
        for name in config.metadata:
            _column(table, name, "data.metadata")
        kept = list(config.metadata)
    if not table.rows:
        raise DataError(f"{table.name} has a header but no rows; list at least one picture.")
    places: dict[str, str] = {}
    labels: list[str] = []
    files: list[Path] = []
    marks: list[str] = []
    for row, place in zip(table.rows, table.places, strict=True):
        relative = _relative(row[path_at].strip(), path.parent, place)
        if relative in places:
            raise DataError(
                f"{place}: the path '{relative}' is also in {places[relative]}; list each "
                "picture once."
            )
        if not row[label_at].strip():
            raise DataError(
                f"{place}: the label of '{relative}' is empty; write one or remove the row."
            )
        places[relative] = place
        labels.append(row[label_at].strip())
        files.append(path.parent / relative)
        if mark_at is not None:
            marks.append(_mark(row[mark_at].strip(), path.parent, place, config))
    columns = {name: table.header.index(name) for name in kept}
    return Collection(
        paths=tuple(text_path(name) for name in places),
        labels=tuple(labels),
        names=sorted_names(labels),
        reader=FileReader(tuple(files)),
        metadata={name: tuple(row[at] for row in table.rows) for name, at in columns.items()},
        marks=tuple(marks),
        numbering="possible" if all(re.fullmatch(r"\d+", label) for label in labels) else "none",
    )


def _mark(value: str, folder: Path, place: str, config: DataConfig) -> str:
    """Return the text of a box, or the path of a mask from the working directory on."""
    if config.columns.mask is None or not value:
        return value
    file = folder / _relative(value, folder, place)
    if not file.is_file():
        raise DataError(
            f"{place}: the mask '{value}' does not exist; write a path relative to the table, or "
            "nothing where there is no mask."
        )
    return str(file)


def _read_csv(path: Path) -> Table:
    name = path.name
    csv.field_size_limit(_FIELD_LIMIT)
    rows: list[tuple[str, ...]] = []
    places: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = tuple(cell.strip() for cell in next(reader, []))
            _check_header(header, name)
            start = reader.line_num + 1
            for row in reader:
                place = f"{name}:{start}"
                start = reader.line_num + 1
                if not row:
                    continue
                if len(row) != len(header):
                    raise DataError(
                        f"{place}: {len(row)} cells where the header has {len(header)} "
                        f"({', '.join(header)}); the row starts with '{row[0][:60]}'."
                    )
                rows.append(tuple(row))
                places.append(place)
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise DataError(f"{name}:{line}: not UTF-8 text; save the table as UTF-8.") from error
    except csv.Error as error:
        raise DataError(f"{name}:{reader.line_num}: not valid CSV: {error}.") from error
    except OSError as error:
        raise DataError(f"cannot read {name}: {error.strerror}.") from error
    return Table(name, header, tuple(rows), tuple(places))


def _read_parquet(path: Path) -> Table:
    name = path.name
    try:
        import pyarrow  # noqa: F401 - asked for by name so that the message can say what to do
    except ImportError as error:
        raise DataError(
            f"reading {name} needs pyarrow; install it with pip install 'concept-auditor[parquet]'."
        ) from error
    import pandas as pd

    try:
        frame = pd.read_parquet(path, engine="pyarrow")
    except Exception as error:  # pyarrow raises its own, OSError, ValueError and more
        first = (str(error).splitlines() or [""])[0]
        raise DataError(f"cannot read {name}: {first[:200]}.") from error
    header = tuple(str(column) for column in frame.columns)
    _check_header(header, name)
    columns = [_texts(frame.iloc[:, at].tolist()) for at in range(len(header))]
    rows = tuple(zip(*columns, strict=True))
    return Table(name, header, rows, tuple(f"{name}, row {at + 1}" for at in range(len(rows))))


def _texts(values: Sequence[object]) -> list[str]:
    """Return the cells as text; missing values become empty, whole floats lose their point."""
    texts = []
    for value in values:
        if value is None or value != value or type(value).__name__ in ("NAType", "NaTType"):
            texts.append("")
        elif isinstance(value, float) and value.is_integer():
            texts.append(str(int(value)))
        else:
            texts.append(str(value))
    return texts


def _check_header(header: tuple[str, ...], name: str) -> None:
    if not header or header == ("",):
        raise DataError(f"{name} is empty; it needs a header line such as 'path,label'.")
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise DataError(f"{name}:1: the column '{twice[0]}' occurs twice; rename one of them.")
    if len(header) == 1 and re.search(r"[;\t|]", header[0]):
        raise DataError(
            f"{name}:1: the only column is '{header[0][:60]}'; separate the columns by commas."
        )


def _column(table: Table, column: str, key: str) -> int:
    if column not in table.header:
        raise UnknownNameError(f"column of {table.name} (set {key})", column, table.header)
    return table.header.index(column)


def _relative(value: str, folder: Path, place: str) -> str:
    """Return the path as the table's folder sees it, with forward slashes."""
    if not value:
        raise DataError(f"{place}: the path is empty; write one or remove the row.")
    if "\0" in value:
        raise DataError(f"{place}: the path {value[:60]!r} holds a NUL character.")
    path = Path(value)
    if path.is_absolute():
        try:
            path = path.relative_to(folder.resolve())
        except ValueError:
            path = Path("..")
    parts: list[str] = []
    for part in PurePosixPath(path.as_posix()).parts:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            raise DataError(
                f"{place}: the path '{value}' is outside the folder of the table; put the table "
                "in a folder above the pictures and write paths relative to it."
            )
    if not parts:
        raise DataError(f"{place}: the path '{value}' is the folder of the table, not a picture.")
    return "/".join(parts)
