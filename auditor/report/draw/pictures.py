"""Draw on photographs: heatmaps, outlines, coloured superpixels. Arrays in, arrays out.

A picture is uint8 in RGB. Maps, masks and segments may be smaller than the picture (they are at
the model's input resolution) and are scaled to it, so that small inputs can be enlarged first and
lines stay thin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

from auditor.base.heatmaps import Photo, as_bytes, linear


def outline(picture: Photo, mask: Bool[np.ndarray, "h w"]) -> Photo:
    """Return the picture with the mask's border drawn as a yellow line between two black ones.

    The line stays visible on every background. An empty mask leaves the picture as it is.
    """
    region = _nearest(mask.astype(np.int64), picture.shape[:2]).astype(bool)
    if not region.any():
        return picture.copy()
    width = max(1, round(max(picture.shape[:2]) / 110))
    # Padding with False draws the line also where the region touches the picture's edge.
    padded = np.pad(region, 3 * width)
    depth = ndimage.distance_transform_cdt(padded, metric="chessboard")
    distance = ndimage.distance_transform_cdt(~padded, metric="chessboard")
    inner = slice(3 * width, -3 * width)
    inside, outside = depth[inner, inner], distance[inner, inner]
    drawn = picture.copy()
    drawn[((inside > 0) & (inside <= 2 * width)) | ((outside > 0) & (outside <= width))] = 0
    drawn[(inside > 0) & (inside <= width)] = (255, 235, 59)
    return drawn


def paint_segments(
    picture: Photo, segments: Int[np.ndarray, "h w"], colours: Sequence[str | None]
) -> Photo:
    """Return the picture with every segment tinted in its colour and thin lines between colours.

    ``colours[i]`` is the ``#rrggbb`` colour of segment i, or None to leave it grey.
    """
    shown = _nearest(segments, picture.shape[:2])
    photo = picture.astype(float)
    grey = np.repeat(photo.mean(axis=2, keepdims=True), 3, axis=2)
    table = np.array([_rgb(colour) for colour in colours], dtype=float).reshape(-1, 3)
    tinted = np.array([colour is not None for colour in colours], dtype=bool)
    strength = np.where(tinted[shown], 0.5, 0.0)[..., None]
    base = np.where(tinted[shown][..., None], 0.3 * photo + 0.7 * grey, 0.5 * grey + 0.5 * 235)
    painted = base * (1 - strength) + table[shown] * strength
    _, groups = np.unique([colour or "" for colour in colours], return_inverse=True)
    group = groups[shown]
    edge = np.zeros(group.shape, dtype=bool)
    edge[:, 1:] |= group[:, 1:] != group[:, :-1]
    edge[1:, :] |= group[1:, :] != group[:-1, :]
    painted[edge] = 255
    return as_bytes(painted)


def dim(picture: Photo, weight: Float[np.ndarray, "h w"], *, floor: float = 0.25) -> Photo:
    """Return the picture, dark (``floor`` of its brightness) where ``weight``, 0 to 1, is 0."""
    scaled = linear(np.clip(weight, 0.0, 1.0), picture.shape[:2])
    return as_bytes(picture * (floor + (1 - floor) * np.clip(scaled, 0.0, 1.0))[..., None])


def _nearest(
    values: Int[np.ndarray, "h w"], size: tuple[int, ...]
) -> Int[np.ndarray, "height width"]:
    rows = (np.arange(size[0]) * values.shape[0]) // size[0]
    columns = (np.arange(size[1]) * values.shape[1]) // size[1]
    return np.asarray(values[rows[:, None], columns[None, :]])


def _rgb(colour: str | None) -> tuple[int, int, int]:
    if colour is None:
        return (0, 0, 0)
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))
