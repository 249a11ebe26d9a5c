"""Storage that fails at any write of a whole run: 75, nothing torn, and the same bytes after."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.__main__ import run as auditor
from auditor.pipeline import audit as pipeline
from auditor.review.keep.verify import verify
from auditor.run.manifest import is_complete
from auditor.run.storage import bytes_digest
from tests.pipeline.faults import Faults
from tests.pipeline.tiny import digests, loaded_once, run, write_tiny_audit

NUMBERS = (errno.ENOSPC, errno.EIO, errno.EDQUOT)
STORAGE = str(Path("auditor", "run", "storage.py"))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with loaded_once():
        yield write_tiny_audit(tmp_path_factory.mktemp("faults"))


class Watch:
    """Collects what is written below a folder by other code than `auditor.run.storage`."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.elsewhere: set[tuple[str, str]] = set()
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at one thing that the interpreter is about to do."""
        if self.folder is None:
            return
        if event == "open":
            path, _, flags = arguments
            if not isinstance(flags, int) or not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                return
        elif event in ("os.rename", "os.mkdir", "os.symlink", "os.link", "os.truncate"):
            path = arguments[1] if event in ("os.rename", "os.symlink") else arguments[0]
        else:
            return
        if not isinstance(path, str) or not path.startswith(self.folder):
            return
        frame = sys._getframe()
        while frame is not None:
            if frame.f_code.co_filename.endswith(STORAGE):
                return
            frame = frame.f_back  # type: ignore[assignment]
        self.elsewhere.add((event, os.path.relpath(path, self.folder)))


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="module")
def untouched(config: Path, watch: Watch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run in which nothing failed."""
    out = tmp_path_factory.mktemp("untouched")
    watch.folder = str(out)
    assert run(config, out) == 0
    (folder,) = out.glob("*/")
    assert auditor(["render", str(folder), "--format", "html", "--layout", "folder"]) == 0
    assert auditor(["gate", str(folder), "--render"]) == 0
    assert auditor(["history", str(out)]) == 0
    watch.folder = None
    assert verify(folder).whole
    assert run(config, out) == 0
    return folder


def test_nothing_but_the_one_way_of_writing_writes(untouched: Path, watch: Watch) -> None:
    assert watch.elsewhere == set()


def fail_everything(
    config: Path, out: Path, faults: Faults, said: Callable[[], str], stride: int = 1
) -> int:
    """Start an audit again and again, each time with another operation that fails; count them."""
    for count in range(10_000):
        number = NUMBERS[count % len(NUMBERS)]
        faults.arm(number, stride=stride, lasting=count % 2 == 1)
        code = run(config, out)
        faults.disarm()
        text = said()
        if faults.fired is None:
            assert code == 0, text
            return count
        assert code == 75, (faults.fired, code, text)
        last = text.splitlines()[-1]
        assert last.startswith("auditor: cannot write"), (faults.fired, text)
        assert os.strerror(number) in last
        nothing_torn(out)
    raise AssertionError("a run never passed untouched")


def nothing_torn(out: Path) -> None:
    """Check that what is there is whole: every listed file, every picture, every other JSON."""
    assert not list(out.rglob(".*.tmp"))
    for path in out.glob("*.json"):
        json.loads(path.read_bytes())
    for manifest in out.glob("*/manifest.json"):
        found = verify(manifest.parent)
        assert found.changed == ()
        if not found.complete:
            assert not (manifest.parent / "report.html").exists()
        for path in manifest.parent.glob("images/*"):
            assert bytes_digest(path.read_bytes())[:32] == path.stem


def same_as(untouched: Path, out: Path) -> None:
    (folder,) = out.glob("*/")
    found, wanted = digests(folder), digests(untouched)
    drawn = {name for name in wanted if name.startswith("report/")}
    assert found == {name: wanted[name] for name in wanted if name not in drawn}
    assert verify(folder).whole
    assert json.loads((out / "summary.json").read_text())["exit_code"] == 0


STRIDE = 60


def test_some_writes_of_a_run_fail(
    config: Path,
    untouched: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "runs"
    faults = Faults(out, monkeypatch)
    count = fail_everything(config, out, faults, lambda: capsys.readouterr().err, STRIDE)
    assert count >= 8
    same_as(untouched, out)


@pytest.mark.slow
def test_every_write_of_a_run_fails(
    config: Path,
    untouched: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "runs"
    faults = Faults(out, monkeypatch)
    count = fail_everything(config, out, faults, lambda: capsys.readouterr().err)
    assert count > 300
    assert {kind for kind, _ in faults.failed} == {"open", "write", "sync", "rename", "mkdir"}
    assert not set(faults.done) - faults.failed
    same_as(untouched, out)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Give a function that mounts a small file system; skipped where that is not permitted."""
    place = tmp_path / "small"
    place.mkdir()

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        try:
            done = subprocess.run(command, capture_output=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no mount")
        if done.returncode:
            pytest.skip("mounting is not permitted")
        return place

    yield mount
    subprocess.run(["umount", str(place)], capture_output=True, check=False)


def test_a_disk_that_is_full_and_then_is_not(
    config: Path,
    untouched: Path,
    mounted: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = mounted("size=400k")
    out = place / "runs"
    for size in ("400k", "900k"):
        mounted(f"remount,size={size}")
        assert run(config, out) == 75
        error = capsys.readouterr().err
        assert "No space left on device. Make room" in error.splitlines()[-1]
        (folder,) = out.glob("*/")
        assert not is_complete(folder)
        nothing_torn(out)
    mounted("remount,size=64m")
    assert run(config, out) == 0
    same_as(untouched, out)


def test_a_full_or_read_only_disk_is_found_before_any_work(
    config: Path, mounted: Callable[..., Path], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    place = mounted("size=64k")
    (place / "filler").write_bytes(bytes(65_536))
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "load_subject", lambda *_: pytest.fail("the model was loaded"))
        assert run(config, place) == 75
        assert "No space left on device" in capsys.readouterr().err.splitlines()[-1]
        mounted("remount,ro")
        assert run(config, place / "runs") == 2
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith("auditor: nothing can be written into the folder")
        assert "Read-only file system" in last
