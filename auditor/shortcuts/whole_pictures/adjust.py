"""Give a picture another value of a global statistic, and the opposite change as a control."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from scipy import ndimage

from auditor.shortcuts.whole_pictures.global_statistics import MARGIN, STATISTICS, outwards

Picture = Float[np.ndarray, "height width 3"]
Bytes = UInt8[np.ndarray, "height width 3"]
Family = Callable[[Picture, float], Picture]

# Halvings of the amount: to a hundredth of the family.
STEPS = 7
# The ends of the families: beyond them a picture is no photograph any more. Sigma in pixels, and
# factors of the detail, of contrast, saturation and light.
LARGEST_BLUR = 4.0
LARGEST_SHARPENING = 4.0
LARGEST_FACTOR = 4.0
# Qualities of a JPEG, from the strongest compression to the weakest.
QUALITIES = (1, 98)
# What has no opposite; see `opposite`.
NOT_MIRRORED = ("noise", "JPEG blockiness")


def adjusted(picture: Bytes, statistic: str, wanted: float, rng: np.random.Generator) -> Bytes:
    """Return the picture with its statistic moved to ``wanted``, as far as that is possible.

    By bisection along one family of changes: shifted, stretched, blurred or sharpened, with noise
    added (which ``rng`` draws) or smoothed, compressed. Blocks are not taken out: the picture
    is returned as it is.
    """
    measure = STATISTICS[statistic].of
    value = measure(picture)
    family, low, high = _family(picture, statistic, wanted > value, rng)
    start = picture.astype(np.float64)
    best, gap = picture, abs(value - wanted)
    rising = measure(_bytes(family(start, high))) > value
    for step in range(STEPS):
        middle = (low + high) / 2 if step else high
        changed = _bytes(family(start, middle))
        reached = measure(changed)
        if abs(reached - wanted) < gap:
            best, gap = changed, abs(reached - wanted)
        if step and (reached < wanted) == rising:
            low = middle
        elif step:
            high = middle
        elif (reached < wanted) == rising:
            break  # the end of the family is not far enough
    return best


def opposite(picture: Bytes, changed: Bytes, statistic: str) -> Bytes:
    """Return the control: the same change with its sign turned around.

    Added noise and blocks turned around are noise and blocks; their control is a blur that changes
    the picture by as much (root mean square).
    """
    start, end = picture.astype(np.float64), changed.astype(np.float64)
    measure = STATISTICS[statistic].of
    if statistic not in NOT_MIRRORED or measure(changed) <= measure(picture):
        return _bytes(2 * start - end)
    smooth = ndimage.gaussian_filter(start, (2.0, 2.0, 0.0))
    energy = float(np.sqrt(((smooth - start) ** 2).mean()))
    asked = float(np.sqrt(((end - start) ** 2).mean()))
    return _bytes(start + min(1.0, asked / max(energy, 1e-9)) * (smooth - start))


def _family(
    picture: Bytes, statistic: str, upwards: bool, rng: np.random.Generator
) -> tuple[Family, float, float]:
    """Return a family of changes, from the value that changes nothing to the strongest."""
    if statistic in FAMILIES:
        family, start, downmost, upmost = FAMILIES[statistic]
        return family, start, upmost if upwards else downmost
    if statistic == "JPEG blockiness":
        return (_compressed, 100.0, QUALITIES[0]) if upwards else (_same, 0.0, 1.0)
    if not upwards:
        return _blurred, 0.0, LARGEST_BLUR
    if statistic == "sharpness":
        return _sharpened, 0.0, LARGEST_SHARPENING
    grain = rng.normal(size=(*picture.shape[:2], 1))
    return (lambda start, amount: start + amount * grain), 0.0, 64.0


def _shift(direction: Float[np.ndarray, "3"]) -> Family:
    return lambda start, amount: start + amount * direction


def _shift_outwards(direction: Float[np.ndarray, "3"]) -> Family:
    """Shift the margin by the whole amount and the middle by none."""

    def shifted(start: Picture, amount: float) -> Picture:
        weight = np.clip(outwards(*start.shape[:2]) / MARGIN, 0.0, 1.0) ** 2
        moved: Picture = start + amount * weight[..., None] * direction
        return moved

    return shifted


def _gain(start: Picture, factor: float) -> Picture:
    gained: Picture = factor * start
    return gained


def _stretch(axes: tuple[int, ...]) -> Family:
    """Stretch around the mean of the picture, or around each pixel's own mean colour."""
    return lambda start, factor: (
        (mean := start.mean(axis=axes, keepdims=True)) + factor * (start - mean)
    )


def _blurred(start: Picture, width: float) -> Picture:
    blurred: np.ndarray = ndimage.gaussian_filter(start, (width, width, 0.0))
    return blurred


def _sharpened(start: Picture, amount: float) -> Picture:
    sharpened: np.ndarray = start + amount * (start - _blurred(start, 1.0))
    return sharpened


def _compressed(start: Picture, quality: float) -> Picture:
    file = io.BytesIO()
    level = int(np.clip(round(quality), *QUALITIES))
    Image.fromarray(_bytes(start)).save(file, "JPEG", quality=level)
    return np.asarray(Image.open(io.BytesIO(file.getvalue())), dtype=np.float64)


def _same(start: Picture, amount: float) -> Picture:
    return start


def _bytes(values: Picture) -> Bytes:
    rounded: np.ndarray = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded


_RED_GREEN, _BLUE_YELLOW = np.array([0.5, -0.5, 0.0]), np.array([-1.0, -1.0, 2.0]) / 3
# Changes that go both ways: the value that changes nothing, and the ends downwards and upwards.
FAMILIES: Mapping[str, tuple[Family, float, float, float]] = {
    "brightness": (_shift(np.ones(3)), 0.0, -255.0, 255.0),
    "red-green tint": (_shift(_RED_GREEN), 0.0, -255.0, 255.0),
    "blue-yellow tint": (_shift(_BLUE_YELLOW), 0.0, -255.0, 255.0),
    "red-green tint of the margin": (_shift_outwards(_RED_GREEN), 0.0, -255.0, 255.0),
    "blue-yellow tint of the margin": (_shift_outwards(_BLUE_YELLOW), 0.0, -255.0, 255.0),
    "highlights": (_gain, 1.0, 0.0, LARGEST_FACTOR),
    "contrast": (_stretch((0, 1, 2)), 1.0, 0.0, LARGEST_FACTOR),
    "saturation": (_stretch((2,)), 1.0, 0.0, LARGEST_FACTOR),
}
