"""The cells of a table that name files: from what is written to the file and its name in the audit.

Paths start from one folder and stay inside it, links included, unless the config allows more. A
spelling that names no file is read in another way only where that names one, and is counted.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from auditor.base.errors import DataError
from auditor.subject.collection import text_path
from auditor.subject.links import Inside

ADDRESS = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+:/+[^/]")
MOST_CHARACTERS = 4096


@dataclass
class Paths:
    """Finds the files of cells below one folder, and counts what was not read as written.

    ``start`` says in words what that folder is; ``outside``: paths and links may leave it.
    """

    folder: Path
    start: str
    outside: bool
    spelled: list[tuple[str, str]] = field(default_factory=list)
    _inside: Inside = field(init=False)

    def __post_init__(self) -> None:
        self._inside = Inside(self.folder)

    def find(self, value: str, place: str) -> tuple[str, Path]:
        """Return the name of a cell's file in the audit, with forward slashes, and the file.

        Raises:
            DataError: no path, an address, a folder, or a file outside that is not allowed.
        """
        self._check(value, place)
        written = value
        if _odd(value) and not self.is_file(value):
            value = next(filter(self.is_file, _spellings(value)), value)
            if value != written:
                self.spelled.append((written, value))
        relative = self._relative(value)
        if relative == ".":
            raise DataError(
                f"{place}: the path '{written}' is the folder of {self.start}, not a picture."
            )
        file = self.folder / relative
        leaves = relative == ".." or relative.startswith("../") or Path(relative).is_absolute()
        if not self.outside and leaves:
            raise DataError(
                f"{place}: the path '{written}' is outside the folder of {self.start}; write paths "
                "below it, set data.root to a folder above the pictures, or set "
                "data.allow_outside: true."
            )
        if not self.outside and not self._inside.holds(file):
            raise DataError(
                f"{place}: '{written}' is a link that leads out of the folder of {self.start}; set "
                "data.allow_outside: true to follow it."
            )
        if leaves:  # its name must not tell where on this machine it lies
            place_of = hashlib.sha256(text_path(Path(relative).parent).encode())
            return f"outside/{place_of.hexdigest()[:8]}/{text_path(file.name)}", file
        return text_path(relative), file

    def is_file(self, value: str) -> bool:
        """Return whether a cell names a file that is there."""
        try:
            return bool(value) and (self.folder / value).is_file()
        except (OSError, ValueError):
            return False

    def notes(self, name: str) -> Iterator[str]:
        """Yield what was not read as it is written."""
        if self.spelled:
            first, read = self.spelled[0]
            yield (
                f"{name}: {len(self.spelled):,} paths are spelled in another way than the files: "
                f"'{_shown(first)}' is read as '{_shown(read)}'"
            )

    def _check(self, value: str, place: str) -> None:
        if not value:
            raise DataError(f"{place}: the path is empty; write one or remove the row.")
        if "\0" in value:
            raise DataError(f"{place}: the path {value[:60]!r} holds a NUL character.")
        if "\n" in value or "\r" in value:
            raise DataError(
                f"{place}: the path {value[:60]!r} holds a line break; is a quote not closed?"
            )
        if len(value) > MOST_CHARACTERS:
            raise DataError(
                f"{place}: '{value[:40]}...' ({len(value):,} characters) is no path. Where cells "
                "hold the pictures themselves, save them as files, or give them by a dataset "
                "factory (data.source: file.py:factory); data.columns.path names the column."
            )

    def _relative(self, value: str) -> str:
        """Return the path as the folder sees it; absolute where it lies on another drive."""
        if Path(value).is_absolute():
            own = (self.folder.absolute(), self.folder.resolve())
            for start in own:
                try:
                    relative = os.path.relpath(value, start)
                except ValueError:
                    return Path(value).as_posix()
                if not relative.startswith(".."):
                    break
        else:
            relative = os.path.normpath(value)
        return Path(relative).as_posix()


def check_addresses(values: list[str], places: tuple[str, ...], column: str) -> None:
    """Refuse paths that are addresses, without repeating what may be secret in them.

    Raises:
        DataError: the first, and how many there are.
    """
    found = [at for at, value in enumerate(values) if ADDRESS.match(value)]
    if found:
        host = re.split(r"[?#]", values[found[0]].rpartition("@")[2])[0][:80]
        raise DataError(
            f"{places[found[0]]}: {len(found)} of {len(values)} paths are addresses (the first: "
            f"'{host}'), and nothing is ever fetched: download the pictures and write the paths of "
            f"the files in the column '{column}' (data.columns.path)."
        )


def _shown(value: str) -> str:
    """Return a path for a note; of an absolute one, which tells of the machine, the end."""
    if value.startswith("file:") or Path(value).is_absolute():
        value = f".../{value.rpartition('/')[2]}"
    return text_path(value)[:80]


def _odd(value: str) -> bool:
    return not value.isascii() or bool(re.search(r"[\\%'\"]|^file:", value))


def _spellings(value: str) -> Iterator[str]:
    """Yield other ways to read a path that names no file."""
    value = unquote(re.sub(r"^file:/+", "/", value)) if value.startswith("file:") else value
    yield value
    bare = value.strip("'\" ")
    yield bare
    for form in (bare, bare.replace("\\", "/"), unquote(bare)):
        yield form
        yield unicodedata.normalize("NFC", form)
        yield unicodedata.normalize("NFD", form)
