"""The cells of a table that name files: from what is written to the file and its name in the audit.

Paths start from one folder and stay inside it, links included, unless the config allows more. A
spelling that names no file is read in another way only where that names one, and is counted.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from auditor.base.addresses import is_address
from auditor.base.errors import DataError
from auditor.base.redaction import without_credentials
from auditor.subject.collection import text_path
from auditor.subject.contents import File
from auditor.subject.folders import IMAGE_SUFFIXES
from auditor.subject.links import Inside
from auditor.subject.remote import Remote, remote

MOST_CHARACTERS = 4096


class Start(Protocol):
    """Where the paths of a table start from, in words: ``start``."""

    start: str

    def find(self, value: str, place: str) -> tuple[str, File]:
        """Return the name of a cell's file in the audit, with forward slashes, and the file."""
        ...

    def is_file(self, value: str) -> bool:
        """Return whether a cell is known to name a file that is there."""
        ...

    def notes(self, name: str) -> Iterator[str]:
        """Yield what was not read as it is written."""
        ...


@dataclass
class Addresses:
    """Finds the files of cells below the folder at an address; what is there shows when read."""

    folder: Remote
    start: str
    outside: bool

    def find(self, value: str, place: str) -> tuple[str, Remote]:
        """Return the name of a cell's file in the audit, with forward slashes, and the file.

        Raises:
            DataError, ConfigError: no path, or an address outside that is not allowed.
        """
        check_path(value, place)
        root = self.folder.address.rstrip("/") + "/"
        if is_address(value):
            file = remote(value, f"{place}: the path")
            relative = file.address.removeprefix(root)
        else:
            relative = posixpath.normpath(value.replace("\\", "/"))
            file = self.folder.below(relative)
        inside = file.address.startswith(root) and ".." not in relative.split("/")
        if inside and relative not in (".", ""):
            return text_path(relative), file
        if not (self.outside and is_address(value)):
            raise outside_of(value, place, self.start)
        return _outside_name(file.folder.address, file.name), file

    def is_file(self, value: str) -> bool:
        """Return False: nothing is asked of a service before its answer is needed."""
        return False

    def notes(self, name: str) -> Iterator[str]:
        """Yield nothing: cells are read as they are written."""
        return iter(())


@dataclass
class Paths:
    """Finds the files of cells below one folder, and counts what was not read as written.

    ``start`` says in words what that folder is; ``outside``: paths and links may leave it.
    """

    folder: Path
    start: str
    outside: bool
    said: str = ""
    spelled: list[tuple[str, str]] = field(default_factory=list)
    completed: list[tuple[str, str]] = field(default_factory=list)
    _stems: dict[str, dict[str, list[str]]] = field(init=False)
    _inside: Inside = field(init=False)

    def __post_init__(self) -> None:
        self._inside = Inside(self.folder)
        self._stems = {}

    def find(self, value: str, place: str) -> tuple[str, File]:
        """Return the name of a cell's file in the audit, with forward slashes, and the file.

        Raises:
            DataError: no path, a folder, or a file or address outside that is not allowed.
        """
        check_path(value, place)
        if self.outside and is_address(value):
            there = remote(value, f"{place}: the path")
            return _outside_name(there.folder.address, there.name), there
        written = value
        if _odd(value) and not self.is_exact(value):
            value = next(filter(self.is_exact, _spellings(value)), value)
            if value != written:
                self.spelled.append((written, value))
        if Path(value).suffix.lower() not in IMAGE_SUFFIXES and not self.is_exact(value):
            value = self._with_suffix(value, place)
        relative = self._relative(value)
        if relative == ".":
            raise DataError(
                f"{place}: the path '{written}' is the folder of {self.start}, not a picture."
            )
        file = self.folder / relative
        leaves = relative == ".." or relative.startswith("../") or Path(relative).is_absolute()
        if not self.outside and leaves:
            raise outside_of(written, place, self.start)
        if not self.outside and not self._inside.holds(file):
            raise DataError(
                f"{place}: '{written}' is a link that leads out of the folder of {self.start}; set "
                "data.allow_outside: true to follow it."
            )
        if leaves:  # its name must not tell where on this machine it lies
            return _outside_name(text_path(Path(relative).parent), text_path(file.name)), file
        return text_path(relative), file

    def is_file(self, value: str) -> bool:
        """Return whether a cell names a file that is there, with its suffix or without."""
        return self.is_exact(value) or bool(value and len(self._pictures(value)) == 1)

    def below(self, name: str, seen: str = "") -> Paths:
        """Return what finds files in a folder of this one; ``seen``: how many were found there."""
        note = f"paths start from the folder '{name}', which has {seen}"
        return replace(
            self, folder=self.folder / name, start=f"'{name}'", said=note, spelled=[], completed=[]
        )

    def is_exact(self, value: str) -> bool:
        """Return whether a cell names a file that is there, as it is written."""
        try:
            return bool(value) and (self.folder / value).is_file()
        except (OSError, ValueError):
            return False

    def _with_suffix(self, value: str, place: str) -> str:
        """Return the path of the one picture of this name that has a suffix besides, if any.

        Raises:
            DataError: there are several.
        """
        names = self._pictures(value)
        if len(names) > 1:
            raise DataError(
                f"{place}: the path '{value}' has no suffix, and {len(names)} pictures are called "
                f"so ({', '.join(text_path(name) for name in sorted(names)[:5])}); write which."
            )
        if not names:
            return value
        self.completed.append((value, names[0]))
        return str(Path(value).parent / names[0])

    def _pictures(self, value: str) -> list[str]:
        """Return the names of pictures that are a path's but for a suffix."""
        parent, name = os.path.split(value)
        if len(value) > MOST_CHARACTERS or not name:
            return []
        if parent not in self._stems:
            stems: dict[str, list[str]] = {}
            try:
                for entry in (self.folder / parent).iterdir():
                    if entry.suffix.lower() in IMAGE_SUFFIXES:
                        stems.setdefault(entry.stem, []).append(entry.name)
            except (OSError, ValueError):
                pass
            self._stems[parent] = stems
        return self._stems[parent].get(name, [])

    def notes(self, name: str) -> Iterator[str]:
        """Yield what was not read as it is written."""
        if self.said:
            yield f"{name}: {self.said}"
        if self.spelled:
            first, read = self.spelled[0]
            yield (
                f"{name}: {len(self.spelled):,} paths are spelled in another way than the files: "
                f"'{_shown(first)}' is read as '{_shown(read)}'"
            )
        if self.completed:
            first, read = self.completed[0]
            yield (
                f"{name}: {len(self.completed):,} paths have no suffix: '{_shown(first)}' is read "
                f"as '{_shown(read)}'"
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


def check_path(value: str, place: str) -> None:
    """Refuse what can be no path.

    Raises:
        DataError: why.
    """
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


def outside_of(value: str, place: str, start: str) -> DataError:
    """Return the error that a path leads out of the folder that paths start from."""
    return DataError(
        f"{place}: the path '{without_credentials(value)}' is outside the folder of {start}; write "
        "paths below it, set data.root to a folder above the pictures, or set data.allow_outside: "
        "true."
    )


def check_addresses(values: list[str], places: tuple[str, ...], column: str, start: Start) -> None:
    """Refuse addresses where paths start from a folder on disk and nothing outside is allowed.

    What may be secret in them is not repeated.

    Raises:
        DataError: the first, and how many there are.
    """
    if not isinstance(start, Paths) or start.outside:
        return
    found = [at for at, value in enumerate(values) if is_address(value)]
    if found:
        host = re.split(r"[?#]", values[found[0]].rpartition("@")[2])[0][:80]
        raise DataError(
            f"{places[found[0]]}: {len(found)} of {len(values)} paths are addresses (the first: "
            f"'{host}'), and nothing is fetched unasked: set data.root to the address that they "
            "start from (s3://bucket/photos), or data.allow_outside: true; or download the "
            f"pictures and write the paths of the files in the column '{column}' "
            "(data.columns.path)."
        )


def _outside_name(folder: str, name: str) -> str:
    """Return a name that does not tell where a file lies."""
    return f"outside/{hashlib.sha256(folder.encode()).hexdigest()[:8]}/{name}"


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
