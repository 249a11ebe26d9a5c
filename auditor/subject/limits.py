"""What a picture may cost, from what its file declares: checked before anything is decoded.

Cost is memory (pixels x bytes per pixel x copies), and for JPEG pixels x scans; metadata may not
declare more than its file holds. Small files can ask for gigabytes and minutes otherwise.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from PIL import Image

MAX_PIXELS = 100_000_000
MAX_DECODED = 400_000_000  # bytes, all copies of the pixels together
MAX_SCANS = 100
MAX_SCANNED = 2_000_000_000  # pixels x scans
MAX_CHUNKS = 10_000
MAX_METADATA = 16_000_000
MAX_NUMBERS = 1_000_000

# Bytes that Pillow keeps per pixel by mode; 4 for all others.
_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
_COEFFICIENTS = 6  # bytes per pixel that libjpeg keeps between scans
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_TAG_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_TAG_BYTES |= {16: 8, 17: 8, 18: 8}
_BYTE_TYPES = (1, 2, 6, 7)


class Unreadable(Exception):  # noqa: N818 - a value on its way to a list, not an error of ours
    """Why one picture cannot be used; becomes its quarantine reason."""


def check_content(data: bytes) -> None:
    """Refuse content whose structure alone would cost too much to open.

    Raises:
        Unreadable: too many scans or chunks, or metadata that declare too much.
    """
    try:
        if data.startswith(b"\xff\xd8"):
            _check_jpeg(data)
        elif data.startswith(b"\x89PNG"):
            _check_chunks(_png_chunks(data), b"eXIf")
        elif data[:4] == b"RIFF":
            _check_chunks(_riff_chunks(data), b"EXIF")
        else:
            check_metadata(data)
    except (struct.error, IndexError):
        return  # cut off: the decoder says so in its own words


def check_metadata(block: bytes) -> None:
    """Refuse a TIFF directory (that of a TIFF file or of an EXIF block) that declares too much.

    Raises:
        Unreadable: tags larger than the block together, or too many numbers in them.
    """
    block = block.removeprefix(b"Exif\0\0")
    if block[:2] not in (b"II", b"MM"):
        return
    try:
        sizes = [(count * _TAG_BYTES.get(kind, 1), kind, count) for kind, count in _tags(block)]
    except struct.error:
        return
    declared = sum(size for size, _kind, _count in sizes)
    numbers = sum(count for _size, kind, count in sizes if kind not in _BYTE_TYPES)
    if declared > max(MAX_METADATA, len(block)) or numbers > MAX_NUMBERS:
        raise Unreadable(f"declares {declared:,} bytes of metadata, more than it can hold")


def check_size(picture: Image.Image, *, scans: int = 1, turned: bool = False) -> None:
    """Refuse an opened picture whose pixels would take too much memory or time.

    Raises:
        Unreadable: too many pixels, bytes or scans; no pixels.
    """
    width, height = picture.size
    if width < 1 or height < 1:
        raise Unreadable("has no pixels")
    pixels = width * height
    if pixels > MAX_PIXELS:
        raise Unreadable(f"has {width} x {height} pixels, more than the {MAX_PIXELS:,} allowed")
    stored = _STORED.get(picture.mode, 4)
    each = stored * (2 if turned else 1) + (0 if picture.mode == "RGB" else 5)
    each += _COEFFICIENTS if scans > 1 else 0
    if pixels * each > MAX_DECODED:
        raise Unreadable(
            f"would take {pixels * each / 1e6:,.0f} MB to decode ({width} x {height} pixels, "
            f"{picture.mode}), more than the {MAX_DECODED / 1e6:,.0f} MB allowed"
        )
    if pixels * scans > MAX_SCANNED:
        raise Unreadable(
            f"has {scans} scans of {width} x {height} pixels, too much work for one picture"
        )


def jpeg_scans(data: bytes) -> int:
    """Return in how many passes a JPEG builds up its picture; 1 for any other content."""
    return max(1, sum(marker == 0xDA for marker, _body in _segments(data)))


def png_exif(data: bytes) -> bytes | None:
    """Return the EXIF block of a PNG, wherever in the file it stands."""
    return next((body for kind, body in _png_chunks(data) if kind == b"eXIf"), None)


def _check_jpeg(data: bytes) -> None:
    scans = 0
    for marker, body in _segments(data):
        scans += marker == 0xDA
        if scans > MAX_SCANS:
            raise Unreadable(f"has more than {MAX_SCANS} scans; pictures have about ten")
        if marker == 0xE1 and body.startswith(b"Exif"):
            check_metadata(body)
        elif marker == 0xE2 and body.startswith(b"MPF\0"):
            check_metadata(body[4:])


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and body of every segment of the first picture of a JPEG file."""
    if not data.startswith(b"\xff\xd8"):
        return
    at = 2
    while found := _MARKER.search(data, at):
        marker, at = data[found.start() + 1], found.end()
        if marker == 0xD9:  # end of the picture
            return
        if marker == 0x01 or at + 2 > len(data):
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        yield marker, data[at + 2 : at + length]
        at += max(length, 2)


def _check_chunks(chunks: Iterator[tuple[bytes, bytes]], metadata: bytes) -> None:
    for count, (kind, body) in enumerate(chunks):
        if count >= MAX_CHUNKS:
            raise Unreadable(f"has more than {MAX_CHUNKS:,} chunks besides the picture")
        if kind == metadata:
            check_metadata(body)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind != b"IDAT":
            yield kind, data[at + 8 : at + 8 + length] if kind == b"eXIf" else b""
        at += length + 12


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        yield kind, data[at + 8 : at + 8 + length] if kind == b"EXIF" else b""
        at += 8 + length + length % 2


def _tags(block: bytes) -> Iterator[tuple[int, int]]:
    """Yield type and count of every tag of the first directory of a TIFF block."""
    order = "<" if block[:2] == b"II" else ">"
    big = struct.unpack_from(f"{order}H", block, 2)[0] == 43
    at = struct.unpack_from(f"{order}{'Q' if big else 'I'}", block, 8 if big else 4)[0]
    entries = struct.unpack_from(f"{order}{'Q' if big else 'H'}", block, at)[0]
    at, step = at + (8 if big else 2), 20 if big else 12
    for place in range(min(entries, len(block) // step)):
        yield struct.unpack_from(f"{order}H{'Q' if big else 'I'}", block, at + place * step + 2)
