"""How alike windows are from picture to picture: the same thing again, or only the same kind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.lib.stride_tricks import sliding_window_view

from auditor.shortcuts.propose.windows import Shape, place
from auditor.shortcuts.scenes import Scene

PIXELS = 500
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


def above_usual(value: float, comparison: Sequence[float]) -> float:
    """Return how far a likeness lies between the usual one (0) and that of copies (1)."""
    usual = float(np.median(comparison))
    return float(np.clip((value - usual) / max(1.0 - usual, 1e-6), 0.0, 1.0))


def same_mark(
    own: Scene,
    references: Int[np.ndarray, "reference"],
    regions: Bool[np.ndarray, "reference height width"],
    others: Sequence[tuple[Scene, Int[np.ndarray, "reference"]]],
) -> float:
    """Return how much the most relevant spot of the region is one and the same thing everywhere.

    A region may hold more than the mark, and lie differently around it in every picture. So of each
    reference the small window with most relevance inside the region is taken, and may be moved by
    `REACH`. `standing_out` of the most relevant spots of other classes; the lower of the two
    `MARKS`.
    """
    found = []
    for share in MARKS:
        side = max(2, round(share * min(own.size)))
        shape = Shape("mark", side, side)
        corners = place(own.heat[references] * regions, shape)
        observed = _spots(own, references, corners, shape)
        usual = [
            _spots(scene, rows, place(scene.heat[rows], shape), shape) for scene, rows in others
        ]
        found.append(standing_out(observed, usual, own, references, corners, shape))
    return min(found)


def standing_out(
    observed: float,
    usual: Sequence[float],
    own: Scene,
    references: Int[np.ndarray, "reference"],
    corners: Int[np.ndarray, "reference 2"],
    shape: Shape,
) -> float:
    """Return how far windows are copies: `above_usual`, and above what their pictures repeat.

    The windows of a texture look alike from picture to picture, and so they do inside a picture: a
    wall is full of the same joints. A mark is there once.
    """
    value = above_usual(observed, usual)
    return min(value, above_usual(observed, [repeats(own, references, corners, shape)]))


def repeats(
    where: Scene,
    rows: Int[np.ndarray, "reference"],
    corners: Int[np.ndarray, "reference 2"],
    shape: Shape,
) -> float:
    """Return how well windows are met again elsewhere in their own picture, clear of themselves.

    The best normalised correlation of the gradients of luminance; the median over windows, 0 where
    no other window has room.
    """
    step = max(1, round((shape.height * shape.width / PIXELS) ** 0.5))
    found = []
    for image, (top, left) in zip(where.gradients[rows, :2], corners, strict=True):
        windows = sliding_window_view(image, (shape.height, shape.width), axis=(1, 2))
        down, right = np.ogrid[: windows.shape[1], : windows.shape[2]]
        clear = (abs(down - top) >= shape.height) | (abs(right - left) >= shape.width)
        if not clear.any():
            return 0.0
        thinned = windows[..., ::step, ::step].transpose(1, 2, 0, 3, 4)
        others = thinned[clear].reshape(int(clear.sum()), -1)
        itself = thinned[top, left].ravel()
        lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(itself)
        found.append(float((others @ itself / np.maximum(lengths, 1e-6)).max()))
    return float(np.median(found))


def crops(
    where: Scene,
    rows: Int[np.ndarray, "reference"],
    corners: Int[np.ndarray, "reference 2"],
    shape: Shape,
    reach: int = SHIFT,
) -> Float[np.ndarray, "reference shift pixel"]:
    """Return windows of gradients at every shift up to ``reach``, the unshifted one in the middle.

    Large windows are thinned out to about `PIXELS` places; 0 beyond the picture.
    """
    margin = ((0, 0), (0, 0), (reach, reach), (reach, reach))
    padded = np.pad(where.gradients[rows], margin)
    step = max(1, round((shape.height * shape.width / PIXELS) ** 0.5))
    windows = sliding_window_view(padded, (shape.height, shape.width), axis=(2, 3))
    thinned = windows[..., ::step, ::step].transpose(0, 2, 3, 1, 4, 5)
    moves = 2 * reach + 1
    found = np.empty((len(corners), moves, moves, *thinned.shape[3:]), dtype=padded.dtype)
    for kept, image, (top, left) in zip(found, thinned, corners, strict=True):
        kept[...] = image[top : top + moves, left : left + moves]
    return found.reshape(len(corners), moves * moves, -1)


def _spots(
    scene: Scene,
    rows: Int[np.ndarray, "reference"],
    corners: Int[np.ndarray, "reference 2"],
    shape: Shape,
) -> float:
    reach = max(1, round(REACH * min(scene.size)))
    return stereotypy(crops(scene, rows, corners, shape, reach))
