"""A table in a sheet of an Excel workbook (.xlsx)."""

from __future__ import annotations

import datetime
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from xml.etree.ElementTree import iterparse

from auditor.base.errors import DataError
from auditor.config.audit import DataConfig
from auditor.subject.table_text import Table, cell_texts, check_header

_TRUE = ("1", "true")
MOST_COLUMNS = 16_384  # of a sheet
MOST_UNPACKED = 1_000_000_000  # bytes of a workbook's parts together


def read_excel(data: bytes, name: str, config: DataConfig) -> Table:
    """Return the cells of a workbook's sheet, as they were last computed.

    The sheet is the only one, or the only one with the columns of path and label.

    Raises:
        DataError: no extra, no workbook, or it is open which sheet is meant.
    """
    found = [each for each in _sheets(data, name) if each[1]]
    sheets = [(title, rows) for title, rows, _hidden in found]
    if not sheets:
        raise DataError(f"{name} holds no sheet with cells.")
    wanted = {config.columns.path, *config.columns.labels}
    fitting = [each for each in sheets if wanted <= set(_header(each[1]))]
    if len(sheets) > 1 and len(fitting) != 1:
        titles = ", ".join(f"'{title}'" for title, _rows in fitting or sheets)
        label = config.columns.labels[0]
        raise DataError(
            f"{name} has {len(sheets)} sheets, and {len(fitting) or 'none'} of them have the "
            f"columns '{config.columns.path}' and '{label}' ({titles}); save the "
            "one that is meant as a file of its own, or set data.columns.path and "
            "data.columns.label."
        )
    title, rows = fitting[0] if fitting else sheets[0]
    notes = [f"{name}: read the sheet '{title}', one of {len(sheets)}"] if len(sheets) > 1 else []
    hidden = next(hidden for each, _rows, hidden in found if each == title)
    return _table(rows, name, [*notes, *_said_of(hidden, rows, name)])


@dataclass(frozen=True)
class Hidden:
    """What of a sheet Excel does not show: itself, rows by number, and columns from 0."""

    sheet: bool
    rows: frozenset[int]
    columns: frozenset[int]


def _said_of(hidden: Hidden, rows: Sequence[tuple[Any, ...]], name: str) -> Iterator[str]:
    """Yield notes on what is read although whoever looks at the sheet does not see it."""
    if hidden.sheet:
        yield f"{name}: the sheet is hidden in Excel, and read all the same"
    filled = [at for at, row in enumerate(rows, start=1) if any(map(str.strip, _texts(row)))][1:]
    count = sum(at in hidden.rows for at in filled)
    if count:
        yield (
            f"{name}: {count} of {len(filled)} rows are hidden in Excel, by a filter or by hand, "
            "and are used all the same; delete them there, or take the others by data.rows"
        )
    header = _header(rows)
    columns = [title for at, title in enumerate(header) if at in hidden.columns and title]
    if columns:
        yield f"{name}: columns that are hidden in Excel are read too: {', '.join(columns)}"


def _hidden(sheet: Any, parts: zipfile.ZipFile) -> Hidden:
    """Return what is hidden of a sheet, by the attributes in its part of the workbook."""
    rows: set[int] = set()
    columns: set[int] = set()
    number = 0
    with parts.open(sheet._worksheet_path) as part:
        # expat itself limits how far entities unpack, and openpyxl has read this part so too.
        for _event, element in iterparse(part):  # noqa: S314
            kind, given = element.tag.rpartition("}")[2], element.attrib
            if kind == "row":
                number = int(given.get("r", number + 1))
                rows |= {number} if given.get("hidden") in _TRUE else set()
                element.clear()
            elif kind == "col" and given.get("hidden") in _TRUE:
                last = min(int(given["max"]), MOST_COLUMNS)
                columns |= set(range(int(given["min"]) - 1, last))
    return Hidden(sheet.sheet_state != "visible", frozenset(rows), frozenset(columns))


def _sheets(data: bytes, name: str) -> Iterator[tuple[str, list[tuple[Any, ...]], Hidden]]:
    try:
        import openpyxl
    except ImportError as error:
        raise DataError(
            f"reading {name} needs openpyxl; install it with pip install 'concept-auditor[excel]', "
            "or save the sheet as CSV (UTF-8)."
        ) from error
    try:
        with zipfile.ZipFile(BytesIO(data)) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
        if unpacked > MOST_UNPACKED:
            raise DataError(f"{name} unpacks to {unpacked:,} bytes; save the sheet as CSV.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of drop-down lists and colours, which are not read
            book = openpyxl.load_workbook(BytesIO(data), read_only=True, data_only=True)
            for sheet in book.worksheets:
                rows = list(sheet.iter_rows(values_only=True))
                with zipfile.ZipFile(BytesIO(data)) as parts:
                    yield sheet.title, rows, _hidden(sheet, parts)
    except DataError:
        raise
    except Exception as error:  # openpyxl raises its own, KeyError, ValueError and more
        first = (str(error).splitlines() or [""])[0]
        raise DataError(
            f"cannot read {name} as an Excel workbook (.xlsx): {first[:200]}; is it whole, and "
            "without a password?"
        ) from error


def _header(rows: Sequence[tuple[Any, ...]]) -> tuple[str, ...]:
    """Return the first row with cells, without empty cells at its end."""
    first = next((row for row in rows if any(cell is not None for cell in row)), ())
    cells = [" ".join(text.split()) for text in _texts(first)]
    while cells and not cells[-1]:
        cells.pop()
    return tuple(cells)


def _table(rows: Sequence[tuple[Any, ...]], name: str, notes: list[str]) -> Table:
    header = _header(rows)
    check_header(header, name)
    found: list[tuple[str, ...]] = []
    places: list[str] = []
    empty = 0
    begun = False
    for number, row in enumerate(rows, start=1):
        cells = _texts(row)
        if not any(cell.strip() for cell in cells):
            empty += begun
            continue
        if not begun:
            begun = True
            continue
        if any(cell.strip() for cell in cells[len(header) :]):
            raise DataError(
                f"{name}, row {number}: a cell beyond the {len(header)} columns of the header "
                f"({', '.join(header)}); name its column or empty it."
            )
        found.append(tuple((cells + [""] * len(header))[: len(header)]))
        places.append(f"{name}, row {number}")
    between = empty - _trailing(rows)
    if between > 0:
        notes.append(f"{name}: {between} rows of empty cells are left out")
    return Table(name, header, tuple(found), tuple(places), tuple(notes))


def _trailing(rows: Sequence[tuple[Any, ...]]) -> int:
    """Return how many rows at the end are empty: those that Excel keeps for their format."""
    count = 0
    for row in reversed(rows):
        if any(text.strip() for text in _texts(row)):
            break
        count += 1
    return count


def _texts(row: Sequence[Any]) -> list[str]:
    return cell_texts([_day(value) for value in row])


def _day(value: Any) -> Any:
    """Return a date without the midnight that Excel's files give it."""
    midnight = isinstance(value, datetime.datetime) and value.time() == datetime.time()
    return value.date() if midnight else value
