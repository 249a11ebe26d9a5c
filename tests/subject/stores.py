"""Stores of objects for tests: an S3 server on loopback, and a service that fails now and then."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from auditor.subject import local_copy
from auditor.subject.arrow_files import GROUPS
from auditor.subject.contents import MEMORY

BUCKET = "photographs"
KEY_ID, KEY = "CANARYKEYID000000000", "canary/secret/of/the/tests/000000000000"


class Flaky(MemoryFileSystem):
    """A file system in memory of which every ``every``-th request fails."""

    protocol = "gs"
    every = 3
    asked = itertools.count(1)
    error: Callable[[], Exception] = TimeoutError

    def _may_fail(self, *request: Any) -> None:
        if fails(next(Flaky.asked), Flaky.every, request):
            raise Flaky.error()

    def cat_file(self, path: str, **keys: Any) -> bytes:
        self._may_fail("cat", path, *keys.items())
        data: bytes = super().cat_file(path, **keys)
        return data

    def find(self, path: str, **keys: Any) -> Any:
        self._may_fail("find", path)
        return super().find(path, **keys)

    def info(self, path: str, **keys: Any) -> Any:
        self._may_fail("info", path)
        return super().info(path, **keys)


FAILED: set[Any] = set()


def fails(number: int, every: int, request: Any) -> bool:
    """Return whether a request is one of those to fail: not the same one twice in a row, but all
    where ``every`` is 1.
    """
    failing = number % every == 0 and (every == 1 or request not in FAILED)
    (FAILED.add if failing else FAILED.discard)(request)
    return failing


def put(folder: Path, address: str) -> str:
    """Copy a folder or a file to an address, and return the address."""
    system, path = fsspec.core.url_to_fs(address)
    if folder.is_file():
        system.pipe_file(path, folder.read_bytes())
        return address
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        system.pipe_file(f"{path}/{file.relative_to(folder).as_posix()}", file.read_bytes())
    return address


@contextmanager
def s3_server(
    monkeypatch: pytest.MonkeyPatch, *, every: int = 0, methods: Sequence[str] = ("GET",)
) -> Iterator[str]:
    """Yield the address of an empty bucket of a server on loopback.

    Every ``every``-th request of some ``methods`` is answered with status 500; 0: none.
    Credentials and the server's address are in the environment.
    """
    pytest.importorskip("s3fs", reason="s3fs is not installed (the extra remote)")
    server = pytest.importorskip("moto.server", reason="moto is not installed (the extra dev)")
    serving = pytest.importorskip("werkzeug.serving")
    import boto3

    app = server.DomainDispatcherApplication(server.create_backend_app)
    count = itertools.count(1)

    def answer(environ: dict[str, Any], start: Any) -> Any:
        request = (environ["PATH_INFO"], environ.get("HTTP_RANGE"))
        objects = environ["REQUEST_METHOD"] in methods
        if every and objects and fails(next(count), every, request):
            start("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [KEY.encode()]
        return app(environ, start)

    made = serving.make_server("127.0.0.1", 0, answer, threaded=True)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{made.server_port}"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    urlopen(Request(f"{endpoint}/moto-api/reset", method="POST")).close()
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=BUCKET)
    forget()
    try:
        yield f"s3://{BUCKET}"
    finally:
        made.shutdown()
        thread.join()
        made.server_close()
        forget()


@contextmanager
def nothing_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep copies in a ``cache`` of their own, and forget before and after the block."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    forget()
    yield
    forget()


def forget() -> None:
    """Forget what an earlier test read and copied, and which servers it asked."""
    MEMORY.clear()
    GROUPS.clear()
    local_copy.cache_folder.cache_clear()
    FAILED.clear()
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    for scheme in ("s3", "memory"):
        try:
            fsspec.get_filesystem_class(scheme).clear_instance_cache()
        except ImportError:
            continue
