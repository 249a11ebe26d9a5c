"""What every stage of an audit works with, and the one way in which a stage runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from auditor.base.progress import Place, Progress, Step
from auditor.config.audit import Config
from auditor.pipeline.label_stage import confirmed
from auditor.pipeline.opening import audited_outputs
from auditor.pipeline.plan import planned
from auditor.records.accounting import Agreement, accounts
from auditor.records.stages import Samples
from auditor.relevance.explainer import Explainer
from auditor.report.show.picture_store import ImageStore
from auditor.run.folder import RunFolder
from auditor.run.tasks import Executor
from auditor.subject import Subject

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Opened:
    """An audit that is ready to begin: model, data, engine, layers, and the folder of its run.

    ``executor`` does the tasks of its stages.
    """

    config: Config
    subject: Subject
    explainer: Explainer
    layers: tuple[str, ...]
    run: RunFolder
    progress: Progress
    executor: Executor

    def place(self, name: str) -> Place:
        """Return which of the audit's stages one is, and of how many; None of one besides."""
        names = planned(len(self.layers), search=self.config.shortcuts.enabled)
        return (names.index(name) + 1, len(names)) if name in names else None

    def stage(
        self,
        name: str,
        title: str,
        make: Callable[[Step], T],
        *,
        inputs: Mapping[str, Any],
        steps: int | None = None,
        tasks: Sequence[str] = (),
    ) -> T:
        """Return the record of a stage, made now unless the run holds it for the same inputs.

        ``title`` is what the user reads while it is made, in ``steps`` of which ``make`` is given
        the counter; ``tasks`` are stages of tasks that it is made of.
        """

        def work() -> T:
            with self.progress.stage(title, steps, self.place(name)) as step:
                return make(step)

        return self.run.once(name, inputs, work, tasks=tasks)


@dataclass(frozen=True, eq=False)
class Context(Opened):
    """An audit after its pass over the data: every later stage is given this whole.

    ``outputs`` are the classes audited in depth, of which ``left_out`` more have samples; pictures
    are drawn into ``store``. ``agreement`` is what the answers say of how labels met outputs.
    """

    samples: Samples
    outputs: tuple[int, ...]
    left_out: int
    store: ImageStore
    agreement: Agreement

    def once(
        self,
        name: str,
        title: str,
        make: Callable[[Step], T],
        *,
        reads: Sequence[str],
        steps: int | None = None,
        tasks: Sequence[str] = (),
    ) -> T:
        """Run a stage that reads other stages, by their names, and the audited classes.

        Raises:
            IntegrityError: the pictures used and set aside are no longer all that was found.
        """
        inputs = self.inputs(reads)
        record = self.stage(name, title, make, inputs=inputs, steps=steps, tasks=tasks)
        accounts(self.samples)
        return record

    def inputs(self, reads: Sequence[str]) -> dict[str, Any]:
        """Return what a stage is made of that reads other stages and the audited classes."""
        return {stage: self.run.digest(stage) for stage in reads} | {"outputs": self.outputs}


def context_of(opened: Opened, samples: Samples) -> Context:
    """Return what the stages after the pass are given.

    Raises:
        LabelError: how labels met outputs was a guess, and the model's answers do not bear it out.
    """
    subject, agreement = confirmed(opened.subject, samples, opened.progress)
    outputs, left_out = audited_outputs(opened.config, samples)
    return Context(
        **vars(replace(opened, subject=subject)),
        samples=samples,
        outputs=outputs,
        left_out=left_out,
        store=ImageStore(opened.run.images, opened.run.note_picture),
        agreement=agreement,
    )
