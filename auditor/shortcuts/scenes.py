"""Members of a class made small for comparing windows, windows in them, and random ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int, UInt8

from auditor.shortcuts.drawn_look import look_maps
from auditor.shortcuts.propose.windows import Shape, summed, sums_in
from auditor.shortcuts.visual_words import words_of

# Comparison groups: percentiles in steps of 4 % are as fine as the limits of the terms ask for.
GROUPS = 24
# Of a class with fewer members no groups are drawn.
LEAST_MEMBERS = 3
# Longest side in pixels: a mark of 1/8 of the picture keeps 8 pixels, and all pairs stay cheap.
LARGEST = 64
# Luminance, red against green, blue against yellow.
CHANNELS = np.array([[1, 1, 1], [1, -1, 0], [-0.5, -0.5, 1]], dtype=np.float32) / 3


@dataclass(frozen=True)
class Scene:
    """Members of one class, shrunk: gradients of `CHANNELS` and smoothed positive relevance.

    ``looks`` are the `drawn_look.MAPS`, ``words`` those of `visual_words`; ``objects`` is the share
    of every pixel that the user's mask of the object covers (None: no masks were given), NaN in
    members without a mask. ``boxes``: these are boxes around the objects.
    """

    gradients: Float[np.ndarray, "member 6 height width"]
    heat: Float[np.ndarray, "member height width"]
    looks: Float[np.ndarray, "member 6 height width"]
    words: Int[np.ndarray, "member height width"]
    objects: Float[np.ndarray, "member height width"] | None = None
    boxes: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.heat.shape[1], self.heat.shape[2]

    def of(self, members: Int[np.ndarray, "chosen"]) -> Scene:
        """Return the scene of some of the members."""
        return Scene(
            self.gradients[members],
            self.heat[members],
            self.looks[members],
            self.words[members],
            None if self.objects is None else self.objects[members],
            self.boxes,
        )

    @cached_property
    def summed(self) -> Float[np.ndarray, "member height_and_1 width_and_1"]:
        """Heat as `summed`, from which the sum in any window is read."""
        return summed(self.heat)


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of one ``shape`` in members of a class: upper left ``corners`` in the ``rows``."""

    scene: Scene
    rows: Int[np.ndarray, "reference"]
    corners: Int[np.ndarray, "reference 2"]
    shape: Shape

    @property
    def cover_the_picture(self) -> bool:
        """Whether the windows are as large as the picture, so that they lie nowhere else."""
        return (self.shape.height, self.shape.width) == self.scene.size

    def most_relevant(self) -> Windows:
        """Return the windows of the same members that hold most relevance."""
        return most_relevant(self.scene, self.rows, self.shape)

    def cut(self, maps: Float[np.ndarray, "member *axes height width"]) -> list[np.ndarray]:
        """Return what each window holds of ``maps``, which has the members of the scene."""
        height, width = self.shape.height, self.shape.width
        return [
            maps[row, ..., top : top + height, left : left + width]
            for row, (top, left) in zip(self.rows, self.corners, strict=True)
        ]


def most_relevant(scene: Scene, rows: Int[np.ndarray, "reference"], shape: Shape) -> Windows:
    """Return the windows of some members that hold most relevance (ties: the first)."""
    sums = sums_in(scene.summed[rows], shape)
    first = sums.reshape(len(rows), -1).argmax(axis=1)
    return Windows(scene, rows, np.stack(np.unravel_index(first, sums.shape[1:]), axis=1), shape)


def scene(
    pictures: UInt8[np.ndarray, "member height width 3"],
    heat: Float[np.ndarray, "member height width"],
    objects: Float[np.ndarray, "member height width"] | None = None,
    *,
    boxes: bool = False,
) -> Scene:
    """Return pictures, heat and masks of objects shrunk to at most `LARGEST` pixels a side."""
    factor = shrinkage(heat.shape[1:])
    colours = np.moveaxis(pictures.astype(np.float32) @ CHANNELS.T, 3, 1)
    small = shrunk(colours.reshape(-1, *colours.shape[2:]), factor)
    gradients = np.stack(np.gradient(small, axis=(1, 2)), axis=1)
    sides = small.shape[1:]
    return Scene(
        gradients.reshape(len(pictures), 2 * len(CHANNELS), *sides).astype(np.float32),
        shrunk(heat.astype(np.float32), factor),
        _looks(pictures, factor),
        words_of(small.reshape(len(pictures), len(CHANNELS), *sides)),
        None if objects is None else shrunk(objects.astype(np.float32), factor),
        boxes,
    )


def balanced(scenes: Mapping[int, Scene]) -> dict[int, Scene]:
    """Return the scenes with gradients divided by their root mean square over all scenes.

    Colour edges are rarer than edges of luminance, and weaker; each channel counts the same.
    """
    if not scenes:
        return {}
    scale = scale_of([squares_of(each) for each in scenes.values()])
    return {output: scaled(each, scale) for output, each in scenes.items()}


def squares_of(one: Scene) -> Float[np.ndarray, "member 6"]:
    """Return the mean squares of the gradients of each member."""
    squares: np.ndarray = (one.gradients.astype(np.float64) ** 2).mean(axis=(2, 3))
    return squares


def scale_of(squares: Sequence[Float[np.ndarray, "member 6"]]) -> Float[np.ndarray, "6"]:
    """Return what the gradients of scenes are divided by, see `balanced`."""
    scale: np.ndarray = np.sqrt(np.concatenate(squares).mean(axis=0)) + 1e-3
    return scale


def scaled(one: Scene, scale: Float[np.ndarray, "6"]) -> Scene:
    """Return a scene with gradients divided by ``scale``."""
    return replace(one, gradients=(one.gradients / scale[:, None, None]).astype(np.float32))


def _looks(
    pictures: UInt8[np.ndarray, "member height width 3"], factor: int
) -> Float[np.ndarray, "member 6 small_height small_width"]:
    maps = [shrunk(look_maps(picture), factor) for picture in pictures]
    height, width = (side // factor for side in pictures.shape[1:3])
    stacked = np.stack(maps) if maps else np.zeros((0, 6, height, width))
    return stacked.astype(np.float32)


def shrunk(
    values: Float[np.ndarray, "member height width"], factor: int
) -> Float[np.ndarray, "member small_height small_width"]:
    """Return means over blocks of ``factor`` x ``factor``; what is left over at the end is cut."""
    height, width = (side // factor * factor for side in values.shape[1:])
    blocks = values[:, :height, :width].reshape(
        len(values), height // factor, factor, width // factor, factor
    )
    means: np.ndarray = blocks.mean(axis=(2, 4))
    return means


def shrinkage(size: Sequence[int]) -> int:
    """Return by which whole number pictures of this size are shrunk."""
    return max(1, -(-max(size) // LARGEST))


def percentile(value: float, comparison: Sequence[float]) -> float:
    """Return the share of ``comparison`` below ``value``, ties counted half."""
    others = np.asarray(comparison)
    return float(((others < value) + 0.5 * (others == value)).mean())


def tightness(value: float, comparison: Sequence[float]) -> float:
    """Return how much smaller ``value`` is than usual: percentile times relative distance.

    A percentile alone says 1 for any value below all others, however little.
    """
    usual = max(float(np.median(comparison)), 1e-9)
    return percentile(-value, [-each for each in comparison]) * max(0.0, 1.0 - value / usual)


def prominence(value: float, comparison: Sequence[float]) -> float:
    """Return how much larger ``value`` is than usual: percentile times relative distance."""
    usual = max(0.0, float(np.median(comparison)))
    return percentile(value, comparison) * max(0.0, 1.0 - usual / value) if value > 0 else 0.0


def random_places(
    avoid: Float[np.ndarray, "reference height_and_1 width_and_1"],
    shape: Shape,
    rng: np.random.Generator,
) -> Int[np.ndarray, "reference 2"]:
    """Return a random place in each image, clear of what was `summed` where that is possible."""
    covered = sums_in(avoid, shape)
    draws = rng.random(covered.shape) + 1e3 * (covered > 0.5)
    first = draws.reshape(len(avoid), -1).argmin(axis=1)
    places: np.ndarray = np.stack(np.unravel_index(first, covered.shape[1:]), axis=1)
    return places


def groups_of(
    others: Sequence[Scene], size: int, rng: np.random.Generator
) -> list[tuple[Scene, Int[np.ndarray, "reference"]]]:
    """Draw `GROUPS` groups of ``size`` members from the scenes in turn; none of tiny classes."""
    usable = [each for each in others if len(each.heat) >= LEAST_MEMBERS]
    if not usable:
        return []
    chosen = [usable[index % len(usable)] for index in range(GROUPS)]
    return [
        (each, rng.choice(len(each.heat), size=min(size, len(each.heat)), replace=False))
        for each in chosen
    ]


def compared_with(others: Sequence[Scene], rng: np.random.Generator) -> list[Scene]:
    """Return the scenes of other classes that a region is compared with: at most `GROUPS`, drawn.

    So that what a region costs does not grow with the number of classes.
    """
    usable = [each for each in others if len(each.heat) >= LEAST_MEMBERS]
    if len(usable) <= GROUPS:
        return usable
    return [usable[place] for place in np.sort(rng.choice(len(usable), GROUPS, replace=False))]
