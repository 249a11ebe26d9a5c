"""Heatmaps in colour, over a photograph or alone. Arrays in, arrays out.

A picture is uint8 in RGB. A heatmap may be smaller than the picture and is scaled to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from auditor.base.errors import ConfigError

SLACK = 0.02
# Blue to white to red, safe for the common colour blindnesses (ColorBrewer RdBu, reversed).
DIVERGING = np.array(
    [[33, 102, 172], [103, 169, 207], [247, 247, 247], [239, 138, 98], [178, 24, 43]], dtype=float
)
POSITIVE = np.array([203, 24, 29], dtype=float)
NEGATIVE = np.array([8, 81, 156], dtype=float)

Photo = UInt8[np.ndarray, "height width 3"]


def photograph(image: Any) -> Photo:
    """Return a PIL image, a uint8 array (H, W, 3) or a tensor (3, H, W) as a picture.

    Raises:
        ConfigError: it is none of these, or floating and not from 0 to 1.
    """
    if isinstance(image, Image.Image):
        return np.asarray(image.convert("RGB"))
    values = np.asarray(image.detach().cpu() if hasattr(image, "detach") else image)
    if values.ndim == 3 and values.shape[0] == 3 and values.shape[2] != 3:
        values = values.transpose(1, 2, 0)
    if values.ndim != 3 or values.shape[2] != 3:
        raise ConfigError(
            f"the photograph has the shape {values.shape}; give (height, width, 3) or (3, height, "
            "width)."
        )
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if values.dtype.kind != "f" or values.min() < -SLACK or values.max() > 1 + SLACK:
        raise ConfigError(
            f"the photograph holds {values.dtype} from {values.min():.3g} to {values.max():.3g}; "
            "give it before normalisation, from 0 to 1 or as uint8."
        )
    return as_bytes(values.astype(float) * 255)


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
    return as_bytes(paled * (1 - strength) + colour * strength)


def heat(heatmap: Float[np.ndarray, "h w"], *, scale: float | None = None) -> Photo:
    """Return the heatmap alone in the diverging colours: white is zero, red for, blue against."""
    value = (_normalised(heatmap, heatmap.shape, scale) + 1) / 2 * (len(DIVERGING) - 1)
    stops = np.arange(len(DIVERGING))
    channels = [np.interp(value, stops, DIVERGING[:, channel]) for channel in range(3)]
    return as_bytes(np.stack(channels, axis=-1))


def _normalised(
    heatmap: Float[np.ndarray, "h w"], size: tuple[int, ...], scale: float | None
) -> Float[np.ndarray, "height width"]:
    full = relevance_scale(heatmap) if scale is None else scale
    if full <= 0:
        return np.zeros(size)
    return np.clip(linear(heatmap, size) / full, -1.0, 1.0)


def linear(
    values: Float[np.ndarray, "h w"], size: tuple[int, ...]
) -> Float[np.ndarray, "height width"]:
    """Return values scaled to ``size`` (height, width)."""
    height, width = size
    if values.shape == (height, width):
        return values.astype(float)
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), dtype=float)


def as_bytes(values: Float[np.ndarray, "height width 3"]) -> Photo:
    """Return values from 0 to 255 as a picture."""
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)
