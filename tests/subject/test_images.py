"""Every odd kind of picture has one documented outcome: an RGB picture or a reason."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auditor.__main__ import run
from auditor.subject import formats, images
from auditor.subject.images import (
    USUAL,
    Reading,
    Unreadable,
    decode,
    looks_like_image,
    read_file,
    upright_size,
)
from tests.pipeline.small import write_own_model_audit
from tests.subject.small import noise


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(data: bytes, reading: Reading = USUAL) -> np.ndarray:
    return np.asarray(decode(data, reading))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "PPM", "TIFF"])
def test_lossless_formats_come_back_unchanged(kind: str) -> None:
    picture = noise(9, 7)
    assert np.array_equal(pixels(encoded(picture, kind)), np.asarray(picture))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_formats_come_back_close(kind: str) -> None:
    smooth = Image.fromarray(np.linspace(0, 255, 16 * 16 * 3).reshape(16, 16, 3).astype(np.uint8))
    difference = np.abs(
        pixels(encoded(smooth, kind, quality=95)).astype(int) - np.asarray(smooth).astype(int)
    )
    assert difference.mean() < 6


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_or_ignored(orientation: int, kind: str) -> None:
    stored = noise(6, 10)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, kind, exif=exif)
    array = np.asarray(stored)
    upright = {
        1: array,
        2: array[:, ::-1],
        3: array[::-1, ::-1],
        4: array[::-1],
        5: array.transpose(1, 0, 2),
        6: np.rot90(array, -1),
        7: array[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(array, 1),
    }[orientation]
    assert np.array_equal(pixels(data), upright)
    assert upright_size(data) == upright.shape[:2]
    as_stored = Reading(turn=False)
    assert np.array_equal(pixels(data, as_stored), array)
    assert upright_size(data, as_stored) == array.shape[:2]


def test_sixteen_bit_grey_keeps_its_brightness() -> None:
    values = np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16)
    result = pixels(encoded(Image.fromarray(values), "PNG"), Reading((0, 65535)))
    assert np.array_equal(result[..., 0], np.round(values / 257).astype(np.uint8))
    assert np.array_equal(result[..., 0], result[..., 2])


def test_palette_grey_bilevel_and_cmyk_are_converted() -> None:
    picture = noise(8, 8)
    palette = picture.quantize(16)
    assert np.array_equal(pixels(encoded(palette, "PNG")), np.asarray(palette.convert("RGB")))
    assert pixels(encoded(picture.convert("L"), "PNG")).shape == (8, 8, 3)
    assert set(np.unique(pixels(encoded(picture.convert("1"), "PNG")))) <= {0, 255}
    cmyk = picture.convert("CMYK")
    assert np.array_equal(pixels(encoded(cmyk, "TIFF")), np.asarray(cmyk.convert("RGB")))


def test_alpha_is_dropped_and_not_blended() -> None:
    rgba = noise(8, 8).convert("RGBA")
    rgba.putalpha(0)
    assert np.array_equal(pixels(encoded(rgba, "PNG")), np.asarray(noise(8, 8)))


def test_first_frame_of_an_animation_is_used() -> None:
    first, second = noise(8, 8, 1).quantize(64), noise(8, 8, 2).quantize(64)
    data = encoded(first, "GIF", save_all=True, append_images=[second], duration=50)
    assert np.array_equal(pixels(data), np.asarray(first.convert("RGB")))


def test_one_pixel_is_a_picture() -> None:
    assert pixels(encoded(noise(1, 1), "PNG")).shape == (1, 1, 3)


def bomb(width: int, height: int) -> bytes:
    """Return a valid PNG header that claims ``width`` x ``height`` pixels in a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (encoded(noise(40, 40), "PNG")[:300], "cannot be decoded"),
        (encoded(noise(40, 40), "JPEG")[:400], "cannot be decoded"),
        (b"<html><body>404 Not Found</body></html>", "is not a JPEG, PNG"),
        (b"\x00" * 64, "is not a JPEG, PNG"),
        (encoded(noise(8, 8), "ICO"), "is not a JPEG, PNG"),
        (encoded(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"), "floating-point"),
        (encoded(Image.fromarray(np.full((4, 4), 70_000, np.int32)), "TIFF"), "32-bit"),
        (bomb(30_000, 30_000), "100,000,000"),
        (bomb(10_001, 10_000), "100,000,000"),
    ],
)
def test_unusable_content_is_a_reason(
    data: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("PIL.ImageFile.LOAD_TRUNCATED_IMAGES", True)  # as WeasyPrint sets it
    with pytest.raises(Unreadable, match=reason):
        decode(data)


def test_reasons_do_not_change_from_run_to_run() -> None:
    reasons = set()
    for _ in range(3):
        with pytest.raises(Unreadable) as caught:
            decode(b"not a picture at all")
        reasons.add(str(caught.value))
    assert len(reasons) == 1
    assert "0x" not in reasons.pop()


@pytest.mark.parametrize("cut", range(2, 400, 7))
def test_damaged_files_never_raise_anything_else(cut: int) -> None:
    rng = np.random.default_rng(cut)
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM"):
        data = bytearray(encoded(noise(16, 16, cut), kind))
        for at in rng.integers(0, len(data), 3):
            data[at] = int(rng.integers(0, 256))
        try:
            picture = decode(bytes(data[: max(4, len(data) - cut % 40)]))
        except Unreadable:
            continue
        assert picture.mode == "RGB"


def test_reading_a_file_says_what_is_wrong_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "large.png").write_bytes(b"x" * 100)
    for name, reason in {
        "missing.png": "does not exist",
        "empty.png": "is empty",
        "folder.png": "is a folder",
        "dangling.png": "link to a missing file",
        "pipe.png": "not a regular file",
    }.items():
        with pytest.raises(Unreadable, match=reason):
            read_file(tmp_path / name)
    monkeypatch.setattr(images, "MAX_BYTES", 99)
    with pytest.raises(Unreadable, match="is 100 bytes, more than the 99"):
        read_file(tmp_path / "large.png")


def test_pictures_are_known_by_content(tmp_path: Path) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM"):
        path = tmp_path / f"{kind}.dat"
        path.write_bytes(encoded(noise(8, 8), kind))
        assert looks_like_image(path), kind
    text = tmp_path / "notes.jpg"
    text.write_text("no picture")
    assert not looks_like_image(text)
    assert not looks_like_image(tmp_path / "missing")


def test_avif_is_decoded(tmp_path: Path) -> None:
    smooth = Image.fromarray(np.linspace(0, 255, 16 * 16 * 3).reshape(16, 16, 3).astype(np.uint8))
    data = encoded(smooth, "AVIF", quality=90)
    assert np.abs(pixels(data).astype(int) - np.asarray(smooth)).mean() < 8
    (tmp_path / "photo.bin").write_bytes(data)
    assert looks_like_image(tmp_path / "photo.bin")


HEIC = b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + b"\0" * 64


def test_heic_asks_for_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "_heif_opens", lambda: False)
    formats.pillow_formats.cache_clear()
    with pytest.raises(Unreadable, match=r"is a HEIC picture.*pip install 'concept-auditor.heic.'"):
        decode(HEIC)
    formats.pillow_formats.cache_clear()


def test_heic_is_decoded_with_its_extra() -> None:
    heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    heif.from_pillow(noise(16, 24).resize((48, 32))).save(buffer)
    assert decode(buffer.getvalue()).size == (48, 32)
    with pytest.raises(Unreadable, match="is a damaged HEIC file"):
        decode(HEIC)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid",
            "pointer of Git LFS; run: git lfs pull",
        ),
        (b"  <!DOCTYPE html><p>404", "but a web page"),
        (b"<?xml version='1.0'?>\n<svg xmlns=", "but an SVG drawing"),
        (b"8BPS\0\1", "but a Photoshop file"),
        (b"\xff\x0a\xfa", "but a JPEG XL picture"),
        (b"%PDF-1.7", "but a PDF"),
        (
            b"BMW is a word",
            "is not a JPEG, PNG, WebP, AVIF, HEIC, BMP, GIF, TIFF, PPM or DICOM image",
        ),
        (encoded(Image.new("RGB", (4, 4)), "TIFF")[:8], "is a damaged TIFF file"),
    ],
)
def test_other_formats_are_named(data: bytes, said: str) -> None:
    with pytest.raises(Unreadable) as caught:
        decode(data)
    assert said in str(caught.value)


def test_short_memory_is_no_fault_of_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def short(*_: object) -> None:
        raise MemoryError

    config = write_own_model_audit(tmp_path, per_class=3)
    monkeypatch.setattr(Image.Image, "convert", short)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", short)
    command = ["run", str(config), "--out", str(tmp_path / "runs"), "--quiet"]
    assert run(command) == 75
    assert "not enough memory" in capsys.readouterr().err
