"""A table of text as cells: its encoding and separator are found out, and said."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from auditor.base.errors import ConfigError, DataError
from auditor.config.audit import DataConfig

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "|"}
_FIELD_LIMIT = 1_000_000
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_NO_TEXT = (
    (b"PK\x03\x04", "an Excel or ZIP file"),
    (b"\xd0\xcf\x11\xe0", "an Excel file"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip file"),
)
# What people write in Western Europe besides letters.
_WESTERN = "€‚„…†‹›‘’“”•–—™ ¡£§©ª«®°±²³´µ·º»¿×÷"


@dataclass(frozen=True)
class Table:
    """The cells of a table as text, with the place of each row for error messages.

    ``names`` are all labels in the order of their numbers, where the source numbers them;
    ``left_out`` counts by reason what is listed and has no row.
    """

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    places: tuple[str, ...]
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


def read_text_table(data: bytes, name: str, config: DataConfig) -> Table:
    """Return the cells of a file of text of this content and name.

    Raises:
        DataError: it is no text, of an unknown encoding, or no regular table; names the line.
        ConfigError: data.encoding is none that there is.
    """
    text, notes = _decoded(data, config.encoding, name)
    blank = re.match(r"[\r\n]*", text)
    start = len(blank[0].splitlines()) if blank else 0
    text = text.lstrip("\r\n")
    hint = re.match(r'"?sep=(.)"?(\r\n|\r|\n)', text)  # the first line of what Excel writes
    if hint:
        text, start = text[hint.end() :], start + 1
    separator = hint[1] if hint else _separator(text, name, config)
    expected = "\t" if name.lower().endswith((".tsv", ".tab")) else ","
    if separator != expected and config.separator is None:
        notes.append(f"{name}: columns are separated by {SEPARATORS.get(separator, separator)}")
    if re.search(rf'{re.escape(separator)} +"', text):
        notes.append(f"{name}: quotes after a space are taken as those of the cell")
    return _cells(text, separator, name, start, notes)


def _cells(text: str, separator: str, name: str, start: int, notes: list[str]) -> Table:
    csv.field_size_limit(_FIELD_LIMIT)
    rows: list[tuple[str, ...]] = []
    places: list[str] = []
    empty = 0
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True
    )
    try:
        header = tuple(cell.strip() for cell in next(reader, []))
        check_header(header, name)
        line = reader.line_num + 1
        for row in reader:
            place = f"{name}:{line + start}"
            line = reader.line_num + 1
            if not any(cell.strip() for cell in row):
                empty += bool(row)
                continue
            rows.append(_row(row, header, place, separator))
            places.append(place)
    except csv.Error as error:
        raise DataError(f"{name}:{reader.line_num + start}: not valid CSV: {error}.") from error
    if empty:
        notes.append(f"{name}: {empty} rows of empty cells are left out")
    return Table(name, header, tuple(rows), tuple(places), tuple(notes))


def _row(row: list[str], header: tuple[str, ...], place: str, separator: str) -> tuple[str, ...]:
    """Return the cells of a row, empty ones beyond the header left out."""
    width = len(header)
    if len(row) < width or any(cell.strip() for cell in row[width:]):
        raise DataError(
            f"{place}: {len(row)} cells where the header has {width} ({', '.join(header)}). Put "
            f"cells that hold '{separator}' between quotes."
        )
    for cell in row[:width]:
        lines = cell.splitlines()
        if len(lines) > 1 and any(line.count(separator) >= width - 1 > 0 for line in lines[1:]):
            raise DataError(
                f"{place}: a quote is opened here and closed {len(lines) - 1} lines below, with "
                "whole rows between; close it, or double quotes that belong to the text."
            )
    return tuple(row[:width])


def check_header(header: tuple[str, ...], name: str) -> None:
    """Refuse a header without columns, or with one of a name twice.

    Raises:
        DataError: which.
    """
    if not any(header):
        raise DataError(f"{name} is empty; it needs a header line such as 'path,label'.")
    twice = sorted({column for column in header if column and header.count(column) > 1})
    if twice:
        raise DataError(f"{name}:1: the column '{twice[0]}' occurs twice; rename one of them.")
    if len(header) == 1 and re.search(r"[;\t|,\s]", header[0]):
        raise DataError(
            f"{name}:1: the only column is '{header[0][:60]}'; separate the columns by commas."
        )


def cell_texts(values: Sequence[object]) -> list[str]:
    """Return the cells as text; missing values become empty, whole floats lose their point."""
    texts = []
    for value in values:
        if isinstance(value, np.ndarray | list | tuple):
            texts.append(str(value.tolist() if isinstance(value, np.ndarray) else list(value)))
        elif value is None or value != value or type(value).__name__ in ("NAType", "NaTType"):
            texts.append("")
        elif isinstance(value, float) and value.is_integer():
            texts.append(str(int(value)))
        else:
            texts.append(str(value))
    return texts


def _separator(text: str, name: str, config: DataConfig) -> str:
    """Return what divides the columns: what gives the columns asked for, else the most columns."""
    if config.separator is not None:
        return "\t" if config.separator == "tab" else config.separator
    first = next(iter(text.splitlines()), "")
    columns = config.columns
    asked = {columns.path, *columns.labels, columns.mask, columns.box, *(config.metadata or ())}
    usual = "\t" if name.lower().endswith((".tsv", ".tab")) else ","

    def found(separator: str) -> tuple[int, int, bool]:
        try:
            reader = csv.reader([first], delimiter=separator, skipinitialspace=True)
            header = [cell.strip() for cell in next(reader, [])]
        except csv.Error:
            return 0, 0, False
        return len(asked & set(header)), len(header), separator == usual

    return max(SEPARATORS, key=found)


def _decoded(data: bytes, encoding: str | None, name: str) -> tuple[str, list[str]]:
    """Return the text of a file, and what to say about its encoding."""
    for magic, kind in _NO_TEXT:
        if data.startswith(magic):
            raise DataError(f"{name} is {kind}, no text; save the table as CSV (UTF-8).")
    if encoding is not None:
        try:
            return data.decode(encoding).removeprefix("\ufeff"), []
        except LookupError:
            raise ConfigError(
                f"data.encoding '{encoding}' is not known; give one such as utf-8, cp1252, cp1251, "
                "shift_jis or gb18030."
            ) from None
        except UnicodeError as error:
            raise DataError(f"{name} is not {encoding} text: {error}; set data.encoding.") from None
    for mark, marked in _MARKS:
        if data.startswith(mark):
            return _by(data, marked, name), [] if marked == "utf-8-sig" else [_said(name, marked)]
    nul = [data[:2000:2].count(0), data[1:2000:2].count(0)]
    if max(nul) * 4 > min(len(data), 2000) > min(nul) * 40:
        wide = "utf-16-le" if nul[1] > nul[0] else "utf-16-be"
        return _by(data, wide, name), [_said(name, wide)]
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\r|\n", data[: error.start])) + 1
        return _western(data, name, line)


def _western(data: bytes, name: str, line: int) -> tuple[str, list[str]]:
    """Return bytes that are no UTF-8 as cp1252 where that gives Western European words."""
    wrong = (
        f"{name}:{line}: not UTF-8 text, and not Western European (cp1252) by its words; set "
        "data.encoding, such as cp1250, cp1251, shift_jis or gb18030, or save the table as UTF-8."
    )
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        raise DataError(wrong) from None
    words = {word for word in re.findall(r"[^\s,;|\"]+", text) if not word.isascii()}
    if not all(_is_western(word) for word in words):
        raise DataError(wrong)
    signs = "".join(sorted({sign for word in words for sign in word if not sign.isascii()}))
    return (
        text,
        [  # the signs and no word, which may be a person's name
            f"{name}: not UTF-8; read as cp1252 (Windows), which gives {len(words):,} words with "
            f"'{signs[:20]}'; data.encoding says otherwise"
        ],
    )


def _is_western(word: str) -> bool:
    """Return whether a word with other than ASCII signs may be Western European."""
    for at, sign in enumerate(word):
        if sign.isascii():
            continue
        if not sign.isalpha() or sign in "ªº":
            between = word[at - 1 : at].isalpha() and word[at + 1 : at + 2].isalpha()
            if sign not in _WESTERN or (between and sign not in "’‘·–—"):
                return False
            if sign in "‚„“‹" and word[at - 1 : at].isalpha():
                return False
            if sign in "”›" and word[at + 1 : at + 2].isalpha():
                return False
        elif sign in "þðÞÐŸ" or (
            unicodedata.category(sign) == "Lu" and word[at - 1 : at].islower()
        ):
            return False
    return not re.search(r"[^\x00-\x7f]{3}", word)


def _by(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeError as error:
        raise DataError(f"{name} begins like {encoding} text and is not: {error}.") from None


def _said(name: str, encoding: str) -> str:
    return f"{name}: read as {encoding.upper()} text"
