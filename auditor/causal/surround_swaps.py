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
NO_SURROUND = N_("plain grey, where another class has the same surroundings")
# Plates that make a choice.
LEAST_PLATES = 4
# A class with more than this part of its plates like those of another one shares its surroundings.
SHARING = 0.2
# What is nothing's colour, of 255.
GREY = 128
# Composed images in a batch.
AT_ONCE = 128


@dataclass(frozen=True, eq=False)
class Sides:
    """A class and what its surrounds are swapped with.

    ``own`` are members of both halves; ``plates``, of ``own``, are of the discovery half and
    ``objects`` of the test half. ``others`` and ``targets`` are images of all classes, of the
    discovery half and of the test half; ``other_plates``, of ``others``, are of other classes and
    look otherwise than the class's own; ``shared`` others do not.
    """

    output: int
    own: Apart
    others: Apart
    targets: Apart
    plates: Int[np.ndarray, "plate"]
    objects: Int[np.ndarray, "object"]
    other_plates: Int[np.ndarray, "other_plate"]
    shared: Int[np.ndarray, "shared_plate"]

    @property
    def controls(self) -> tuple[str, ...]:
        """The controls that apply.

        Where more than `SHARING` of another class's plates look like the class's own, those that
        are left may all be of one surround that draws what is laid on it; grey draws nothing.
        """
        every = np.concatenate([self.other_plates, self.shared])
        sharing = any(
            np.isin(plates, self.shared).mean() > SHARING
            for plates in self._by_class(every).values()
        )
        return (THIRD_CLASS, SAME_CLASS, NO_SURROUND) if sharing else (THIRD_CLASS, SAME_CLASS)

    def _by_class(self, plates: Int[np.ndarray, "plate"]) -> dict[int, np.ndarray]:
        """Return the plates of each class that has enough of them, the class with most first."""
        labels, counts = np.unique(self.others.labels[plates], return_counts=True)
        order = np.lexsort((labels, -counts))
        return {
            int(labels[at]): plates[self.others.labels[plates] == labels[at]]
            for at in order
            if counts[at] >= LEAST_PLATES
        }

    @property
    def elsewhere(self) -> dict[int, Int[np.ndarray, "other_plate"]]:
        """The plates of each class that has enough to choose from, the class with most first."""
        return self._by_class(self.other_plates)

    @property
    def enough(self) -> bool:
        """Say whether there are plates of the class and of another one."""
        return len(self.plates) >= LEAST_PLATES and bool(self.elsewhere)

    @property
    def indistinct(self) -> bool:
        """Say whether there are plates of another class only among those that look like its own."""
        every = np.concatenate([self.other_plates, self.shared])
        return len(self.plates) >= LEAST_PLATES and bool(self._by_class(every)) > self.enough


@dataclass(frozen=True, eq=False)
class Swapped:
    """Objects of other classes on plates of a class, and on those of each control.

    ``chosen`` are positions in ``objects``, ``plates`` in the class's own, ``controls`` in the
    others (of `NO_SURROUND`, 0 for its one plate).
    """

    objects: Apart
    chosen: Int[np.ndarray, "target"]
    plates: Int[np.ndarray, "target slot"]
    controls: Mapping[str, Int[np.ndarray, "target slot"]]
    result: Transplanted

    def joined(self, more: Swapped) -> Swapped:
        """Return both sets of targets, one after the other."""
        return Swapped(
            self.objects,
            np.concatenate([self.chosen, more.chosen]),
            np.concatenate([self.plates, more.plates]),
            {
                name: np.concatenate([drawn, more.controls[name]])
                for name, drawn in self.controls.items()
            },
            self.result.joined(more.result),
        )


def sides_of(
    stage: Stage,
    output: int,
    own: Apart,
    others: Apart,
    targets: Apart,
    alike: Int[np.ndarray, "row"],
) -> Sides:
    """Return a class beside the others, of which the rows ``alike`` have surroundings like its own.

    On such a plate an object of another class is where it would be on one of the class's, so
    against it a surround that two classes share would do nothing.
    """
    discovery = stage.samples.discovery[own.rows]
    plated = others.plated & (others.labels != output)
    same = np.isin(others.rows, alike)
    return Sides(
        output,
        own,
        others,
        targets,
        plates=np.flatnonzero(discovery & own.plated),
        objects=np.flatnonzero(~discovery),
        other_plates=np.flatnonzero(plated & ~same),
        shared=np.flatnonzero(plated & same),
    )


def targets_in(stage: Stage, objects: Apart, output: int) -> Int[np.ndarray, "target"]:
    """Return the objects whose label and decision are not ``output``, none if they are too few."""
    decided = stage.samples.prediction[objects.rows]
    found = np.flatnonzero((objects.labels != output) & (decided != output))
    return found if len(found) >= LEAST_IMAGES else found[:0]


def swap(
    stage: Stage,
    sides: Sides,
    objects: Apart,
    chosen: Int[np.ndarray, "target"],
    slots: int,
    rng: np.random.Generator,
) -> Swapped:
    """Lay the chosen objects on plates of the class, and on those of `Sides.controls`.

    A target never meets its own plate. Where a control has no plate for it, any other of
    `Sides.other_plates` serves.
    """
    shape = (len(chosen), slots)
    given = rng.choice(sides.plates, size=shape)
    controls = {}
    for name in sides.controls:
        drawn = [
            np.zeros(slots, dtype=int)
            if name == NO_SURROUND
            else rng.choice(_fitting(sides, objects, int(target), name), size=slots)
            for target in chosen
        ]
        controls[name] = np.array(drawn, dtype=int).reshape(shape)
    logits = {
        name: on_plates(stage, objects, chosen, control_plates(stage, sides, name), drawn)
        for name, drawn in controls.items()
    }
    region = on_plates(stage, objects, chosen, sides.own.plates, given)
    return Swapped(objects, chosen, given, controls, Transplanted(region, logits))


def control_plates(stage: Stage, sides: Sides, name: str) -> Float[Tensor, "plate channel h w"]:
    """Return the plates that a control is drawn from."""
    return grey_plate(stage, sides) if name == NO_SURROUND else sides.others.plates


def grey_plate(stage: Stage, sides: Sides) -> Float[Tensor, "1 channel h w"]:
    """Return a plate without any surround."""
    height, width = sides.others.objects.shape[1:]
    return stage.probe.from_pictures(np.full((1, height, width, 3), GREY, dtype=np.uint8))


def on_plates(
    stage: Stage,
    objects: Apart,
    chosen: Int[np.ndarray, "object"],
    plates: Float[Tensor, "plate channel h w"],
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
    fits: np.ndarray = other_picture[same if name == SAME_CLASS else ~same]
    return fits if len(fits) else other_picture
