"""Pictures taken apart into object and surround, and put together otherwise.

After Xiao, Engstrom, Ilyas and Madry 2021, "Noise or signal: the role of image backgrounds in
object recognition": objects on surrounds of the same class, of other classes, and on none. A plate
is a picture whose object is filled with its own surround; a target's object is laid on it with the
same soft edge whatever the plate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from auditor.causal.pixels import blend, feathered, inpainted
from auditor.causal.probe import Probe
from auditor.shortcuts.objects import Objects, objects_of
from auditor.shortcuts.propose.heat import dilated
from auditor.shortcuts.propose.windows import FEATHER

# The surround that a picture must have left beside the box of its object to make a plate.
LEAST_SURROUND = 0.2
# How far the box of an object is grown before it is filled, as a share of the side: the soft edge
# of an object on it ends inside, and so does what the estimate left out.
GROWN = 1 / 10


@dataclass(frozen=True, eq=False)
class Apart:
    """Pictures whose object can be told from its surround.

    ``objects`` are grown by the soft edge. ``plates`` are the pictures without them; where
    ``plated`` is False too little surround is left to make one. ``marked``: the user marked the
    object. ``left_out`` counts the pictures without a usable object.
    """

    rows: Int[np.ndarray, "sample"]
    labels: Int[np.ndarray, "sample"]
    inputs: Float[Tensor, "sample channel h w"]
    objects: Bool[np.ndarray, "sample h w"]
    plates: Float[Tensor, "sample channel h w"]
    plated: Bool[np.ndarray, "sample"]
    certainty: Float[np.ndarray, "sample"]
    marked: Bool[np.ndarray, "sample"]
    left_out: int

    @property
    def told(self) -> float:
        """The share of the pictures that have a usable object."""
        return len(self.rows) / max(1, len(self.rows) + self.left_out)


def taken_apart(
    probe: Probe,
    rows: Int[np.ndarray, "row"],
    labels: Int[np.ndarray, "row"],
    inputs: Float[Tensor, "row channel h w"],
    erased: Bool[np.ndarray, "row h w"] | None = None,
    found: Objects | None = None,
) -> Apart:
    """Return the pictures that have a usable object, with their plates.

    ``erased`` is filled in the plates too: what another finding explains. ``found`` are the objects
    where they are known.
    """
    found = found or objects_of(probe.pictures(inputs), probe.objects(rows))
    kept = np.flatnonzero(found.usable)
    index = torch.from_numpy(kept)
    holes = _boxes(found.masks[kept])
    plated = (~holes).mean(axis=(1, 2)) >= LEAST_SURROUND
    if erased is not None:
        both = holes | erased[kept]
        holes = np.where(both.all(axis=(1, 2), keepdims=True), holes, both)
    return Apart(
        rows=rows[kept],
        labels=labels[kept],
        inputs=inputs[index],
        objects=dilated(found.masks[kept], FEATHER),
        plates=filled(inputs[index], torch.from_numpy(holes)),
        plated=plated,
        certainty=found.certainty[kept],
        marked=found.marked[kept],
        left_out=len(rows) - len(kept),
    )


def objects_in(
    probe: Probe,
    groups: Sequence[tuple[Int[np.ndarray, "row"], Float[Tensor, "row channel h w"]]],
) -> list[Objects]:
    """Return the objects of groups of pictures (rows and inputs), each picture looked at once."""
    known: dict[int, tuple[Bool[np.ndarray, "h w"], float, bool]] = {}
    for rows, inputs in groups:
        new = np.array([at for at, row in enumerate(rows) if int(row) not in known], dtype=int)
        pictures = probe.pictures(inputs[torch.from_numpy(new)])
        found = objects_of(pictures, probe.objects(rows[new]))
        each = zip(found.masks, found.certainty.tolist(), found.marked.tolist(), strict=True)
        known.update(zip(rows[new].tolist(), each, strict=True))
    parts = [list(zip(*(known[int(row)] for row in rows), strict=True)) for rows, _inputs in groups]
    return [
        Objects(np.stack(masks), np.array(certainty), np.array(marked, dtype=bool))
        for masks, certainty, marked in parts
    ]


def laid_on(
    objects: Apart,
    chosen: Int[np.ndarray, "pair"],
    plates: Float[Tensor, "pair channel h w"],
) -> Float[Tensor, "pair channel h w"]:
    """Return the chosen objects on plates."""
    weights = feathered(torch.from_numpy(objects.objects[chosen]))
    return blend(plates, objects.inputs[torch.from_numpy(chosen)], weights)


def filled(
    images: Float[Tensor, "sample channel h w"], holes: Bool[Tensor, "sample h w"]
) -> Float[Tensor, "sample channel h w"]:
    """Return images with the holes filled from their own surround: mirrored, then moved by halves.

    So the fill has the texture of the surround, which a smooth one lacks. What all of these leave
    open is filled smoothly.
    """
    height, width = images.shape[-2:]
    result, left = images.clone(), holes.clone()
    moves: list[Callable[[Tensor], Tensor]] = [
        *(partial(torch.flip, dims=dims) for dims in ((-1,), (-2,), (-2, -1))),
        partial(torch.roll, shifts=height // 2, dims=-2),
        partial(torch.roll, shifts=width // 2, dims=-1),
        partial(torch.roll, shifts=(height // 2, width // 2), dims=(-2, -1)),
    ]
    for move in moves:
        take = left & ~move(holes)
        result = torch.where(take[:, None], move(images), result)
        left &= ~take
    return inpainted(result, left)


def _boxes(masks: Bool[np.ndarray, "sample h w"]) -> Bool[np.ndarray, "sample h w"]:
    """Return the grown box around each mask: it has no outline that tells what was in it."""
    boxes = np.zeros_like(masks)
    for mask, box in zip(masks, boxes, strict=True):
        spans = []
        for axis, side in ((1, mask.shape[0]), (0, mask.shape[1])):
            at = np.flatnonzero(mask.any(axis=axis))
            grown = max(FEATHER, round(GROWN * side))
            spans.append(slice(max(0, at[0] - grown), at[-1] + 1 + grown))
        box[tuple(spans)] = True
    return boxes
