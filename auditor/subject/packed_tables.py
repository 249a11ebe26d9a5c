"""Tables whose cells hold the pictures: Parquet, and data sets that Hugging Face saved on disk."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from auditor.base.errors import ConfigError, DataError, UnknownNameError
from auditor.base.factories import find_file
from auditor.config.audit import DataConfig
from auditor.records.accounting import OUTSIDE
from auditor.subject.arrow_files import Cell, check_streams, columns_of, rows_of, values_of
from auditor.subject.collection import Collection, FileReader, sorted_names
from auditor.subject.limits import Unreadable
from auditor.subject.remote import Remote, located
from auditor.subject.table_columns import column_at, kept_columns
from auditor.subject.table_text import Table, cell_texts
from auditor.subject.tables import check_label, whole_labels
from auditor.subject.tars import NO_LABEL

STATE, SPLITS = "state.json", "dataset_dict.json"
MOST_BYTES = 100_000_000


@dataclass
class _Found:
    """Rows of all files: cells with pictures, their own names, labels, and the plain columns."""

    cells: list[Cell] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    columns: dict[str, list[str]] = field(default_factory=dict)


def holds_pictures(file: Path | Remote, config: DataConfig) -> bool:
    """Return whether cells of a Parquet file hold pictures, and none of its columns their paths.

    Raises:
        ConfigError: several columns may.
        DataError: it cannot be read.
    """
    return columns_of(file).of_pictures(config.columns.path) is not None


def read_packed(files: Sequence[Path | Remote], config: DataConfig) -> Collection:
    """Return the pictures in the cells of tables, in their order.

    Labels that are numbers of named classes get the names, in their order.

    Raises:
        ConfigError: a column that does not exist, or several that may hold pictures.
        DataError: a file cannot be read, or differs from the first; an empty label.
    """
    first = columns_of(files[0])
    column = first.of_pictures(config.columns.path)
    if column is None:
        raise DataError(
            f"no column of {files[0].name} holds pictures ({', '.join(first.schema.names)}); they "
            "are of the type binary or {bytes, path}."
        )
    found = _Found(columns={name: [] for name in first.plain()})
    for file in files:
        columns = columns_of(file)
        if columns.classes != first.classes or not set(columns.schema.names) >= {
            column,
            *found.columns,
        }:
            raise DataError(
                f"{file.name} has other columns or classes than {files[0].name}; give files of one "
                "data set."
            )
        _add(found, file, column, config.columns.labels[0])
    table = Table(
        files[0].name,
        tuple(found.columns),
        tuple(zip(*found.columns.values(), strict=True)),
        tuple(f"row {at + 1}" for at in range(len(found.cells))),
    )
    column_at(table, config.columns.labels[0], "data.columns.label", lambda _cell: False)
    return _collection(found, table, first.classes.get(config.columns.labels[0]), config)


def read_saved(text: str, config: DataConfig, base: Path) -> Collection:
    """Return the pictures of a data set that Hugging Face's ``save_to_disk`` wrote.

    ``text`` is its folder, with ``?split=NAME`` where it holds several.

    Raises:
        ConfigError, UnknownNameError: no such split, or none named of several.
        DataError: it is none, or cannot be read.
    """
    path, _, query = text.partition("?")
    asked = dict(parse_qsl(query, keep_blank_values=True))
    for key in asked:
        if key != "split":
            raise UnknownNameError("option after '?' of data.source", key, ["split"])
    folder = located(path, "data.source") or find_file(path, base)
    splits = _json(folder, SPLITS).get("splits") if _there(folder, SPLITS) else None
    if isinstance(splits, list) and splits:
        split = asked.get("split") or (splits[0] if len(splits) == 1 else "")
        if not split:
            raise ConfigError(
                f"'{folder.name}' holds the splits {', '.join(map(str, splits))}; name one: "
                f"data.source: hf-dataset:{path}?split={splits[-1]}."
            )
        if split not in splits:
            raise UnknownNameError(f"split of '{folder.name}'", split, map(str, splits))
        folder = _below(folder, split)
    elif "split" in asked:
        raise ConfigError(f"'{folder.name}' holds no splits; leave ?split= out.")
    if not _there(folder, STATE):
        raise DataError(
            f"'{folder.name}' is no data set saved by Hugging Face's save_to_disk: it holds no "
            f"{STATE}."
        )
    state = _json(folder, STATE)
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise DataError(
            f"'{folder.name}' was saved by an old version of datasets with rows left out by their "
            "number; load it and save it again."
        )
    names = [str(each.get("filename", "")) for each in state.get("_data_files", [])]
    if not names or any(not re.fullmatch(r"[\w.-]+", name) for name in names):
        raise DataError(f"the {STATE} of '{folder.name}' names no files; save the data set again.")
    files = [_below(folder, name) for name in names]
    check_streams(files)
    return read_packed(files, config)


def is_saved(folder: Path) -> bool:
    """Return whether a folder is a data set that Hugging Face's ``save_to_disk`` wrote."""
    saved = (folder / STATE).is_file() and (folder / "dataset_info.json").is_file()
    return saved or (folder / SPLITS).is_file()


def _add(found: _Found, file: Path | Remote, column: str, label: str) -> None:
    """Add the rows of a file."""
    names = list(found.columns)
    struct = hasattr(columns_of(file).schema.field(column).type, "get_field_index")
    inner = [f"{column}.path"] if struct and _has_path(file, column) else []
    values = values_of(file, [*names, *inner])
    own = values.pop() if inner else []
    rows = list(rows_of(file))
    if any(len(cells) != len(rows) for cells in (*values, *([own] if inner else []))):
        raise DataError(f"{file.name} is damaged: its columns differ in length.")
    for name, cells in zip(names, values, strict=True):
        found.columns[name] += cell_texts(cells)
    found.labels += values[names.index(label)] if label in names else [None] * len(rows)
    own = [str(each or "") for each in own] or [""] * len(rows)
    found.names += own
    for (group, row), name in zip(rows, own, strict=True):
        found.cells.append(Cell(file, group, row, column, name))


def _has_path(file: Path | Remote, column: str) -> bool:
    return bool(columns_of(file).schema.field(column).type.get_field_index("path") >= 0)


def _collection(
    found: _Found, table: Table, classes: tuple[str, ...] | None, config: DataConfig
) -> Collection:
    paths = _paths(found.names)
    kept, notes = kept_columns(table, config, lambda _cell: False)
    labels: list[str | None]
    if classes is not None:
        labels = [_named(value, classes, table, at) for at, value in enumerate(found.labels)]
    else:
        labels = [" ".join(text.split()) for text in found.columns[config.columns.labels[0]]]
        for at, text in enumerate(labels):
            check_label(text or "", paths[at], f"{table.name}, row {at + 1}", config)
    chosen = [at for at, each in enumerate(labels) if each is not None]
    excluded = Counter({NO_LABEL: len(labels) - len(chosen)})
    texts, more = whole_labels([label for label in labels if label is not None], table.name)
    if not chosen:
        raise DataError(f"no row of {table.name} has a label; is it a split for predictions?")
    return Collection(
        paths=tuple(paths[at] for at in chosen),
        labels=texts,
        names=classes or sorted_names(texts),
        reader=FileReader(tuple(found.cells[at] for at in chosen)),
        metadata={
            name: tuple(table.rows[at][place].strip() for at in chosen)
            for name, place in kept.items()
        },
        excluded={OUTSIDE: dict(+excluded)} if +excluded else {},
        numbering="possible"
        if classes is None and all(re.fullmatch(r"\d+", label) for label in texts)
        else "none",
        ordered=classes is not None,
        notes=(*notes, *more),
    )


def _paths(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names that pictures have of their own where they tell them apart, else numbers."""
    if all(names) and len(set(names)) == len(names):
        return tuple(name.replace("\\", "/").lstrip("/") for name in names)
    return tuple(f"row-{at:06d}" for at in range(len(names)))


def _named(value: Any, classes: tuple[str, ...], table: Table, at: int) -> str | None:
    """Return the name of a class by its number; None for the number of none."""
    if value is None or value == -1:
        return None
    if not isinstance(value, int) or not 0 <= value < len(classes):
        raise DataError(
            f"the label of row {at + 1} of {table.name} is {value!r}, but its classes are 0 to "
            f"{len(classes) - 1}."
        )
    return classes[value]


def _below(folder: Path | Remote, name: str) -> Path | Remote:
    return folder.below(name) if isinstance(folder, Remote) else folder / name


def _there(folder: Path | Remote, name: str) -> bool:
    file = _below(folder, name)
    return file.size() is not None if isinstance(file, Remote) else file.is_file()


def _json(folder: Path | Remote, name: str) -> Mapping[str, Any]:
    file = _below(folder, name)
    try:
        data = file.content(MOST_BYTES) if isinstance(file, Remote) else file.read_bytes()
        found = json.loads(data)
    except (OSError, ValueError, RecursionError, Unreadable):
        found = None
    if not isinstance(found, dict):
        raise DataError(f"the {name} of '{folder.name}' cannot be read; save the data set again.")
    return found
