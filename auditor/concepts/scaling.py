"""Bring a map to the size of the picture that it belongs to."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from PIL import Image


def at_size(
    values: Float[np.ndarray, "h w"], size: tuple[int, int]
) -> Float[np.ndarray, "height width"]:
    """Return the map at ``size`` (height, width), bilinear; the sign of a value is kept."""
    if values.shape == size:
        return values.astype(np.float64)
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    scaled = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(scaled, dtype=np.float64)
