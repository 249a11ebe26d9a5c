"""The orange date stamp that film cameras burnt into the corner of a photograph."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFilter

# The colours of the lamp through film: nearly white in the middle, orange around it.
CORE, HALO = (255, 196, 72), (255, 84, 0)
# In pixels: the size of "96 12 28" in digits of the width below, and its distance from the corner.
WIDTH, HEIGHT = 38, 10
MARGIN = 3
_DIGIT, _GAP = 4.6, 1.2
_SCALE = 8  # digits are drawn this much larger, so that shrinking them smooths their edges
# Segments of a seven-segment digit: top, top left, top right, middle, bottom left, bottom right,
# bottom; each as a line in a box of width 1 and height 1.
_SEGMENTS = (
    ((0, 0), (1, 0)),
    ((0, 0), (0, 0.5)),
    ((1, 0), (1, 0.5)),
    ((0, 0.5), (1, 0.5)),
    ((0, 0.5), (0, 1)),
    ((1, 0.5), (1, 1)),
    ((0, 1), (1, 1)),
)
_LIT = (
    "1110111",
    "0010010",
    "1011101",
    "1011011",
    "0111010",
    "1101011",
    "1101111",
    "1010010",
    "1111111",
    "1111011",
)


def stamp(
    image: UInt8[np.ndarray, "height width 3"], rng: np.random.Generator
) -> UInt8[np.ndarray, "height width 3"]:
    """Return ``image`` with a random date between 1994 and 1999 in its lower right corner."""
    text = f"{rng.integers(94, 100)} {rng.integers(1, 13):2d} "
    text += f"{rng.integers(1, 29):2d}"
    brightness = rng.uniform(0.9, 1.0)
    rows, columns = stamp_box(image.shape[0], image.shape[1])
    marked = image.astype(np.float64)
    for colour, blur in ((HALO, 0.9), (CORE, 0.25)):
        opacity = brightness * _digits(text, blur)[..., None]
        here = marked[rows, columns]
        marked[rows, columns] = here + opacity * (np.array(colour) - here)
    return np.clip(np.rint(marked), 0, 255).astype(np.uint8)


def stamp_box(height: int, width: int) -> tuple[slice, slice]:
    """Return the rows and columns that the stamp may touch in a picture of this size."""
    bottom, right = height - MARGIN, width - MARGIN
    return slice(bottom - HEIGHT, bottom), slice(right - WIDTH, right)


def _digits(text: str, blur: float) -> Float[np.ndarray, "10 38"]:
    """Draw the digits large, blur them by ``blur`` final pixels, shrink them: opacity in [0, 1]."""
    canvas = Image.new("L", (WIDTH * _SCALE, HEIGHT * _SCALE))
    draw = ImageDraw.Draw(canvas)
    left = 1.0
    for character in text:
        if character != " ":
            _digit(draw, int(character), left)
        left += (_DIGIT + _GAP) * (0.5 if character == " " else 1.0)
    canvas = canvas.filter(ImageFilter.GaussianBlur(blur * _SCALE))
    small = canvas.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float64) / 255.0


def _digit(draw: ImageDraw.ImageDraw, digit: int, left: float) -> None:
    for lit, ((x0, y0), (x1, y1)) in zip(_LIT[digit], _SEGMENTS, strict=True):
        if lit == "1":
            ends = [
                ((left + x * (_DIGIT - 1.5)) * _SCALE, (1.0 + y * (HEIGHT - 2.5)) * _SCALE)
                for x, y in ((x0, y0), (x1, y1))
            ]
            draw.line(ends, fill=255, width=round(1.1 * _SCALE))
