"""A copy on disk of a file at an address, such as a checkpoint, kept by its content's digest.

``<cache>/<sha256 of the content>/<name>`` is the copy; ``<cache>/versions/<sha256>`` holds the
digest that a version of an address has. A copy whose content has another digest is fetched again.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

from auditor.base.errors import DataError, StorageError
from auditor.base.factories import find_file
from auditor.subject.limits import Unreadable
from auditor.subject.remote import Remote, located

PART = 64 * 1024 * 1024  # bytes read at once
MOST_BYTES = 100_000_000_000


def file_of(text: str, base: Path, key: str) -> Path:
    """Return the file that ``key`` names by its path or its address; of the latter a copy.

    Raises:
        ConfigError, DataError, StoppedError: the address cannot be read.
        StorageError: the copy cannot be written.
    """
    there = located(text, key)
    if isinstance(there, Remote):
        return local_copy(there, key)
    return there or find_file(text, base)


def local_copy(file: Remote, key: str) -> Path:
    """Return a file with the content at an address.

    Raises:
        DataError, StoppedError, StorageError: as `file_of`.
    """
    try:
        size = file.size()
        if size is None:
            raise DataError(f"{key} '{file.address}' does not exist, or is a folder.")
        if size > MOST_BYTES:
            raise DataError(f"{key} '{file.address}' is larger than {MOST_BYTES:,} bytes.")
        folder = cache_folder()
        version = hashlib.sha256(f"{file.address}\n{file.version()}".encode()).hexdigest()
        note = folder / "versions" / version
        known = note.read_text(encoding="ascii") if note.is_file() else ""
        if re.fullmatch("[0-9a-f]{64}", known):
            copy = folder / known / _name(file)
            if copy.is_file() and _digest(copy) == known:
                return copy
        return _fetched(file, folder, note)
    except Unreadable as reason:
        raise DataError(f"{key} '{file.address}' {reason}.") from None
    except OSError as error:
        raise StorageError(
            f"'{file.name}' could not be kept in the cache ({error.strerror}); set XDG_CACHE_HOME "
            "to a folder with room."
        ) from error


@cache
def cache_folder() -> Path:
    """Return the folder of copies: below XDG_CACHE_HOME or ~/.cache, else one for this process."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 (without a home it does not raise)
    folder = Path(home) / "concept-auditor"
    try:
        (folder / "versions").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="concept-auditor-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        (folder / "versions").mkdir()
        return folder


def _fetched(file: Remote, folder: Path, note: Path) -> Path:
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory(dir=folder) as work:
        part = Path(work) / "part"
        with part.open("wb") as target:
            while data := file.content(PART, target.tell()):
                digest.update(data)
                target.write(data)
        copy = folder / digest.hexdigest() / _name(file)
        copy.parent.mkdir(exist_ok=True)
        part.replace(copy)
        written = Path(work) / "note"
        written.write_text(digest.hexdigest(), encoding="ascii")
        written.replace(note)
    return copy


def _name(file: Remote) -> str:
    """Return the file's name with nothing in it that a path could take for more."""
    return re.sub(r"[^\w.-]", "_", file.name)[-100:].lstrip(".") or "file"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
