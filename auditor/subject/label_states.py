"""Several labels for each picture, as a table says them.

Three ways are known: a column of 0 and 1 for each label; one column with the names of all labels
that are present, divided by a sign; one column of vectors. -1 and what programs write for an empty
cell mean that nobody knows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int8

from auditor.base.errors import ConfigError, DataError
from auditor.config.audit import DataConfig
from auditor.records.several import ABSENT_STATE, PRESENT_STATE, UNCERTAIN
from auditor.subject.table_columns import column_at
from auditor.subject.table_text import Table

_STATES = {
    **dict.fromkeys(("1", "1.0", "1.", "true"), PRESENT_STATE),
    **dict.fromkeys(("0", "0.0", "0.", "false"), ABSENT_STATE),
    **dict.fromkeys(("-1", "-1.0", "-1.", "", "nan", "<na>", "#n/a", "nat", "none"), UNCERTAIN),
}
MEANS = "1 (present), 0 (absent), -1 or nothing (uncertain)"
DIVIDERS = ("|", ";", ",")
# What stands in a column of names where no label is present; such a name may be a label as well.
NOTHING = frozenset({"no finding", "no findings", "none", "nothing", "-"})


@dataclass(frozen=True, eq=False)
class LabelStates:
    """The state of each label in each item, by the names that the data has, None where it has none.

    ``chosen``: the user named the columns, so that each is meant. ``how`` says what was read.
    """

    names: tuple[str, ...] | None
    states: Int8[np.ndarray, "item label"]
    how: str
    chosen: bool = False

    def take(self, indices: Sequence[int]) -> LabelStates:
        """Return the states of these items only."""
        return replace(self, states=self.states[list(indices)])


@dataclass(frozen=True)
class LabelCells:
    """Where the labels of a table stand, and how they are read; ``kind`` is one of three."""

    kind: str
    columns: tuple[int, ...]
    names: tuple[str, ...] | None
    divider: str = ""
    chosen: bool = False


def find_labels(
    table: Table, config: DataConfig, is_file: Callable[[str], bool]
) -> LabelCells | None:
    """Return where a table says several labels for each picture, None where it says one.

    Raises:
        ConfigError: several labels are asked for, and no column has them.
    """
    asked, multi = config.columns.label, config.labels == "multi"
    if isinstance(asked, list):
        at = [column_at(table, name, "data.columns.label", is_file) for name in asked]
        if config.labels not in ("multi", "auto"):
            raise ConfigError(
                f"data.columns.label names {len(asked)} columns, which is for several labels: "
                "write data.labels: multi, or name one column."
            )
        return LabelCells("columns", tuple(at), tuple(asked), chosen=True)
    if not multi and config.labels != "auto":
        return None
    if asked in table.header:
        found = _in_column(table, table.header.index(asked), multi=multi)
        if found is None and multi:
            raise ConfigError(
                f"the column '{asked}' of {table.name} has one label in every row, and data.labels "
                "is multi: name the columns of 0 and 1 by data.columns.label: [NAME, ...], one "
                f"column with names divided by one of {' '.join(DIVIDERS)}, or one of vectors "
                "such as [0, 1, 0]."
            )
        return found
    special = {config.columns.path, config.columns.mask, config.columns.box}
    known = [at for at, name in enumerate(table.header) if name not in special]
    columns = [at for at in known if _is_states(table, at)]
    if len(columns) >= 2:
        names = tuple(table.header[at] for at in columns)
        return LabelCells("columns", tuple(columns), names)
    if multi:
        raise ConfigError(
            f"no columns of {table.name} hold {MEANS} for each label ({', '.join(table.header)}); "
            "name the column with the labels by data.columns.label."
        )
    return None


def read_labels(table: Table, cells: LabelCells) -> LabelStates:
    """Return the states of all rows of a table.

    Raises:
        DataError: a cell that is none of the known values; names line, value and what is allowed.
    """
    how = {
        "columns": f"{len(cells.columns)} columns of 0 and 1",
        "divided": f"names divided by '{cells.divider}'",
        "vectors": "vectors of 0 and 1",
    }[cells.kind]
    names = cells.names
    if cells.kind == "columns":
        states = [
            [_state(row[at], place, table.header[at]) for at in cells.columns]
            for row, place in zip(table.rows, table.places, strict=True)
        ]
    elif cells.kind == "vectors":
        states = _vectors(table, cells.columns[0])
    else:
        names, states = _divided(table, cells.columns[0], cells.divider)
    found = np.array(states, dtype=np.int8).reshape(len(table.rows), -1)
    how = f"{table.name}: several labels for each picture are read from {how}"
    return LabelStates(names, found, how, cells.chosen)


def one_of_each(states: LabelStates) -> bool:
    """Say whether every item has exactly one label of a name: a class in one-hot form."""
    values = states.states
    return states.names is not None and bool(
        (values != UNCERTAIN).all() and ((values == PRESENT_STATE).sum(axis=1) == 1).all()
    )


def classes_of(states: LabelStates) -> tuple[str, ...]:
    """Return the only label of each item."""
    names = states.names or ()
    return tuple(names[at] for at in states.states.argmax(axis=1).tolist())


def said_of(states: LabelStates, *, stated: bool, one_hot: bool) -> tuple[str, ...]:
    """Say how labels were read, and what to write where that was not stated."""
    if one_hot:
        return (
            f"CHECK: {states.how}, exactly one of which is 1 in every row: read as one class for "
            "each picture; data.labels: multi reads them as labels that may come together",
        )
    if stated or states.chosen:
        return (states.how,)
    return (f"CHECK: {states.how}; data.labels: multi states that",)


def _in_column(table: Table, at: int, *, multi: bool) -> LabelCells | None:
    values = [row[at].strip() for row in table.rows]
    longer = bool(values) and (len(values[0].split()) > 1 or "," in values[0])
    if longer and all(_vector(value) is not None for value in values):
        return LabelCells("vectors", (at,), None)
    for divider in DIVIDERS if multi else DIVIDERS[:2]:
        if any(divider in value for value in values):
            pieces = Counter(piece for value in values for piece in _pieces(value, divider))
            if multi or len(pieces) < len(set(values)):
                return LabelCells("divided", (at,), None, divider)
    return None


def _is_states(table: Table, at: int) -> bool:
    values = Counter(row[at].strip().lower() for row in table.rows)
    known = all(value in _STATES for value in values)
    return known and any(_STATES[value] != UNCERTAIN for value in values)


def _state(cell: str, place: str, name: str) -> int:
    found = _STATES.get(cell.strip().lower())
    if found is None:
        raise DataError(
            f"{place}: the label '{name}' is '{cell.strip()}'; write {MEANS}, or leave the column "
            "out of data.columns.label."
        )
    return found


def _vector(cell: str) -> list[str] | None:
    """Return the parts of a vector, None where a cell is none."""
    inner = re.sub(r"^[\[(]\s*|\s*[\])]$", "", cell.strip())
    parts = [part for part in re.split(r"[,\s]+", inner.replace("'", "")) if part]
    return parts if parts and all(part.lower() in _STATES for part in parts) else None


def _vectors(table: Table, at: int) -> list[list[int]]:
    states: list[list[int]] = []
    for row, place in zip(table.rows, table.places, strict=True):
        parts = _vector(row[at])
        if parts is None:
            raise DataError(f"{place}: the labels are '{row[at]}', which is no vector of {MEANS}.")
        if states and len(parts) != len(states[0]):
            raise DataError(
                f"{place}: the vector of labels has {len(parts)} numbers, and that of "
                f"{table.places[0]} has {len(states[0])}; give each picture as many."
            )
        states.append([_STATES[part.lower()] for part in parts])
    return states


def _pieces(cell: str, divider: str) -> list[str]:
    inner = re.sub(r"^\[|\]$", "", cell.strip())
    pieces = (" ".join(piece.strip(" '\"").split()) for piece in inner.split(divider))
    return [piece for piece in pieces if piece]


def _divided(table: Table, at: int, divider: str) -> tuple[tuple[str, ...], list[list[int]]]:
    rows = []
    for row, place in zip(table.rows, table.places, strict=True):
        pieces = _pieces(row[at], divider)
        if not pieces:
            raise DataError(
                f"{place}: the labels are empty; write none where no label is present, or remove "
                "the row."
            )
        rows.append(set(pieces))
    names = tuple(sorted(set().union(*rows)))
    return names, [[int(name in present) for name in names] for present in rows]
