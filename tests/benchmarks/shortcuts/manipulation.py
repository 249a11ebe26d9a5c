"""The manipulation check: what the artefact really does to the model, FE*."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int
from torch import nn

from auditor.demo.training import predict
from tests.benchmarks.shortcuts.artefacts import ARTEFACTS
from tests.benchmarks.shortcuts.cases import Plant
from tests.benchmarks.shortcuts.worlds import Half

POSITIVE, NEGATIVE = 0.20, 0.05
Verdict = Literal["positive", "weak", "negative"]


@dataclass(frozen=True)
class Effect:
    """FE* of an artefact for one class: the share of ``n`` clean pictures that it turns.

    ``plant`` is the place of its plant in the case.
    """

    plant: int
    artefact: str
    output: int
    prevalence: float
    fe: float
    n: int

    @property
    def verdict(self) -> Verdict:
        """Positive from `POSITIVE`, negative below `NEGATIVE`, else weak."""
        if self.fe >= POSITIVE:
            return "positive"
        return "negative" if self.fe < NEGATIVE else "weak"


def effects(model: nn.Module, clean: Half, plants: Sequence[Plant], seed: int) -> list[Effect]:
    """Return FE* of every plant and class on audited pictures of other classes, none planted.

    Pictures count whose label and prediction are other than the class; FE* is the share of them
    that the model takes for the class once the artefact is drawn, or gone where it is absent.
    """
    plain = predict(model, clean.images).argmax(axis=1)
    found = []
    for index, plant in enumerate(plants):
        generator = np.random.default_rng([seed, 3, index])
        artefact = ARTEFACTS[plant.artefact]
        drawn = np.stack(
            [clean.drawn(artefact, row, generator)[0] for row in range(len(clean.images))]
        )
        before, after = plain, predict(model, drawn).argmax(axis=1)
        if artefact.absent:
            before, after = after, before
        for output in plant.classes:
            share, n = turned(clean.labels, before, after, output)
            found.append(Effect(index, plant.artefact, output, plant.prevalence, share, n))
    return found


def turned(
    labels: Int[np.ndarray, "picture"],
    before: Int[np.ndarray, "picture"],
    after: Int[np.ndarray, "picture"],
    output: int,
) -> tuple[float, int]:
    """Return which share of how many pictures is taken for ``output`` after and not before.

    Of pictures of other classes that were not taken for it before.
    """
    rows = (labels != output) & (before != output)
    return float((after[rows] == output).mean()) if rows.any() else 0.0, int(rows.sum())
