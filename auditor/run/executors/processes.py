"""The executor of several processes on one machine: each has its own model, and its own faults.

Processes are spawned, never forked: after any relevance was computed, autograd does not work in a
fork. A worker that is killed costs the task that it was doing, which another one begins again.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from auditor.base.errors import StoppedError
from auditor.base.system import interrupts_held
from auditor.run.executors import EXECUTORS, Setup
from auditor.run.tasks import Done, Job, Task, perform

# Workers that may die of one task, or run out of memory with it.
TRIES = 3
# The exit code of a worker whose memory ran short: that of the system for want of memory.
SHORT = 12
# Seconds that a worker is given to end by itself.
PATIENCE = 5.0


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, eq=False)
class Worker:
    """A process that waits for tasks at the other end of a connection."""

    process: BaseProcess
    connection: Connection

    def stop(self, *, busy: bool) -> None:
        """End the process: at once where it does a task, else it ends by itself."""
        self.connection.close()
        if busy:
            self.process.terminate()
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


@EXECUTORS.register("processes")
class Processes:
    """Does tasks in processes of this machine, which are kept for the whole audit."""

    def __init__(self, setup: Setup) -> None:
        self._open = setup.elsewhere
        self._workers = setup.workers or cores()
        self._say = setup.say
        self._idle: list[Worker] = []
        self._busy: dict[Connection, tuple[Worker, Task]] = {}

    def __call__(self, job: Job) -> Iterator[Done]:
        """Do the tasks, begun in the order of the plan.

        Raises:
            StoppedError: a task ended every worker that tried it.
        """
        waiting = deque(job.tasks)
        attempts: Counter[str] = Counter()
        cuts: Counter[str] = Counter()
        while waiting or self._busy:
            while waiting and len(self._busy) < self._workers:
                task = waiting.popleft()
                self._begin(job, task, cuts[task.name])
            for connection in wait(list(self._busy)):
                assert isinstance(connection, Connection)
                worker, task = self._busy[connection]
                try:
                    kind, value = connection.recv()
                except (EOFError, ConnectionError):
                    attempts[task.name] += 1
                    self._lost(worker, task, attempts[task.name])
                    # The first time nobody knows whose fault it was, unless the worker said so.
                    short = worker.process.exitcode == SHORT or attempts[task.name] > 1
                    cuts[task.name] += short
                    waiting.appendleft(task)
                    continue
                if kind == "moved":
                    job.moved(task.name, value)
                    continue
                del self._busy[connection]
                self._idle.append(worker)
                if kind == "failed":
                    raise rebuilt(*value)
                yield replace(value, attempts=1 + attempts[task.name])

    def close(self) -> None:
        """End all workers."""
        for worker in self._idle:
            worker.stop(busy=False)
        for worker, _task in self._busy.values():
            worker.stop(busy=True)
        self._idle.clear()
        self._busy.clear()

    def _begin(self, job: Job, task: Task, cut: int) -> None:
        while True:
            worker = self._idle.pop() if self._idle else self._started()
            try:
                worker.connection.send((job.run, task, job.work, cut))
            except (BrokenPipeError, ConnectionError):  # it died while it had nothing to do
                worker.stop(busy=False)
                continue
            self._busy[worker.connection] = worker, task
            return

    def _started(self) -> Worker:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        threads = max(1, cores() // self._workers)
        process = context.Process(target=serve, args=(there, self._open, threads), daemon=True)
        # Ctrl-C reaches every process of a terminal: only this one is to act on it.
        with interrupts_held():
            process.start()
        there.close()
        return Worker(process, here)

    def _lost(self, worker: Worker, task: Task, attempts: int) -> None:
        del self._busy[worker.connection]
        worker.stop(busy=True)
        how = _ended(worker.process.exitcode)
        if attempts >= TRIES:
            raise StoppedError(
                f"task '{task.name}' of stage '{task.stage}' ended {attempts} worker processes "
                f"({how}). Where memory ran short, set fewer workers or a smaller audit.batch; "
                "then run the same command again: it goes on from here."
            )
        self._say(f"a worker process ended ({how}): task '{task.name}' is begun again")


def serve(connection: Connection, open_place: Callable[[int], Any], threads: int) -> None:
    """Do the tasks that come over a connection until it is closed: what a worker process runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    place = None
    while True:
        try:
            run, task, work, cut = connection.recv()
        except EOFError:
            return
        try:
            if place is None:
                place = open_place(threads)
            done = perform(run, place, task, work, lambda n: connection.send(("moved", n)), cut=cut)
        except MemoryError:
            os._exit(SHORT)  # what it holds is not to be relied on: another one begins the task
        except Exception as error:
            with suppress(BrokenPipeError):
                connection.send(("failed", sendable(error)))
        else:
            connection.send(("done", done))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def sendable(error: Exception) -> tuple[type[Exception], tuple[Any, ...], str]:
    """Return an error's kind, arguments and trace; of one that cannot be sent what it says."""
    trace = traceback.format_exc()
    try:
        pickle.loads(pickle.dumps((type(error), error.args)))  # noqa: S301 - made right here
    except Exception:
        return RuntimeError, (f"{type(error).__name__}: {error}",), trace
    return type(error), error.args, trace


def rebuilt(kind: type[Exception], arguments: tuple[Any, ...], trace: str) -> Exception:
    """Return an error of a worker as it was raised there, without running its constructor."""
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.add_note(trace)
    return error


def _ended(code: int | None) -> str:
    if code == SHORT:
        return "its memory ran short"
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"by {signal.Signals(-code).name}"
    return f"exit code {code}"
