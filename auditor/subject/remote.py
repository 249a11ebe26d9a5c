"""Files at addresses (s3://, gs://, az://, https://, memory://), as `auditor.base.addresses`."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.base.addresses import call, checked, is_address, opened, tried
from auditor.base.errors import DataError
from auditor.subject.limits import Unreadable

_WRONG_RANGE = (errno.EINVAL,)


@dataclass(frozen=True, slots=True)
class Remote:
    """A file, or a folder of files, at an address."""

    address: str

    @property
    def name(self) -> str:
        """Return the last part of the address."""
        return self.address.rstrip("/").rpartition("/")[2]

    @property
    def folder(self) -> Remote:
        """Return the folder that it lies in."""
        return Remote(self.address.rstrip("/").rpartition("/")[0])

    def below(self, relative: str) -> Remote:
        """Return a file below this folder."""
        return Remote(f"{self.address.rstrip('/')}/{relative}")

    def content(self, most: int, start: int = 0) -> bytes:
        """Return up to ``most`` bytes from ``start`` on.

        Raises:
            Unreadable: nothing is there.
            DataError, StoppedError: it may not be read, or cannot be after several tries.
        """
        system, path = opened(self.address)
        try:
            data: bytes = tried(
                self.address, lambda: _read(system, path, start, start + most), system
            )
        except FileNotFoundError:
            raise Unreadable("does not exist") from None
        except IsADirectoryError:
            raise Unreadable("is a folder, not a file") from None
        if len(data) > most and start:
            raise DataError(
                f"the server of '{self.address}' gives no ranges of bytes: download the file, and "
                "give its path."
            )
        return data[:most]

    def size(self) -> int | None:
        """Return how many bytes it has; None where nothing is there or it is a folder.

        Raises:
            DataError, StoppedError: as `content`.
        """
        info = self._info()
        return None if info is None or info["type"] == "directory" else int(info["size"] or 0)

    def is_folder(self) -> bool:
        """Return whether files lie below the address.

        Raises:
            DataError, StoppedError: as `content`.
        """
        info = self._info()
        return info is not None and bool(info["type"] == "directory")

    def version(self) -> str:
        """Return what tells this content of the address from another: size, time, ETag."""
        system, path = opened(self.address)
        return str(tried(self.address, lambda: system.ukey(path), system))

    def files(self) -> Iterator[str]:
        """Yield the paths of all files below the address, relative to it, in order.

        Raises:
            DataError, StoppedError: as `content`.
        """
        system, path = opened(self.address)
        found = tried(self.address, lambda: call(system, "find", path, limit=10), system)
        start = path.rstrip("/") + "/"
        yield from sorted(each.removeprefix(start) for each in found if each.startswith(start))

    def fitting(self) -> list[Remote]:
        """Return the files that an address with ``*`` in it stands for, in order.

        Raises:
            DataError, StoppedError: as `content`.
        """
        system, path = opened(self.address)
        found = tried(self.address, lambda: call(system, "glob", path, limit=10), system)
        scheme = self.address.partition("://")[0]
        prefix = "" if scheme.startswith("http") else f"{scheme}://"
        return [Remote(f"{prefix}{each.lstrip('/')}") for each in sorted(found)]

    def opened(self) -> Any:
        """Return it opened for reading at any place, a range at a time.

        Raises:
            Unreadable, DataError, StoppedError: as `content`.
        """
        system, path = opened(self.address)
        try:
            return _Retried(self.address, system, tried(self.address, lambda: system.open(path)))
        except FileNotFoundError:
            raise Unreadable("does not exist") from None

    def _info(self) -> Mapping[str, Any] | None:
        system, path = opened(self.address)
        try:
            found: Mapping[str, Any] = tried(
                self.address, lambda: call(system, "info", path), system
            )
        except FileNotFoundError:
            return None
        return found


class _Retried(io.RawIOBase):
    """A stream whose every read is tried several times."""

    def __init__(self, address: str, system: Any, stream: Any) -> None:
        super().__init__()
        self._address, self._system, self._stream = address, system, stream

    def read(self, count: int = -1) -> bytes:
        """Return the next bytes: ``count``, or all."""
        at = self._stream.tell()

        def again() -> bytes:
            self._stream.seek(at)
            data: bytes = self._stream.read(count)
            return data

        return tried(self._address, again, self._system)

    def seek(self, at: int, whence: int = 0) -> int:
        """Go to a place and return it."""
        return int(self._stream.seek(at, whence))

    def tell(self) -> int:
        """Return the place of the next byte."""
        return int(self._stream.tell())

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def close(self) -> None:
        """Let go of the stream."""
        if not self.closed:
            self._stream.close()
        super().close()


def remote(address: str, key: str) -> Remote:
    """Return the file or folder at an address that ``key`` (of the config, or a table) gives.

    Raises:
        ConfigError: of a scheme that is not read, or with a password in it.
    """
    return Remote(checked(address, key))


def _read(system: Any, path: str, start: int, end: int) -> Any:
    try:
        return call(system, "cat_file", path, start=start, end=end)
    except FileNotFoundError:
        raise
    except Exception as error:  # a range of what is empty is an error of some services
        wrong_range = getattr(error, "errno", None) in _WRONG_RANGE or (
            getattr(error, "status", None) == 416
        )
        if wrong_range and int(call(system, "info", path)["size"]) <= start:
            return b""
        raise


def located(text: str, key: str) -> Remote | Path | None:
    """Return what an address names, a path for file://; None for a text that is no address.

    Raises:
        ConfigError: as `remote`.
    """
    if text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    return remote(text, key) if is_address(text) else None
