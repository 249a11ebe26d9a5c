"""What is searched, which every step is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from auditor.base.streams import stream
from auditor.causal.probe import Probe
from auditor.config.audit import ShortcutConfig
from auditor.records.stages import LayerRelevance, Samples
from auditor.shortcuts.propose.proposals import chosen_proposals

Leading = Mapping[int, tuple[str, tuple[int, ...]]]


def _silent(steps: int) -> None:
    """Report progress to nobody."""


@dataclass(frozen=True, eq=False)
class Search:
    """A search for shortcuts: the model, the data, and what is asked.

    ``samples`` is what the pass found; its ``discovery`` marks the half on which regions are
    chosen. ``leading`` gives per output the layer and the concepts whose regions are proposed,
    ``outputs`` the audited classes. ``relevance`` is that by concept at the layer of ``leading``,
    which the proposals by concept and a part of the columns read; without it they do not run, and
    the report says so. Every random choice starts from ``seed``: same inputs, same report.
    ``progress`` is told of steps that are done: `auditor.causal.search.steps_of` in all.
    """

    probe: Probe
    samples: Samples
    leading: Leading
    outputs: tuple[int, ...]
    config: ShortcutConfig
    seed: int
    relevance: LayerRelevance | None = None
    progress: Callable[[int], object] = _silent

    def about(self, output: int) -> Search:
        """Return the search of one of several labels: it is present, or absent.

        Model and samples then have two answers, so that all that is asked of a class is asked of
        the label: a decision changes where its logit crosses the threshold.
        """
        probe = replace(self.probe, explainer=self.probe.explainer.about(output))
        return replace(self, probe=probe, samples=self.samples.about(output))

    @property
    def several(self) -> bool:
        """Say whether pictures have several labels, each asked by itself."""
        return self.samples.manifest.several is not None

    @property
    def proposals(self) -> list[str]:
        """The names of what candidates are proposed from, in their order."""
        return chosen_proposals(self.config.proposals)

    def rng(self, purpose: str, *names: str | int) -> np.random.Generator:
        """Return the random generator of a choice, by what is chosen and for what."""
        return stream(self.seed, purpose, *names)

    def class_name(self, output: int) -> str:
        """Return the name of a class."""
        return self.samples.manifest.classes[output]
