"""Tasks for tests of executors: a workplace that is an empty folder, and work that misbehaves."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from auditor.run.executors import Setup
from auditor.run.tasks import Job, Task


def tasks_of(names: Sequence[str]) -> list[Task]:
    return [Task("stage", name, {}, "0" * 64) for name in names]


def job_of(run: Path, names: Sequence[str], work: Any) -> Job:
    return Job(run, tasks_of(names), work, None, lambda _name, _steps: None)


def setup_of(folder: Path, said: list[str], workers: int = 2) -> Setup:
    """Return what an executor is made of whose workplace is ``folder``."""
    return Setup(partial(place_of, folder), workers, said.append)


def place_of(folder: Path, threads: int) -> Path:
    return folder


def length(place: Path, task: Task, step: Any) -> np.ndarray:
    """Return an array that depends on the task alone."""
    return np.arange(len(task.name))


def where(place: Path, task: Task, step: Any) -> np.ndarray:
    """Leave a file named after the node of Ray that does it."""
    import ray

    time.sleep(0.5)
    (place / f"{ray.get_runtime_context().get_node_id()}.{task.name}").touch()
    return length(place, task, step)


def slow_once(place: Path, task: Task, step: Any) -> np.ndarray:
    """Take a minute over the task 'slow', and one second when it is begun again; 5 over 'last'."""
    if task.name == "slow":
        time.sleep(60 if first(place, task) else 1)
    time.sleep(5 if task.name == "last" else 0)
    return length(place, task, step)


def another_twice(place: Path, task: Task, step: Any) -> np.ndarray:
    """Give another record of the task 'slow' when it is begun again, before the first is done."""
    begun_first = task.name == "slow" and first(place, task)
    time.sleep({"slow": 6 if begun_first else 1, "last": 15}.get(task.name, 0))
    return length(place, task, step) + begun_first


def ends_worker(place: Path, task: Task, step: Any) -> np.ndarray:
    """End the process at the task 'poison'."""
    if task.name == "poison":
        os._exit(7)
    return length(place, task, step)


def first(place: Path, task: Task) -> bool:
    """Say whether this is the first time that a task is begun."""
    try:
        (place / task.name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
