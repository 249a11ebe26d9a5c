"""Components of what a class reads of the penultimate layer, and which pictures hold them.

After Neuhaus, Augustin, Boreiko and Hein 2023, "Spurious features everywhere": principal components
of the activations weighed by the class's weights. A component counts by what it adds to the class's
logit. What all pictures of a class have in common varies in none of them, so their whole evidence
comes first, as a component of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from auditor.shortcuts.whole_pictures.modes import otsu

# Components of a class, the one that its pictures share among them.
COMPONENTS = 5


@dataclass(frozen=True, eq=False)
class Component:
    """A component of a class: what it adds to the logit is ``features @ reading + offset``.

    Surroundings hold the component from ``least``
    on: Otsu's threshold between those of the class and of others. ``pattern`` is how activations
    change with one unit of it (their regression on it; Haufe et al. 2014). ``held`` and ``lacked``
    are the medians of pictures of the class and of other classes.
    """

    reading: Float[np.ndarray, "feature"]
    offset: float
    least: float
    pattern: Float[np.ndarray, "feature"]
    held: float
    lacked: float

    def added(self, features: Float[np.ndarray, "picture feature"]) -> Float[np.ndarray, "picture"]:
        """Return what the component adds to the logit of the class in each picture."""
        contributions: np.ndarray = features @ self.reading + self.offset
        return contributions

    def held_by(self, plates: Float[np.ndarray, "plate feature"]) -> Bool[np.ndarray, "plate"]:
        """Say which surroundings hold the component, by the activations of plates."""
        holds: np.ndarray = self.added(plates) >= self.least
        return holds


@dataclass(frozen=True, eq=False)
class Activations:
    """Penultimate activations of pictures, and of plates: pictures whose object is filled in."""

    pictures: Float[np.ndarray, "picture feature"]
    plates: Float[np.ndarray, "plate feature"]


def components_of(
    own: Activations, others: Activations, weight: Float[np.ndarray, "feature"]
) -> list[Component]:
    """Return what the pictures of a class share, then what varies most in what adds to its logit.

    Those that its pictures have no more of than other classes' are left out. ``weight`` is the
    class's in the last linear layer. (Less the mean of all classes' it would name a second class
    for the surroundings that speak for a first one alone: all that lack these.)
    """
    centre = (own.pictures * weight).mean(axis=0)
    _, sizes, axes = np.linalg.svd(own.pictures * weight - centre, full_matrices=False)
    # The sum of the weighed activations is the logit: a component adds its part of that sum.
    sums = axes.sum(axis=1)
    most = np.argsort(-np.abs(sums) * sizes, kind="stable")[: COMPONENTS - 1]
    parts = sums[most, None] * axes[most]
    readings = [(weight, 0.0), *((part * weight, -float(part @ centre)) for part in parts)]
    found = (_component(own, others, *reading) for reading in readings)
    return [each for each in found if each is not None]


def _component(
    own: Activations, others: Activations, reading: Float[np.ndarray, "feature"], offset: float
) -> Component | None:
    features = np.concatenate([own.pictures, others.pictures])
    added = features @ reading + offset
    moved = added - added.mean()
    variance = float((moved**2).mean())
    held, lacked = (float(np.median(each)) for each in np.split(added, [len(own.pictures)]))
    if held <= lacked or variance <= 0:
        return None
    plates = np.concatenate([own.plates, others.plates]) @ reading + offset
    pattern = moved @ (features - features.mean(axis=0)) / (len(features) * variance)
    return Component(reading, offset, otsu(plates), pattern, held, lacked)
