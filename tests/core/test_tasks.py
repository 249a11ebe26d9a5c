"""Tasks leave one record each, whoever does them: one process, several, or jobs that share them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor.base.errors import DataError, IntegrityError, StoppedError
from auditor.base.progress import Step
from auditor.base.shortage import cut_to, first_size
from auditor.config.running import Share
from auditor.records.part import Picture
from auditor.report.show.picture_store import ImageStore
from auditor.run import waiting
from auditor.run.codec import Stacked, save_record
from auditor.run.executors import EXECUTORS, Setup
from auditor.run.executors.processes import Processes
from auditor.run.executors.shards import Shards
from auditor.run.folder import RunFolder, open_run
from auditor.run.manifest import read_manifest
from auditor.run.storage import digest_at, file_digest
from auditor.run.tasks import DONE, Executor, Referring, Task, commit, each, inputs_of, record_of

COUNT = 6


def plan(count: int = COUNT, **asked: Any) -> list[Task]:
    reads = {"key": "k"}
    return [
        Task("count", f"part-{at}", {"at": at, **asked}, inputs_of(reads, {"at": at, **asked}), 2)
        for at in range(count)
    ]


def squares(place: Path, task: Task, step: Step) -> dict[str, Any]:
    """Return a record; ``place`` is a folder in which every call leaves a file."""
    at = task.asked["at"]
    (place / f"{task.name}.{os.getpid()}.{time.monotonic_ns()}").touch()
    if task.asked.get("killed") == at and len(list(place.glob(f"{task.name}.*"))) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if task.asked.get("deadly") == at:
        os.kill(os.getpid(), signal.SIGKILL)
    if task.asked.get("wide") == at and first_size(32) > task.asked["most"]:
        raise MemoryError
    if task.asked.get("wide") == at:
        cut_to(first_size(32))
    if task.asked.get("broken") == at:
        raise DataError(f"picture {at} is gone")
    step(1)
    return {"square": at**2, "values": np.arange(at)}


class Elsewhere:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __call__(self, threads: int) -> Path:
        return self.place


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    folder = tmp_path / "calls"
    folder.mkdir()
    return folder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return begun(tmp_path / "runs")


@pytest.fixture
def two(calls: Path) -> Iterator[Processes]:
    executor = Processes(Setup(Elsewhere(calls), 2, print))
    yield executor
    executor.close()


def begun(folder: Path) -> RunFolder:
    return open_run(folder, "a", "k" * 64, created="2026-01-02T03:04:05Z", facts={})


def inline() -> Executor:
    return EXECUTORS["inline"](Setup(Elsewhere(Path()), None, print))


def done(
    run: RunFolder, executor: Executor, calls: Path, tasks: Sequence[Task], told: list[int]
) -> list[int]:
    return [made["square"] for made in each(run, tasks, squares, executor, calls, told.append)]


def digests(run: RunFolder) -> dict[str, str]:
    files = sorted((run.path / "tasks").rglob("*"))
    return {
        path.relative_to(run.path).as_posix(): file_digest(path) for path in files if path.is_file()
    }


def of_task(calls: Path) -> list[str]:
    return sorted(path.name.partition(".")[0] for path in calls.iterdir())


def test_pictures_belong_to_the_task_that_names_them(run: RunFolder) -> None:
    drawn: list[int] = []

    def draw(images: Path, task: Task, step: Step) -> Picture:
        drawn.append(task.asked["at"])
        store = ImageStore(images)
        return store.png(np.full((2, 2, 3), task.asked["at"], np.uint8), alt="a square")

    def made() -> list[str]:
        return [found.file for found in each(run, plan(3), draw, inline(), run.images, print)]

    files = made()
    listed = read_manifest(run.path)["files"]
    assert [listed[f"images/{name}"] for name in files] == [
        file_digest(run.images / name) for name in files
    ]
    (run.images / files[1]).unlink()
    (run.images / files[2]).write_bytes(b"damaged")
    assert made() == files
    assert drawn == [0, 1, 2, 1, 2]
    assert {name: file_digest(run.images / name) for name in files} == {
        name: listed[f"images/{name}"] for name in files
    }


def test_what_is_done_is_not_done_again(run: RunFolder, calls: Path) -> None:
    told: list[int] = []
    assert done(run, inline(), calls, plan(), told) == [at**2 for at in range(COUNT)]
    assert sum(told) == 2 * COUNT
    assert done(run, inline(), calls, plan(), told) == [at**2 for at in range(COUNT)]
    assert sum(told) == 4 * COUNT
    assert len(of_task(calls)) == COUNT
    listed = read_manifest(run.path)
    assert digests(run).items() <= listed["files"].items()
    assert listed["tasks"]["count"]["attempts"] == COUNT


def test_other_inputs_are_another_task(run: RunFolder, calls: Path) -> None:
    done(run, inline(), calls, plan(), [])
    done(run, inline(), calls, plan(other=True), [])
    assert len(of_task(calls)) == 2 * COUNT


@pytest.mark.parametrize("name", ["record.json", "r.1.npy", DONE])
def test_a_damaged_task_alone_is_done_again(run: RunFolder, calls: Path, name: str) -> None:
    said: list[str] = []
    run = RunFolder(run.path, run.key, run.created, said.append)
    done(run, inline(), calls, plan(), [])
    before = digests(run)
    path = run.path / "tasks" / "count" / "part-3" / name
    path.write_bytes(path.read_bytes()[:-1])
    done(run, inline(), calls, plan(), [])
    assert of_task(calls).count("part-3") == 2
    assert len(of_task(calls)) == COUNT + 1
    assert "part-3" in said[0]
    assert digests(run) == before


def test_a_task_done_twice_must_come_out_the_same(run: RunFolder) -> None:
    task = plan()[2]
    first = commit(run.path, task, {"square": 4})
    assert commit(run.path, task, {"square": 4}) == first
    with pytest.raises(IntegrityError, match=r"'part-2' of stage 'count' .* differently") as error:
        commit(run.path, task, {"square": 5})
    assert error.value.exit_code == 5
    assert record_of(run.path, task) == {"square": 4}


def test_shared_objects_are_named_and_not_written(run: RunFolder) -> None:
    task, pool = plan()[0], object()
    commit(run.path, task, Referring({"pool": pool, "values": np.ones(2)}, {"pool": pool}))
    again = record_of(run.path, task, {"pool": "another"})
    assert again["pool"] == "another"
    again["values"][0] = 5.0
    assert record_of(run.path, task, {"pool": 1})["values"].tolist() == [1.0, 1.0]


def test_processes_leave_the_same_bytes(
    tmp_path: Path, run: RunFolder, calls: Path, two: Processes
) -> None:
    done(run, inline(), calls, plan(), [])
    other = begun(tmp_path / "other")
    told: list[int] = []
    assert done(other, two, calls, plan(), told) == [at**2 for at in range(COUNT)]
    assert sum(told) == 2 * COUNT
    assert digests(other) == digests(run)
    assert len({path.name.split(".")[1] for path in calls.iterdir()} - {str(os.getpid())}) == 2


def test_a_killed_worker_costs_one_task(run: RunFolder, calls: Path, two: Processes) -> None:
    told: list[int] = []
    assert done(run, two, calls, plan(killed=3), told) == [at**2 for at in range(COUNT)]
    assert of_task(calls) == sorted([*(f"part-{at}" for at in range(COUNT)), "part-3"])
    assert sum(told) == 2 * COUNT
    assert read_manifest(run.path)["tasks"]["count"]["attempts"] == COUNT + 1


def test_a_task_that_ends_every_worker_stops_the_run(
    run: RunFolder, calls: Path, two: Processes
) -> None:
    with pytest.raises(StoppedError, match=r"'part-0' .* 3 worker processes .*SIGKILL"):
        done(run, two, calls, plan(deadly=0), [])
    assert of_task(calls).count("part-0") == 3


def test_a_worker_short_of_memory_is_followed_by_one_of_smaller_batches(
    run: RunFolder, calls: Path, two: Processes
) -> None:
    said: list[str] = []
    run = RunFolder(run.path, run.key, run.created, said.append)
    assert done(run, two, calls, plan(wide=3, most=2), []) == [at**2 for at in range(COUNT)]
    assert of_task(calls).count("part-3") == 3
    assert said == [f"note: {note}" for note in run.batch_notes()]
    (note,) = run.batch_notes()
    assert "the batch was halved to 2 in stage 'count': memory ran short" in note


def test_a_worker_short_of_memory_however_small_the_batch_stops_the_run(
    run: RunFolder, calls: Path, two: Processes
) -> None:
    with pytest.raises(StoppedError, match=r"3 worker processes \(its memory ran short\)"):
        done(run, two, calls, plan(wide=0, most=1), [])


def test_an_error_of_a_worker_is_the_same_here(run: RunFolder, calls: Path, two: Processes) -> None:
    with pytest.raises(DataError, match="picture 1 is gone") as error:
        done(run, two, calls, plan(broken=1), [])
    assert "in squares" in error.value.__notes__[0]


@pytest.mark.parametrize("first", [0, 1])
def test_two_jobs_share_the_tasks_in_any_order(
    run: RunFolder, tmp_path: Path, calls: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    monkeypatch.setattr(waiting, "LOOK", 0.01)
    done(run, inline(), calls, plan(), [])
    whole, shared = digests(run), begun(tmp_path / "shared")
    helper = RunFolder(shared.path, shared.key, shared.created, leads=False)
    found: list[list[int]] = []

    def lead() -> None:
        found.append(done(shared, Shards(Share(0, 2), inline(), print), calls, plan(), []))

    def help_out() -> None:
        each(helper, plan(), squares, Shards(Share(1, 2), inline(), print), calls, [].append)

    jobs = [threading.Thread(target=job, daemon=True) for job in (lead, help_out)]
    for job in jobs if first == 0 else jobs[::-1]:
        job.start()
        time.sleep(0.1)
    for job in jobs:
        job.join(20)
    assert found == [[at**2 for at in range(COUNT)]]
    assert digests(shared) == whole
    assert len(of_task(calls)) == 2 * COUNT


def test_every_task_belongs_to_one_job() -> None:
    owners = {Share(0, 3).owner(f"shard-{at:05d}") for at in range(50)}
    assert owners == {0, 1, 2}


@pytest.mark.parametrize("text", ["4", "4/3", "3/3", "-1/3", "a/b", "1/0", ""])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(ValueError, match="shard"):
        Share.of(text)


@pytest.mark.parametrize("shape", [(3, 2), (1,), (2, 0), (4, 2, 3)])
def test_parts_are_written_as_the_whole_would_be(tmp_path: Path, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.int32, np.uint8):
        parts = [rng.normal(0, 50, (rows, *shape[1:])).astype(dtype) for rows in (shape[0], 1, 5)]
        folders = [tmp_path / f"{name}-{np.dtype(dtype)}" for name in ("whole", "parts")]
        for folder, array in zip(folders, (np.concatenate(parts), Stacked.of(parts)), strict=True):
            folder.mkdir()
            assert set(save_record(folder, {"a": array})) == {"record.json", "r.0.npy"}
        assert digest_at(folders[0] / "r.0.npy") == digest_at(folders[1] / "r.0.npy")
