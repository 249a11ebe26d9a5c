"""What makes a place look drawn: flat colour, edges along the axes, strokes of one width."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Shaped, UInt8
from scipy import ndimage

# Largest difference of an area of one colour, of 255, in any channel and 3 x 3 pixels.
FLAT = 6.0
# An edge counts from this gradient of luminance on, and as straight within 7 degrees of an axis.
EDGE = 12.0
STRAIGHT = np.tan(np.deg2rad(7.0))
# A stroke stands out from its surroundings by this much of 255.
STROKE = 24.0
SURROUNDINGS = 4.0
MAPS = ("flat", "edge", "straight", "ridge", "width", "width squared")


def flat_pixels(
    picture: Shaped[np.ndarray, "height width 3"],
) -> Bool[np.ndarray, "height width"]:
    """Mark the pixels whose 3 x 3 surroundings differ by at most `FLAT` of 255."""
    span = _of_neighbours(np.maximum, picture) - _of_neighbours(np.minimum, picture)
    red, green, blue = np.moveaxis(span, 2, 0)  # numpy is slow along an axis of three
    flat: np.ndarray = np.maximum(np.maximum(red, green), blue) <= FLAT
    return flat


def _of_neighbours(
    choose: np.ufunc, picture: Shaped[np.ndarray, "height width 3"]
) -> Shaped[np.ndarray, "height width 3"]:
    """Return of every value and its eight neighbours of one channel the one that is chosen."""
    down = picture.copy()
    choose(down[1:], picture[:-1], out=down[1:])
    choose(down[:-1], picture[1:], out=down[:-1])
    both = down.copy()
    choose(both[:, 1:], down[:, :-1], out=both[:, 1:])
    choose(both[:, :-1], down[:, 1:], out=both[:, :-1])
    return both


def look_maps(
    picture: UInt8[np.ndarray, "height width 3"],
) -> Float[np.ndarray, "6 height width"]:
    """Return `MAPS` of a picture, of which every sum over a window has a meaning.

    ``flat`` marks pixels whose surroundings are of one colour; ``edge`` is the squared gradient and
    ``straight`` the part of it along the axes; ``ridge`` marks the middle lines of strokes, and
    ``width`` is how far they are from the stroke's edge.
    """
    values = picture.astype(np.float32)
    grey = values.mean(axis=2)
    down, across = np.gradient(grey)
    squared = down**2 + across**2
    edge = np.where(squared > EDGE**2, squared, 0.0)
    smaller, larger = np.minimum(abs(down), abs(across)), np.maximum(abs(down), abs(across))
    straight = np.where(smaller <= STRAIGHT * larger, edge, 0.0)
    out = np.abs(grey - ndimage.gaussian_filter(grey, SURROUNDINGS)) > STROKE
    distance = ndimage.distance_transform_edt(out)
    ridge = (distance > 0) & (distance >= ndimage.maximum_filter(distance, 3))
    width = np.where(ridge, distance, 0.0)
    return np.stack([flat_pixels(values), edge, straight, ridge, width, width**2]).astype(
        np.float32
    )


def drawn(sums: Float[np.ndarray, "*window 6"]) -> Float[np.ndarray, "*window 3"]:
    """Return from the means of `MAPS` in windows: flat share, straight share, evenness of strokes.

    Each in [0, 1]. Evenness is 1 / (1 + coefficient of variation of the widths), 0 without strokes.
    """
    flat, edge, straight, ridge, width, square = np.moveaxis(sums.astype(np.float64), -1, 0)
    along = np.divide(straight, edge, out=np.zeros_like(edge), where=edge > 1e-6)
    mean = np.divide(width, ridge, out=np.zeros_like(width), where=ridge > 1e-6)
    second = np.divide(square, ridge, out=np.zeros_like(width), where=ridge > 1e-6)
    spread = np.sqrt(np.maximum(second - mean**2, 0.0))
    variation = np.divide(spread, mean, out=np.zeros_like(mean), where=mean > 1e-6)
    even = np.where(mean > 1e-6, 1.0 / (1.0 + variation), 0.0)
    return np.stack([flat, along, even], axis=-1)
