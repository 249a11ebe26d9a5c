"""What a picture may cost: small files that ask for gigabytes or minutes are refused at once."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from auditor.subject.images import Reading, Unreadable, decode, upright_size
from auditor.subject.limits import jpeg_scans
from auditor.subject.objects import decode_mask
from tests.subject.small import noise
from tests.subject.test_images import encoded


def chunk(kind: bytes, body: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + check


def png(side: int, depth: int, colour: int, bytes_per_row: int) -> bytes:
    head = struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, 0)
    packer = zlib.compressobj(9)
    rows = b"\0" * (bytes_per_row + 1) * 100
    packed = b"".join(packer.compress(rows) for _ in range(side // 100)) + packer.flush()
    body = chunk(b"IHDR", head) + chunk(b"PLTE", b"\0" * 768) * (colour == 3)
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def into_png(kind: bytes, body: bytes, times: int = 1) -> bytes:
    data = encoded(noise(8, 8), "PNG")
    return data[:33] + chunk(kind, body) * times + data[33:]


def directory(tags: int, size: int, kind: int = 2) -> bytes:
    """Return a TIFF directory whose tags all point to the same ``size`` values."""
    start = 8 + 2 + tags * 12 + 4
    entries = b"".join(struct.pack("<HHII", 700 + tag, kind, size, start) for tag in range(tags))
    return b"II*\0" + struct.pack("<IH", 8, tags) + entries + b"\0\0\0\0" + b"\0" * size


def scans(count: int) -> bytes:
    data = encoded(Image.new("RGB", (2000, 2000)), "JPEG", progressive=True)
    last = data.rfind(b"\xff\xda")
    return data[:last] + data[last:-2] * count + b"\xff\xd9"


def jpeg_with_exif() -> bytes:
    block = b"Exif\0\0" + directory(4000, 10_000)
    segment = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
    return b"\xff\xd8" + segment + encoded(noise(8, 8), "JPEG")[2:]


def raw_profile() -> bytes:
    block = b"Exif\0\0" + directory(30_000, 100_000)
    text = f"\nexif\n  {len(block)}\n{block.hex()}".encode()
    return into_png(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "16-bit grey": (lambda: png(10_000, 16, 0, 20_000), "would take 700 MB to decode"),
    "8-bit grey": (lambda: png(10_000, 8, 0, 10_000), "would take 600 MB to decode"),
    "palette": (lambda: png(10_000, 8, 3, 10_000), "would take 600 MB to decode"),
    "scans": (lambda: scans(5000), "has more than 100 scans"),
    "tags that overlap": (lambda: directory(60_000, 400_000), "24,000,000,000 bytes of metadata"),
    "numbers": (lambda: directory(1, 1_100_000, kind=4) + b"\0" * 3_400_000, "of metadata"),
    "EXIF of JPEG": (jpeg_with_exif, "40,000,000 bytes of metadata"),
    "EXIF of PNG": (lambda: into_png(b"eXIf", directory(60_000, 400_000)), "bytes of metadata"),
    "EXIF as text": (raw_profile, "bytes of metadata"),
    "text of PNG": (
        lambda: into_png(b"zTXt", b"k\0\0" + zlib.compress(b"\0" * 30_000_000)),
        "Decompressed data too large",
    ),
    "profile of PNG": (
        lambda: into_png(b"iCCP", b"k\0\0" + zlib.compress(b"\0" * 30_000_000)),
        "Decompressed data too large",
    ),
    "chunks": (lambda: into_png(b"tEXt", b"a\0b", 20_000), "more than 10,000 chunks"),
    "chunks of WebP": (
        lambda: b"RIFF" + struct.pack("<I", 160_004) + b"WEBP" + b"JUNK\0\0\0\0" * 20_000,
        "more than 10,000 chunks",
    ),
    "canvas of GIF": (
        lambda: b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"\x2c"
        + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x08\x00\x3b",
        "has more than 100,000,000 pixels",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_soon_and_in_little_memory(name: str) -> None:
    make, reason = BOMBS[name]
    data = make()
    tracemalloc.start()
    started = time.perf_counter()
    with pytest.raises(Unreadable, match=reason):
        decode(data, Reading((0, 65535)))
    # What is read out takes minutes; a slow machine under load must not fail.
    assert time.perf_counter() - started < 30
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()
    with pytest.raises(Unreadable):
        decode_mask(data)


def test_masks_are_of_the_same_formats() -> None:
    with pytest.raises(Unreadable, match="is not a JPEG"):
        decode_mask(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")


def test_the_size_of_a_png_does_not_decode_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", lambda self: 1 / 0)
    assert upright_size(encoded(noise(6, 10), "PNG")) == (6, 10)


def test_exif_after_the_pixels_of_a_png_counts() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(noise(6, 10), "PNG")
    end = data.rfind(b"IEND") - 4
    late = data[:end] + chunk(b"eXIf", exif.tobytes()[6:]) + data[end:]
    assert upright_size(late) == (10, 6)
    assert decode(late).size == (6, 10)


def test_usual_pictures_pass() -> None:
    smooth = Image.fromarray(np.full((300, 400, 3), 90, np.uint8))
    progressive = encoded(smooth, "JPEG", progressive=True)
    assert 5 < jpeg_scans(progressive) < 20
    assert decode(progressive).size == (400, 300)
    thumbnail = encoded(smooth, "JPEG", progressive=True)
    exif = b"Exif\0\0" + directory(2, 100)
    block = exif + thumbnail[: 60_000 - len(exif)]
    segment = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
    assert jpeg_scans(b"\xff\xd8" + segment + progressive[2:]) == jpeg_scans(progressive)
    for kind in ("GIF", "WEBP", "PNG"):
        frames = [noise(20, 20, seed) for seed in range(60)]
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=9)
        assert decode(data).size == (20, 20)
    strips = encoded(noise(3000, 4), "TIFF", strip_size=64)
    assert decode(strips).size == (4, 3000)
