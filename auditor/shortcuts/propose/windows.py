"""The shape dictionary of P1, and where a window of a shape lies in a heatmap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from auditor.language.speaking import N_

# Area of a frame, as of the largest region that is proposed.
RING_SHARE = 0.2
# Over so many pixels inside its border the weight of a region falls where it is put or taken out.
FEATHER = 2


@dataclass(frozen=True)
class Shape:
    """A window of ``height`` x ``width`` pixels; ``anchor`` (top, left) where it cannot move.

    ``ring`` is the width of a frame's border: the window is then what the border covers.
    """

    name: str
    height: int
    width: int
    anchor: tuple[int, int] | None = None
    ring: int = 0


def dictionary(height: int, width: int) -> tuple[Shape, ...]:
    """Return the shapes for images of this size: squares, strips, corners and a frame.

    Squares of 1/36 and 1/12 of the area, strips of 1/6, corners of 1/12, square and half as wide as
    the image, a frame of `RING_SHARE`.
    """
    small, large = (max(2, round((height * width / part) ** 0.5)) for part in (36, 12))
    flat, thin = max(1, round(height / 6)), max(1, round(width / 6))
    tall, wide = max(1, round(height / 12**0.5)), max(1, round(width / 12**0.5))
    corners = {
        N_("upper left corner"): (0, 0),
        N_("upper right corner"): (0, width - wide),
        N_("lower left corner"): (height - tall, 0),
        N_("lower right corner"): (height - tall, width - wide),
    }
    half = max(1, round(width / 2))
    beside = {
        N_("upper left strip"): (0, 0),
        N_("upper right strip"): (0, width - half),
        N_("lower left strip"): (height - flat, 0),
        N_("lower right strip"): (height - flat, width - half),
    }
    return (
        Shape(N_("small square"), min(small, height), min(small, width)),
        Shape(N_("square"), min(large, height), min(large, width)),
        Shape(N_("horizontal strip"), flat, width),
        Shape(N_("vertical strip"), height, thin),
        *(Shape(name, tall, wide, anchor) for name, anchor in corners.items()),
        *(Shape(name, flat, half, anchor) for name, anchor in beside.items()),
        Shape(N_("frame"), height, width, (0, 0), ring=ring_width(height, width)),
    )


def ring_width(height: int, width: int) -> int:
    """Return the widest border whose frame covers at most `RING_SHARE` of the image, at least 1."""
    ring = 1
    while 1 - (height - 2 * ring - 2) * (width - 2 * ring - 2) / (height * width) <= RING_SHARE:
        ring += 1
    return ring


def window_sums(
    heat: Float[np.ndarray, "sample height width"], shape: Shape, inset: int = 0
) -> Float[np.ndarray, "sample top left"]:
    """Return the sum of every window of ``shape`` (its box, for a ring) by its upper left pixel.

    ``inset``: of the window without so many pixels at each side, but where that is the border of
    the picture, and of at least its middle.
    """
    return sums_in(summed(heat), shape, inset)


def summed(
    heat: Float[np.ndarray, "sample height width"],
) -> Float[np.ndarray, "sample height_and_1 width_and_1"]:
    """Return the sum of all that lies above and left of every place, from which sums are read."""
    table = np.zeros((heat.shape[0], heat.shape[1] + 1, heat.shape[2] + 1))
    table[:, 1:, 1:] = heat.cumsum(1).cumsum(2)
    return table


def sums_in(
    table: Float[np.ndarray, "sample height_and_1 width_and_1"], shape: Shape, inset: int = 0
) -> Float[np.ndarray, "sample top left"]:
    """Return the sums that `window_sums` gives, of what was `summed`."""
    if not inset:
        high, wide = shape.height, shape.width
        upper, lower = table[:, :-high], table[:, high:]
        whole: np.ndarray = (
            lower[..., wide:] - upper[..., wide:] - lower[..., :-wide] + upper[..., :-wide]
        )
        return whole
    sides = table.shape[1] - 1, table.shape[2] - 1
    (top, bottom), (left, right) = (
        _sides(whole, size, inset)
        for whole, size in zip(sides, (shape.height, shape.width), strict=True)
    )
    upper, lower = table[:, top], table[:, bottom]
    sums: np.ndarray = (
        lower[:, :, right] - upper[:, :, right] - lower[:, :, left] + upper[:, :, left]
    )
    return sums


def _sides(
    whole: int, size: int, inset: int
) -> tuple[Int[np.ndarray, "place"], Int[np.ndarray, "place"]]:
    """Return where every window of ``size`` in ``whole`` pixels begins and ends, inset."""
    first = np.arange(whole - size + 1)
    last = first + size
    inset = min(inset, (size - 1) // 2)
    return np.where(first > 0, first + inset, 0), np.where(last < whole, last - inset, whole)


def place(
    heat: Float[np.ndarray, "sample height width"],
    shape: Shape,
    *,
    rank: float = 1.0,
    avoid: Bool[np.ndarray, "sample height width"] | None = None,
    feather: int = 0,
) -> Int[np.ndarray, "sample 2"]:
    """Return (top, left) of the window whose sum has relative rank ``rank`` in each sample.

    Rank 1 is the largest sum (ties: the first in reading order), 0 the smallest, 0.5 the median.
    Windows that share a pixel with ``avoid`` are left out, unless every window does. With
    ``feather`` heat counts less towards the sides of a window, as its pixels will weigh there, so
    that what is relevant comes to lie well inside.
    """
    if shape.anchor is not None:
        return np.tile(np.array(shape.anchor), (len(heat), 1))
    table = summed(heat)
    sums = np.sum([sums_in(table, shape, inset) for inset in range(feather + 1)], axis=0)
    flat = sums.reshape(len(heat), -1)
    allowed = np.ones_like(flat, dtype=bool)
    if avoid is not None:
        covered = window_sums(avoid.astype(np.float64), shape).reshape(len(heat), -1)
        allowed = covered < 0.5
        allowed[~allowed.any(axis=1)] = True
    if rank == 1.0:
        chosen = np.where(allowed, flat, -np.inf).argmax(axis=1)
    else:
        order = np.argsort(np.where(allowed, -flat, np.inf), axis=1, kind="stable")
        counts = allowed.sum(axis=1)
        position = np.rint((1.0 - rank) * (counts - 1)).astype(int)
        chosen = order[np.arange(len(heat)), position]
    return np.stack(np.unravel_index(chosen, sums.shape[1:]), axis=1)


def masks_of(
    places: Int[np.ndarray, "sample 2"], shape: Shape, size: tuple[int, int]
) -> Bool[np.ndarray, "sample height width"]:
    """Return the masks of windows of ``shape`` at ``places``."""
    masks = np.zeros((len(places), *size), dtype=bool)
    for mask, (top, left) in zip(masks, places, strict=True):
        mask[top : top + shape.height, left : left + shape.width] = True
    if shape.ring:
        ring = shape.ring
        masks[:, ring:-ring, ring:-ring] = False
    return masks


def box_of(mask: Bool[np.ndarray, "height width"]) -> tuple[int, int, int, int]:
    """Return top, left, bottom and right of the box around a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
