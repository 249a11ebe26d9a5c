"""From a file to a picture of RGB, grey or bands, or to the reason why not.

What each kind of picture becomes, in the order it is applied:

* The format is found from the content, never from the name (``auditor.subject.formats``); of
  animations and files of several pictures the first is used.
* What would cost too much is refused before decoding (``auditor.subject.limits``).
* The EXIF orientation is applied unless `Reading` says otherwise; embedded colour profiles are
  not (torchvision's loader does not either).
* Values of more than 8 bits go through the range of `Reading`, and are refused where it has none;
  CMYK, YCbCr, palette and grey are converted by Pillow; an alpha channel is dropped, as
  torchvision's loader does.
"""

from __future__ import annotations

import hashlib
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from auditor.subject import dicoms, tiffs
from auditor.subject.bands import Bands, bands_of, to_bands, to_grey
from auditor.subject.depths import USUAL, Depth, Reading, depth_of, tag, to_rgb
from auditor.subject.formats import HEAD, is_decoded, kind_of, pillow_formats, why_not
from auditor.subject.limits import (
    MAX_PIXELS,
    Unreadable,
    check_content,
    check_metadata,
    check_size,
    jpeg_scans,
    png_exif,
)

__all__ = ["MAX_PIXELS", "USUAL", "Reading", "Unreadable"]
MAX_BYTES = 256 * 1024 * 1024

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
GREY_MODES = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_ASIDE = (5, 6, 7, 8)
_BACK = {6: 8, 8: 6}
_ORIENTATION, _WIDTH, _HEIGHT, _PHOTOMETRIC = 0x0112, 256, 257, 262


@dataclass(frozen=True)
class Header:
    """What a picture says of itself before it is decoded.

    ``size`` is (height, width) as stored; ``colour``: it has more than shades of grey; ``bands`` is
    how many it has; ``more``: the file holds further pages or frames, which only `read_header`
    looks for; ``dicom``: it is a DICOM file.
    """

    depth: Depth
    size: tuple[int, int]
    orientation: int
    alpha: bool
    more: bool = False
    colour: bool = False
    bands: int = 1
    dicom: bool = False


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


def head_of_file(path: Path, most: int = HEAD) -> bytes | None:
    """Return the first bytes of a regular file, None where it cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as file:
            return file.read(most)
    except OSError:
        return None


def looks_like_image(path: Path) -> bool:
    """Return whether the first bytes of a file are those of a format that is decoded."""
    return is_decoded(kind_of(head_of_file(path) or b""))


def decode(data: bytes, reading: Reading = USUAL) -> Image.Image | Bands:
    """Return the picture of a file's content as ``reading`` says: RGB, grey or bands; upright.

    Raises:
        Unreadable: not an allowed format, too costly, damaged, or of an undefined range.
    """
    kind = kind_of(data[:HEAD])
    if kind == "DICOM":
        return _of_dicom(data, reading)
    if kind == "TIFF" and isinstance(reading.channels, tuple):
        check_content(data)
        return to_bands(tiffs.read_tiff(data), reading.channels, reading)
    with opened(data) as (picture, header):
        scans = jpeg_scans(data)
        turned = reading.turn and header.orientation != 1
        check_size(picture, scans=scans, turned=turned)
        picture.load()
        upright = _turned(picture, header.orientation, reading.turn)
        inverted = _white_is_zero(picture, header)
        return converted(upright, reading, header.depth, inverted=inverted)


def converted(
    picture: Image.Image, reading: Reading, depth: Depth | None = None, *, inverted: bool = False
) -> Image.Image | Bands:
    """Return a loaded picture in the channels of ``reading``.

    Raises:
        Unreadable: the pixels have no defined range, or no conversion exists.
    """
    if reading.channels is None:
        return to_rgb(picture, reading, depth, inverted=inverted)
    if reading.channels == "grey":
        return to_grey(picture, reading, depth, inverted=inverted)
    return to_bands(bands_of(picture), reading.channels, reading)


def _of_dicom(data: bytes, reading: Reading) -> Image.Image:
    picture = dicoms.read_dicom(data, reading)
    if isinstance(reading.channels, tuple):
        raise Unreadable("is a DICOM file, which has no bands; set preprocess.channels: grey")
    if reading.channels == "grey":
        return picture if picture.mode == "F" else picture.convert("L")
    if picture.mode == "F":
        picture = Image.fromarray(np.round(np.asarray(picture)).astype(np.uint8))
    return picture.convert("RGB")


def read_header(data: bytes, reading: Reading = USUAL) -> Header:
    """Return what a file's content says of its picture.

    Raises:
        Unreadable: the header cannot be read, or asks for too much.
    """
    kind = kind_of(data[:HEAD])
    if kind == "DICOM":
        return Header("declared", dicoms.size_of(data), 1, alpha=False, dicom=True)
    if kind == "TIFF" and isinstance(reading.channels, tuple):
        check_content(data)
        size, bands = tiffs.size_of(data), tiffs.band_count(data)
        return Header("wide", size, 1, alpha=False, bands=bands)
    with opened(data) as (picture, header):
        return replace(header, more=_holds_more(picture))


def peaks_of(data: bytes) -> tuple[float, float]:
    """Return the 99th percentile and the largest value of a picture of more than 8 bits.

    Raises:
        Unreadable: it cannot be decoded.
    """
    with opened(data) as (picture, header):
        check_size(picture)
        picture.load()
        most, largest = peaks(np.asarray(picture))
        scale = 257 if header.depth == "colour" else 1  # Pillow keeps the higher half of 16 bits
        return most * scale, largest * scale


def peaks(values: np.ndarray) -> tuple[float, float]:
    """Return the 99th percentile, of at most a million values, and the largest value."""
    few = values.reshape(-1)[:: max(1, values.size // 1_000_000)]
    return float(np.percentile(few, 99)), float(values.max())


def upright_size(data: bytes, reading: Reading = USUAL) -> tuple[int, int]:
    """Return (height, width) of the picture that `decode` returns, from the header alone.

    Raises:
        Unreadable: the header cannot be read.
    """
    header = read_header(data, reading)
    height, width = header.size
    return (width, height) if reading.turn and header.orientation in _ASIDE else (height, width)


@contextmanager
def opened(data: bytes) -> Iterator[tuple[Image.Image, Header]]:
    """Open a file's content without decoding it; whatever goes wrong becomes a reason.

    Raises:
        Unreadable: inside and outside of the block.
    """
    check_content(data)
    with warnings.catch_warnings(), _whole_pictures():
        warnings.simplefilter("ignore")  # damaged metadata is not the picture
        try:
            with Image.open(BytesIO(data), formats=pillow_formats()) as picture:
                check_size(picture)
                if picture.format == "PNG" and (block := png_exif(data)):
                    picture.info.setdefault("exif", block)
                yield picture, _header(picture)
        except (Unreadable, MemoryError):  # that memory is short says nothing of the picture
            raise
        except UnidentifiedImageError:
            raise Unreadable(why_not(data[:HEAD])) from None
        except Image.DecompressionBombError:
            raise Unreadable(f"has more than {MAX_PIXELS:,} pixels") from None
        except Exception as error:  # decoders raise nearly anything on damaged files
            raise Unreadable(f"cannot be decoded ({_decoder_reason(error)})") from None


def _header(picture: Image.Image) -> Header:
    width, height = picture.size
    if picture.format == "TIFF":  # Pillow gives the size after turning
        width, height = (int(tag(picture, side)) for side in (_WIDTH, _HEIGHT))
    alpha = picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info
    return Header(
        depth_of(picture),
        (height, width),
        _orientation(picture),
        alpha,
        colour=picture.mode not in GREY_MODES,
        bands=len(picture.getbands()),
    )


def _holds_more(picture: Image.Image) -> bool:
    """Return whether a file has a second page or frame, without going through all of them."""
    if picture.format == "TIFF":
        return bool(getattr(getattr(picture, "tag_v2", None), "next", 0))
    animated = picture.format in ("GIF", "PNG", "WEBP", "AVIF")
    return animated and bool(getattr(picture, "is_animated", False))


def _turned(picture: Image.Image, orientation: int, turn: bool) -> Image.Image:
    """Return a loaded picture upright, or as it is stored; Pillow has turned TIFFs already."""
    done = picture.format == "TIFF" and orientation != 1 and _orientation(picture) == 1
    if orientation == 1 or done == turn:
        return picture
    return picture.transpose(_TURNS[orientation if turn else _BACK.get(orientation, orientation)])


def _white_is_zero(picture: Image.Image, header: Header) -> bool:
    """Return whether the deep values of a TIFF count from white, which Pillow leaves to us."""
    return header.depth in ("grey", "wide") and tag(picture, _PHOTOMETRIC) == 0


@contextmanager
def _whole_pictures() -> Iterator[None]:
    """Refuse truncated pictures, also where another library told Pillow to take them."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _orientation(picture: Image.Image) -> int:
    """Return the EXIF orientation, 1 where the EXIF block is damaged: shown as stored."""
    try:
        for name in ("exif", "Raw profile type exif"):
            block = picture.info.get(name, b"")
            if isinstance(block, str):
                block = bytes.fromhex("".join(block.split("\n")[3:]))
            check_metadata(block)
        exif = Image.Image.getexif(picture)  # that of PNG would decode the picture
        value = exif.get(_ORIENTATION, 1)
    except Unreadable:
        raise
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
