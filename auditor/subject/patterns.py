"""One name for several files: ``val-{000..003}.tar``, ``{a,b}.parquet``, ``val-*.parquet``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from glob import glob
from pathlib import Path

from auditor.base.errors import ConfigError, DataError
from auditor.base.factories import find_file
from auditor.subject.remote import Remote, located

MOST_FILES = 100_000
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")


def is_pattern(text: str) -> bool:
    """Return whether a text may name several files."""
    return bool(_BRACES.search(text)) or "*" in text


def files_of(text: str, base: Path, key: str) -> list[Path | Remote]:
    """Return the files that a text names, in its order, those of a ``*`` sorted.

    Raises:
        ConfigError: braces that name nothing, or too much.
        DataError: no file fits, or one is not there.
    """
    found: list[Path | Remote] = []
    for name in _expanded(text, key):
        there = located(name, key)
        if isinstance(there, Remote):
            found += there.fitting() if "*" in name else [there]
            continue
        path = there or find_file(name, base)
        if "*" in name:
            below = (base / path, path)  # as `find_file`: of the config, else of where this runs
            here = next(filter(None, (sorted(glob(str(each))) for each in below)), [])  # noqa: PTH207
            found += map(Path, here)
        elif path.is_file():
            found.append(path)
        else:
            raise DataError(f"{key} '{text}' names '{path.name}', which does not exist.")
    if not found:
        raise DataError(f"{key} '{text}' fits no file; paths are relative to the config.")
    return found


def _expanded(text: str, key: str) -> list[str]:
    """Return the names that braces stand for."""
    names = [text]
    while any(_BRACES.search(name) for name in names):
        names = [each for name in names for each in _first_braces(name, text, key)]
        if len(names) > MOST_FILES:
            raise ConfigError(f"{key} '{text}' names more than {MOST_FILES:,} files.")
    return names


def _first_braces(name: str, text: str, key: str) -> Iterator[str]:
    found = _BRACES.search(name)
    if found is None:
        yield name
        return
    numbers = _RANGE.fullmatch(found[1])
    words = found[1].split(",")
    if numbers:
        first, last = int(numbers[1]), int(numbers[2])
        if last - first > MOST_FILES:
            raise ConfigError(f"{key} '{text}' names more than {MOST_FILES:,} files.")
        words = [f"{number:0{len(numbers[1])}d}" for number in range(first, last + 1)]
    elif len(words) < 2:
        words = []
    if not words:
        raise ConfigError(
            f"{key} '{text}' has braces that name nothing: write {{000..003}} from the first to "
            "the last, or {train,val}."
        )
    for word in words:
        yield f"{name[: found.start()]}{word}{name[found.end() :]}"
