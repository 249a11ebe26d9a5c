"""Pictures of one channel or of many bands: how values become inputs without losing depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from PIL import Image

from auditor.subject.depths import FULL, Depth, Reading, depth_of, refuse_deep_colour
from auditor.subject.limits import Unreadable, check_size

MOST = 16  # bands
BYTE = (0.0, 255.0)


@dataclass(frozen=True, eq=False)
class Bands:
    """A picture of several bands, each a floating picture in which 255 is white."""

    images: tuple[Image.Image, ...]

    @property
    def height(self) -> int:
        """Return the pixels down."""
        return self.images[0].height

    @property
    def width(self) -> int:
        """Return the pixels across."""
        return self.images[0].width


def to_grey(
    picture: Image.Image, reading: Reading, depth: Depth | None = None, *, inverted: bool = False
) -> Image.Image:
    """Return a picture with one channel: of 8 bits, or of more as floating numbers of 0 to 255.

    Colour becomes grey as Pillow does it: 0.299 red + 0.587 green + 0.114 blue.

    Raises:
        Unreadable: the values have no defined range.
    """
    check_size(picture)
    depth = depth or depth_of(picture)
    refuse_deep_colour(depth, reading)
    if depth in ("8", "colour"):
        if picture.mode == "P" and "transparency" in picture.info:
            picture = picture.convert("RGBA")
        return picture if picture.mode == "L" else picture.convert("RGB").convert("L")
    levels = FULL if depth == "declared" else reading.levels
    if levels is None or (depth == "wide" and not reading.window):
        raise Unreadable(
            "has values of more than 8 bits, whose range is not known; set preprocess.window: "
            "[black, white]"
        )
    values = np.asarray(picture)
    refuse_beyond(values, levels, cut=reading.window or depth == "declared")
    grey = shares(values, levels)
    return floating(1 - grey if inverted else grey)


def to_bands(
    values: Shaped[np.ndarray, "band height width"], numbers: Sequence[int], reading: Reading
) -> Bands:
    """Return the bands of these ``numbers``, counted from 1, as their windows say.

    Raises:
        Unreadable: there is no such band, or nothing says which values are black and white.
    """
    if max(numbers) > len(values):
        raise Unreadable(
            f"has {len(values)} band{'s' if len(values) > 1 else ''}, where preprocess.channels "
            f"asks for band {max(numbers)}"
        )
    windows = reading.windows
    if not windows and values.dtype != np.uint8:
        kind = "floating-point" if values.dtype.kind == "f" else f"{values.dtype.itemsize * 8}-bit"
        raise Unreadable(
            f"has {kind} values, whose range is not defined; set preprocess.window: [low, high]"
        )
    each = windows if len(windows) == len(numbers) else (windows or (BYTE,)) * len(numbers)
    return Bands(
        tuple(
            floating(shares(values[number - 1], window))
            for number, window in zip(numbers, each, strict=True)
        )
    )


def bands_of(picture: Image.Image) -> Shaped[np.ndarray, "band height width"]:
    """Return the channels of a picture as its file holds them."""
    if picture.mode in ("P", "1", "CMYK", "YCbCr", "LAB", "HSV"):
        picture = picture.convert("RGB")
    values = np.asarray(picture)
    return values[None] if values.ndim == 2 else np.moveaxis(values, 2, 0)


def shares(
    values: Shaped[np.ndarray, "height width"], window: tuple[float, float]
) -> Float[np.ndarray, "height width"]:
    """Return values as shares of a window: 0 at its lower end or below, 1 at its upper or above.

    Raises:
        Unreadable: values are not finite.
    """
    low, high = window
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise Unreadable("holds numbers that are not finite")
    share: np.ndarray = ((values.astype(np.float32) - low) / (high - low)).clip(0, 1)
    return share


def floating(share: Float[np.ndarray, "height width"]) -> Image.Image:
    """Return shares as a floating picture in which 255 is white."""
    return Image.fromarray((share * 255).astype(np.float32))


def refuse_beyond(values: np.ndarray, levels: tuple[float, float], *, cut: bool) -> None:
    """Refuse values above a range that was told from other pictures.

    Raises:
        Unreadable: there are some.
    """
    top = float(values.max())
    if not cut and top > levels[1]:
        raise Unreadable(
            f"has values up to {top:g}, above {levels[1]:g}, where the range of the data ends; set "
            "preprocess.window to a larger one"
        )
