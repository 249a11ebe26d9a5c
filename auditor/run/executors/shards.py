"""One of several jobs that share a run: each does its part of the tasks, the first also the rest.

For batch systems, where N jobs run the same command on one file system. A task belongs to the job
that is the CRC-32 of its name modulo N. The first job waits for the tasks of the others and puts
them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from auditor.config.running import Share
from auditor.run.mirror import mirror_of
from auditor.run.tasks import Done, Executor, Job, Task, is_done
from auditor.run.waiting import wait_for


@dataclass(frozen=True)
class Shards:
    """Does this job's part by another executor; the first job waits until the others did theirs."""

    share: Share
    part: Executor
    say: Callable[[str], object]

    def __call__(self, job: Job) -> Iterator[Done]:
        """Do this job's tasks; the first job yields all that it did."""
        mine = [task for task in job.tasks if self._mine(task)]
        if mine:
            yield from self.part(replace(job, tasks=mine))
        if self.share.leads:
            left = [task for task in job.tasks if not self._mine(task)]
            wait_for(lambda: self._arrived(job, left), self.say)

    def close(self) -> None:
        """Let go of what the executor of this job's part holds."""
        self.part.close()

    def _mine(self, task: Task) -> bool:
        return self.share.owner(task.name) == self.share.index

    def _arrived(self, job: Job, left: list[Task]) -> str:
        """Take what has arrived off the list; return what is waited for, nothing at the end."""
        if left and (mirror := mirror_of(job.run)) is not None:
            mirror.look((job.run / left[0].folder).parent)
        for task in [task for task in left if is_done(job.run, task)]:
            left.remove(task)
            job.moved(task.name, task.steps)
        if not left:
            return ""
        others = sorted({self.share.owner(task.name) for task in left})
        named = ", ".join(f"{each}/{self.share.count}" for each in others[:5])
        return f"{len(left)} tasks of stage '{left[0].stage}', of the jobs with --shard {named}"
