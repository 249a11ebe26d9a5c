"""P6, statistics of whole pictures: what exposure, device and processing leave behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

from auditor.language.speaking import N_
from auditor.shortcuts.drawn_look import flat_pixels

Picture = Float[np.ndarray, "height width 3"]
Grey = Float[np.ndarray, "height width"]

BLOCK = 8
# Looked at for blocks: the middle of a picture, at most so many pixels a side.
MIDDLE = 128
# Of photographs that were never compressed at this size (600 of 64 and 40 of 224 pixels) none
# exceeds this over the root of the number of blocks; of a JPEG of quality 90 nine in ten do.
BY_CHANCE = 1.6
RING = 2
MARGIN, STRIP = 0.7, 0.2
BRIGHTEST = 0.98
LEAST_ENERGY = 0.02
# Statistics of the object of a picture; see `object_geometry`.
SIZE, ELONGATION = N_("size of the object"), N_("elongation of the object")
ACROSS, DOWN = N_("place of the object, across"), N_("place of the object, down")
DISTANCE = N_("distance of the object from the usual place of the class")
ORIENTATION = N_("orientation of the object")
# Of its surface, whatever its outline; see `object_surface`.
SURFACE = N_("surface of the object")
PATTERN = N_("pattern of the object's surface")
OF_SURFACES = SURFACE, PATTERN
OF_OBJECTS = SIZE, ACROSS, DOWN, DISTANCE, ELONGATION, ORIENTATION, *OF_SURFACES
LUMINANCE = np.array([0.299, 0.587, 0.114])
# The cosine transform of a block, its rows of unit length.
COSINES = np.sqrt(2 / BLOCK) * np.cos(
    np.pi * np.arange(BLOCK)[:, None] * (2 * np.arange(BLOCK) + 1) / (2 * BLOCK)
)
COSINES[0] /= np.sqrt(2)
COSINES = COSINES.astype(np.float32)


@dataclass(frozen=True)
class Statistic:
    """A number about a picture. ``nature`` in [0, 1]: how surely it is no part of an object.

    ``unit`` is written after a value; ``measure`` reads it off a picture (None: off its file, or
    off its object); ``fixed`` says why it cannot be changed, empty: it can.
    """

    name: str
    unit: str
    nature: float
    measure: Callable[[Picture], float] | None
    fixed: str = ""

    def of(self, picture: UInt8[np.ndarray, "height width 3"]) -> float:
        """Return the statistic of a picture in bytes."""
        assert self.measure is not None
        return self.measure(picture.astype(np.float64))


def measured(
    pictures: UInt8[np.ndarray, "sample height width 3"],
    sizes: Sequence[tuple[int, int]],
) -> dict[str, Float[np.ndarray, "sample"]]:
    """Return every statistic of every picture, as the model is given it.

    ``sizes`` are (height, width) of the files. What tells nothing because it is the same
    everywhere is left out.
    """
    values = {
        name: np.array([statistic.of(picture) for picture in pictures])
        for name, statistic in STATISTICS.items()
        if statistic.measure
    }
    height, width = np.array(sizes, dtype=np.float64).reshape(-1, 2).T
    values["portrait format"] = (height > width).astype(np.float64)
    values["aspect ratio"] = width / height
    values["file size in pixels"] = height * width / 1e6
    return {name: column for name, column in values.items() if np.ptp(column) > 1e-9}


def brightness(picture: Picture) -> float:
    """Return the mean of all values, 0 to 255."""
    return float(picture.mean())


def contrast(picture: Picture) -> float:
    """Return the standard deviation of luminance, 0 to 127.5."""
    return float(_grey(picture).std())


def saturation(picture: Picture) -> float:
    """Return the mean over pixels of largest minus smallest colour, 0 to 255."""
    red, green, blue = np.moveaxis(picture, 2, 0)
    smallest = np.minimum(np.minimum(red, green), blue)
    return float((_largest(picture) - smallest).mean())


def red_green(picture: Picture) -> float:
    """Return the mean of red minus green."""
    return float((picture[..., 0] - picture[..., 1]).mean())


def blue_yellow(picture: Picture) -> float:
    """Return the mean of blue minus the mean of red and green."""
    return float((picture[..., 2] - (picture[..., 0] + picture[..., 1]) / 2).mean())


def highlights(picture: Picture) -> float:
    """Return the largest colour value that all but the brightest 2 % of pixels stay below."""
    return float(np.quantile(_largest(picture), BRIGHTEST))


def margin_red_green(picture: Picture) -> float:
    """Return the median of red minus green over the margin, where objects seldom are."""
    return _over_margin(picture[..., 0] - picture[..., 1])


def margin_blue_yellow(picture: Picture) -> float:
    """Return the median over the margin of blue minus the mean of red and green."""
    return _over_margin(picture[..., 2] - (picture[..., 0] + picture[..., 1]) / 2)


def outwards(height: int, width: int) -> Grey:
    """Return how far out every pixel lies: 0 in the middle, 1 at the border."""
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    distance: Grey = np.maximum(np.abs(rows), np.abs(columns))
    return distance


def _over_margin(values: Grey) -> float:
    return float(np.median(values[_margin(*values.shape)]))


@cache
def _margin(height: int, width: int) -> Bool[np.ndarray, "height width"]:
    margin: np.ndarray = outwards(height, width) > MARGIN
    return margin


def _grey(picture: Picture) -> Grey:
    """Return the mean of the channels; numpy's own is slow along an axis of three."""
    red, green, blue = np.moveaxis(picture, 2, 0)
    grey: Grey = (red + green + blue) / 3
    return grey


def _largest(picture: Picture) -> Grey:
    """Return the largest of the channels."""
    red, green, blue = np.moveaxis(picture, 2, 0)
    largest: Grey = np.maximum(np.maximum(red, green), blue)
    return largest


def sharpness(picture: Picture) -> float:
    """Return the root mean square of second over first differences: free of contrast."""
    grey = _grey(picture)
    second = ndimage.laplace(grey)
    first = np.hypot(np.diff(grey, axis=0)[:, 1:], np.diff(grey, axis=1)[1:])
    rough = float(np.sqrt((first**2).mean()))
    return float(np.sqrt((second**2).mean())) / rough if rough > 1e-6 else 0.0


def noise(picture: Picture) -> float:
    """Return the standard deviation of noise in the flattest tenth of 8 x 8 blocks.

    Immerkaer 1996, "Fast noise variance estimation": a filter that is blind to planes and edges.
    """
    grey = _grey(picture)
    kernel = np.array([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])
    rough = np.abs(ndimage.convolve(grey, kernel))[1:-1, 1:-1] * (np.pi / 2) ** 0.5 / 6
    height, width = (side // BLOCK * BLOCK for side in rough.shape)
    if not height or not width:
        return float(rough.mean()) if rough.size else 0.0
    blocks = rough[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return float(np.quantile(blocks.mean(axis=(1, 3)), 0.1))


def blockiness(picture: Picture) -> float:
    """Return the step to which a JPEG rounded the picture, 0 where there is no sign of any.

    Compression rounds the cosine coefficients of luminance in 8 x 8 blocks, so that many vanish at
    the offset of its grid and at no other. Where the share of coefficients below 1 is larger at
    one offset than at the median one by more than chance gives (`BY_CHANCE` over the root of the
    number of blocks), the step is about the least that any of them has: their size below which lies
    `LEAST_ENERGY` of their energy. It is 4 to 20 at a quality of 90, 46 at 12 and 100 at 5. Sees
    compression only in pictures that were not resized afterwards. Source of the idea: Fan and de
    Queiroz 2003, "Identification of bitmap compression history".
    """
    luminance = (picture @ LUMINANCE).astype(np.float32)
    top, left = (max(0, (side - MIDDLE) // 2) for side in luminance.shape)
    luminance = luminance[top : top + MIDDLE, left : left + MIDDLE]
    if min(luminance.shape) < 2 * BLOCK:
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view
    across = windows(luminance, BLOCK, axis=0) @ COSINES.T
    coefficients = np.abs(windows(across, BLOCK, axis=1) @ COSINES.T)
    offsets = [(row, column) for row in range(BLOCK) for column in range(BLOCK)]
    vanishing = np.count_nonzero((coefficients < 1.0).reshape(*coefficients.shape[:2], -1), axis=2)
    vanishing = vanishing / BLOCK**2
    shares = [vanishing[row::BLOCK, column::BLOCK].mean() for row, column in offsets]
    by_chance = BY_CHANCE / (vanishing.size / BLOCK**2) ** 0.5
    if max(shares) - np.median(shares) < by_chance:
        return 0.0
    row, column = offsets[int(np.argmax(shares))]
    sizes = np.sort(coefficients[row::BLOCK, column::BLOCK].reshape(-1, BLOCK**2)[:, 1:].ravel())
    energy = np.cumsum(sizes.astype(np.float64) ** 2)
    return float(sizes[np.searchsorted(energy, LEAST_ENERGY * energy[-1])])


def uniform_border(picture: Picture) -> float:
    """Return 1 minus the deviation of the outermost pixels over that of the whole picture."""
    ring = np.ones(picture.shape[:2], dtype=bool)
    ring[RING:-RING, RING:-RING] = False
    whole = float(picture.std(axis=(0, 1)).mean())
    return 1.0 - float(picture[ring].std(axis=0).mean()) / whole if whole > 1e-6 else 1.0


def flat_areas(picture: Picture) -> float:
    """Return the share of `flat_pixels`."""
    return float(flat_pixels(picture).mean())


def at_margin(picture: Picture, statistic: Statistic) -> float:
    """Return a statistic over the margin: the mean of four strips of a fifth of the side."""
    assert statistic.measure is not None
    height, width = (max(BLOCK, round(STRIP * side)) for side in picture.shape[:2])
    strips = picture[:height], picture[-height:], picture[:, :width], picture[:, -width:]
    return float(np.mean([statistic.measure(strip) for strip in strips]))


_ONE_SIZE = N_(
    "every picture reaches the model in the same size and shape, so there is nothing to set"
)
_REGION = N_(
    "it is a region, not a property of the whole picture: see the regions that were tested"
)

# ``nature`` is a judgement, written down here once: compression, file shape and frames are made by
# cameras, scanners and people; noise and blur may be texture; light may be the thing photographed,
# the colour of the margin its usual surroundings, the size, place and turn of an object the way it
# is usually taken; colour and contrast of the whole, and shape and surface of an object, mostly are
# the thing. Alone, only the first group reaches grade B's limit of .5; the last never does.
STATISTICS: Mapping[str, Statistic] = {
    statistic.name: statistic
    for statistic in (
        Statistic(N_("brightness"), N_("of 255"), 0.30, brightness),
        Statistic(N_("highlights"), N_("of 255"), 0.30, highlights),
        Statistic(N_("contrast"), N_("of 255"), 0.05, contrast),
        Statistic(N_("saturation"), N_("of 255"), 0.05, saturation),
        Statistic(N_("red-green tint"), N_("of 255"), 0.05, red_green),
        Statistic(N_("blue-yellow tint"), N_("of 255"), 0.05, blue_yellow),
        Statistic(N_("red-green tint of the margin"), N_("of 255"), 0.25, margin_red_green),
        Statistic(N_("blue-yellow tint of the margin"), N_("of 255"), 0.25, margin_blue_yellow),
        Statistic(N_("sharpness"), "", 0.40, sharpness),
        Statistic(N_("noise"), N_("of 255"), 0.40, noise),
        Statistic(N_("JPEG blockiness"), N_("levels a step"), 0.75, blockiness),
        Statistic(N_("uniform border"), "", 0.60, uniform_border, _REGION),
        Statistic(N_("flat areas"), N_("of the picture"), 0.40, flat_areas, _REGION),
        Statistic(SIZE, N_("of the picture"), 0.30, None),
        Statistic(ACROSS, N_("of the width"), 0.30, None),
        Statistic(DOWN, N_("of the height"), 0.30, None),
        Statistic(DISTANCE, N_("of the side"), 0.30, None),
        Statistic(ELONGATION, N_("length / width"), 0.05, None),
        Statistic(ORIENTATION, N_("degrees from upright"), 0.25, None),
        Statistic(SURFACE, N_("log odds"), 0.05, None),
        Statistic(PATTERN, N_("log odds"), 0.05, None),
        Statistic(N_("portrait format"), "", 0.75, None, _ONE_SIZE),
        Statistic(N_("aspect ratio"), N_("width / height"), 0.75, None, _ONE_SIZE),
        Statistic(N_("file size in pixels"), N_("megapixels"), 0.75, None, _ONE_SIZE),
    )
}
