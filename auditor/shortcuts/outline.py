"""Where exactly a mark lies: the outline of what the pictures with a region have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy import fft, ndimage

from auditor.shortcuts.propose.flat_and_recurring import (
    EDGE_T,
    LEAST_T,
    MeanLook,
    departures,
    mean_look,
)
from auditor.shortcuts.propose.heat import dilated, eroded
from auditor.shortcuts.propose.windows import Shape, window_sums
from auditor.shortcuts.scenes import shrinkage, shrunk

# Pictures with a mark that tell its outline; fewer have anything in common.
LEAST_PICTURES = 5
# Around a mark that moves, as much is looked at on each side as a share of its own.
MARGIN = 0.5
# Pictures with the largest effect that each lend the mark by which it is looked for elsewhere.
ANCHORS = 3
# Pictures in which it is looked for until one is chosen, and others that tell what chance does.
MET, CHANCE_OF = 12, 40
# Shrunk pixels a side of the smallest mark that can be told from others.
LEAST_SIDE = 3
# A mark is known again when it matches better than in all but so many others; in a picture it is
# seen when it matches nearer to how it does in the references than to that.
CHANCE = 0.05
# An area is of a mark when it holds this share of the regions that led there.
REACHED = 0.2
# A mark's edge is drawn where the departure is one of these shares of the largest one inside, and
# where relevance is one of these, in the mean over pictures or in a single one. The model reads
# less at the rim of a mark than in its middle; smaller shares take in what is beside it.
APART, RELEVANT, RELEVANT_ALONE = (0.5, 0.25), (0.3, 0.2), (0.25, 0.15)
# Share of the pictures in which a region covers a pixel that is inside of it on the mean.
COVERED = 0.2


def set_apart(
    own: UInt8[np.ndarray, "carrier height width 3"], others: MeanLook | None
) -> Float[np.ndarray, "height width"]:
    """Return the `departures` of pictures from others; 0 everywhere where either are too few."""
    if len(own) < LEAST_PICTURES or others is None:
        return np.zeros(own.shape[1:3])
    return departures(mean_look(own), others)


def look_of(others: UInt8[np.ndarray, "other height width 3"]) -> MeanLook | None:
    """Return the mean look of pictures that a mark is set apart from, None of too few."""
    return mean_look(others) if len(others) >= LEAST_PICTURES else None


def mark_at(
    size: Float[np.ndarray, "height width"],
    cores: Bool[np.ndarray, "carrier height width"],
    edge: float,
    gap: int = 0,
) -> Bool[np.ndarray, "height width"]:
    """Return the connected areas where pictures are `set_apart` and their cores reach.

    The edge is drawn at the share ``edge`` of the largest ``size`` inside the cores, in the median
    over pictures; what lies less than twice ``gap`` pixels apart, as the digits of a date, is one
    area. An area counts that holds `REACHED` of the cores. Empty when nothing is set apart there.
    """
    peak = float(np.median((size * cores).max(axis=(1, 2)))) if len(cores) else 0.0
    if peak < LEAST_T:
        return np.zeros(size.shape, dtype=bool)
    area = size >= max(EDGE_T, edge * peak)
    if gap:
        closed = eroded(dilated(np.pad(area, gap)[None], gap), gap)
        area = closed[0, gap:-gap, gap:-gap]
    return _reached(area, cores)


def relevant_at(
    heat: Float[np.ndarray, "carrier height width"],
    cores: Bool[np.ndarray, "carrier height width"],
    edge: float,
) -> Bool[np.ndarray, "height width"]:
    """Return the connected areas of the mean relevance of pictures that their cores reach.

    Each picture counts the same. The edge is drawn at the share ``edge`` of the largest mean inside
    the cores.
    """
    total = heat.sum(axis=(1, 2), keepdims=True)
    mean = np.divide(heat, total, out=np.zeros_like(heat), where=total > 0).mean(axis=0)
    peak = float((mean * (cores.mean(axis=0) > COVERED)).max())
    return _reached(mean >= edge * peak, cores) if peak > 0 else np.zeros(mean.shape, dtype=bool)


def relevant_in_each(
    heat: Float[np.ndarray, "member height width"],
    cores: Bool[np.ndarray, "member height width"],
    edge: float,
) -> Bool[np.ndarray, "member height width"]:
    """Return the connected areas of each picture's own relevance that its core reaches."""
    masks = np.zeros_like(cores)
    for mask, values, core in zip(masks, heat, cores, strict=True):
        peak = float((values * core).max())
        if peak > 0:
            mask[...] = _reached(values >= edge * peak, core[None])
    return masks


def _reached(
    area: Bool[np.ndarray, "height width"], cores: Bool[np.ndarray, "carrier height width"]
) -> Bool[np.ndarray, "height width"]:
    """Return the connected parts of an area that hold `REACHED` of the cores, on the mean."""
    parts, number = ndimage.label(area)
    held = ndimage.sum_labels(cores.mean(axis=0), parts, np.arange(1, number + 1))
    kept = 1 + np.flatnonzero(held >= REACHED * cores.sum(axis=(1, 2)).mean())
    reached: np.ndarray = np.isin(parts, kept)
    return reached


Rows = slice | Int[np.ndarray, "row"]
EVERY = slice(None)


@dataclass(frozen=True, eq=False)
class Matcher:
    """Pictures in which a mark can be looked for, shrunk as scenes are, ready for many marks."""

    pictures: UInt8[np.ndarray, "picture height width 3"]

    @cached_property
    def factor(self) -> int:
        """By which whole number the pictures are shrunk."""
        return shrinkage(self.pictures.shape[1:3])

    @cached_property
    def small(self) -> Float[np.ndarray, "picture 3 height width"]:
        """The shrunk pictures, from 0 to 1."""
        colours = np.moveaxis(self.pictures.astype(np.float32) / 255, 3, 1)
        flat = shrunk(colours.reshape(-1, *colours.shape[2:]), self.factor)
        return flat.reshape(*colours.shape[:2], *flat.shape[1:])

    @cached_property
    def usual(self) -> MeanLook | None:
        """What the pictures have in common at every place, None of too few."""
        return look_of(self.pictures)

    @cached_property
    def _spectra(self) -> np.ndarray:
        spectra: np.ndarray = fft.rfft2(self.small)
        return spectra

    @cached_property
    def _sums(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums over colours, of values and of their squares."""
        return self.small.sum(axis=1), (self.small**2).sum(axis=1)

    def window(self, index: int, centre: Float[np.ndarray, "2"], shape: Shape) -> np.ndarray:
        """Return the shrunk window of ``shape`` (shrunk) around ``centre`` (full pixels)."""
        last = np.array(self.small.shape[2:]) - (shape.height, shape.width)
        corner = centre / self.factor - np.array((shape.height, shape.width)) / 2
        top, left = np.clip(corner.round().astype(int), 0, last)
        cut: np.ndarray = self.small[index, :, top : top + shape.height, left : left + shape.width]
        return cut

    def best(
        self, mark: Float[np.ndarray, "3 high wide"], rows: Rows = EVERY
    ) -> tuple[Float[np.ndarray, "picture"], Float[np.ndarray, "picture 2"]]:
        """Return how well the best window of each picture matches, and its centre in full pixels.

        The normalised correlation over pixels and colours, 0 for windows of one colour.
        """
        height, width = mark.shape[1:]
        shape = Shape("mark", height, width)
        unit = mark - mark.mean()
        unit = unit / max(float(np.linalg.norm(unit)), 1e-6)
        size = self.small.shape[2:]
        spectrum = np.conj(fft.rfft2(unit, s=size))
        cross = fft.irfft2((self._spectra[rows] * spectrum).sum(axis=1), s=size)
        cross = cross[:, : size[0] - height + 1, : size[1] - width + 1]
        total = window_sums(self._sums[0][rows], shape)
        squares = window_sums(self._sums[1][rows], shape)
        spread = squares - total**2 / mark.size
        scores = np.where(spread > 1e-3, cross / np.sqrt(np.maximum(spread, 1e-3)), 0.0)
        flat = scores.reshape(len(scores), -1)
        places = np.stack(np.unravel_index(flat.argmax(axis=1), scores.shape[1:]), axis=1)
        centres = (places + np.array((height, width)) / 2) * self.factor
        return flat.max(axis=1), centres


def mark_anywhere(
    members: Matcher,
    others: Matcher,
    masks: Bool[np.ndarray, "member height width"],
    references: Int[np.ndarray, "reference"],
    edges: Sequence[float],
    rng: np.random.Generator,
) -> list[Bool[np.ndarray, "member height width"]]:
    """Return outlines of a mark wherever it lies, none when references have none in common.

    Args:
        members: the class, in the order of ``masks``.
        others: pictures of other classes, which tell how well anything matches by chance.
        masks: the region in every member: where the mark is looked for first, and where it is left
            in members in which it is not seen.
        references: members that carry the mark, the largest effect first.
        edges: where its edge is drawn, see `mark_at`: at most one outline for each.
        rng: draws the windows of other pictures that the mark is compared with.
    """
    size = masks.shape[1:]
    boxes = _boxes(masks)
    sides = np.median(boxes[references, 2:], axis=0)
    if not sides.all() or (2 * sides > np.array(size)).any():
        return []
    mark = _anchored(members, others, boxes, references, sides)
    if mark is None:
        return []
    seen, centres = _seen(members, others, mark, references)
    matching = references[seen[references]]
    if 2 * len(matching) <= len(references):
        return []
    shape = _window(sides)
    own = _cut(members.pictures[matching], centres[matching], shape)
    random = rng.uniform(0, 1, (len(others.pictures), 2)) * np.array(size)
    apart = set_apart(own, look_of(_cut(others.pictures, random, shape)))
    mean = np.moveaxis(own.mean(axis=0) / 255, 2, 0)
    outlines = []
    for edge in edges:
        support, look = _support(apart, mean, sides, edge)
        bare = shrunk(look, members.factor)
        if min(bare.shape[1:]) >= LEAST_SIDE:
            # Without its margin, which a mark at the border of the picture has not got.
            again, where = _seen(members, others, bare, references)
            outlines.append(_stamped(support, np.where(again[:, None], where, boxes[:, :2]), size))
    return outlines


def _seen(
    members: Matcher,
    others: Matcher,
    mark: Float[np.ndarray, "3 high wide"],
    references: Int[np.ndarray, "reference"],
) -> tuple[Bool[np.ndarray, "member"], Float[np.ndarray, "member 2"]]:
    """Return in which members a mark is seen, and where its centre is or would best be."""
    score, centres = members.best(mark)
    chance = float(np.quantile(others.best(mark, slice(CHANCE_OF))[0], 1 - CHANCE))
    return score > (chance + float(np.median(score[references]))) / 2, centres


def _boxes(masks: Bool[np.ndarray, "member height width"]) -> Float[np.ndarray, "member 4"]:
    """Return middle (row, column) and sides of the box around each mask, 0 of an empty one."""
    boxes = np.zeros((len(masks), 4))
    for box, mask in zip(boxes, masks, strict=True):
        if mask.any():
            rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
            box[:2] = (rows[0] + rows[-1] + 1) / 2, (columns[0] + columns[-1] + 1) / 2
            box[2:] = rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]
    return boxes


def _anchored(
    members: Matcher,
    others: Matcher,
    boxes: Float[np.ndarray, "member 4"],
    references: Int[np.ndarray, "reference"],
    sides: Float[np.ndarray, "2"],
) -> Float[np.ndarray, "3 high wide"] | None:
    """Return the reference's window that is met again best in the others, None of what is not."""
    height, width = (max(2, round(side / members.factor)) for side in sides)
    shape = Shape("mark", height, width)
    best, found = 0.0, None
    for reference in references[:ANCHORS]:
        mark = members.window(int(reference), boxes[reference, :2], shape)
        rest = references[references != reference]
        if not len(rest) or not mark.size or mark.std() < 1e-3:
            continue
        again = float(np.median(members.best(mark, rest[:MET])[0]))
        chance = float(np.quantile(others.best(mark, slice(CHANCE_OF))[0], 1 - CHANCE))
        if again > chance and again > best:
            best, found = again, mark
    return found


def _window(sides: Float[np.ndarray, "2"]) -> tuple[int, int]:
    height, width = (int(side + 2 * round(MARGIN * side)) for side in sides)
    return height, width


def _support(
    apart: Float[np.ndarray, "high wide"],
    mean: Float[np.ndarray, "3 high wide"],
    sides: Float[np.ndarray, "2"],
    edge: float,
) -> tuple[Bool[np.ndarray, "inner_high inner_wide"], Float[np.ndarray, "3 inner_high inner_wide"]]:
    """Return a mark within the box around it, and its mean look, of the windows around it.

    Nothing of it when there is none, or it reaches over the whole window that is looked at.
    """
    core = np.zeros((1, *apart.shape), dtype=bool)
    down, right = (round(MARGIN * side) for side in sides)
    core[:, down : apart.shape[0] - down, right : apart.shape[1] - right] = True
    support = mark_at(apart, core, edge)
    across = support[[0, -1]].any(axis=1).all() or support[:, [0, -1]].any(axis=0).all()
    if across or not support.any():
        return np.zeros((0, 0), dtype=bool), np.zeros((3, 0, 0))
    rows, columns = (
        slice(int(line[0]), int(line[-1]) + 1)
        for line in (np.flatnonzero(support.any(axis=axis)) for axis in (1, 0))
    )
    return support[rows, columns], mean[:, rows, columns]


def _cut(
    pictures: UInt8[np.ndarray, "picture height width 3"],
    centres: Float[np.ndarray, "picture 2"],
    shape: tuple[int, int],
) -> UInt8[np.ndarray, "picture high wide 3"]:
    """Return windows around centres, mirrored beyond the picture."""
    half = (shape[0] // 2 + 1, shape[1] // 2 + 1)
    padded = np.pad(pictures, ((0, 0), (half[0],) * 2, (half[1],) * 2, (0, 0)), mode="symmetric")
    corners = (centres - np.array(shape) / 2).round().astype(int) + half
    cut = [
        picture[top : top + shape[0], left : left + shape[1]]
        for picture, (top, left) in zip(padded, corners, strict=True)
    ]
    return np.stack(cut) if cut else np.zeros((0, *shape, 3), np.uint8)


def _stamped(
    support: Bool[np.ndarray, "high wide"],
    middles: Float[np.ndarray, "member 2"],
    size: tuple[int, ...],
) -> Bool[np.ndarray, "member height width"]:
    """Return the mark's outline around every middle, cut at the border of the picture."""
    masks = np.zeros((len(middles), *size), dtype=bool)
    for mask, middle in zip(masks, middles, strict=True):
        top, left = (round(m - side / 2) for m, side in zip(middle, support.shape, strict=True))
        rows = slice(max(0, top), max(0, top + support.shape[0]))
        columns = slice(max(0, left), max(0, left + support.shape[1]))
        part = support[max(0, -top) :, max(0, -left) :]
        there = mask[rows, columns]
        there[...] = part[: there.shape[0], : there.shape[1]]
    return masks
