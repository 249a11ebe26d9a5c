"""Cut a reference sample to what the concept sees there, and dim what it does not look at.

Source: Achtibat et al. 2023: references are cropped to the receptive field of the most relevant
position and masked by the conditional heatmap. The blur and the thresholds are ours, tuned by
eye on photographs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

from auditor.concepts.scaling import at_size

# Blur, as a share of the shorter side: joins the speckle of a heatmap into parts.
BLUR = 0.03
# What the most relevant position can see: this share of the blurred field's maximum.
SEEN = 0.1
# What the concept looks at: this share of the blurred conditional heatmap's maximum in the box.
LOOKED_AT = 0.2
# Room around the box, as a share of its side, and the smallest side as a share of the picture's.
ROOM = 0.1
MINIMUM = 1 / 3
# Softness of the border between bright and dimmed, as a share of the shorter side.
EDGE = 0.01
# Cells along each side of a region that is kept as text.
COARSE = 32
# Brightness that is left where the concept does not look.
DIMMED = 0.35

Picture = UInt8[np.ndarray, "height width 3"]


class Box(NamedTuple):
    """A rectangle in pixels; ``bottom`` and ``right`` are the first row and column outside."""

    top: int
    left: int
    bottom: int
    right: int


class Sight(NamedTuple):
    """What a concept sees in a picture.

    ``box`` is the square around it, ``crop`` the picture inside, dimmed where the concept does not
    look, and ``looked_at`` where in the whole picture it looks: nowhere without positive relevance.
    """

    box: Box
    crop: UInt8[np.ndarray, "crop crop 3"]
    looked_at: Bool[np.ndarray, "height width"]


def receptive_crop(
    picture: Picture,
    heatmap: Float[np.ndarray, "h w"],
    field: Float[np.ndarray, "h w"] | None,
    *,
    minimum: float = MINIMUM,
) -> Sight:
    """Return what the concept sees: the square around it, and the picture inside, rest dimmed.

    Args:
        picture: the sample.
        heatmap: conditional heatmap of the concept, signed, in units of the explained logit; it
            may be smaller than the picture.
        field: conditional heatmap of the most relevant position alone (any sign); without it the
            positive relevance of ``heatmap`` decides the box.
        minimum: smallest side of the box as a share of the picture's shorter side.

    A heatmap without positive relevance gives the whole picture, undimmed.
    """
    size = picture.shape[0], picture.shape[1]
    positive = _blurred(np.maximum(at_size(heatmap, size), 0.0))
    sight = positive if field is None else _blurred(np.abs(at_size(field, size)))
    if not positive.max() > 0 or not sight.max() > 0:
        return Sight(Box(0, 0, *size), picture.copy(), np.zeros(size, dtype=bool))
    box = _square(sight >= (LOOKED_AT if field is None else SEEN) * sight.max(), minimum)
    inside = slice(box.top, box.bottom), slice(box.left, box.right)
    # Against the maximum in the box, so that no crop is dark all over.
    looked_at = (positive >= LOOKED_AT * positive[inside].max()) & (positive > 0)
    weight = ndimage.gaussian_filter(looked_at.astype(np.float64), EDGE * min(size))[inside]
    bright = DIMMED + (1 - DIMMED) * weight
    within = np.zeros(size, dtype=bool)
    within[inside] = looked_at[inside]
    return Sight(box, np.rint(picture[inside] * bright[..., None]).astype(np.uint8), within)


def packed(region: Bool[np.ndarray, "height width"]) -> str:
    """Return a region as text: the bits of its `COARSE` x `COARSE` cells in hexadecimal."""
    share = at_size(region.astype(np.float64), (COARSE, COARSE))
    return np.packbits(share >= min(0.5, share.max() or 1.0)).tobytes().hex()


def unpacked(text: str, size: tuple[int, int]) -> Bool[np.ndarray, "height width"]:
    """Return the region that `packed` wrote, in a picture of ``size`` (height, width)."""
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(text), dtype=np.uint8))
    cells = bits.reshape(COARSE, COARSE).astype(bool)
    rows, columns = (np.arange(side) * COARSE // side for side in size)
    return cells[np.ix_(rows, columns)]


def _blurred(
    strength: Float[np.ndarray, "height width"],
) -> Float[np.ndarray, "height width"]:
    found: np.ndarray = ndimage.gaussian_filter(strength, BLUR * min(strength.shape))
    return found


def _square(region: Bool[np.ndarray, "height width"], minimum: float) -> Box:
    """Return the square around a region with some room, moved inside the picture."""
    shorter = min(region.shape)
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    wanted = max(max(height, width) * (1 + 2 * ROOM), minimum * shorter)
    side = int(min(round(wanted), shorter))
    top = _start((rows[0] + rows[-1] + 1) / 2, side, region.shape[0])
    left = _start((columns[0] + columns[-1] + 1) / 2, side, region.shape[1])
    return Box(top, left, top + side, left + side)


def _start(centre: float, side: int, length: int) -> int:
    return int(min(max(round(centre - side / 2), 0), length - side))
