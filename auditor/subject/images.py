"""From a file to an upright RGB picture, or to the reason why not.

What each kind of picture becomes, in the order it is applied:

* The format is found from the content, never from the name; JPEG, PNG, WebP, BMP, GIF, TIFF and
  PPM are decoded, of animations and multi-page files the first frame.
* More than ``MAX_PIXELS`` pixels, or a file above ``MAX_BYTES``, is refused before decoding.
* The EXIF orientation is applied; embedded colour profiles are not (torchvision's loader does not
  either).
* 16-bit grey is divided by 257; CMYK, YCbCr, palette and grey are converted by Pillow; an alpha
  channel is dropped, as torchvision's loader does. Floating-point and 32-bit pixels have no
  defined range and are refused.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

MAX_PIXELS = 100_000_000
MAX_BYTES = 512 * 1024 * 1024
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
FORMAT_NAMES = "JPEG, PNG, WebP, BMP, GIF, TIFF or PPM"

_MAGIC = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"BM",
    b"GIF87a",
    b"GIF89a",
    b"II*\x00",
    b"MM\x00*",
    b"II+\x00",
    b"MM\x00+",
)
_NETPBM = tuple(
    f"P{digit}".encode() + space for digit in "123456" for space in (b"\n", b" ", b"\r")
)
_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")


class Unreadable(Exception):  # noqa: N818 - a value on its way to a list, not an error of ours
    """Why one picture cannot be used; becomes its quarantine reason."""


def read_file(path: Path) -> bytes:
    """Return the content of a picture's file.

    Raises:
        Unreadable: missing, dangling link, not a regular file, empty, too large or unreadable.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise Unreadable("is a folder, not a file")
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("is not a regular file")
        if status.st_size == 0:
            raise Unreadable("is empty (0 bytes)")
        if status.st_size > MAX_BYTES:
            raise Unreadable(f"is {status.st_size:,} bytes, more than the {MAX_BYTES:,} allowed")
        return path.read_bytes()
    except FileNotFoundError:
        reason = "is a link to a missing file" if path.is_symlink() else "does not exist"
        raise Unreadable(reason) from None
    except (OSError, ValueError) as error:
        raise Unreadable(f"cannot be read ({_os_reason(error)})") from None


def content_digest(data: bytes) -> str:
    """Return the size and sha256 of a file's content."""
    return f"{len(data)}:{hashlib.sha256(data).hexdigest()}"


def looks_like_image(path: Path) -> bool:
    """Return whether the first bytes of a file are those of a format that is decoded."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return False
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return webp or head.startswith(_MAGIC) or head.startswith(_NETPBM)


def decode(data: bytes) -> Image.Image:
    """Return the upright RGB picture of a file's content.

    Raises:
        Unreadable: not an allowed format, too many pixels, damaged, or of an undefined range.
    """
    with warnings.catch_warnings(), _whole_pictures():
        warnings.simplefilter("ignore")  # damaged metadata is not the picture
        try:
            with Image.open(BytesIO(data), formats=FORMATS) as picture:
                _check_pixels(picture.size)
                picture.load()
                return to_rgb(_upright(picture))
        except Unreadable:
            raise
        except UnidentifiedImageError:
            raise Unreadable(f"is not a {FORMAT_NAMES} image") from None
        except Image.DecompressionBombError:
            raise Unreadable(f"has more than {MAX_PIXELS:,} pixels") from None
        except Exception as error:  # decoders raise nearly anything on damaged files
            raise Unreadable(f"cannot be decoded ({_decoder_reason(error)})") from None


@contextmanager
def _whole_pictures() -> Iterator[None]:
    """Refuse truncated pictures, also where another library told Pillow to take them."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def upright_size(data: bytes) -> tuple[int, int]:
    """Return (height, width) of the upright picture from the file's header alone.

    Raises:
        Unreadable: the header cannot be read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(BytesIO(data), formats=FORMATS) as picture:
                width, height = picture.size
                turned = _orientation(picture) in (5, 6, 7, 8)
        except Exception as error:
            raise Unreadable(f"cannot be decoded ({_decoder_reason(error)})") from None
    return (width, height) if turned else (height, width)


def to_rgb(picture: Image.Image) -> Image.Image:
    """Return the picture in 8-bit RGB.

    Raises:
        Unreadable: the pixels have no defined range, or no conversion exists.
    """
    _check_pixels(picture.size)
    if picture.mode == "RGB":
        return picture
    if picture.mode in _SIXTEEN_BIT or picture.mode == "I":
        values = np.asarray(picture).astype(np.int64)
        if picture.mode == "I" and (values.min() < 0 or values.max() > 65535):
            raise Unreadable("has 32-bit pixels, whose range is not defined")
        grey = np.round(values / 257.0).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if picture.mode == "F":
        raise Unreadable("has floating-point pixels, whose range is not defined")
    if picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")
    return picture.convert("RGB")


def _check_pixels(size: tuple[int, int]) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise Unreadable("has no pixels")
    if width * height > MAX_PIXELS:
        raise Unreadable(f"has {width} x {height} pixels, more than the {MAX_PIXELS:,} allowed")


def _upright(picture: Image.Image) -> Image.Image:
    if _orientation(picture) == 1:
        return picture
    try:
        return ImageOps.exif_transpose(picture)
    except (ValueError, TypeError, KeyError, OSError, SyntaxError, struct.error):
        return picture  # rotation is unknown when the EXIF block is damaged: shown as stored


def _orientation(picture: Image.Image) -> int:
    try:
        value = picture.getexif().get(0x0112, 1)
    except Exception:  # damaged metadata of a good picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _decoder_reason(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else ""
    if " at 0x" in text:  # an address says nothing and changes from run to run
        text = ""
    return f"{type(error).__name__}: {text[:120]}" if text else type(error).__name__


def _os_reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else type(error).__name__
