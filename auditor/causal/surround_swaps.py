"""Swap surrounds: objects of other classes on plates of a class, and its objects on theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from auditor.causal.images import Stage
from auditor.causal.surrounds import Apart, laid_on
from auditor.causal.transplant import Transplanted
from auditor.causal.trial import LEAST_IMAGES
from auditor.language.speaking import N_

THIRD_CLASS = N_("the surroundings of a third class")
SAME_CLASS = N_("the surroundings of another picture of its own class")
# Plates that make a choice.
LEAST_PLATES = 4
# Composed images in a batch.
AT_ONCE = 128


@dataclass(frozen=True, eq=False)
class Sides:
    """A class and what its surrounds are swapped with.

    ``own`` are members of both halves; ``plates``, of ``own``, are of the discovery half and
    ``objects`` of the test half. ``others`` and ``targets`` are images of all classes, of the
    discovery half and of the test half; ``other_plates``, of ``others``, are of other classes.
    """

    output: int
    own: Apart
    others: Apart
    targets: Apart
    plates: Int[np.ndarray, "plate"]
    objects: Int[np.ndarray, "object"]
    other_plates: Int[np.ndarray, "other_plate"]

    @property
    def enough(self) -> bool:
        """Say whether there are plates of the class and of another one."""
        return len(self.plates) >= LEAST_PLATES and bool(plated_classes(self))


@dataclass(frozen=True, eq=False)
class Swapped:
    """Objects of other classes on plates of a class, and on those of each control.

    ``chosen`` are positions in ``objects``, ``plates`` in the class's own, ``controls`` in the
    others.
    """

    objects: Apart
    chosen: Int[np.ndarray, "target"]
    plates: Int[np.ndarray, "target slot"]
    controls: Mapping[str, Int[np.ndarray, "target slot"]]
    result: Transplanted


def sides_of(stage: Stage, output: int, own: Apart, others: Apart, targets: Apart) -> Sides:
    """Return a class beside the others."""
    discovery = stage.samples.discovery[own.rows]
    return Sides(
        output,
        own,
        others,
        targets,
        plates=np.flatnonzero(discovery & own.plated),
        objects=np.flatnonzero(~discovery),
        other_plates=np.flatnonzero(others.plated & (others.labels != output)),
    )


def targets_in(stage: Stage, objects: Apart, output: int) -> Int[np.ndarray, "target"]:
    """Return the objects whose label and decision are not ``output``, none if they are too few."""
    decided = stage.samples.prediction[objects.rows]
    found = np.flatnonzero((objects.labels != output) & (decided != output))
    return found if len(found) >= LEAST_IMAGES else found[:0]


def plated_classes(sides: Sides) -> list[int]:
    """Return the other classes with plates to choose from, those with most first."""
    labels, counts = np.unique(sides.others.labels[sides.other_plates], return_counts=True)
    order = np.lexsort((labels, -counts))
    return [int(labels[at]) for at in order if counts[at] >= LEAST_PLATES]


def swap(
    stage: Stage,
    sides: Sides,
    objects: Apart,
    chosen: Int[np.ndarray, "target"],
    slots: int,
    rng: np.random.Generator,
) -> Swapped:
    """Lay the chosen objects on plates of the class, of third classes, and of their own class.

    A target never meets its own plate. Where a control has no plate for it, any other plate that is
    not of the class serves.
    """
    shape = (len(chosen), slots)
    given = rng.choice(sides.plates, size=shape)
    controls = {}
    for name in (THIRD_CLASS, SAME_CLASS):
        drawn = [
            rng.choice(_fitting(sides, objects, int(target), name), size=slots) for target in chosen
        ]
        controls[name] = np.array(drawn, dtype=int).reshape(shape)
    logits = {
        name: on_plates(stage, objects, chosen, sides.others.plates, drawn)
        for name, drawn in controls.items()
    }
    region = on_plates(stage, objects, chosen, sides.own.plates, given)
    return Swapped(objects, chosen, given, controls, Transplanted(region, logits))


def on_plates(
    stage: Stage,
    objects: Apart,
    chosen: Int[np.ndarray, "object"],
    plates: Float[Tensor, "plate 3 h w"],
    drawn: Int[np.ndarray, "object slot"],
) -> Float[np.ndarray, "object slot output"]:
    """Return the logits of each chosen object on the plates that were drawn for it."""
    count, slots = drawn.shape
    step = max(1, AT_ONCE // max(1, slots))
    parts = []
    for start in range(0, count, step):
        at = slice(start, start + step)
        under = plates[torch.from_numpy(drawn[at].ravel())]
        parts.append(stage.probe.predict(laid_on(objects, np.repeat(chosen[at], slots), under)))
    return np.concatenate(parts).reshape(count, slots, -1)


def _fitting(
    sides: Sides, objects: Apart, target: int, name: str
) -> Int[np.ndarray, "other_plate"]:
    """Return the plates of others that a control may lay a target on."""
    usable = sides.other_plates
    other_picture = usable[sides.others.rows[usable] != objects.rows[target]]
    same = sides.others.labels[other_picture] == objects.labels[target]
    fits = other_picture[same if name == SAME_CLASS else ~same]
    return fits if len(fits) else usable
