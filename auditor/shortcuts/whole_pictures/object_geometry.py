"""How large objects are, where they lie, how long and how turned; and how to change one of these.

Statistics of the object of a picture, as `auditor.shortcuts.objects` has it. Places are in pixels
from the upper left corner of the picture, x before y.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from auditor.shortcuts.whole_pictures.global_statistics import (
    ACROSS,
    DOWN,
    ELONGATION,
    ORIENTATION,
    SIZE,
)

# Length over width from which on an object has an orientation.
LONG = 1.2
# The least length and width in pixels, as standard deviations: a row of pixels has no width.
THIN = 0.3


@dataclass(frozen=True, eq=False)
class Motion:
    """What is done to an object: turned or stretched about its centre, then moved.

    A place p of the object goes to ``matrix`` (p - ``start``) + ``end``.
    """

    matrix: Float[np.ndarray, "2 2"]
    start: Float[np.ndarray, "2"]
    end: Float[np.ndarray, "2"]


def object_statistics(
    masks: Bool[np.ndarray, "sample h w"],
) -> dict[str, Float[np.ndarray, "sample"]]:
    """Return the statistics of objects; none of the masks may be empty.

    The area as a share of the picture, the centre as shares of width and height, length over width
    (standard deviations along the main axes), and the angle of the long axis from upright, from 0
    to 90 degrees: NaN of an object that has none.
    """
    size = np.array(masks.shape[:0:-1], dtype=np.float64)
    rows = []
    for mask in masks:
        points = _points(mask)
        spread, axes = _axes(points)
        elongation = spread[1] / spread[0]
        angle = float(np.degrees(abs(_from_upright(axes[:, 1]))))
        if elongation < LONG:
            angle = np.nan
        rows.append((mask.mean(), *points.mean(axis=0) / size, elongation, angle))
    columns = np.array(rows).reshape(-1, 5).T
    return dict(zip((SIZE, ACROSS, DOWN, ELONGATION, ORIENTATION), columns, strict=True))


def motion(
    mask: Bool[np.ndarray, "h w"], wanted: Mapping[str, float], *, opposite: bool = False
) -> Motion:
    """Return how the object gets the values, as far as it stays whole inside the picture.

    ``wanted`` are by statistic: one, or both of the place. ``opposite``: the control. As much
    smaller as it would be larger, moved as far the other way, squeezed as much as it would be
    stretched; of an orientation half a turn, which leaves it.
    """
    points = _points(mask)
    centre = points.mean(axis=0)
    size = np.array(mask.shape[::-1], dtype=np.float64)
    matrix, end = _matrix(mask, points, wanted, opposite=opposite), centre.copy()
    for axis, statistic in enumerate((ACROSS, DOWN)):
        if statistic in wanted:
            far = wanted[statistic] * size[axis] - centre[axis]
            end[axis] += -far if opposite else far
    reach = (points - centre) @ matrix.T
    extent = np.abs(matrix).sum(axis=1) / 2
    low, high = reach.min(axis=0) - extent, reach.max(axis=0) + extent
    fit = min(1.0, float((size / (high - low)).min()))
    return Motion(fit * matrix, centre, np.clip(end, -fit * low, size - fit * high))


def _matrix(
    mask: Bool[np.ndarray, "h w"],
    points: Float[np.ndarray, "pixel 2"],
    wanted: Mapping[str, float],
    *,
    opposite: bool,
) -> Float[np.ndarray, "2 2"]:
    """Return how an object is turned or stretched about its centre."""
    spread, axes = _axes(points)
    if SIZE in wanted:
        factor = float(np.sqrt(wanted[SIZE] / mask.mean()))
        return np.eye(2) * (1 / factor if opposite else factor)
    if ELONGATION in wanted:
        longer = float(np.sqrt(wanted[ELONGATION] * spread[0] / spread[1]))
        longer = 1 / longer if opposite else longer
        stretched: np.ndarray = axes @ np.diag([1 / longer, longer]) @ axes.T
        return stretched
    if ORIENTATION in wanted:
        angle = _from_upright(axes[:, 1])
        to = np.copysign(np.radians(wanted[ORIENTATION]), angle)
        turn = np.pi if opposite else to - angle
        return np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.eye(2)


def _points(mask: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "pixel 2"]:
    """Return the middles of the pixels of a mask, x before y."""
    points: np.ndarray = np.argwhere(mask)[:, ::-1] + 0.5
    return points


def _axes(
    points: Float[np.ndarray, "pixel 2"],
) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2 2"]]:
    """Return width and length (standard deviations), and the axes along which they are taken."""
    variances, axes = np.linalg.eigh(np.atleast_2d(np.cov(points.T, bias=True)))
    return np.sqrt(np.maximum(variances, THIN**2)), axes


def _from_upright(axis: Float[np.ndarray, "2"]) -> float:
    """Return the angle of an axis from upright, in radians from -pi/2 to pi/2."""
    x, y = axis if axis[1] >= 0 else -axis
    return float(np.arctan2(x, y))
