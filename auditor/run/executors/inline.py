"""The executor of one process: it does every task here, in the order of the plan."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from auditor.run.executors import EXECUTORS, Setup
from auditor.run.tasks import Done, Job, perform


@EXECUTORS.register("inline")
class Inline:
    """Does the tasks in this process."""

    def __init__(self, setup: Setup) -> None:
        """Need nothing: the workplace of this process comes with the job."""

    def __call__(self, job: Job) -> Iterator[Done]:
        """Do the tasks one after the other."""
        for task in job.tasks:
            yield perform(job.run, job.here, task, job.work, partial(job.moved, task.name))

    def close(self) -> None:
        """Let go of nothing."""
