"""Files at addresses (s3://, gs://, az://, https://, memory://), read by fsspec.

Credentials come from where each service's own tools look for them (environment variables, their
files, the machine's role), never from the config: an address with a password in it is refused. What
a message says of a failure is its kind and the address, never the text of the service's answer.
"""

from __future__ import annotations

import errno
import io
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import fsspec
from fsspec.asyn import sync

from auditor.base.errors import ConfigError, DataError, StoppedError
from auditor.base.redaction import is_secret
from auditor.subject.limits import Unreadable

T = TypeVar("T")

# Scheme -> what `pip install` takes to read it; "": nothing more.
EXTRA = "'concept-auditor[remote]'"
SCHEMES: Mapping[str, str] = {
    "s3": EXTRA,
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "http": EXTRA,
    "https": EXTRA,
    "memory": "",
}
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://+[^/\s]")
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before each further try
TIME_LIMIT = 60.0  # seconds for one request; a list of files may take ten times that
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
            data: bytes = _tried(
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
        return str(_tried(self.address, lambda: system.ukey(path), system))

    def files(self) -> Iterator[str]:
        """Yield the paths of all files below the address, relative to it, in order.

        Raises:
            DataError, StoppedError: as `content`.
        """
        system, path = opened(self.address)
        found = _tried(self.address, lambda: _call(system, "find", path, limit=10), system)
        start = path.rstrip("/") + "/"
        yield from sorted(each.removeprefix(start) for each in found if each.startswith(start))

    def fitting(self) -> list[Remote]:
        """Return the files that an address with ``*`` in it stands for, in order.

        Raises:
            DataError, StoppedError: as `content`.
        """
        system, path = opened(self.address)
        found = _tried(self.address, lambda: _call(system, "glob", path, limit=10), system)
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
            return _Retried(self.address, system, _tried(self.address, lambda: system.open(path)))
        except FileNotFoundError:
            raise Unreadable("does not exist") from None

    def _info(self) -> Mapping[str, Any] | None:
        system, path = opened(self.address)
        try:
            found: Mapping[str, Any] = _tried(
                self.address, lambda: _call(system, "info", path), system
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

        return _tried(self._address, again, self._system)

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


def is_address(text: str) -> bool:
    """Return whether a text is an address of a known scheme, or of one that looks like it."""
    return bool(ADDRESS.match(text)) and not text.startswith("file:")


def remote(address: str, key: str) -> Remote:
    """Return the file or folder at an address that ``key`` (of the config, or a table) gives.

    Raises:
        ConfigError: of a scheme that is not read, or with a password in it.
    """
    scheme = address.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise ConfigError(
            f"{key} is an address of the kind '{scheme}://', which is not read. "
            f"Known: {', '.join(f'{each}://' for each in SCHEMES)}."
        )
    rest = address.partition("://")[2]
    user, at, _host = rest.partition("/")[0].rpartition("@")
    container = scheme.startswith("abfs") and ":" not in user  # abfs://container@account
    secret = any(is_secret(part.partition("=")[0]) for part in re.split(r"[?&]", rest)[1:])
    if (at and not container) or secret or re.search(r"[?&]X-(Amz|Goog)-", rest, re.IGNORECASE):
        raise ConfigError(
            f"{key} is an address with a password or signature in it; take it out: credentials "
            "are read from where the tools of the service look for them, such as environment "
            "variables (auditor docs models-and-data)."
        )
    return Remote(f"{scheme}://{rest}")


def opened(address: str) -> tuple[Any, str]:
    """Return the file system of an address and the path in it.

    Raises:
        DataError: a package is missing, or the service has no credentials.
    """
    scheme = address.partition("://")[0]
    try:
        system, path = fsspec.core.url_to_fs(address)
    except ImportError:
        raise DataError(
            f"reading {scheme}:// addresses needs a package more; install it with pip install "
            f"{SCHEMES.get(scheme) or EXTRA}."
        ) from None
    except Exception as error:  # the service's own package
        raise _refused(address, error) from None
    return system, str(path)


def _read(system: Any, path: str, start: int, end: int) -> Any:
    try:
        return _call(system, "cat_file", path, start=start, end=end)
    except FileNotFoundError:
        raise
    except Exception as error:  # a range of what is empty is an error of some services
        wrong_range = getattr(error, "errno", None) in _WRONG_RANGE or (
            getattr(error, "status", None) == 416
        )
        if wrong_range and int(_call(system, "info", path)["size"]) <= start:
            return b""
        raise


def _call(system: Any, name: str, path: str, *, limit: float = 1, **keys: Any) -> Any:
    """Call a file system, where it can be done within a limit of time."""
    if getattr(system, "async_impl", False):
        return sync(
            system.loop, getattr(system, f"_{name}"), path, timeout=limit * TIME_LIMIT, **keys
        )
    return getattr(system, name)(path, **keys)


def _tried(address: str, call: Callable[[], T], system: Any = None) -> T:
    """Return what a call returns, tried again after a pause where it fails.

    Raises:
        FileNotFoundError, IsADirectoryError: nothing is there, or a folder.
        DataError: it may not be read.
        StoppedError: it failed every time.
    """
    for pause in (*PAUSES, None):
        try:
            return call()
        except (FileNotFoundError, IsADirectoryError, MemoryError):
            raise
        except Exception as error:  # services and their packages raise nearly anything
            if isinstance(error, PermissionError) or _no_credentials(error):
                raise _refused(address, error) from None
            if pause is None:
                raise StoppedError(
                    f"'{address}' could not be read in {len(PAUSES) + 1} tries "
                    f"({type(error).__name__}); run the same command again when the service "
                    "answers: it goes on from here."
                ) from None
            time.sleep(pause)
            if system is not None and hasattr(system, "invalidate_cache"):
                system.invalidate_cache()
    raise AssertionError("a last try returns or raises")


def _no_credentials(error: Exception) -> bool:
    return bool(re.search("Credential|Auth|Token", type(error).__name__))


def _refused(address: str, error: Exception) -> DataError:
    return DataError(
        f"'{address}' may not be read ({type(error).__name__}): give credentials where the tools "
        "of the service look for them, such as environment variables, and check that they may "
        "read and list it."
    )


def located(text: str, key: str) -> Remote | Path | None:
    """Return what an address names, a path for file://; None for a text that is no address.

    Raises:
        ConfigError: as `remote`.
    """
    if text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    return remote(text, key) if is_address(text) else None
