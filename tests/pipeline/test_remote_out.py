"""Runs at an address: the same bytes as in a folder, gone on with from any machine."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pytest

from auditor.__main__ import run as auditor
from auditor.base import addresses
from auditor.base.errors import StoppedError
from auditor.run import mirror as mirrors
from auditor.run import tasks
from auditor.run.mirror import MIRRORS, Mirror
from auditor.run.storage import bytes_digest, locked, remove, write_atomic
from tests.pipeline.tiny import ENVIRONMENT, loaded_once, result_in, run, write_tiny_audit
from tests.subject import stores

MEMORY = "memory://bucket/runs"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with loaded_once():
        yield write_tiny_audit(tmp_path_factory.mktemp("remote"))


@pytest.fixture(scope="module")
def local(config: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the digest of the result of the same audit in a folder."""
    out = tmp_path_factory.mktemp("local")
    assert run(config, out) == 0
    return result_in(out)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(addresses, "PAUSES", (0.0,) * 5)
    monkeypatch.setattr(mirrors, "LOOK", 0.01)
    monkeypatch.setattr(mirrors, "OFTEN", 0.1)
    with stores.nothing_kept(tmp_path / "cache", monkeypatch):
        yield
    assert not MIRRORS


def run_at(config: Path, address: str, *options: str) -> int:
    return auditor(["run", str(config), "--out", address, "--quiet", *options])


def there(address: str, end: str = "") -> dict[str, bytes]:
    """Return name -> content of all at an address whose name has a certain end."""
    system, base = fsspec.core.url_to_fs(address)
    system.invalidate_cache()
    names = addresses.tried(address, partial(system.find, base), system)
    return {
        name.partition("/runs/")[2]: addresses.tried(name, partial(system.cat_file, name), system)
        for name in names
        if name.endswith(end)
    }


def result_at(address: str) -> str:
    (content,) = there(address, "/audit.json").values()
    return bytes_digest(content)


def run_named(address: str) -> str:
    (name,) = there(address, "/audit.json")
    return f"{address}/{name.partition('/')[0]}"


def test_a_run_at_an_address_is_that_of_a_folder(
    config: Path, local: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_at(config, MEMORY) == 0
    assert result_at(MEMORY) == local
    assert capsys.readouterr().out.strip() == run_named(MEMORY)
    assert not [name for name in there(MEMORY) if "/." in f"/{name}"]
    assert auditor(["verify", run_named(MEMORY)]) == 0


def test_a_stopped_run_goes_on_from_another_machine(
    config: Path, local: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, committed = tasks.commit, []

    def commit(*arguments: Any, **given: Any) -> Any:
        if len(committed) == 1:
            raise StoppedError("the machine goes away")
        committed.append(arguments[1].folder)
        return plain(*arguments, **given)

    monkeypatch.setattr(tasks, "commit", commit)
    assert run_at(config, MEMORY) == 75
    before = list(committed)
    monkeypatch.setattr(
        tasks, "commit", lambda *a, **given: committed.append(a[1].folder) or plain(*a, **given)
    )
    assert run_at(config, MEMORY) == 0
    assert len(before) == 1
    assert len(set(committed)) == len(committed) > 1
    assert result_at(MEMORY) == local
    assert auditor(["verify", run_named(MEMORY)]) == 0


def test_the_same_command_does_nothing_again(
    config: Path, local: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_at(config, MEMORY) == 0
    monkeypatch.setattr(tasks, "commit", lambda *_, **__: pytest.fail("a task is done again"))
    before = there(MEMORY)
    assert run_at(config, MEMORY) == 0
    after = there(MEMORY)
    assert {name for name in after if after[name] != before.get(name)} <= {"summary.json"}
    assert set(before) == set(after)


def test_commands_take_the_address_of_a_run(
    config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run_at(config, MEMORY) == 0
    place = run_named(MEMORY)
    report = next(name for name in there(MEMORY) if name.endswith("/report.html"))
    fsspec.core.url_to_fs(MEMORY)[0].rm_file(f"/bucket/runs/{report}")
    capsys.readouterr()
    assert auditor(["render", place, "--format", "html"]) == 0
    assert capsys.readouterr().out.strip() == f"{MEMORY}/{report}"
    assert report in there(MEMORY)
    assert auditor(["gate", place]) == 0
    assert auditor(["compare", place, place]) == 0
    assert auditor(["review", place, "--list"]) == 0
    system = fsspec.core.url_to_fs(MEMORY)[0]
    system.pipe_file(f"/bucket/runs/{report}", b"other")
    assert auditor(["verify", place]) == 5
    assert "changed: report.html" in capsys.readouterr().err
    assert auditor(["gate", f"{MEMORY}/none"]) == 2


def test_every_third_request_may_fail(
    config: Path, local: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = ("GET", "PUT", "HEAD", "DELETE", "POST")
    with stores.s3_server(monkeypatch, every=3, methods=methods) as bucket:
        assert run_at(config, f"{bucket}/runs") == 0
        assert result_at(f"{bucket}/runs") == local
        assert auditor(["verify", run_named(f"{bucket}/runs")]) == 0


def test_what_cannot_be_written_to_is_refused(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_at(config, "https://example.invalid/runs") == 2
    assert run_at(config, "ftp://example.invalid/runs") == 2
    assert run_at(config, "s3://key:secret@bucket/runs") == 2
    assert "secret" not in capsys.readouterr().err


def test_a_lock_is_held_by_one_and_taken_over_where_its_owner_is_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one, two = (mirrors.mirrored(MEMORY, tmp_path / name) for name in ("one", "two"))
    order: list[str] = []

    def second() -> None:
        with locked(two.root / ".lock", lambda: order.append("waits")):
            order.append("second")

    with locked(one.root / ".lock"):
        waiting = threading.Thread(target=second)
        waiting.start()
        while not order:
            time.sleep(0.01)
        order.append("first")
    waiting.join(10)
    assert order == ["waits", "first", "second"]
    gone = Mirror(MEMORY, tmp_path / "gone")
    assert gone._taken(".lock", "gone")
    monkeypatch.setattr(mirrors, "STALE", 0.05)
    time.sleep(0.1)
    with locked(one.root / ".lock"):
        order.append("taken over")
    assert order[-1] == "taken over"
    for each in (one, two, gone):
        each.close()


def test_what_is_removed_or_replaced_is_so_there(tmp_path: Path) -> None:
    mirror = mirrors.mirrored(MEMORY, tmp_path / "copy")
    for name in ("run/images/a.jpg", "run/images/b.jpg", "run/manifest.json", "run/.x/c.jpg"):
        write_atomic(mirror.root / name, name.encode())
    assert sorted(there(MEMORY)) == ["run/images/a.jpg", "run/images/b.jpg", "run/manifest.json"]
    write_atomic(mirror.root / "run/images/a.jpg", b"new")
    remove(mirror.root / "run/images/b.jpg")
    assert there(MEMORY)["run/images/a.jpg"] == b"new"
    remove(mirror.root / "run/images")
    assert sorted(there(MEMORY)) == ["run/manifest.json"]
    mirror.close()


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_jobs_without_a_common_file_system_share_a_run(
    config: Path, local: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, executor: str
) -> None:
    with stores.s3_server(monkeypatch, every=7, methods=("GET", "PUT")) as bucket:
        jobs = []
        for index in (1, 0):
            shared = ["run", str(config), "--quiet", "--executor", executor, "--workers", "1"]
            shared += ["--out", f"{bucket}/runs", "--shard", f"{index}/2"]
            (tmp_path / str(index)).mkdir()
            environment = ENVIRONMENT | os.environ | {"TMPDIR": str(tmp_path / str(index))}
            command = [sys.executable, "-m", "auditor", *shared]
            jobs.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
        assert [job.wait(300) for job in jobs] == [0, 0]
        assert result_at(f"{bucket}/runs") == local
        assert not any((tmp_path / "0").iterdir())


@pytest.mark.parametrize("out", ["s3://", "file:///tmp/runs"])
def test_what_looks_like_an_address_is_not_made_a_folder(
    out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert auditor(["run", "audit.yaml", "--out", out]) == 2
    assert "names no folder" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
