"""P6, statistics of whole pictures: what exposure, device and processing leave behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from scipy import ndimage

Picture = Float[np.ndarray, "height width 3"]
Grey = Float[np.ndarray, "height width"]

FLAT = 6.0
BLOCK = 8
# Textures reach this without any blocks (64-pixel crops of photographs: medians 1.08 to 1.24).
BLOCKS = 1.3
RING = 2


@dataclass(frozen=True)
class Statistic:
    """A number about a picture. ``nature`` in [0, 1]: how surely it is no part of an object.

    ``unit`` is written after a value; ``fixed`` says why it cannot be changed, empty: it can.
    """

    name: str
    unit: str
    nature: float
    fixed: str = ""


_ONE_SIZE = "every picture reaches the model in the same size and shape, so there is nothing to set"
_REGION = "it is a region, not a property of the whole picture: see the regions that were tested"

# ``nature`` is a judgement, written down here once: compression, file shape and frames are made by
# cameras, scanners and people; noise and blur may be texture; colour and light mostly are the thing
# photographed. Alone, only the first group reaches grade B's limit of .5.
STATISTICS: Mapping[str, Statistic] = {
    each.name: each
    for each in (
        Statistic("brightness", "of 255", 0.30),
        Statistic("contrast", "of 255", 0.30),
        Statistic("saturation", "of 255", 0.25),
        Statistic("red-green tint", "of 255", 0.20),
        Statistic("blue-yellow tint", "of 255", 0.20),
        Statistic("sharpness", "", 0.40),
        Statistic("noise", "of 255", 0.40),
        Statistic("JPEG blockiness", "times", 0.75),
        Statistic("uniform border", "", 0.60, _REGION),
        Statistic("flat areas", "of the picture", 0.40, _REGION),
        Statistic("portrait format", "", 0.75, _ONE_SIZE),
        Statistic("aspect ratio", "width / height", 0.75, _ONE_SIZE),
        Statistic("file size in pixels", "megapixels", 0.75, _ONE_SIZE),
    )
}


def measured(
    pictures: UInt8[np.ndarray, "sample height width 3"],
    sizes: Sequence[tuple[int, int] | None],
) -> dict[str, Float[np.ndarray, "sample"]]:
    """Return every statistic of every picture, as the model is given it.

    ``sizes`` are (height, width) of the files; where one is unknown the statistics of the file
    are left out. What tells nothing because it is the same everywhere is left out too.
    """
    found = {
        name: np.array([measure(picture.astype(np.float64)) for picture in pictures])
        for name, measure in MEASURES.items()
    }
    if all(size is not None for size in sizes):
        known = np.array(sizes, dtype=np.float64).reshape(-1, 2)
        found["portrait format"] = (known[:, 0] > known[:, 1]).astype(np.float64)
        found["aspect ratio"] = known[:, 1] / known[:, 0]
        found["file size in pixels"] = known.prod(axis=1) / 1e6
    return {name: values for name, values in found.items() if np.ptp(values) > 1e-9}


def brightness(picture: Picture) -> float:
    """Return the mean of all values, 0 to 255."""
    return float(picture.mean())


def contrast(picture: Picture) -> float:
    """Return the standard deviation of luminance, 0 to 127.5."""
    return float(picture.mean(axis=2).std())


def saturation(picture: Picture) -> float:
    """Return the mean over pixels of largest minus smallest colour, 0 to 255."""
    return float((picture.max(axis=2) - picture.min(axis=2)).mean())


def red_green(picture: Picture) -> float:
    """Return the mean of red minus green."""
    return float((picture[..., 0] - picture[..., 1]).mean())


def blue_yellow(picture: Picture) -> float:
    """Return the mean of blue minus the mean of red and green."""
    return float((picture[..., 2] - picture[..., :2].mean(axis=2)).mean())


def sharpness(picture: Picture) -> float:
    """Return the root mean square of second over first differences: free of contrast."""
    grey = picture.mean(axis=2)
    second = ndimage.laplace(grey)
    first = np.hypot(np.diff(grey, axis=0)[:, 1:], np.diff(grey, axis=1)[1:])
    rough = float(np.sqrt((first**2).mean()))
    return float(np.sqrt((second**2).mean())) / rough if rough > 1e-6 else 0.0


def noise(picture: Picture) -> float:
    """Return the standard deviation of noise in the flattest tenth of 8 x 8 blocks.

    Immerkaer 1996, "Fast noise variance estimation": a filter that is blind to planes and edges.
    """
    grey = picture.mean(axis=2)
    kernel = np.array([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])
    rough = np.abs(ndimage.convolve(grey, kernel))[1:-1, 1:-1] * (np.pi / 2) ** 0.5 / 6
    height, width = (side // BLOCK * BLOCK for side in rough.shape)
    if not height or not width:
        return float(rough.mean()) if rough.size else 0.0
    blocks = rough[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return float(np.quantile(blocks.mean(axis=(1, 3)), 0.1))


def blockiness(picture: Picture) -> float:
    """Return how much larger differences are at the edges of 8 x 8 blocks, at least `BLOCKS`.

    Across columns and across rows, at the offset where it is largest, over the median offset. What
    lies below `BLOCKS` is texture, so all of it counts as no blocks. Sees blocks only in pictures
    that were not resized after compression.
    """
    grey = picture.mean(axis=2)
    ratios = []
    for axis in (0, 1):
        steps = np.abs(np.diff(grey, axis=axis)).mean(axis=1 - axis)
        if len(steps) >= 2 * BLOCK:
            offsets = np.array([steps[start::BLOCK].mean() for start in range(BLOCK)])
            ratios.append(offsets.max() / max(float(np.median(offsets)), 1e-6))
    return max(BLOCKS, float(np.mean(ratios))) if ratios else BLOCKS


def uniform_border(picture: Picture) -> float:
    """Return 1 minus the deviation of the outermost pixels over that of the whole picture."""
    ring = np.ones(picture.shape[:2], dtype=bool)
    ring[RING:-RING, RING:-RING] = False
    whole = float(picture.std(axis=(0, 1)).mean())
    return 1.0 - float(picture[ring].std(axis=0).mean()) / whole if whole > 1e-6 else 1.0


def flat_areas(picture: Picture) -> float:
    """Return the share of pixels whose 3 x 3 surroundings differ by at most `FLAT` of 255."""
    span = ndimage.maximum_filter(picture, (3, 3, 1)) - ndimage.minimum_filter(picture, (3, 3, 1))
    return float((span.max(axis=2) <= FLAT).mean())


MEASURES: Mapping[str, Callable[[Picture], float]] = {
    "brightness": brightness,
    "contrast": contrast,
    "saturation": saturation,
    "red-green tint": red_green,
    "blue-yellow tint": blue_yellow,
    "sharpness": sharpness,
    "noise": noise,
    "JPEG blockiness": blockiness,
    "uniform border": uniform_border,
    "flat areas": flat_areas,
}
