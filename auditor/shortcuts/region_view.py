"""What a term of implausibility is measured on: a region's windows, and windows to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from auditor.shortcuts.likeness import crops, stereotypy
from auditor.shortcuts.presence import Presence, presence_of
from auditor.shortcuts.propose.inscribed import largest_rectangle
from auditor.shortcuts.propose.windows import Shape, box_of, summed
from auditor.shortcuts.scenes import (
    GROUPS,
    Scene,
    Windows,
    compared_with,
    groups_of,
    most_relevant,
    random_places,
    shrinkage,
    shrunk,
)

# Random groups of windows elsewhere in the same references that a drawn look is compared with:
# half of `GROUPS`, as each of them is of the very pictures that hold the region.
LOOKS_ELSEWHERE = 12
# A window of fewer pixels a side has no gradient to compare.
LEAST_SIDE = 2
# With fewer references a median or a percentile says nothing.
LEAST_REFERENCES = 3


@dataclass(frozen=True, eq=False)
class Effects:
    """What the model did with a region, for the terms that pictures alone do not give.

    ``own`` are the margins that each tried member's region gained, ``usual`` those of regions of
    similar size of other classes; ``shared`` in [0, 1] is how far the region raises unrelated
    classes too, None when no class is known to be unrelated; ``share`` is what the references' gain
    is of the margin between members and other pictures, None where it was not measured.
    """

    own: Float[np.ndarray, "tried"] = field(default_factory=lambda: np.zeros(0))
    usual: Sequence[Float[np.ndarray, "tried"]] = ()
    shared: float | None = None
    share: float | None = None


@dataclass(frozen=True, eq=False)
class RegionView:
    """A region as ``windows`` of one size in its references, and windows to compare these with.

    ``masks`` is the region in every member of the class, shrunk like the scene. All windows to
    compare with are drawn before any term is measured, so that a further term changes the numbers
    of no other. Likeness, places and looks are each compared with draws of their own:
    ``..._elsewhere`` are groups of windows elsewhere in the own class, ``..._others`` groups in
    other classes, where these are most relevant or, for ``place_others``, at the median place of
    the region. ``others`` are again the most relevant windows of other classes. The places and
    looks are empty for a region that covers the picture. ``effects`` is None where the model was
    not asked.
    """

    windows: Windows
    masks: Bool[np.ndarray, "member height width"]
    likeness_elsewhere: Sequence[Windows]
    likeness_others: Sequence[Windows]
    others: Sequence[Windows]
    place_elsewhere: Sequence[Windows] = ()
    place_others: Sequence[Windows] = ()
    look_elsewhere: Sequence[Windows] = ()
    effects: Effects | None = None

    @property
    def comparable(self) -> bool:
        """Whether places and looks can be compared: other classes, and room beside the region."""
        return bool(self.others) and not self.windows.cover_the_picture

    @cached_property
    def stereotypy(self) -> float:
        """How alike the region is from reference to reference."""
        return stereotypy(crops(self.windows))

    @cached_property
    def usual_stereotypy(self) -> list[float]:
        """How alike the most relevant windows of other classes are."""
        return [stereotypy(crops(each)) for each in self.likeness_others]

    @cached_property
    def stereotypy_elsewhere(self) -> list[float]:
        """How alike windows elsewhere in the own class are."""
        return [stereotypy(crops(each)) for each in self.likeness_elsewhere]

    @cached_property
    def located(self) -> Windows | None:
        """Where the region lies; of one at a fixed place, the most relevant windows.

        None when those lie elsewhere, or places cannot be compared: then the place says nothing.
        """
        if not self.comparable:
            return None
        own, shape = self.windows, self.windows.shape
        if len(np.unique(own.corners, axis=0)) > 1:
            return own
        placed = own.most_relevant()
        gaps = np.abs(placed.corners - own.corners)
        overlap = np.prod(np.maximum(0, (shape.height, shape.width) - gaps), axis=1)
        inside = float(np.median(overlap)) / (shape.height * shape.width)
        return placed if inside >= 0.5 else None

    @cached_property
    def presence(self) -> Presence | None:
        """How much every picture holds of what the region is made of; None where it says nothing.

        With the pictures of other classes that the comparison windows are of.
        """
        scenes = {id(each.scene): each.scene for each in self.others}
        return presence_of(self.windows.scene, self.windows.rows, self.masks, list(scenes.values()))

    @cached_property
    def at_median_place(self) -> Windows:
        """The windows of the references at the median place of the region."""
        return _at_median_place(self.windows)


def view_of(
    own: Scene,
    references: Int[np.ndarray, "reference"],
    masks: Bool[np.ndarray, "member height width"],
    others: Sequence[Scene],
    rng: np.random.Generator,
    effects: Effects | None = None,
) -> RegionView | None:
    """Return the view of a region, None when fewer than `LEAST_REFERENCES` references have it.

    Args:
        own: the members of its class, in the order of ``masks``.
        references: the members whose regions are looked at.
        masks: the region in every member, full size. Of one that spans the picture, such as a
            frame, the largest rectangle inside it is looked at.
        others: the members of other classes; of many, `compared_with` draws some.
        rng: draws the comparison groups.
        effects: what the model did with the region.
    """
    factor = shrinkage(masks.shape[1:])
    small = shrunk(masks.astype(np.float32), factor) > 0
    kept = np.array([row for row in references if small[row].any()], dtype=int)
    if len(kept) < LEAST_REFERENCES:
        return None
    windows = _windows_of(own, kept, small)
    compared = compared_with(others, rng)
    return replace(_compared(windows, small, compared, rng), effects=effects)


def _windows_of(
    own: Scene,
    kept: Int[np.ndarray, "reference"],
    masks: Bool[np.ndarray, "member height width"],
) -> Windows:
    """Return the region as windows of the median size of its boxes, around the same centres."""
    boxes = np.array([box_of(masks[row]) for row in kept])
    height, width = (int(side) for side in np.median(boxes[:, 2:] - boxes[:, :2], axis=0))
    shape = _sized(height, width)
    corners = (boxes[:, :2] + boxes[:, 2:] - (shape.height, shape.width)) // 2
    if (shape.height, shape.width) == own.size:
        inner = largest_rectangle(masks[kept].mean(axis=0) >= 0.5)
        if inner is not None:
            shape = _sized(*inner[2:])
            corners = np.tile(inner[:2], (len(kept), 1))
    return Windows(own, kept, _inside(corners, shape, own.size), shape)


def _compared(
    windows: Windows,
    masks: Bool[np.ndarray, "member height width"],
    others: Sequence[Scene],
    rng: np.random.Generator,
) -> RegionView:
    """Draw the windows to compare with; the order of the draws decides the numbers of a run."""
    own, shape, count = windows.scene, windows.shape, len(windows.rows)
    covered = summed(masks.astype(np.float64))
    likeness_elsewhere = []
    for _ in range(GROUPS):
        rows = rng.choice(len(masks), size=count, replace=len(masks) < count)
        corners = random_places(covered[rows], shape, rng)
        likeness_elsewhere.append(Windows(own, rows, corners, shape))
    likeness_others = _most_relevant(others, windows, rng)
    relevant = _most_relevant(others, windows, rng)
    view = RegionView(windows, masks, likeness_elsewhere, likeness_others, relevant)
    if not view.comparable:
        return view
    here = _at_median_place(windows)
    taken = np.zeros((GROUPS, *own.size))
    top, left = here.corners[0]
    taken[:, top : top + shape.height, left : left + shape.width] = 1.0
    return replace(
        view,
        place_elsewhere=[
            Windows(own, windows.rows, np.tile(corner, (count, 1)), shape)
            for corner in random_places(summed(taken), shape, rng)
        ],
        place_others=[
            Windows(scene, rows, np.tile(here.corners[0], (len(rows), 1)), shape)
            for scene, rows in groups_of(others, count, rng)
        ],
        look_elsewhere=[
            Windows(own, windows.rows, random_places(covered[windows.rows], shape, rng), shape)
            for _ in range(LOOKS_ELSEWHERE)
        ],
    )


def _most_relevant(
    others: Sequence[Scene], windows: Windows, rng: np.random.Generator
) -> list[Windows]:
    return [
        most_relevant(scene, rows, windows.shape)
        for scene, rows in groups_of(others, len(windows.rows), rng)
    ]


def _at_median_place(windows: Windows) -> Windows:
    middle = np.rint(np.median(windows.corners, axis=0)).astype(int)[None]
    here = _inside(middle, windows.shape, windows.scene.size)
    corners = np.repeat(here, len(windows.rows), 0)
    return Windows(windows.scene, windows.rows, corners, windows.shape)


def _sized(height: int, width: int) -> Shape:
    return Shape("window", max(LEAST_SIDE, height), max(LEAST_SIDE, width))


def _inside(
    corners: Int[np.ndarray, "reference 2"], shape: Shape, size: tuple[int, int]
) -> Int[np.ndarray, "reference 2"]:
    last = np.array(size) - (shape.height, shape.width)
    clipped: np.ndarray = np.clip(corners, 0, last)
    return clipped
