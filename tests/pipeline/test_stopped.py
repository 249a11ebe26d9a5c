"""SIGTERM in every stage of a run: out within ten seconds, and the same command ends the same."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from auditor.run.storage import file_digest
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
    "concept atlases",
    "composition of concepts",
    "pictures of the findings",
    "reference samples of named concepts",
    "conservation of relevance",
    "writing the result",
    "rendering html and pdf",
)
# When the PDF is made, a process of its own is at work.
CHILD = "rendering html and pdf: the child process"
IN_TIME = 10.0


def command(config: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "auditor", "run", str(config), "--out", str(out), "--log-json"]


@pytest.mark.slow
def test_a_run_that_is_stopped_in_every_stage_ends_as_one_that_is_not(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """Each start goes on where the one before was stopped, and is stopped in the next stage."""
    config = write_own_model_audit(
        tmp_path,
        per_class=26,
        audit=EVERYTHING,
        shortcuts={"per_class": 1, "total": 3, "permutations": 200},
        report={"formats": ["html", "pdf"]},
    )
    out = tmp_path / "runs"
    for place, stage in enumerate([*STAGES, CHILD]):
        with subtests.test(stage):
            begun = stop_in(stage, config, out)
            # What was finished is kept; the result is written anew whenever it is drawn.
            assert not set(STAGES[1 : min(place - 1, len(STAGES) - 2)]) & set(begun)
    stopped = through(config, out)
    assert stopped == [STAGES[0], *STAGES[-2:]]
    whole = tmp_path / "whole"
    assert tuple(through(config, whole)) == STAGES
    (first,), (second,) = out.glob("*/"), whole.glob("*/")
    assert file_digest(first / "audit.json") == file_digest(second / "audit.json")
    assert (first / "report.pdf").is_file()
    assert not list(out.glob("**/*.tmp"))


def through(config: Path, out: Path) -> list[str]:
    """Run to the end and return the stages that were done."""
    done = subprocess.run(command(config, out), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stderr.splitlines()]
    return [each["stage"] for each in events if each.get("state") == "done"]


def stop_in(stage: str, config: Path, out: Path) -> list[str]:
    """Send SIGTERM when a stage begins, and return the stages that began before it."""
    wanted, begun = stage.partition(":")[0], []
    with started(command(config, out)) as process:
        assert process.stderr is not None
        for line in process.stderr:
            event = json.loads(line)
            if event.get("state") == "begin":
                if event["stage"] == wanted:
                    break
                begun.append(event["stage"])
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
    return begun


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
