"""Where tasks are done: an audit opened in this process, or again in another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch
from threadpoolctl import threadpool_limits

from auditor.base.errors import IntegrityError
from auditor.base.progress import Place, Step
from auditor.causal.context import Search
from auditor.causal.images import Stage
from auditor.causal.probe import Probe
from auditor.causal.search import stage_of
from auditor.config.audit import Config
from auditor.pipeline.context import Context, Opened, context_of
from auditor.pipeline.device_class import device_class
from auditor.pipeline.identity import model_identity
from auditor.pipeline.opening import audited_layers, make_explainer
from auditor.pipeline.plugins import load_plugins
from auditor.records.stages import LayerRelevance, Samples
from auditor.relevance.sweep.numerics import exact, keep_memory
from auditor.report.sections.analysis import LayerAnalysis
from auditor.run.codec import load_record
from auditor.run.executors import EXECUTORS, Setup
from auditor.run.executors.shards import Shards
from auditor.run.folder import STAGES, RunFolder
from auditor.run.mirror import mirror_of, mirrored
from auditor.run.tasks import Done, Executor, Job, Records, Task, Work, each
from auditor.subject import Subject, load_subject

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Workplace:
    """What tasks work with; ``entered`` holds the settings that a process of its own keeps to.

    ``search`` is that for shortcuts, where it is known already.
    """

    opened: Opened
    entered: ExitStack | None = None
    search: Search | None = None

    @cached_property
    def context(self) -> Context:
        """What the stages after the pass over the data are given."""
        if isinstance(self.opened, Context):
            return self.opened
        samples, _ = self._pass
        return context_of(self.opened, samples)

    @property
    def layers(self) -> tuple[LayerRelevance, ...]:
        """The relevance of every audited layer, as the run folder holds it."""
        return self._pass[1]

    @cached_property
    def stage(self) -> Stage:
        """The stage of the search for shortcuts."""
        return stage_of(self.search or self._search_again())

    @cached_property
    def _pass(self) -> tuple[Samples, tuple[LayerRelevance, ...]]:
        found: tuple[Samples, tuple[LayerRelevance, ...]] = self._read("relevance")
        return found

    def _search_again(self) -> Search:
        """Return the search of an audit as its run folder knows it, in another process."""
        name = f"concepts-{len(self.layers) - 1}"
        last = LayerAnalysis(name, self.layers[-1], *self._read(name))
        return search_of(self.context, last, lambda _: None)

    def _read(self, stage: str) -> Any:
        return load_record(self.opened.run.path / STAGES / stage)


def search_of(context: Context, last: LayerAnalysis, step: Step) -> Search:
    """Return the search of an audit at the layer ``last``; ``step`` is told of its progress."""
    outputs = context.outputs
    return Search(
        Probe(context.explainer, context.subject),
        context.samples,
        {output: (last.layer.layer, last.leading.get(output, ())) for output in outputs},
        tuple(outputs),
        context.config.shortcuts,
        seed=context.config.audit.seed,
        relevance=last.layer,
        progress=step,
    )


def in_tasks(
    place: Workplace,
    name: str,
    title: str,
    tasks: Sequence[Task],
    work: Work,
    put_together: Callable[[Records], T],
    *,
    inputs: Mapping[str, Any],
) -> T:
    """Return the record of a stage that is put together of those of its tasks.

    A task is done unless the run holds it for what it reads and is asked; ``work`` as in
    `auditor.run.tasks.each`. ``title`` is what the user reads meanwhile. What is returned is read
    from the run folder, so that what is put together may consist of `Stacked` arrays.
    """
    run = place.opened.run
    do_tasks(place, name, title, tasks, work, inputs=inputs)
    records = Records(run.path, tasks)
    stages = dict.fromkeys(task.stage for task in tasks)
    run.once(name, inputs, lambda: put_together(records), tasks=list(stages))
    found: T = load_record(run.path / STAGES / name)
    return found


def do_tasks(
    place: Workplace,
    name: str,
    title: str,
    tasks: Sequence[Task],
    work: Work,
    *,
    inputs: Mapping[str, Any],
) -> None:
    """Do this job's part of the tasks of a stage, unless that is done; arguments of `in_tasks`."""
    run, executor = place.opened.run, place.opened.executor
    lacking = run.lacking(name, inputs)
    if lacking is None or lacking:
        steps, where = sum(task.steps for task in tasks), place.opened.place(name)
        with place.opened.progress.stage(title, steps, where) as step:
            each(run, tasks, work, executor, place, step)


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """Opens an audit again in another process, without reading the data.

    ``contents`` is what each row held when the audit began. ``address``: where the folder of runs
    lies, if not on this machine.
    """

    config: Config
    base: Path
    run: RunFolder
    contents: tuple[str, ...]
    address: str | None = None

    def __call__(self, threads: int) -> Workplace:
        """Return the workplace of this process, which computes with so many threads.

        Raises:
            IntegrityError: model or machine are not those that the run was begun with.
        """
        if self.address is not None:
            mirrored(self.address, self.run.path.parent).fetch_run(self.run.path)
        keep_memory()
        torch.set_num_threads(threads)
        entered = ExitStack()
        entered.enter_context(threadpool_limits(threads))
        load_plugins(self.config, self.base)
        subject = load_subject(self.config, self.base, self.contents)
        explainer = make_explainer(self.config, subject)
        begun = self.run.manifest()["identity"]
        for part, found in (
            ("model", model_identity(subject, explainer)),
            ("device", device_class(subject.device)),
        ):
            if begun[part] != found:
                raise IntegrityError(
                    f"the {part} of a worker is not that which the run was begun with ({found} "
                    f"where it was {begun[part]}): all workers need the same."
                )
        entered.enter_context(exact(subject.device))
        layers = audited_layers(self.config, explainer)
        opened = Opened(self.config, subject, explainer, layers, self.run, Silence(), Nobody())
        return Workplace(opened, entered)


class Silence:
    """Progress that nobody is told of."""

    @contextmanager
    def stage(self, title: str, total: int | None = None, place: Place = None) -> Iterator[Step]:
        """Begin a stage."""
        yield _silent

    def say(self, text: str) -> None:
        """Say nothing."""


def _silent(_: object) -> None:
    """Say nothing."""


class Nobody:
    """The executor of a task, which has no tasks of its own."""

    def __call__(self, job: Job) -> Iterator[Done]:
        """Do nothing."""
        raise AssertionError("a task cannot be made of tasks")

    def close(self) -> None:
        """Let go of nothing."""


@contextmanager
def executor_of(
    config: Config, base: Path, subject: Subject, run: RunFolder, say: Callable[[str], object]
) -> Iterator[Executor]:
    """Give the executor that a config names, until the block ends."""
    quiet = RunFolder(run.path.absolute(), run.key, run.created)
    mirror = mirror_of(run.path)
    address = mirror.address if mirror is not None else None
    elsewhere = Elsewhere(config, base.absolute(), quiet, subject.contents, address)
    setup = Setup(elsewhere, config.run.workers, say, gpu=subject.device.type == "cuda")
    executor = EXECUTORS[config.run.executor](setup)
    if config.run.shard is not None:
        executor = Shards(config.run.share, executor, say)
    try:
        yield executor
    finally:
        executor.close()
