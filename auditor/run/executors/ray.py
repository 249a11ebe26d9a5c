"""The executor of a Ray cluster: one worker for each GPU, or for each share of the processors.

``RAY_ADDRESS`` joins a cluster; without it one of this machine is started for the audit and ended
with it. A worker is given one task at a time, so that tasks are bound late. Whoever is lost costs
the task that it was doing, which another worker begins again.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import statistics
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from auditor.base.errors import ConfigError, IntegrityError, StoppedError
from auditor.run.executors import EXECUTORS, Setup
from auditor.run.executors.processes import SHORT, TRIES, Processes, cores, rebuilt, sendable
from auditor.run.tasks import Done, Executor, Job, Task, perform

# Seconds between two tries to start, between two looks at who is late, and until a cluster that
# gives no worker is spoken of.
PAUSE, LOOK, SAY = 2.0, 1.0, 60.0
REACH = 10.0  # seconds for the head of a cluster to answer
# All that Ray keeps of a task is a record of its digests.
OBJECT_STORE = 100 * 2**20


@dataclass(frozen=True)
class Late:
    """When a task is begun a second time: after so many medians, and so many seconds at least."""

    medians: float = 10.0
    seconds: float = 120.0

    def after(self, took: list[float]) -> float:
        """Return the seconds after which a task is late, where others took ``took``."""
        return max(self.seconds, self.medians * statistics.median(took)) if took else float("inf")


class Bench:
    """What a worker process of Ray keeps: the audit, opened at its first task."""

    def __init__(self, open_place: Callable[[int], Any], threads: int) -> None:
        self._open, self._threads = open_place, threads
        self._place: Any = None

    def ready(self) -> None:
        """Say that this worker is there."""

    def do(self, run: Path, task: Task, work: Any, cut: int) -> tuple[str, Any]:
        """Do a task: ``done`` and what it took, or ``failed`` and the error; ``cut`` see there."""
        try:
            if self._place is None:
                self._place = self._open(self._threads)
            return "done", perform(run, self._place, task, work, lambda _: None, cut=cut)
        except MemoryError:
            os._exit(SHORT)  # as in `serve`: another one begins the task again
        except Exception as error:
            return "failed", sendable(error)


@dataclass(eq=False)
class Worker:
    """An actor, the task that it does (None: it is starting), and since when."""

    actor: Any
    task: Task | None = None
    since: float = field(default_factory=time.monotonic)


@EXECUTORS.register("ray")
class OnRay:
    """Does tasks on a Ray cluster; its workers are kept for the whole audit."""

    def __init__(self, setup: Setup, late: Late = Late()) -> None:
        """Need the package; the cluster is joined at the first task.

        Raises:
            ConfigError: as `check`.
        """
        self.check()
        self._setup, self._late = setup, late
        self._joined = False
        self._instead: Executor | None = None  # who does the tasks where Ray does not start
        self._threads, self._most = 1, 0
        self._idle: list[Worker] = []
        self._asked: dict[Any, Worker] = {}  # by the reference of the answer
        self._lost_starting = 0

    @staticmethod
    def check() -> None:
        """Raise where the package is not installed.

        Raises:
            ConfigError: it is not.
        """
        try:
            import ray  # noqa: F401
        except ImportError as error:
            raise ConfigError(
                "the executor 'ray' needs the package ray; install it with pip install "
                "'concept-auditor[ray]', or choose 'processes'."
            ) from error

    def __call__(self, job: Job) -> Iterator[Done]:
        """Do the tasks, those of most steps first.

        Raises:
            StoppedError: a task ended every worker that tried it.
            IntegrityError: a task was done twice and came out differently.
        """
        job = replace(job, run=job.run.absolute())
        if not self._joined and self._instead is None:
            self._join()
        left = {task.name: task for task in job.tasks}
        if self._instead is None:
            for done in self._placed(job):
                del left[done.name]
                yield done
        if self._instead is not None:
            yield from self._instead(replace(job, tasks=list(left.values())))

    def close(self) -> None:
        """End all workers, and the cluster where it was started for this audit."""
        if self._instead is not None:
            self._instead.close()
        self._leave()

    def _placed(self, job: Job) -> Iterator[Done]:
        """Do the tasks of a job until all are done, or no worker can be started."""
        board = _Board(job)
        while board.left and self._instead is None:
            self._place(board)
            for worker, answer in self._answers():
                yield from self._taken(board, worker, answer)
            self._hurry(board)
        for worker in [each for each in self._asked.values() if each.task is not None]:
            self._end(worker)  # its task was done by another

    def _place(self, board: _Board) -> None:
        """Give each idle worker a task, and start workers while there are more tasks."""
        while board.waiting and self._idle:
            worker, task = self._idle.pop(), board.waiting.popleft()
            worker.task, worker.since = task, time.monotonic()
            job = board.job
            cut = max(0, board.attempts[task.name] - 1)  # once it may not have been its memory
            self._asked[worker.actor.do.remote(job.run, task, job.work, cut)] = worker
        while len(self._asked) + len(self._idle) < min(self._most, len(board.left)):
            worker = Worker(self._actor())
            self._asked[worker.actor.ready.remote()] = worker

    def _answers(self) -> Iterator[tuple[Worker, Any]]:
        """Yield who answered within `LOOK` seconds, and what; an error says that it is lost."""
        import ray

        ready, _ = ray.wait(list(self._asked), num_returns=1, timeout=LOOK)
        for reference in ready:
            worker = self._asked.pop(reference)
            try:
                answer = ray.get(reference)
            except ray.exceptions.RayError as error:
                answer = error
            yield worker, answer

    def _taken(self, board: _Board, worker: Worker, answer: Any) -> Iterator[Done]:
        """Take what a worker answered; yield its task where it is the first to have done it."""
        task, worker.task = worker.task, None
        if isinstance(answer, Exception):
            self._lost(board, task, _reason(answer))
            return
        self._idle.append(worker)
        self._lost_starting = 0
        if task is None:
            return
        kind, value = answer
        if kind == "failed":
            error = rebuilt(*value)
            if task.name in board.left or isinstance(error, IntegrityError):
                raise error
        elif board.is_first(task, value):
            yield replace(value, attempts=1 + board.attempts[task.name])

    def _lost(self, board: _Board, task: Task | None, how: str) -> None:
        """Have the task of a lost worker begun again; see to it that workers can start at all."""
        if task is None:
            self._lost_starting += 1
            if self._lost_starting == TRIES:
                self._do_without(how)
        elif task.name in board.left:
            board.attempts[task.name] += 1
            attempts = board.attempts[task.name]
            if attempts >= TRIES:
                raise StoppedError(
                    f"task '{task.name}' of stage '{task.stage}' ended {attempts} workers of Ray "
                    f"({how}). Where memory ran short, set fewer workers or a smaller "
                    "audit.batch; then run the same command again: it goes on from here."
                )
            self._setup.say(f"a worker of Ray ended ({how}): task '{task.name}' is begun again")
            board.waiting.appendleft(task)

    def _hurry(self, board: _Board) -> None:
        """Have a task that takes far longer than others begun by a second worker too."""
        limit, now = self._late.after(board.took), time.monotonic()
        for worker in self._asked.values():
            task = worker.task
            if task and now - worker.since > limit and board.may_double(task):
                board.waiting.appendleft(task)
                self._setup.say(
                    f"task '{task.name}' of stage '{task.stage}' takes far longer than others: "
                    "another worker begins it too"
                )
        if not self._idle and all(worker.task is None for worker in self._asked.values()):
            since = min((worker.since for worker in self._asked.values()), default=now)
            if now - since > SAY:
                self._setup.say("waiting for the Ray cluster to start a worker")
                for worker in self._asked.values():
                    worker.since = now

    def _end(self, worker: Worker) -> None:
        import ray

        self._asked = {ref: each for ref, each in self._asked.items() if each is not worker}
        with suppress(Exception):
            ray.kill(worker.actor)

    def _actor(self) -> Any:
        import ray

        gpus = 1 if self._setup.gpu else 0
        made = ray.remote(num_cpus=self._threads, num_gpus=gpus, max_restarts=0)(Bench)
        return made.remote(self._setup.elsewhere, self._threads)

    def _join(self) -> None:
        """Join a cluster or start one; after `TRIES` failures processes of this machine do it."""
        for attempt in range(TRIES):
            try:
                if attempt:
                    time.sleep(PAUSE)
                self._connect()
            except Exception as error:  # whatever of it is not there, or too slow
                reason = _reason(error)
                self._leave()
            else:
                return
        self._do_without(reason)

    def _connect(self) -> None:
        import ray

        if not ray.is_initialized():
            self._joined = True
            with _own_signals():
                address = os.environ.get("RAY_ADDRESS")
                _check_reached(address or "")
                ray.init(**(_joining(address) if address else _starting(self._setup)))
        kind = "GPU" if self._setup.gpu else "CPU"
        known: Callable[[], Any] = ray.nodes
        nodes = [each["Resources"].get(kind, 0) for each in known() if each["Alive"]]
        self._most, self._threads = shared_out([int(each) for each in nodes], self._setup)
        if not self._most:
            raise StoppedError(f"the cluster has no {kind}")
        self._joined = True

    def _leave(self) -> None:
        """Let go of all workers, and of the cluster."""
        import ray

        for worker in [*self._idle, *self._asked.values()]:
            with suppress(Exception):
                ray.kill(worker.actor)
        self._idle.clear()
        self._asked.clear()
        if self._joined:
            with suppress(Exception):
                ray.shutdown()
        self._joined = False

    def _do_without(self, why: str) -> None:
        self._leave()
        self._setup.say(
            f"warning: Ray did not start in {TRIES} tries ({why}): processes of this machine do "
            "the work"
        )
        self._instead = Processes(self._setup)


class _Board:
    """The tasks of a job: which wait, which are not done yet, how often each was lost."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.waiting = deque(sorted(job.tasks, key=lambda task: -task.steps))
        self.left = {task.name for task in job.tasks}
        self.attempts: Counter[str] = Counter()
        self.took: list[float] = []
        self._doubled: set[str] = set()
        self._files: dict[str, Any] = {}

    def may_double(self, task: Task) -> bool:
        """Say whether a late task is to be begun once more, which happens once."""
        if task.name not in self.left or task.name in self._doubled:
            return False
        self._doubled.add(task.name)
        return True

    def is_first(self, task: Task, done: Done) -> bool:
        """Take note of what was done; say whether it was not done before.

        Raises:
            IntegrityError: it was, and came out differently.
        """
        if task.name not in self.left:
            if self._files.get(task.name, done.files) != done.files:
                raise IntegrityError(
                    f"task '{task.name}' of stage '{task.stage}' was done twice and came out "
                    "differently: the machines do not compute alike."
                )
            return False
        self.left.remove(task.name)
        self.took.append(done.seconds)
        self._files[task.name] = done.files
        self.waiting = deque(each for each in self.waiting if each.name != task.name)
        return True


def shared_out(nodes: list[int], setup: Setup) -> tuple[int, int]:
    """Return how many workers there are at most and how many processors each computes with.

    ``nodes`` are the processors of each machine, or its GPUs, each of which makes one worker.
    """
    total = sum(nodes)
    most = min(setup.workers or total, total)
    if setup.gpu or not most:
        return most, 1
    fitting = (n for n in range(total, 0, -1) if sum(node // n for node in nodes) >= most)
    return most, next(fitting)


def _starting(setup: Setup) -> dict[str, Any]:
    """Return how a cluster of this machine is started: it is seen from here only, and silent."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    return {
        "address": "local",
        "num_cpus": max(cores(), setup.workers or 1),
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE,
        "_node_ip_address": "127.0.0.1",
        **_QUIET,
    }


def _check_reached(address: str) -> None:
    """Ask whether anything listens at HOST:PORT, for which Ray itself waits for many minutes.

    Raises:
        OSError: nothing does.
    """
    place = re.fullmatch(r"(?:ray://)?([^/:]+):(\d+)", address)
    if place is not None:
        socket.create_connection((place[1], int(place[2])), REACH).close()


def _joining(address: str) -> dict[str, Any]:
    return {"address": address, **_QUIET}


_QUIET = {"log_to_driver": False, "logging_level": "error"}


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what SIGTERM and SIGINT do as it is: Ray would end the program by itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in kept.items():
            signal.signal(each, handler)


def _reason(error: Exception) -> str:
    """Return the kind of an error and the first line of what it says."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0][:200]}" if said else type(error).__name__
