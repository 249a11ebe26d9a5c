"""Whoever does the tasks of an audit, its result is the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from auditor.base.errors import IntegrityError, StoppedError
from auditor.pipeline import illustrate, result_pictures
from auditor.pipeline.context import Context
from auditor.records.stages import Illustration
from auditor.relevance.over_data.heatmaps import MapRequest
from auditor.review.keep.verify import verify
from auditor.run.manifest import read_manifest
from auditor.run.storage import file_digest
from tests.pipeline.tiny import ENVIRONMENT, loaded_once, result_in, run, write_tiny_audit
from tests.relevance.scarce import Short


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with loaded_once():
        yield write_tiny_audit(tmp_path_factory.mktemp("executors"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--executor", "process"], "Did you mean 'processes'?"),
        (["--workers", "0"], "'run.workers' is 0"),
        (["--shard", "4/3"], "there is no shard 4/3"),
        (["--shard", "0/2", "--set", "audit.max_minutes=5"], "leave that out"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    config: Path, tmp_path: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config, tmp_path / "runs", *options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_neither_an_executor_nor_a_stop_is_part_of_the_result(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(illustrate, "CHUNK", 2)
    with monkeypatch.context() as patch:
        begun = counted(patch, most=1)
        assert run(config, tmp_path / "one") != 0
    assert len(begun) == 2
    with monkeypatch.context() as patch:
        again = counted(patch)
        assert run(config, tmp_path / "one") == 0
    assert run(config, tmp_path / "two", "--executor", "processes", "--workers", "2") == 0
    assert result_in(tmp_path / "two") == result_in(tmp_path / "one")
    (one,), (two,) = (tmp_path / "one").glob("*/"), (tmp_path / "two").glob("*/")
    assert files_in(two / "tasks") == files_in(one / "tasks")
    assert files_in(two / "images") == files_in(one / "images")
    chunks = list((one / "tasks" / "illustrations").iterdir())
    assert len(again) == len(chunks) - 1 > 0
    assert len(list((one / "tasks" / "atlases").iterdir())) == 1


def counted(patch: pytest.MonkeyPatch, most: int | None = None) -> list[object]:
    """Note the chunks of reference samples that are begun; the one after ``most`` fails."""
    begun: list[object] = []

    def draw(context: Context, requests: Sequence[MapRequest]) -> tuple[Illustration, ...]:
        begun.append(requests)
        if most is not None and len(begun) > most:
            raise StoppedError("no more")
        return illustrate.illustrate_chunk(context, requests)

    patch.setattr(result_pictures, "illustrate_chunk", draw)
    return begun


def files_in(folder: Path) -> dict[Path, str]:
    """Return name -> digest of all files in a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    return {path.relative_to(folder): file_digest(path) for path in files}


def test_an_audit_short_of_memory_says_so_and_finds_the_same(config: Path, tmp_path: Path) -> None:
    assert run(config, tmp_path / "whole") == 0
    with Short(3, MemoryError):
        assert run(config, tmp_path / "short") == 0
    whole, short = (
        json.loads(next((tmp_path / name).glob("*/audit.json")).read_text())
        for name in ("whole", "short")
    )
    before, notes = whole["method"].pop("notes"), short["method"].pop("notes")
    (said,) = [note for note in notes if note not in before]
    assert said.startswith("the batch was halved to ")
    assert "2 in stage 'pass'" in said
    # The last digit of the conservation is what another batch changes here.
    low = "conservation_low"
    assert short["method"].pop(low) == pytest.approx(whole["method"].pop(low), rel=1e-5)
    assert short == whole
    (folder,) = (tmp_path / "short").glob("*/")
    assert read_manifest(folder)["batches"]["pass"] == 2


def workers_of(process: subprocess.Popen) -> list[int]:
    """Return the worker processes of a run."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [pid for pid in map(int, children) if "spawn_main" in command_of(pid)]


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="asks /proc for the workers")
@pytest.mark.parametrize("stage", ["pass", "screening", "tests"])
def test_a_worker_killed_in_any_stage_costs_one_task(
    searched: tuple[list[str], str], tmp_path: Path, stage: str
) -> None:
    command, alone = searched
    command = [*command, "--out", str(tmp_path), "--executor", "processes", "--workers", "2"]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob(f"*/tasks/{stage}/*/done.json")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(workers_of(process)[0], signal.SIGKILL)
    assert process.wait(240) == 0
    assert result_in(tmp_path) == alone
    (folder,) = tmp_path.glob("*/")
    took = read_manifest(folder)["tasks"].values()
    assert sum(each["attempts"] - each["done"] for each in took) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("order", [(2, 0, 1), (1, 0)])
def test_jobs_that_share_an_audit_give_the_same_result(
    searched: tuple[list[str], str], tmp_path: Path, order: tuple[int, ...]
) -> None:
    command, alone = searched
    jobs = []
    for index in order:
        shared = [*command, "--out", str(tmp_path), "--shard", f"{index}/{len(order)}"]
        jobs.append(subprocess.Popen(shared, env=ENVIRONMENT, stdout=subprocess.DEVNULL))
        time.sleep(2)
    assert [job.wait(300) for job in jobs] == [0] * len(jobs)
    assert result_in(tmp_path) == alone
    (folder,) = tmp_path.glob("*/")
    assert verify(folder).whole


@pytest.mark.slow
def test_a_worker_on_another_model_is_refused(config: Path, tmp_path: Path) -> None:
    from auditor.config.audit import load_config
    from auditor.pipeline.workplace import Elsewhere
    from auditor.run.folder import RunFolder

    assert run(config, tmp_path) == 0
    (folder,) = tmp_path.glob("*/")
    here = Elsewhere(load_config(config), config.parent, RunFolder(folder, "", ""), ())
    assert here(1).opened.layers == ("4",)
    other = load_config(config).model_copy(deep=True)
    weights = config.parent / "my_model.safetensors"
    content = weights.read_bytes()
    try:
        weights.write_bytes(content[:-4] + b"\0\0\0\0")
        with pytest.raises(IntegrityError, match="the model of a worker"):
            Elsewhere(other, config.parent, RunFolder(folder, "", ""), ())(1)
    finally:
        weights.write_bytes(content)
