"""SIGTERM in every stage of a run: out within ten seconds, and the same command ends the same."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.pipeline.small import write_own_model_audit

# Every stage with something to do, and enough pictures that the search tests its candidates.
EVERYTHING = {
    "references": 3, "class_references": 2, "concepts": 2, "atlas_samples": 1, "composition": 1,
    "flipping_images": 6, "component_samples": 6, "strategies": 2, "mistakes": 2, "layers": ["4"],
}  # fmt: skip
STAGES = (
    "loading model and data",
    "relevance of every image",
    "concepts of 4",
    "reference samples",
    "components of 4",
    "decisions at 4",
    "concept flipping at 4",
    "strategies and errors",
    "pictures of the analyses",
    "reference samples of further concepts",
    "clever-Hans candidates",
    "single pictures",
    "composition of concepts",
    "writing the result",
    "rendering html and pdf",
)
# When the PDF is made, a process of its own is at work.
CHILD = "rendering html and pdf: the child process"
IN_TIME = 10.0


@dataclass(frozen=True)
class Whole:
    """An uninterrupted run: its config, the stages that it went through, and audit.json."""

    config: Path
    stages: list[str]
    audit: bytes


def command(config: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "auditor", "run", str(config), "--out", str(out), "--log-json"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    config = write_own_model_audit(
        tmp_path_factory.mktemp("stopped"),
        per_class=26,
        audit=EVERYTHING,
        shortcuts={"per_class": 2, "total": 6},
        report={"formats": ["html", "pdf"]},
    )
    out = config.parent / "whole"
    done = subprocess.run(command(config, out), capture_output=True, text=True, check=True)
    events = [json.loads(line) for line in done.stderr.splitlines()]
    begun = [each["stage"] for each in events if each.get("state") == "begin"]
    (audit,) = out.glob("*/audit.json")
    return Whole(config, begun, audit.read_bytes())


@pytest.mark.slow
def test_these_are_all_stages(whole: Whole) -> None:
    assert tuple(whole.stages) == STAGES


@pytest.mark.slow
@pytest.mark.parametrize("stage", [*STAGES, CHILD])
def test_sigterm_in_a_stage_and_the_same_command_again(
    whole: Whole, tmp_path: Path, stage: str
) -> None:
    out = tmp_path / "runs"
    with started(command(whole.config, out)) as process:
        assert process.stderr is not None
        for line in process.stderr:
            event = json.loads(line)
            if event.get("state") == "begin" and event["stage"] == stage.partition(":")[0]:
                break
        child = wait_for_child(process.pid) if stage == CHILD else None
        process.send_signal(signal.SIGTERM)
        sent = time.monotonic()
        rest = process.stderr.read()
        assert process.wait(timeout=60) == 75, rest
        assert time.monotonic() - sent < IN_TIME
    if child is not None:
        assert not Path(f"/proc/{child}").exists()
    last = json.loads((out / "summary.json").read_text())
    assert (last["status"], last["exit_code"]) == ("stopped", 75)
    again = subprocess.run(
        command(whole.config, out), capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    (folder,) = out.glob("*/")
    assert (folder / "audit.json").read_bytes() == whole.audit
    assert (folder / "report.pdf").is_file()
    assert not list(out.glob("**/*.tmp"))
    events = [json.loads(line) for line in again.stderr.splitlines()]
    done = [each["stage"] for each in events if each.get("state") == "done"]
    earlier = STAGES[1 : STAGES.index(stage.partition(":")[0])]
    kept = {each for each in earlier if each != "writing the result"}
    assert not kept & set(done)  # what was finished is not done again


def started(words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        words,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        # A test run that was started in the background may ignore it, and its children with it.
        preexec_fn=partial(signal.signal, signal.SIGTERM, signal.SIG_DFL),
    )


def wait_for_child(parent: int) -> int:
    """Return the process that makes the PDF, once it is there."""
    for _ in patiently():
        for child in children(parent):
            if b"pdf_child" in command_line(child):
                return child
    raise AssertionError("no child process was seen")


def patiently() -> Iterator[None]:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        yield
        time.sleep(0.05)


def children(parent: int) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            facts = (folder / "status").read_text()
        except OSError:
            continue  # it has ended
        if f"PPid:\t{parent}\n" in facts:
            yield int(folder.name)


def command_line(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""
