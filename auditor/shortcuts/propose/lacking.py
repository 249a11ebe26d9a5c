"""The place where covering pictures of other classes raises a class: what it may lack.

Where all other pictures carry a mark, a class that lacks it has no relevance to follow. What is
read here is by how much covering each window of a grid raises the class's margin (occlusion,
Zeiler and Fergus 2014), measured by whoever has the model.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage

from auditor.shortcuts.likeness import beyond_usual, stereotypy
from auditor.shortcuts.propose.proposals import MAX_AREA, asked_of_all_data

ABSENCE = asked_of_all_data("absence")
# Side of a window and of a step, as shares of the picture's smaller side.
WINDOW, STEP = 1 / 4, 1 / 8
# A window stands out by so many robust deviations from the median of all; a neighbour belongs to it
# from this part of its gain on. On four models that go by a mark's absence z was 5.8 to 34 at its
# place, in classes of five others up to 6.8, over objects in the middle; the tests tell them apart.
LEAST_Z, PART = 5.0, 0.5
# By so much of its size the place is moved to compare it with others.
MOVES = (0.0, 1 / 4, 1 / 2, 3 / 4)


def windows(height: int, width: int) -> Int[np.ndarray, "window 4"]:
    """Return top, left, bottom and right of every window of a grid over a picture."""
    side, step = (max(1, round(share * min(height, width))) for share in (WINDOW, STEP))
    tops, lefts = (_starts(length, side, step) for length in (height, width))
    return np.array([(top, left, top + side, left + side) for top in tops for left in lefts])


def mask_of(window: Int[np.ndarray, "4"], height: int, width: int) -> Bool[np.ndarray, "h w"]:
    """Return a window as a mask."""
    mask = np.zeros((height, width), dtype=bool)
    top, left, bottom, right = window
    mask[top:bottom, left:right] = True
    return mask


def place_lacking(
    gains: Float[np.ndarray, "window"], height: int, width: int
) -> Bool[np.ndarray, "h w"] | None:
    """Return the place whose covering raises a class far more than that of others, None without.

    ``gains`` are by window of `windows`. The window that gains most, and what of the windows that
    gain at least `PART` of that is connected with it, as far as a region may be large.
    """
    middle = float(np.median(gains))
    deviation = 1.4826 * float(np.median(np.abs(gains - middle)))
    best = int(np.argmax(gains))
    if gains[best] <= 0 or gains[best] - middle < LEAST_Z * max(deviation, 1e-6):
        return None
    places = [mask_of(window, height, width) for window in windows(height, width)]
    kept = places[best]
    for at in np.argsort(-gains, kind="stable"):
        wider = kept | places[at]
        touches = (ndimage.binary_dilation(kept) & places[at]).any()
        if gains[at] >= PART * gains[best] and touches and wider.mean() <= MAX_AREA:
            kept = wider
    return kept


def elsewhere(mask: Bool[np.ndarray, "h w"]) -> list[Bool[np.ndarray, "h w"]]:
    """Return the place moved across the picture, around its border, to where it is clear of it."""
    height, width = mask.shape
    moved = [
        np.roll(mask, (round(down * height), round(across * width)), axis=(0, 1))
        for down in MOVES
        for across in MOVES
    ]
    return [each for each in moved if not (each & mask).any()]


def same_thing(
    pictures: UInt8[np.ndarray, "picture h w 3"], mask: Bool[np.ndarray, "h w"]
) -> float:
    """Return how much more alike pictures are at a place than at others: 1 copies, 0 as usual."""
    grey = pictures.astype(np.float64).mean(axis=3)
    slopes = np.stack(np.gradient(grey, axis=(1, 2)), axis=-1)
    here, *there = (
        stereotypy(slopes[:, each].reshape(len(pictures), 1, -1))
        for each in (mask, *elsewhere(mask))
    )
    return beyond_usual(here, there) if there else 0.0


def _starts(length: int, side: int, step: int) -> list[int]:
    last = max(0, length - side)
    return sorted({*range(0, last + 1, step), last})
