"""Runs at an address: the same bytes as in a folder, gone on with from any machine."""

from __future__ import annotations

import gc
import json
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

import auditor as api
from auditor.__main__ import run as auditor
from auditor.base import addresses
from auditor.base.errors import AuditorError, StoppedError
from auditor.cli import options
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
    monkeypatch.setattr(options, "LOST", ())  # these commands end, and their memory does not
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


def test_runs_at_an_address_are_baselines_and_have_a_history(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = "memory://bucket/other/runs"
    assert run_at(config, MEMORY) == 0
    first = run_named(MEMORY)
    assert run_at(config, other, "--seed", "3", "--baseline", first) == 0
    second = run_named(other)
    assert auditor(["gate", second, "--baseline", first, "--exit-zero"]) == 0
    assert auditor(["gate", second, "--baseline", f"{first}-not"]) == 2
    assert f"{first}-not' is no folder" in capsys.readouterr().err
    assert auditor(["history", other, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["baseline"] == first.rpartition("/")[2]
    assert row["reports"] == ["report.html"]
    assert list(there(other, "index.html")) == ["index.html"]
    assert auditor(["history", second]) == 2
    assert f"Give the folder that holds it: {other}." in capsys.readouterr().err


def test_older_runs_at_an_address_are_deleted_but_none_that_is_at_work(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in "012":
        assert run_at(config, MEMORY, "--seed", seed) == 0
    names = [name.partition("/")[0] for name in there(MEMORY, "/audit.json")]
    mirror = mirrors.mirrored(MEMORY)
    with mirror.locked(mirror.root / names[0] / ".lock", None):
        assert auditor(["history", MEMORY, "--keep", "1", "--no-index"]) == 0
    mirror.close()
    left = {name.partition("/")[0] for name in there(MEMORY) if "/" in name}
    assert left == {names[0], names[2]}
    assert f"kept {names[0]}: an audit is at work in it" in capsys.readouterr().err


def test_python_opens_and_compares_runs_at_addresses(config: Path) -> None:
    assert run_at(config, MEMORY) == 0
    assert run_at(config, MEMORY, "--seed", "3") == 0
    names = [name.partition("/")[0] for name in there(MEMORY, "/audit.json")]
    run = api.open_run(f"{MEMORY}/{names[1]}")
    assert run.classes["pictures"].sum() == 15
    assert run.compare(f"{MEMORY}/{names[0]}").earlier.folder == names[0]
    assert len(MIRRORS) == 1
    assert run.gate({"fail_on": "never", "require_complete": False})
    assert "fail_on: never" not in there(MEMORY, f"{names[1]}/review.json").popitem()[1].decode()
    with pytest.raises(AuditorError, match=f"the run folder {MEMORY}/none does not exist"):
        api.open_run(f"{MEMORY}/none")
    del run
    gc.collect()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "a.yaml", "--out", "memory://runs"], "'memory://runs' lies in the memory of"),
        (["gate", "memory://runs/a"], "is lost with it; give a folder"),
        (["history", "memory://runs"], "is lost with it; give a folder"),
        (["export", "memory://runs/a", "--to", "sarif"], "is lost with it; give a folder"),
        (["export", "a", "--to", "sarif", "--out", "s3://b/x"], "'s3://b/x' is an address; give"),
        (["demo", "--out", "s3://b/x"], "'s3://b/x' is an address; give a folder of this"),
    ],
)
def test_what_would_be_lost_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    words: list[str],
    said: str,
) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").touch()
    assert auditor(words) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


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
