"""How alike windows are from picture to picture: the same thing again, or only the same kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from numpy.lib.stride_tricks import sliding_window_view

from auditor.shortcuts.propose.windows import Shape, place
from auditor.shortcuts.scenes import Windows

# Windows are thinned out to about so many pixels, which is enough to tell copies from kin.
PIXELS = 500
# Pixels of a shrunk picture by which windows are moved against each other.
SHIFT = 2
# Sides of the inner windows as a share of the picture's, and how far they may be moved.
MARKS = (1 / 8, 3 / 16)
REACH = 1 / 16


def stereotypy(crops: Float[np.ndarray, "reference shift pixel"]) -> float:
    """Return how alike gradient crops are: 1 identical, 0 unrelated.

    Normalised correlation of every pair at the best shift; of each reference the mean of its three
    best, and of these the median. Axis ``shift`` holds each crop at every shift, the unshifted one
    in the middle.
    """
    norms = np.linalg.norm(crops, axis=2, keepdims=True)
    unit = np.divide(crops, norms, out=np.zeros_like(crops), where=norms > 0)
    centre = unit[:, crops.shape[1] // 2]
    best = np.einsum("ap,bsp->abs", centre, unit, optimize=True).max(axis=2)
    best = np.maximum(best, best.T)
    np.fill_diagonal(best, -np.inf)
    three = np.sort(best, axis=1)[:, ::-1][:, : min(3, len(best) - 1)]
    return float(np.median(three.mean(axis=1)))


def beyond_usual(value: float, comparison: Sequence[float]) -> float:
    """Return how far a likeness lies between the usual one (0) and that of copies (1)."""
    usual = float(np.median(comparison))
    return float(np.clip((value - usual) / max(1.0 - usual, 1e-6), 0.0, 1.0))


def same_mark(
    windows: Windows,
    regions: Bool[np.ndarray, "reference height width"],
    others: Sequence[Windows],
) -> float:
    """Return how much the most relevant spot of the region is one and the same thing everywhere.

    A region may hold more than the mark, and lie differently around it in every picture. So of each
    reference the small window with most relevance inside the region is taken, and may be moved by
    `REACH`. `standing_out` of the most relevant spots of other classes; the lower of the two
    `MARKS`.
    """
    own = windows.scene
    values = []
    for share in MARKS:
        side = max(2, round(share * min(own.size)))
        shape = Shape("mark", side, side)
        spots = Windows(own, windows.rows, place(own.heat[windows.rows] * regions, shape), shape)
        usual = [_spots(replace(each, shape=shape).most_relevant()) for each in others]
        values.append(standing_out(_spots(spots), usual, spots))
    return min(values)


def standing_out(observed: float, usual: Sequence[float], windows: Windows) -> float:
    """Return how far windows are copies: `beyond_usual`, and above what their pictures repeat.

    The windows of a texture look alike from picture to picture, and so they do inside a picture: a
    wall is full of the same joints. A mark is there once.
    """
    return min(beyond_usual(observed, usual), beyond_usual(observed, [repeats(windows)]))


def repeats(windows: Windows) -> float:
    """Return how well windows are met again elsewhere in their own picture, clear of themselves.

    The best normalised correlation of the gradients of luminance; the median over windows, 0 where
    no other window has room.
    """
    shape = windows.shape
    step = _step(shape)
    values = []
    luminance = windows.scene.gradients[windows.rows, :2]
    for image, (top, left) in zip(luminance, windows.corners, strict=True):
        tiles = sliding_window_view(image, (shape.height, shape.width), axis=(1, 2))
        down, right = np.ogrid[: tiles.shape[1], : tiles.shape[2]]
        clear = (abs(down - top) >= shape.height) | (abs(right - left) >= shape.width)
        if not clear.any():
            return 0.0
        thinned = tiles[..., ::step, ::step].transpose(1, 2, 0, 3, 4)
        others = thinned[clear].reshape(int(clear.sum()), -1)
        itself = thinned[top, left].ravel()
        lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(itself)
        values.append(float((others @ itself / np.maximum(lengths, 1e-6)).max()))
    return float(np.median(values))


def crops(windows: Windows, reach: int = SHIFT) -> Float[np.ndarray, "reference shift pixel"]:
    """Return windows of gradients at every shift up to ``reach``, the unshifted one in the middle.

    Large windows are thinned out to about `PIXELS` places; 0 beyond the picture.
    """
    shape, corners = windows.shape, windows.corners
    margin = ((0, 0), (0, 0), (reach, reach), (reach, reach))
    padded = np.pad(windows.scene.gradients[windows.rows], margin)
    step = _step(shape)
    tiles = sliding_window_view(padded, (shape.height, shape.width), axis=(2, 3))
    thinned = tiles[..., ::step, ::step].transpose(0, 2, 3, 1, 4, 5)
    moves = 2 * reach + 1
    shifted = np.empty((len(corners), moves, moves, *thinned.shape[3:]), dtype=padded.dtype)
    for kept, image, (top, left) in zip(shifted, thinned, corners, strict=True):
        kept[...] = image[top : top + moves, left : left + moves]
    return shifted.reshape(len(corners), moves * moves, -1)


def _step(shape: Shape) -> int:
    thinning: float = (shape.height * shape.width / PIXELS) ** 0.5
    return max(1, round(thinning))


def _spots(windows: Windows) -> float:
    reach = max(1, round(REACH * min(windows.scene.size)))
    return stereotypy(crops(windows, reach))
