"""Tasks: a stage in pieces, each of which leaves one record in the run folder, whoever does it.

A task's folder holds its record and ``done.json``, which names what the record was made of and the
digest of each of its files and pictures. The folder appears whole or not at all: that is the
commit. So nothing that is done is done again, and a task that two workers did must have come out
the same.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from auditor.base.errors import IntegrityError
from auditor.base.progress import Step
from auditor.base.shortage import cuts_of_batches
from auditor.base.system import peak_memory
from auditor.run.codec import load_record, pictures_in, save_record
from auditor.run.folder import IMAGES, TASKS, RunFolder, damage, digest_of
from auditor.run.manifest import digest_in, make_way, write_listed
from auditor.run.mirror import mirror_of
from auditor.run.storage import (
    make_folder,
    read_plain,
    remove,
    replace_folder,
    sync_folder,
    write_atomic,
    writer,
)

FORMAT = {"format": "concept-auditor/task", "version": 1}
DONE = "done.json"
# By how much the batches of a task are cut with each worker that it ended for want of memory.
SMALLER = 4
# In ``done.json``: how many pictures went at once, where memory ran short.
BATCH = "batch"
# In ``done.json``: name in the run -> digest of the pictures that the record names.
PICTURES = "pictures"


@dataclass(frozen=True, eq=False)
class Task:
    """One piece of a stage: ``asked`` is plain JSON, ``inputs`` the digest of all it is made of.

    ``steps`` is what it counts for in the progress of its stage.
    """

    stage: str
    name: str
    asked: Mapping[str, Any]
    inputs: str
    steps: int = 1

    @property
    def folder(self) -> str:
        """The name of its folder in the run."""
        return f"{TASKS}/{self.stage}/{self.name}"


# What does a task: it is given the workplace, the task, and who is told of the steps.
Work = Callable[[Any, Task, Step], Any]


@dataclass(frozen=True, eq=False)
class Referring:
    """A record in which ``shared`` objects stand that are not to be written with it, only named.

    It names no pictures.
    """

    value: Any
    shared: Mapping[str, object]


@dataclass(frozen=True)
class Done:
    """What a worker says of a task: the digests of its files, and what it took.

    ``seconds`` of the clock and ``cpu`` seconds of the process; ``memory`` is the most that the
    process ever held, in bytes; ``attempts`` counts the workers that tried.
    """

    name: str
    files: Mapping[str, str]
    seconds: float
    cpu: float
    memory: int
    attempts: int = 1


@dataclass(frozen=True)
class Job:
    """Tasks that an executor is to do in the run folder ``run``, and how.

    ``here`` is the workplace of this process, for an executor that does tasks in it. ``moved`` is
    told a task's name and how many of its steps were just done.
    """

    run: Path
    tasks: Sequence[Task]
    work: Work
    here: Any
    moved: Callable[[str, int], object]


class Executor(Protocol):
    """Places tasks: it yields what was done in any order, and raises what keeps one from it."""

    def __call__(self, job: Job) -> Iterator[Done]:
        """Do the tasks of a job."""

    def close(self) -> None:
        """Let go of everything; what is being done is left."""


class Records(Sequence[Any]):
    """The records of tasks in the order of the plan, each read when it is asked for."""

    def __init__(self, run: Path, tasks: Sequence[Task]) -> None:
        self._run, self._tasks = run, tasks

    def __len__(self) -> int:
        return len(self._tasks)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Records(self._run, self._tasks[index])
        return record_of(self._run, self._tasks[index])


def each(
    run: RunFolder, tasks: Sequence[Task], work: Work, executor: Executor, here: Any, step: Step
) -> Records:
    """Return the records of all tasks of a stage, those made now that the folder does not hold.

    A job that does not lead returns when it has done its part.

    ``work`` is a function of a module, which another process can import; the same task has to give
    the same bytes wherever it is done. ``here`` is the workplace of this process.

    Raises:
        IntegrityError: a task was done twice and came out differently, or is not there at the end.
    """
    done = list(do(run, tasks, work, executor, here, step))
    if not run.leads:
        return Records(run.path, tasks)
    lost = [task for task in tasks if not is_done(run.path, task)]
    if lost:
        raise IntegrityError(
            f"task '{lost[0].name}' of stage '{lost[0].stage}' is not there whole: run the same "
            "command again."
        )
    if tasks:
        _sweep(run.path, tasks)
        took = {"tasks": _account(run, tasks, done)} if done else {}
        batches = [_said(run.path, task).get(BATCH) for task in tasks]
        run.note_batch(tasks[0].stage, min((size for size in batches if size), default=None))
        write_listed(run.path, {}, written=_listed(run.path, tasks), **took)
    return Records(run.path, tasks)


def do(
    run: RunFolder, tasks: Sequence[Task], work: Work, executor: Executor, here: Any, step: Step
) -> Iterator[Done]:
    """Do those tasks that the folder does not hold whole, and yield them."""
    listed = _by_folder(run.manifest()["files"])
    state = {task: _damage(run.path, task, listed.get(task.folder, {})) for task in tasks}
    run.tell({name: how for found in state.values() for name, how in (found or {}).items()})
    pending = [task for task, found in state.items() if found is None or found]
    for task in pending:
        make_way(run.path, f"{task.folder}/{DONE}")
        if state[task]:
            remove(run.path / task.folder)
    step(sum(task.steps for task in tasks) - sum(task.steps for task in pending))
    left = Counter({task.name: task.steps for task in pending})

    def moved(name: str, steps: int) -> None:
        steps = min(steps, left[name])  # a task that was begun twice is counted once
        left[name] -= steps
        step(steps)

    if pending:
        for done in executor(Job(run.path, pending, work, here, moved)):
            moved(done.name, left[done.name])
            yield done


def perform(run: Path, place: Any, task: Task, work: Work, step: Step, *, cut: int = 0) -> Done:
    """Do a task here and commit its record; see `commit`.

    ``cut`` counts the workers that it ended for want of memory: with each the next one takes the
    pictures in smaller batches.
    """
    started, busy = time.monotonic(), time.process_time()
    with cuts_of_batches(SMALLER**cut) as cuts:
        record = work(place, task, step)
    files = commit(run, task, record, batch=cuts.smallest)
    return Done(
        task.name,
        files,
        round(time.monotonic() - started, 3),
        round(time.process_time() - busy, 3),
        peak_memory() or 0,
    )


def commit(run: Path, task: Task, record: Any, *, batch: int | None = None) -> Mapping[str, str]:
    """Write the record of a task, if it is not there already; return the digests of its files.

    ``batch``: how many pictures went at once, where memory ran short for more.

    Raises:
        IntegrityError: it is there, and other bytes.
        StorageError: it cannot be written.
    """
    final = run / task.folder
    temporary = final.with_name(f".{final.name}.{writer()}.tmp")
    remove(temporary)
    try:
        make_folder(temporary)
        value, shared = record, None
        if isinstance(record, Referring):
            value, shared = record.value, record.shared
        files = save_record(temporary, value, shared)
        document = {**FORMAT, "stage": task.stage, "task": task.name, "input": task.inputs}
        said: dict[str, Any] = {} if batch is None else {BATCH: batch}
        if pictures := _pictures(run, record):
            sync_folder(run / IMAGES)
            said[PICTURES] = pictures
        text = json.dumps({**document, **said, "files": files}, indent=1)
        write_atomic(temporary / DONE, text.encode(), sync=False)
        there = _files(run, task)
        if there is None:
            replace_folder(temporary, final)
        elif there != files:
            other = sorted(name for name in {*files, *there} if files.get(name) != there.get(name))
            raise IntegrityError(
                f"task '{task.name}' of stage '{task.stage}' was done twice and came out "
                f"differently ({', '.join(other[:3])}): the machines do not compute alike. Run "
                "all of it on machines of one kind, in a new folder."
            )
    finally:
        remove(temporary)
    return files


def record_of(run: Path, task: Task, shared: Mapping[str, Any] | None = None) -> Any:
    """Return the record that a task left; ``shared`` as in `load_record`."""
    return load_record(run / task.folder, shared)


def is_done(run: Path, task: Task) -> bool:
    """Say whether a task was committed, for the inputs that it has now."""
    return _files(run, task) is not None


def _files(run: Path, task: Task) -> dict[str, str] | None:
    """Return the digests that ``done.json`` states, None where the task was not done."""
    try:
        document = _said(run, task)
        files: dict[str, str] = document.pop("files")
        document.pop(BATCH, None)
        document.pop(PICTURES, None)
    except (OSError, ValueError, KeyError, AttributeError):
        return None
    wanted = {**FORMAT, "stage": task.stage, "task": task.name, "input": task.inputs}
    return files if document == wanted and isinstance(files, dict) else None


def _said(run: Path, task: Task) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(read_plain(run / task.folder / DONE))
    return document


def _damage(run: Path, task: Task, listed: Mapping[str, str]) -> dict[str, str] | None:
    """Return which files of a task are damaged, and how; None: it was not done.

    ``listed`` are its files as the manifest has them, which has none before the stage is done.
    """
    files = _files(run, task)
    if files is None:
        return damage(run, listed) or None  # whole, but of other inputs: that is not this task
    own = {f"{task.folder}/{name}": digest for name, digest in files.items()}
    return damage(run, own | _said(run, task).get(PICTURES, {}) | dict(listed))


def _by_folder(files: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the files of tasks, by the folder of the task."""
    found: dict[str, dict[str, str]] = {}
    for name, digest in files.items():
        if name.startswith(f"{TASKS}/"):
            found.setdefault(name.rpartition("/")[0], {})[name] = digest
    return found


def _pictures(run: Path, record: Any) -> dict[str, str]:
    """Return name in the run -> digest of the pictures that a record names."""
    if isinstance(record, Referring):
        return {}
    names = sorted({f"{IMAGES}/{name}" for name in pictures_in(record)})
    return {name: digest_in(run, name) or "" for name in names}


def _listed(run: Path, tasks: Sequence[Task]) -> dict[str, str]:
    """Return name -> digest of all files and pictures of tasks that were done.

    Pictures that another machine sent to where the run is kept are there afterwards.
    """
    names: dict[str, str] = {}
    pictures: dict[str, str] = {}
    for task in tasks:
        files = (_files(run, task) or {}) | {DONE: digest_in(run, f"{task.folder}/{DONE}") or ""}
        names |= {f"{task.folder}/{name}": digest for name, digest in files.items()}
        pictures |= _said(run, task).get(PICTURES, {})
    if pictures and (mirror := mirror_of(run)) is not None:
        folder = run.relative_to(mirror.root).as_posix()
        mirror.fetch([f"{folder}/{name}" for name in pictures])
    return names | pictures


def _account(run: RunFolder, tasks: Sequence[Task], done: Sequence[Done]) -> dict[str, Any]:
    """Return what the manifest says of tasks, with what these took."""
    known: dict[str, Any] = run.manifest().get("tasks", {})
    took = {
        "tasks": len(tasks),
        "done": len(done),
        "seconds": round(sum(each.seconds for each in done), 3),
        "cpu": round(sum(each.cpu for each in done), 3),
        "memory": max(each.memory for each in done),
        "attempts": sum(each.attempts for each in done),
    }
    return known | {tasks[0].stage: took}


def _sweep(run: Path, tasks: Sequence[Task]) -> None:
    """Remove what lies among the tasks of a finished stage and is none of them."""
    names = {task.name for task in tasks}
    for path in (run / tasks[0].folder).parent.iterdir():
        if path.name not in names:
            remove(path)


def inputs_of(reads: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """Return the digest of what a task reads and is asked."""
    return digest_of({"reads": reads, "asked": asked})
