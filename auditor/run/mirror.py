"""A folder of runs at an address: worked on in a copy on this machine, kept whole over there.

A command begins with an empty copy, for which it fetches what it goes on from. Whatever takes its
place in the copy (see `auditor.run.storage`) is sent at once: the files of a folder before the one
that commits it, and everything else before a file of the run folder itself, such as its manifest.
So what is there is always a run that can be gone on with, from any machine.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from auditor.base.addresses import call, checked, opened, tried
from auditor.base.errors import AuditorError, ConfigError

T = TypeVar("T")

THREADS = 8
# Requests for a whole folder may take so many times the limit of one.
LONG = 10
# A lock is renewed each so many seconds; one that was not for so long has no owner any more.
RENEW, STALE = 30.0, 300.0
OFTEN = 3.0  # seconds between two looks at what others did
# What makes a folder whole, in this order.
LAST = ("record.json", "done.json")
LOOK = 1.0  # seconds between two looks at a lock of another, and before a taken one is looked at


class Mirror:
    """The copy of the folder at an address; ``root`` is where it lies on this machine."""

    def __init__(self, address: str, root: Path) -> None:
        self.address, self.root = address.rstrip("/"), root
        self._system, self._base = opened(self.address)
        self._base = self._base.rstrip("/")
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="mirror")
        self._sending: list[Future[None]] = []
        self._looked: dict[str, float] = {}

    def name_of(self, path: Path) -> str | None:
        """Return the name below the address of a file or folder; None of what is not sent."""
        parts = path.relative_to(self.root).parts
        return None if any(part.startswith(".") for part in parts) else "/".join(parts)

    def send(self, path: Path) -> None:
        """Send a file that took its place: at once where it commits others, else meanwhile.

        Raises:
            DataError, StoppedError: this one, or one sent before, cannot be written.
        """
        name = self.name_of(path)
        if name is None:
            return
        if name.count("/") < 2 or path.name == "done.json":  # OUT/file, OUT/RUN/file
            self.flush()
            self._put(path, name)
        else:
            self._sending.append(self._pool.submit(self._put, path, name))

    def send_folder(self, folder: Path) -> None:
        """Send a folder that took the place of another."""
        if self.name_of(folder) is None:
            return
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        for path in sorted(files, key=lambda each: each.name == "done.json"):
            self.send(path)

    def flush(self) -> None:
        """Wait until all is there that was sent.

        Raises:
            DataError, StoppedError: a file cannot be written.
        """
        sending, self._sending = self._sending, []
        for each in sending:
            each.result()

    def remove(self, path: Path) -> None:
        """Remove a file, or a folder with all in it."""
        name = self.name_of(path)
        if name is None:
            return
        self.flush()
        for each in self.names(f"{name}/") if path.is_dir() else [name]:
            self._drop(each)

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of all files whose name begins with a ``prefix``, a folder's or none."""
        place = f"{self._base}/{prefix}".rstrip("/")
        return self._named(prefix, lambda: call(self._system, "find", place, limit=LONG))

    def fetch_manifests(self) -> None:
        """Put the manifest of every run there into the copy."""
        pattern = f"{self._base}/*/manifest.json"
        self.fetch(self._named("", lambda: call(self._system, "glob", pattern, limit=LONG)))

    def fetch(self, names: Sequence[str]) -> None:
        """Put files from there into the copy, where they are not yet."""
        lacking = [name for name in names if not (self.root / name).exists()]
        list(self._pool.map(self._get, lacking))

    def fetch_folder(self, folder: Path) -> None:
        """Put all that is in a folder there into the copy, what commits it last."""
        name = folder.relative_to(self.root).as_posix()
        names = self.names("" if name == "." else f"{name}/")
        for last in (None, *LAST):  # of others who look into this copy none sees half of it
            self.fetch([each for each in names if _last(each) == last])

    def fetch_run(self, run: Path) -> None:
        """Put the manifest of a run into the copy, if there is none yet."""
        self.fetch([(run / "manifest.json").relative_to(self.root).as_posix()])

    def look(self, folder: Path) -> None:
        """Put the tasks that others did into the copy, and a manifest that others changed.

        Called again within `OFTEN` seconds it does nothing.
        """
        name = folder.relative_to(self.root).as_posix()
        if time.monotonic() - self._looked.get(name, -OFTEN) < OFTEN:
            return
        names = self.names(f"{name}/") if not name.endswith(".json") else []
        done = {each.rpartition("/")[0] for each in names if _last(each) == "done.json"}
        for last in (None, *LAST):
            self.fetch([n for n in names if _last(n) == last and n.rpartition("/")[0] in done])
        if name.endswith(".json"):
            self._get(name)
        self._looked[name] = time.monotonic()

    @contextmanager
    def locked(self, path: Path, waiting: Callable[[], object] | None) -> Iterator[None]:
        """Hold a lock there: a file with the owner and the time, renewed while it is held.

        Where two take over one whose owner is gone, or a clock is wrong, both do the same work.
        """
        name, owner = path.relative_to(self.root).as_posix(), secrets.token_hex(8)
        while not self._taken(name, owner):
            if waiting is not None:
                waiting()
                waiting = None
            time.sleep(LOOK)
        done = threading.Event()

        def renew() -> None:
            while not done.wait(RENEW):
                with suppress(AuditorError):
                    self._put_bytes(name, _lock(owner))

        renewing = threading.Thread(target=renew, daemon=True)
        renewing.start()
        try:
            yield
        finally:
            done.set()
            renewing.join()
            self.flush()
            if self._owner(name)[0] == owner:
                self._drop(name)

    def held(self, path: Path) -> bool:
        """Return whether somebody holds the lock ``path`` there, and still renews it."""
        owner, since = self._owner(path.relative_to(self.root).as_posix())
        return bool(owner) and time.time() - since < STALE

    def check(self) -> None:
        """Write a file there and remove it again.

        Raises:
            DataError, StoppedError: it may not be written, or cannot be now.
        """
        name = f".probe-{secrets.token_hex(8)}"
        self._put_bytes(name, b"probe")
        self._drop(name)

    def close(self) -> None:
        """Let the copy go."""
        self._pool.shutdown(cancel_futures=True)
        MIRRORS.pop(self.root, None)
        shutil.rmtree(self.root, ignore_errors=True)

    def _taken(self, name: str, owner: str) -> bool:
        """Try to take a lock that is free, or whose owner is gone."""
        place = f"{self._base}/{name}"
        try:
            self._tried(
                name,
                lambda: call(self._system, "pipe_file", place, _lock(owner), mode="create"),
            )
        except FileExistsError:
            held, since = self._owner(name)
            if held == owner:  # a try that was said to have failed
                return True
            if held and time.time() - since < STALE:
                return False
            self._put_bytes(name, _lock(owner))
            time.sleep(LOOK)
            return self._owner(name)[0] == owner
        return True

    def _owner(self, name: str) -> tuple[str, float]:
        """Return who holds a lock, and since when it was not renewed; nobody where it is free."""
        place = f"{self._base}/{name}"
        with suppress(FileNotFoundError, ValueError, KeyError):
            document = json.loads(
                self._tried(name, lambda: call(self._system, "cat_file", place), how="read")
            )
            return str(document["owner"]), float(document["time"])
        return "", 0.0

    def _drop(self, name: str) -> None:
        place = f"{self._base}/{name}"
        with suppress(FileNotFoundError):
            self._tried(name, lambda: call(self._system, "rm_file", place))

    def _put(self, path: Path, name: str) -> None:
        place = f"{self._base}/{name}"
        with suppress(FileNotFoundError):  # removed since
            self._tried(name, lambda: self._system.put_file(str(path), place))

    def _put_bytes(self, name: str, content: bytes) -> None:
        place = f"{self._base}/{name}"
        self._tried(name, lambda: call(self._system, "pipe_file", place, content))

    def _get(self, name: str) -> None:
        path, place = self.root / name, f"{self._base}/{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            self._tried(name, lambda: self._system.get_file(place, str(part)), how="read")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _named(self, name: str, request: Callable[[], Any]) -> list[str]:
        """Return the names of the files that a request lists, without hidden ones."""
        self._system.invalidate_cache()
        try:
            found = self._tried(name, request, how="read")
        except FileNotFoundError:
            return []
        start = f"{self._base.lstrip('/')}/"
        names = (each.lstrip("/").removeprefix(start) for each in found)
        return sorted(name for name in names if not re.search(r"(^|/)\.", name))

    def _tried(self, name: str, request: Callable[[], T], *, how: str = "written") -> T:
        return tried(f"{self.address}/{name}", request, self._system, how=how)


MIRRORS: dict[Path, Mirror] = {}


def mirrored(address: str, root: Path | None = None) -> Mirror:
    """Return the copy of the folder at an address, a new one or that in ``root``.

    Raises:
        ConfigError: nothing can be written to addresses of this kind.
        DataError: a package is missing, or the service has no credentials.
    """
    if address.startswith("http"):
        raise ConfigError(f"'{address}' cannot be written: give a folder, or an s3:// address.")
    root = root or Path(tempfile.mkdtemp(prefix="concept-auditor-")).resolve()
    if root not in MIRRORS:
        MIRRORS[root] = Mirror(address, root)
    return MIRRORS[root]


def run_at(address: str) -> tuple[Mirror, Path]:
    """Return the copy of the folder of a run at its address, and where the run lies in it.

    What stands in the run folder is there, and the manifests of all runs beside it.

    Raises:
        ConfigError, DataError: as `mirrored`.
    """
    above, _slash, name = address.rstrip("/").rpartition("/")
    mirror = mirrored(checked(above, "the run folder"))
    try:
        mirror.fetch_folder(mirror.root / name)
        mirror.fetch_manifests()  # of runs to compare with
    except BaseException:
        mirror.close()
        raise
    return mirror, mirror.root / name


def mirror_of(path: Path) -> Mirror | None:
    """Return the copy that a path lies in, if any."""
    return next((each for root, each in MIRRORS.items() if path.is_relative_to(root)), None)


def shown(path: Path) -> str:
    """Return a path as the user gave it: by the address, where it lies in a copy."""
    mirror = mirror_of(path)
    if mirror is None:
        return str(path)
    name = path.relative_to(mirror.root).as_posix()
    return mirror.address if name == "." else f"{mirror.address}/{name}"


def _last(name: str) -> str | None:
    """Return the file's own name where it is one of `LAST`."""
    own = name.rpartition("/")[2]
    return own if own in LAST else None


def _lock(owner: str) -> bytes:
    return json.dumps({"owner": owner, "time": time.time()}).encode()
