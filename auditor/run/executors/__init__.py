"""Who does the tasks of an audit: this process, processes beside it, or a user's own executor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from auditor.base.registry import Registry
from auditor.run.tasks import Executor


@dataclass(frozen=True)
class Setup:
    """What an executor is made of.

    ``elsewhere``, which another process can import, builds a workplace that computes with so many
    threads. ``workers``: how many were asked for, None: as many as fit. ``say`` tells the user a
    line. ``gpu``: each worker needs one.
    """

    elsewhere: Callable[[int], Any]
    workers: int | None
    say: Callable[[str], object]
    gpu: bool = False


EXECUTORS: Registry[Callable[[Setup], Executor]] = Registry("executor", __name__, group="executors")
