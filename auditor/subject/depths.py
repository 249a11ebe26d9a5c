"""Pixels of 8 bits and of more: how deep a picture is, and how it becomes 8-bit RGB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from auditor.subject.limits import Unreadable, check_size

# "8": 8 bits or fewer. "grey" and "colour": 16 bits that may use a part of their range only.
# "declared": 16 bits whose file states the range. "wide": 32 bits, signed or floating-point.
Depth = Literal["8", "grey", "colour", "declared", "wide"]
FULL = (0.0, 65535.0)

_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")
_BITS = 258  # a tag of TIFF


@dataclass(frozen=True)
class Reading:
    """How the pixels of a file are read.

    ``levels`` are the values of black and white in pictures of more than 8 bits, None where that
    is not known; ``window``: values beyond them are clipped, else they are refused. ``turn``: the
    EXIF orientation is applied. ``channels``: what a picture becomes, RGB (None), one channel of
    grey, or these bands, counted from 1, by ``windows``: one for each, one for all, or none.
    """

    levels: tuple[float, float] | None = None
    window: bool = False
    turn: bool = True
    channels: Literal["grey"] | tuple[int, ...] | None = None
    windows: tuple[tuple[float, float], ...] = ()


USUAL = Reading()


def to_rgb(
    picture: Image.Image,
    reading: Reading = USUAL,
    depth: Depth | None = None,
    *,
    inverted: bool = False,
) -> Image.Image:
    """Return the picture in 8-bit RGB; ``inverted``: its deep values count from white to black.

    Raises:
        Unreadable: the pixels have no defined range, or no conversion exists.
    """
    check_size(picture)
    depth = depth or depth_of(picture)
    refuse_deep_colour(depth, reading)
    if picture.mode == "RGB":
        return picture
    if depth in ("grey", "declared", "wide"):
        grey = _grey(np.asarray(picture), reading, depth)
        return Image.fromarray(255 - grey if inverted else grey).convert("RGB")
    if picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")
    return picture.convert("RGB")


def refuse_deep_colour(depth: Depth, reading: Reading) -> None:
    """Refuse colour of more than 8 bits of which not the full range is used.

    Raises:
        Unreadable: it is that.
    """
    if depth == "colour" and reading.levels != FULL:
        raise Unreadable(
            "has 16-bit colour, which is read over its full range only; set preprocess.range: "
            "16bit, or save it with 8 bits"
        )


def depth_of(picture: Image.Image) -> Depth:
    """Return how deep the values of a picture are; of colour, only before it is loaded."""
    raw = _raw_mode(picture)
    if picture.mode in _SIXTEEN_BIT:
        return "grey"
    if picture.mode == "I" and picture.format == "PPM":
        return "grey" if raw.startswith("I;16") else "declared"
    if picture.mode == "I" and picture.format == "PNG":
        return "grey"
    if picture.mode in ("I", "F"):
        return "wide"
    bits = tag(picture, _BITS)
    if ";16" in raw or max(bits if isinstance(bits, tuple) else (8,)) > 8:
        return "colour"
    return "8"


def _grey(values: np.ndarray, reading: Reading, depth: Depth) -> UInt8[np.ndarray, "height width"]:
    """Return deep values as 0 to 255."""
    levels = FULL if depth == "declared" else reading.levels
    if depth == "wide" and not reading.window:
        kind = "floating-point" if values.dtype.kind == "f" else "32-bit or signed"
        raise Unreadable(
            f"has {kind} pixels, whose range is not defined; set preprocess.range: [black, white]"
        )
    if levels is None:
        raise Unreadable(
            "has 16-bit pixels, and no picture that was looked at had any, so their range is not "
            "known; set preprocess.range, such as 12bit or 16bit"
        )
    low, high = levels
    if depth == "wide":
        if not np.isfinite(values).all():
            raise Unreadable("holds numbers that are not finite")
        return np.concatenate([_scaled(rows, low, high) for rows in np.array_split(values, 64)])
    top = int(values.max())
    if depth == "grey" and top > high and not reading.window:
        raise Unreadable(
            f"has values up to {top}, above {high:g}, where the range of the data ends; set "
            "preprocess.range to a larger one, or to [black, white] to cut them off"
        )
    table = _scaled(np.arange(65536), low, high)
    grey: UInt8[np.ndarray, "height width"] = table[values]
    return grey


def _scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    share = (values.astype(np.float64) - low) / (high - low)
    return np.round(np.clip(share, 0, 1) * 255).astype(np.uint8)


def tag(picture: Image.Image, number: int) -> Any:
    """Return the value of a TIFF's tag, None where the picture has none."""
    return getattr(picture, "tag_v2", {}).get(number)


def _raw_mode(picture: Image.Image) -> str:
    """Return how the decoder is told to read the pixels, empty when it is done."""
    tiles = getattr(picture, "tile", None)
    if not tiles:
        return ""
    given = tiles[0][3]
    words = given if isinstance(given, tuple) else (given,)
    full = picture.format == "PPM" and words[-1] == 65535  # 16 bits, whatever part is used
    return f"{words[0]};16" if full else str(words[0])
