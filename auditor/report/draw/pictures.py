"""Draw on photographs: heatmaps, outlines, coloured superpixels. Arrays in, arrays out.

A picture is uint8 in RGB. Maps, masks and segments may be smaller than the picture (they are at
the model's input resolution) and are scaled to it, so that small inputs can be enlarged first and
lines stay thin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image
from scipy import ndimage

# Blue to white to red, safe for the common colour blindnesses (ColorBrewer RdBu, reversed).
DIVERGING = np.array(
    [[33, 102, 172], [103, 169, 207], [247, 247, 247], [239, 138, 98], [178, 24, 43]], dtype=float
)
POSITIVE = np.array([203, 24, 29], dtype=float)
NEGATIVE = np.array([8, 81, 156], dtype=float)

Photo = UInt8[np.ndarray, "height width 3"]


def upscale(picture: Photo, side: int) -> Photo:
    """Return ``picture`` with its longer side enlarged to ``side`` pixels; never made smaller."""
    height, width = picture.shape[:2]
    factor = side / max(height, width)
    if factor <= 1:
        return picture
    return resize(picture, max(1, round(height * factor)), max(1, round(width * factor)))


def resize(picture: Photo, height: int, width: int) -> Photo:
    """Return ``picture`` at ``height`` by ``width`` pixels (Lanczos)."""
    if picture.shape[:2] == (height, width):
        return picture
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


def relevance_scale(heatmap: Float[np.ndarray, "height width"]) -> float:
    """Return the relevance at which colours are full: the 99.5 % quantile of the absolute map."""
    if not np.isfinite(heatmap).all():
        raise ValueError("a heatmap holds NaN or infinity: leave the sample out before drawing it")
    magnitude = np.abs(heatmap)
    return float(np.quantile(magnitude, 0.995)) or float(magnitude.max())


def overlay(
    picture: Photo, heatmap: Float[np.ndarray, "h w"], *, scale: float | None = None
) -> Photo:
    """Return the photograph under its heatmap: red speaks for, blue against, none stays photo.

    ``heatmap`` is in units of the explained logit and may be smaller than the picture; ``scale``
    is the relevance at which the colour is strongest (default: `relevance_scale`). The photograph
    is paled, never hidden.
    """
    value = _normalised(heatmap, picture.shape[:2], scale)
    photo = picture.astype(float)
    grey = photo.mean(axis=2, keepdims=True)
    paled = 0.45 * photo + 0.4 * grey + 0.15 * 255
    strength = (0.8 * np.abs(value) ** 0.8)[..., None]
    colour = np.where(value[..., None] > 0, POSITIVE, NEGATIVE)
    return _bytes(paled * (1 - strength) + colour * strength)


def heat(heatmap: Float[np.ndarray, "h w"], *, scale: float | None = None) -> Photo:
    """Return the heatmap alone in the diverging colours: white is zero, red for, blue against."""
    value = (_normalised(heatmap, heatmap.shape, scale) + 1) / 2 * (len(DIVERGING) - 1)
    stops = np.arange(len(DIVERGING))
    channels = [np.interp(value, stops, DIVERGING[:, channel]) for channel in range(3)]
    return _bytes(np.stack(channels, axis=-1))


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
    return _bytes(painted)


def dim(picture: Photo, weight: Float[np.ndarray, "h w"], *, floor: float = 0.25) -> Photo:
    """Return the picture, dark (``floor`` of its brightness) where ``weight``, 0 to 1, is 0."""
    scaled = _linear(np.clip(weight, 0.0, 1.0), picture.shape[:2])
    return _bytes(picture * (floor + (1 - floor) * np.clip(scaled, 0.0, 1.0))[..., None])


def _normalised(
    heatmap: Float[np.ndarray, "h w"], size: tuple[int, ...], scale: float | None
) -> Float[np.ndarray, "height width"]:
    full = relevance_scale(heatmap) if scale is None else scale
    if full <= 0:
        return np.zeros(size)
    return np.clip(_linear(heatmap, size) / full, -1.0, 1.0)


def _linear(
    values: Float[np.ndarray, "h w"], size: tuple[int, ...]
) -> Float[np.ndarray, "height width"]:
    height, width = size
    if values.shape == (height, width):
        return values.astype(float)
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), dtype=float)


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


def _bytes(values: Float[np.ndarray, "height width 3"]) -> Photo:
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)
