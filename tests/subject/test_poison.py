"""Pictures that crash, hang or overfill whoever decodes them are set aside, and no others."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from auditor.subject import collection, guard
from auditor.subject.images import Reading, decode
from tests.pipeline.tiny import run, write_tiny_audit

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="pictures are tried on Linux only")
CRASHES, HANGS, SPINS, SWELLS = (f"poison {number}".encode() for number in range(4))
REASONS = {
    CRASHES: "ends the process that decodes it (SIGSEGV)",
    HANGS: "takes too long to decode: over a minute of the processor, or five of waiting",
    SPINS: "takes too long to decode: over a minute of the processor, or five of waiting",
    SWELLS: "takes more than 4 GB of memory to decode",
}


def poisoned(data: bytes, reading: Reading) -> Image.Image:
    """Decode a picture; do what a content that ends in a poison asks for."""
    if data.endswith(CRASHES):
        os.kill(os.getpid(), signal.SIGSEGV)
    if data.endswith(HANGS):
        time.sleep(3600)
    if data.endswith(SPINS):
        while True:
            pass
    if data.endswith(SWELLS):
        bytearray(8_000_000_000)
    return decode(data, reading)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "decode", poisoned)
    monkeypatch.setattr(guard, "SECONDS", 2.0)
    monkeypatch.setattr(guard, "BUSY", 0.5)


def files(folder: Path, poisons: dict[int, bytes], count: int) -> list[Path]:
    paths = []
    for number in range(count):
        path = folder / f"{number:03d}.png"
        Image.new("RGB", (8, 8), (number % 256, 90, 40)).save(path)
        path.write_bytes(path.read_bytes() + poisons.get(number, b""))
        paths.append(path)
    return paths


@pytest.mark.usefixtures("patient")
def test_exactly_the_poison_pictures_of_200_are_refused(tmp_path: Path) -> None:
    poisons = {0: CRASHES, 77: SPINS, 78: SWELLS, 140: HANGS, 199: CRASHES}
    reader = collection.FileReader(tuple(files(tmp_path, poisons, 200)))
    digests = [reader.digest(row) for row in range(200)]
    found = reader.deadly(range(200), digests)
    assert found == {row: REASONS[poison] for row, poison in poisons.items()}


def test_what_only_fails_is_not_refused() -> None:
    tried: list[int] = []

    def attempt(row: int) -> None:
        tried.append(row)
        raise SystemError if row else ValueError

    assert guard.refused(attempt, range(3)) == {}
    assert tried == []  # it was done elsewhere


def test_what_ends_a_process_once_only_is_not_refused(tmp_path: Path) -> None:
    def attempt(row: int) -> None:
        if row == 1 and not (tmp_path / "before").exists():
            (tmp_path / "before").touch()
            os.kill(os.getpid(), signal.SIGKILL)

    assert guard.refused(attempt, range(3)) == {}
    assert (tmp_path / "before").exists()


def test_nothing_is_refused_where_no_process_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    def dies() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(guard, "_confine", dies)
    assert guard.refused(lambda row: None, range(2)) == {}

    def none() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", none)
    assert guard.refused(lambda row: None, range(2)) == {}


def test_a_stop_leaves_no_process_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    forked: list[int] = []
    fork = os.fork

    def told() -> int:
        forked.append(fork())
        return forked[-1]

    def stopped(_handle: int, _most: int) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fork", told)
    monkeypatch.setattr(os, "read", stopped)
    with pytest.raises(KeyboardInterrupt):
        guard.refused(lambda row: time.sleep(60), range(2))
    with pytest.raises(ChildProcessError):
        os.waitpid(forked[0], os.WNOHANG)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_audit(tmp_path_factory.mktemp("poison"))


@pytest.mark.usefixtures("patient")
def test_an_audit_sets_them_aside_and_goes_on(config: Path, tmp_path: Path) -> None:
    pictures = sorted(path for path in config.parent.rglob("*.png") if path.parent != config.parent)
    poisons = dict(zip((pictures[0], pictures[4], pictures[-1]), REASONS, strict=False))
    for path, poison in poisons.items():
        path.write_bytes(path.read_bytes() + poison)
    assert run(config, tmp_path, "--executor", "inline") == 0
    (found,) = tmp_path.glob("*/audit.json")
    data = json.loads(found.read_text())["data"]
    set_aside = {each["path"]: each["reason"] for each in data["quarantined"]}
    assert set_aside == {
        "/".join(path.parts[-2:]): REASONS[poison] for path, poison in poisons.items()
    }
    assert data["used"] + len(set_aside) == data["total"] == len(pictures)
