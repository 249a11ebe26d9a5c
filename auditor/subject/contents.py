"""The encoded content of one picture, wherever it lies: a file, an address, part of a packed file.

What comes over a network is read several at a time, and kept in memory up to `KEPT` bytes, so that
a picture that was just ranked is not fetched again to be shown.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from auditor.subject.images import MAX_BYTES, head_of_file, read_file
from auditor.subject.limits import Unreadable
from auditor.subject.remote import Remote

AT_ONCE = 8
LOOKED_AT = 1024  # first bytes of a file that tell what it is
KEPT = 256 * 1024 * 1024  # bytes


@runtime_checkable
class Packed(Protocol):
    """A picture inside of a larger file. ``distant``: it is worth fetching ahead."""

    @property
    def name(self) -> str:
        """Return what a message calls it."""
        ...

    @property
    def distant(self) -> bool:
        """Return whether it comes over a network."""
        ...

    def content(self, most: int) -> bytes:
        """Return up to ``most`` bytes of it; raises Unreadable, DataError, StoppedError."""
        ...


File = Path | Remote | Packed


@dataclass
class Memory:
    """Contents by place, the least recently used forgotten first; safe between threads."""

    most: int
    _held: OrderedDict[File, bytes] = field(default_factory=OrderedDict)
    _size: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, file: File) -> bytes | None:
        """Return the content of a file if it is held."""
        with self._lock:
            if file in self._held:
                self._held.move_to_end(file)
            return self._held.get(file)

    def put(self, file: File, data: bytes) -> None:
        """Hold a content, and forget others where it gets too much."""
        with self._lock:
            self._size += len(data) - len(self._held.pop(file, b""))
            self._held[file] = data
            while self._size > self.most:
                self._size -= len(self._held.popitem(last=False)[1])

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._held.clear()
            self._size = 0


MEMORY = Memory(KEPT)


def read(file: File) -> bytes:
    """Return the content of a picture.

    Raises:
        Unreadable: missing, empty, too large, no file.
        DataError, StoppedError: the service that holds it refuses or fails.
    """
    if isinstance(file, Path):
        return read_file(file)
    if not is_distant(file):
        return _checked(file)
    held = MEMORY.get(file)
    if held is None:
        held = _checked(file)
        MEMORY.put(file, held)
    return held


def heads(files: Sequence[File]) -> list[bytes | None]:
    """Return the first `LOOKED_AT` bytes of files, None where one cannot be read."""
    if not any(map(is_distant, files)):
        return [_head(file) for file in files]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(_head, files))


def fetch(files: Sequence[File]) -> None:
    """Read those of the files that come over a network ahead, several at once.

    Raises:
        DataError, StoppedError: as `read`; what is wrong with one file is said when it is read.
    """
    distant = [file for file in files if is_distant(file) and MEMORY.get(file) is None]
    if len(distant) < 2:
        return
    with ThreadPoolExecutor(min(AT_ONCE, len(distant))) as pool:
        for _ in pool.map(_ahead, distant):
            pass


def is_distant(file: File) -> bool:
    """Return whether a file comes over a network."""
    return isinstance(file, Remote) or (not isinstance(file, Path) and file.distant)


def _head(file: File) -> bytes | None:
    try:
        if isinstance(file, Path):
            return head_of_file(file, LOOKED_AT)
        return file.content(LOOKED_AT)
    except Unreadable:
        return None


def _ahead(file: File) -> None:
    try:
        read(file)
    except Unreadable:
        return


def _checked(file: Remote | Packed) -> bytes:
    data = file.content(MAX_BYTES + 1)
    if not data:
        raise Unreadable("is empty (0 bytes)")
    if len(data) > MAX_BYTES:
        raise Unreadable(f"has more than the {MAX_BYTES:,} bytes allowed")
    return data
