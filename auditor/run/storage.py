"""The one way in which files are written: there whole or not at all, also after a crash.

A file is written under a temporary name, synced, renamed, and its folder synced; its digest is
counted over the bytes as they are written. Failures of the storage become `StorageError`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path

from auditor.base.errors import ConfigError, StorageError
from auditor.base.system import SYNCS_FOLDERS, TO_READ, TO_WRITE
from auditor.run.mirror import mirror_of

FULL = (errno.ENOSPC, errno.EDQUOT)
# What an output folder does not get over by waiting or by making room.
PERMANENT = frozenset(
    {
        errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST,
        errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL, errno.EILSEQ, errno.ENOSYS,
        errno.ENODEV, errno.ENXIO, errno.EOPNOTSUPP,
    }
)  # fmt: skip
# Some file systems have no way to sync a folder and say so.
NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
PROBE = bytes(4096)
_BORN = secrets.token_hex(4)


def writer() -> str:
    """Return what tells this process from all others that write, on this machine and others."""
    return f"{_BORN}-{os.getpid()}"  # a fork has the first half too, containers often the second


def storage_error(path: Path, error: OSError) -> StorageError:
    """Return what to raise where ``path`` cannot be written at the moment."""
    mend = "Make room" if error.errno in FULL else "Mend that"
    return StorageError(
        f"cannot write {path}: {error.strerror or error}. {mend} and run the same command again: "
        "it goes on from here."
    )


@contextmanager
def _changing(path: Path) -> Iterator[None]:
    """Turn an error of the system in the block into a `StorageError` about ``path``."""
    try:
        yield
    except OSError as error:
        raise storage_error(path, error) from error


class Writer:
    """A file that is being written; ``digest`` is the SHA-256 of what was written so far."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._sha = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write all of ``data``."""
        self._sha.update(data)
        left = memoryview(data)
        while left:
            left = left[os.write(self._handle, left) :]
        return len(data)

    @property
    def digest(self) -> str:
        """The SHA-256 of all bytes so far, in hexadecimal."""
        return self._sha.hexdigest()


@contextmanager
def writing(path: Path, *, sync: bool = True) -> Iterator[Writer]:
    """Give a writer of ``path``: the file takes its place when the block is done.

    ``sync``: whether its folder is synced at once; the caller of many files does so after the last.

    Raises:
        StorageError: it cannot be written; what was there before still is.
    """
    temporary = path.with_name(f".{path.name}.{writer()}.tmp")
    try:
        make_folder(path.parent)
        handle = os.open(temporary, TO_WRITE, 0o666)
        try:
            yield Writer(handle)
            os.fsync(handle)
        finally:
            os.close(handle)
        temporary.replace(path)
        if sync:
            sync_folder(path.parent)
        if (mirror := mirror_of(path)) is not None:
            mirror.send(path)
    except OSError as error:
        _drop(temporary)
        raise storage_error(path, error) from error
    except BaseException:  # a signal, or an error of whoever writes
        _drop(temporary)
        raise


def write_atomic(path: Path, content: bytes, *, sync: bool = True) -> str:
    """Write a file and return the digest of its bytes; see `writing`.

    Raises:
        StorageError: it cannot be written; what was there before still is.
    """
    with writing(path, sync=sync) as file:
        file.write(content)
    return file.digest


def make_folder(path: Path) -> None:
    """Make a folder and those above it, each entered durably in the one above.

    Raises:
        StorageError: it cannot be made.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    with _changing(path):
        path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make sure that what was just named in a folder is still named after a crash.

    Raises:
        StorageError: it cannot be synced.
    """
    if not SYNCS_FOLDERS:
        return
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in NO_FOLDER_SYNC:
            raise storage_error(path, error) from error


def replace_folder(temporary: Path, final: Path) -> None:
    """Put a folder that was written whole in the place of another, or of whatever is there.

    Raises:
        StorageError: it cannot be done; ``final`` is then as it was, or gone.
    """
    sync_folder(temporary)
    remove(final)
    with _changing(final):
        temporary.replace(final)
    sync_folder(final.parent)
    if (mirror := mirror_of(final)) is not None:
        mirror.send_folder(final)


def remove(path: Path) -> None:
    """Remove what is at ``path``, if anything: a file, a link, or a folder with all in it.

    Raises:
        StorageError: it cannot be removed.
    """
    if (mirror := mirror_of(path)) is not None and os.path.lexists(path):
        mirror.remove(path)
    with _changing(path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def read_plain(path: Path) -> bytes:
    """Return the content of a regular file; a link, a pipe or a folder is none.

    Raises:
        OSError: there is no such file, or it cannot be read.
    """
    with _opened(path) as file:
        return file.read()


def bytes_digest(content: bytes) -> str:
    """Return the SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a regular file's content.

    Raises:
        OSError: as `read_plain`.
    """
    with _opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_at(path: Path) -> str | None:
    """Return the SHA-256 of what is at ``path``, None where that is no file that can be read."""
    try:
        return file_digest(path)
    except OSError:
        return None


def check_writable(folder: Path) -> None:
    """Write into ``folder``, made where there is none, and leave everything as it was before.

    Raises:
        ConfigError: nothing can ever be written there as things are.
        StorageError: not now (a full disk, an I/O error): the same command may go on later.
    """
    if (mirror := mirror_of(folder)) is not None:
        mirror.check()
    probe = folder / f".probe-{writer()}"
    made = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]
    try:
        write_atomic(probe, PROBE)
    except StorageError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in PERMANENT:
            raise ConfigError(
                f"nothing can be written into the folder {folder}: {cause.strerror or cause}. Give "
                "--out a folder that this user can write to."
            ) from error
        raise
    finally:
        _drop(probe)
        with suppress(OSError):
            for each in made:
                each.rmdir()


@contextmanager
def locked(path: Path, waiting: Callable[[], object] | None = None) -> Iterator[None]:
    """Hold a lock file; ``waiting`` is called where another process has it.

    Raises:
        StorageError: the lock file cannot be made.
        ConfigError: the file system has no locks.
    """
    if (mirror := mirror_of(path)) is not None:
        with mirror.locked(path, waiting):
            yield
        return
    from filelock import FileLock, Timeout  # slow to import, and --help needs none

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if waiting is not None:
            waiting()
        lock.acquire()
    except OSError as error:
        raise storage_error(path, error) from error
    except NotImplementedError as error:
        raise ConfigError(
            f"the file system of {path.parent} has no locks, which keep two audits apart. Give "
            "--out a folder on another one."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _opened(path: Path) -> BufferedReader:
    handle = os.open(path, TO_READ)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(handle, "rb")


def _drop(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
