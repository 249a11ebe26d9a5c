"""What every stage of an audit works with, and the one way in which a stage runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from auditor.base.progress import Progress, Step
from auditor.config.audit import Config
from auditor.records.accounting import accounts
from auditor.records.stages import Samples
from auditor.relevance.explainer import Explainer
from auditor.report.show.picture_store import ImageStore
from auditor.run.folder import RunFolder
from auditor.subject import Subject

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Opened:
    """An audit that is ready to begin: model, data, engine, layers, and the folder of its run."""

    config: Config
    subject: Subject
    explainer: Explainer
    layers: tuple[str, ...]
    run: RunFolder
    progress: Progress

    def stage(
        self,
        name: str,
        title: str,
        make: Callable[[Step], T],
        *,
        inputs: Mapping[str, Any],
        steps: int | None = None,
        besides: Collection[str] = (),
    ) -> T:
        """Return the record of a stage, made now unless the run holds it for the same inputs.

        ``title`` is what the user reads while it is made, in ``steps`` of which ``make`` is given
        the counter; ``besides`` are files that the stage writes itself.
        """

        def work() -> T:
            with self.progress.stage(title, steps) as step:
                return make(step)

        return self.run.once(name, inputs, work, besides=besides)


@dataclass(frozen=True, eq=False)
class Context(Opened):
    """An audit after its pass over the data: every later stage is given this whole.

    ``outputs`` are the classes audited in depth; pictures are drawn into ``store``.
    """

    samples: Samples
    outputs: tuple[int, ...]
    store: ImageStore

    def once(
        self,
        name: str,
        title: str,
        make: Callable[[Step], T],
        *,
        reads: Sequence[str],
        steps: int | None = None,
    ) -> T:
        """Run a stage that reads other stages, by their names, and the audited classes.

        Raises:
            IntegrityError: the pictures used and set aside are no longer all that was found.
        """
        digests = {stage: self.run.digest(stage) for stage in reads}
        inputs = {**digests, "outputs": self.outputs}
        record = self.stage(name, title, make, inputs=inputs, steps=steps)
        accounts(self.samples)
        return record
