"""How alike windows are from picture to picture: the same thing again, or only the same kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft

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
    count, shifts, pixels = crops.shape
    lengths = np.sqrt(np.einsum("rsp,rsp->rs", crops, crops))
    inverse = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    centre = shifts // 2
    products = crops[:, centre] @ crops.reshape(count * shifts, pixels).T
    best = (products.reshape(count, count, shifts) * inverse).max(axis=2)
    best *= inverse[:, centre, None]
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
    shape, size, step = windows.shape, windows.scene.size, _step(windows.shape)
    luminance = windows.scene.gradients[windows.rows, :2].astype(np.float64)
    top, left = (windows.corners[:, axis, None, None] for axis in (0, 1))
    down, right = np.ogrid[: size[0] - shape.height + 1, : size[1] - shape.width + 1]
    clear = (abs(down - top) >= shape.height) | (abs(right - left) >= shape.width)
    if not clear.any(axis=(1, 2)).all():
        return 0.0
    # Of every window the pixels that are compared, at its upper left: the correlation theorem
    # gives the products with those of all other windows.
    looked_at = np.zeros(size)
    looked_at[: shape.height : step, : shape.width : step] = 1.0
    itself = np.stack(
        [
            np.roll(image, (-y, -x), axis=(1, 2)) * looked_at
            for image, (y, x) in zip(luminance, windows.corners, strict=True)
        ]
    )
    spectra = (fft.rfft2(luminance) * np.conj(fft.rfft2(itself))).sum(axis=1)
    squares = fft.rfft2((luminance**2).sum(axis=1)) * np.conj(fft.rfft2(looked_at))
    places = slice(len(down)), slice(right.shape[1])
    products, energy = (fft.irfft2(each, s=size)[:, *places] for each in (spectra, squares))
    lengths = (
        np.sqrt(np.maximum(energy, 0.0)) * np.sqrt((itself**2).sum(axis=(1, 2, 3)))[:, None, None]
    )
    found = np.where(clear, products / np.maximum(lengths, 1e-6), -np.inf)
    return float(np.median(found.max(axis=(1, 2))))


def crops(windows: Windows, reach: int = SHIFT) -> Float[np.ndarray, "reference shift pixel"]:
    """Return windows of gradients at every shift up to ``reach``, the unshifted one in the middle.

    Large windows are thinned out to about `PIXELS` places; 0 beyond the picture.
    """
    shape = windows.shape
    high, wide = shape.height + 2 * reach, shape.width + 2 * reach
    gradients = windows.scene.gradients
    around = np.zeros((len(windows.rows), gradients.shape[1], high, wide), gradients.dtype)
    for kept, row, (top, left) in zip(around, windows.rows, windows.corners - reach, strict=True):
        rows, columns = slice(max(0, top), top + high), slice(max(0, left), left + wide)
        there = gradients[row, :, rows, columns]
        down, right = rows.start - top, columns.start - left
        kept[:, down : down + there.shape[1], right : right + there.shape[2]] = there
    step = _step(shape)
    tiles = sliding_window_view(around, (shape.height, shape.width), axis=(2, 3))
    shifted = tiles[..., ::step, ::step].transpose(0, 2, 3, 1, 4, 5)
    return shifted.reshape(len(around), (2 * reach + 1) ** 2, -1)


def _step(shape: Shape) -> int:
    thinning: float = (shape.height * shape.width / PIXELS) ** 0.5
    return max(1, round(thinning))


def _spots(windows: Windows) -> float:
    reach = max(1, round(REACH * min(windows.scene.size)))
    return stereotypy(crops(windows, reach))
