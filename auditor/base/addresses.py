"""Addresses (s3://, gs://, az://, https://, memory://) and the services behind them, by fsspec.

Credentials come from where each service's own tools look for them (environment variables, their
files, the machine's role), never from the config: an address with a password in it is refused. What
a message says of a failure is its kind and the address, never the text of the service's answer.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from auditor.base.errors import ConfigError, DataError, StoppedError
from auditor.base.redaction import is_secret

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


def is_address(text: str) -> bool:
    """Return whether a text is an address of a known scheme, or of one that looks like it."""
    return bool(ADDRESS.match(text)) and not text.startswith("file:")


def checked(address: str, key: str) -> str:
    """Return an address that ``key`` (of the config, a table, the command line) gives.

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
    return f"{scheme}://{rest}"


def opened(address: str) -> tuple[Any, str]:
    """Return the file system of an address and the path in it.

    Raises:
        DataError: a package is missing, or the service has no credentials.
    """
    import fsspec  # slow to import

    scheme = address.partition("://")[0]
    try:
        system, path = fsspec.core.url_to_fs(address)
    except ImportError:
        raise DataError(
            f"reading {scheme}:// addresses needs a package more; install it with pip install "
            f"{SCHEMES.get(scheme) or EXTRA}."
        ) from None
    except Exception as error:  # the service's own package
        raise refused(address, error) from None
    return system, str(path)


def call(system: Any, name: str, *arguments: Any, limit: float = 1, **keys: Any) -> Any:
    """Call a file system, where it can be done within a limit of time."""
    if getattr(system, "async_impl", False):
        from fsspec.asyn import sync

        return sync(
            system.loop,
            getattr(system, f"_{name}"),
            *arguments,
            timeout=limit * TIME_LIMIT,
            **keys,
        )
    return getattr(system, name)(*arguments, **keys)


def tried(address: str, call: Callable[[], T], system: Any = None, *, how: str = "read") -> T:
    """Return what a call returns, tried again after a pause where it fails.

    ``how``: whether the address is ``read`` or ``written``.

    Raises:
        FileNotFoundError, FileExistsError, IsADirectoryError: what it says.
        DataError: credentials are missing or allow too little.
        StoppedError: it failed every time.
    """
    for pause in (*PAUSES, None):
        try:
            return call()
        except (FileNotFoundError, FileExistsError, IsADirectoryError, MemoryError):
            raise
        except Exception as error:  # services and their packages raise nearly anything
            if isinstance(error, PermissionError) or _no_credentials(error):
                raise refused(address, error, how) from None
            if pause is None:
                raise StoppedError(
                    f"'{address}' could not be {how} in {len(PAUSES) + 1} tries "
                    f"({type(error).__name__}); run the same command again when the service "
                    "answers: it goes on from here."
                ) from None
            time.sleep(pause)
            if system is not None and hasattr(system, "invalidate_cache"):
                system.invalidate_cache()
    raise AssertionError("a last try returns or raises")


def _no_credentials(error: Exception) -> bool:
    return bool(re.search("Credential|Auth|Token", type(error).__name__))


def refused(address: str, error: Exception, how: str = "read") -> DataError:
    """Return what to raise where credentials are missing or allow too little."""
    return DataError(
        f"'{address}' may not be {how} ({type(error).__name__}): give credentials where the tools "
        "of the service look for them, such as environment variables, and check that they may "
        f"{'read' if how == 'read' else 'read, write'} and list it."
    )
