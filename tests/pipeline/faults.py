"""Storage that fails: what is done to the files below a folder, and one of it that fails."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CREATING = os.O_WRONLY | os.O_RDWR
STRIPPED = re.compile(
    r"\.[0-9a-f]{8}-\d+\.tmp$|-[0-9a-f]{8}-\d+$"
)  # the process in a temporary name


class Faults:
    """Lets one operation below ``folder`` fail that did not fail before; see `arm`.

    Operations are opening for writing, writing (half of it is written), syncing, renaming, making
    a folder. ``done`` are those that were met, in order: (kind, name inside of the folder).
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = os.path.realpath(folder)
        self.failed: set[tuple[str, str]] = set()
        self.done: list[tuple[str, str]] = []
        self.fired: tuple[str, str] | None = None
        self._wait, self._lasting, self._armed, self._number = 0, False, False, errno.ENOSPC
        self._patch(monkeypatch)

    def arm(self, number: int = errno.ENOSPC, *, stride: int = 1, lasting: bool = False) -> None:
        """Let the next operation fail that did not yet, after passing over ``stride`` - 1 of them.

        ``lasting``: all that comes after it and needs room fails as well.
        """
        self._armed, self._lasting, self._wait, self._number = True, lasting, stride, number
        self.fired, self.done = None, []

    def disarm(self) -> None:
        """Let nothing fail any more."""
        self._armed = self._lasting = False

    def _fails(self, kind: str, path: str | None) -> bool:
        if path is None or not (path + "/").startswith(self.folder + "/"):
            return False
        key = (kind, STRIPPED.sub("", os.path.relpath(path, self.folder)))
        self.done.append(key)
        if self.fired is not None:
            return self._lasting and self._armed
        if not self._armed or key in self.failed:
            return False
        self.failed.add(key)
        self._wait -= 1
        if self._wait:
            return False
        self.fired = key
        return True

    def _error(self) -> OSError:
        return OSError(self._number, os.strerror(self._number))

    def _patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        write = os.write

        def opening(real: Callable[..., Any]) -> Callable[..., Any]:
            def opened(path: Any, flags: int, *rest: Any, **named: Any) -> Any:
                # A folder is opened for a file without a name: the locks try what they may.
                creating = flags & CREATING and not flags & os.O_DIRECTORY
                if creating and self._fails("open", _at(path)):
                    raise self._error()
                return real(path, flags, *rest, **named)

            return opened

        def writing(handle: int, data: Any) -> int:
            if self._fails("write", _of(handle)):
                write(handle, bytes(data)[: len(data) // 2])
                raise self._error()
            return write(handle, data)

        def of_handle(kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
            def called(handle: int) -> Any:
                if self._fails(kind, _of(handle)):
                    raise self._error()
                return real(handle)

            return called

        def of_path(kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
            def called(path: Any, *rest: Any, **named: Any) -> Any:
                if self._fails(kind, _at(rest[0] if kind == "rename" else path)):
                    raise self._error()
                return real(path, *rest, **named)

            return called

        monkeypatch.setattr(os, "open", opening(os.open))
        monkeypatch.setattr(os, "write", writing)
        monkeypatch.setattr(os, "fsync", of_handle("sync", os.fsync))
        monkeypatch.setattr(os, "replace", of_path("rename", os.replace))
        monkeypatch.setattr(os, "rename", of_path("rename", os.rename))
        monkeypatch.setattr(os, "mkdir", of_path("mkdir", os.mkdir))


def _of(handle: int) -> str | None:
    try:
        return str(Path(f"/proc/self/fd/{handle}").readlink())
    except OSError:
        return None


def _at(path: Any) -> str | None:
    return str(Path(path).absolute()) if isinstance(path, str | os.PathLike) else None
