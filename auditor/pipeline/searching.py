"""The search for shortcuts as a stage of an audit: its classes are tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from auditor.base.progress import Step
from auditor.causal.by_class import NEEDS, OF_CLASSES
from auditor.causal.search import find_shortcuts, steps_of
from auditor.pipeline.context import Context
from auditor.pipeline.workplace import Workplace, search_of
from auditor.records.stages import ShortcutReport
from auditor.report.sections.analysis import LayerAnalysis
from auditor.run.codec import load_record
from auditor.run.folder import STAGES
from auditor.run.tasks import Task, each, inputs_of, record_of


def shortcuts_of(context: Context, last: LayerAnalysis) -> ShortcutReport | None:
    """Return the clever-Hans candidates, None where none are asked for; ``last`` is their layer."""
    if not context.config.shortcuts.enabled:
        return None

    def make(step: Step) -> ShortcutReport:
        search = search_of(context, last, step)
        place = Workplace(context, search=search)
        return find_shortcuts(search, stage=place.stage, classes=_classes(place, last, step))

    return context.once(
        "shortcuts",
        "clever-Hans candidates",
        make,
        reads=_reads(last),
        steps=steps_of(context.outputs),
        tasks=tuple(OF_CLASSES),
    )


def help_search(context: Context, last: LayerAnalysis) -> None:
    """Do this job's part of the search, which another job puts together."""
    if not context.config.shortcuts.enabled:
        return
    with context.progress.stage("clever-Hans candidates", None, context.place("shortcuts")) as step:
        place = Workplace(context, search=search_of(context, last, step))
        classes = _classes(place, last, step)
        for name in OF_CLASSES:
            if name in NEEDS:
                classes.keep(NEEDS[name], _not_here)
            classes.each(name, place.stage.searched)


def of_class(place: Workplace, task: Task, step: Step) -> Any:
    """Do what the stage of a task does of a class."""
    kept = InRun(place, {}, step)
    return OF_CLASSES[task.stage](place.stage, task.asked["output"], kept)


class InRun:
    """Has the classes done by the audit's executor, and keeps what it finds in the run folder."""

    def __init__(self, place: Workplace, reads: Mapping[str, Any], step: Step) -> None:
        self._place, self._reads, self._step = place, reads, step
        self._run = place.opened.run

    def plan(self, name: str) -> Any:
        """Return what was put together of all classes."""
        return load_record(self._run.path / STAGES / _stage(name), {})

    def of(self, name: str, output: int, shared: Mapping[str, Any]) -> Any:
        """Return the record of a class, with ``shared`` objects where it names them."""
        return record_of(self._run.path, _task(name, output, {}), shared)

    def each(self, name: str, outputs: Sequence[int]) -> None:
        """Do the work of a stage for those classes for which it was not done."""
        reads = dict(self._reads)
        if name in NEEDS:
            reads["plan"] = self._run.digest(_stage(NEEDS[name]))
        tasks = [_task(name, output, reads) for output in outputs]
        each(self._run, tasks, of_class, self._place.opened.executor, self._place, self._step)

    def keep(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what was put together of all classes, made now where it is not there yet."""
        return self._run.once(_stage(name), self._reads, make)


def _classes(place: Workplace, last: LayerAnalysis, step: Step) -> InRun:
    return InRun(place, place.context.inputs(_reads(last)), step)


def _reads(last: LayerAnalysis) -> list[str]:
    return ["relevance", last.stage]


def _task(name: str, output: int, reads: Mapping[str, Any]) -> Task:
    asked = {"output": output}
    return Task(name, f"class-{output:04d}", asked, inputs_of(reads, asked))


def _stage(name: str) -> str:
    return f"search-{name}"


def _not_here() -> Any:
    raise AssertionError("the job that leads makes this")
