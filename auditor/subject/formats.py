"""What a file is by its first bytes: a format that is decoded, or another that has a name."""

from __future__ import annotations

import importlib
import re
from functools import cache

from PIL import Image, features

FORMAT_NAMES = "JPEG, PNG, WebP, AVIF, HEIC, BMP, GIF, TIFF, PPM or DICOM"
HEAD = 512  # bytes that `kind_of` wants to see
HEIC_EXTRA = "pip install 'concept-auditor[heic]'"

_ALWAYS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
_DECODED = (*_ALWAYS, "AVIF", "HEIC", "DICOM")

# What a file begins with -> its kind: Pillow's name where it is decoded, else plain words.
_BEGINNINGS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (rb"\xff\xd8\xff", "JPEG"),
        (rb"\x89PNG\r\n\x1a\n", "PNG"),
        (rb"RIFF....WEBP", "WEBP"),
        (rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", "BMP"),
        (rb"GIF8[79]a", "GIF"),
        (rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]", "TIFF"),
        (rb"P[1-6][\n \r\t]", "PPM"),
        (rb"....ftypavi[fs]|....ftypmif1.{0,64}avif", "AVIF"),
        (rb"....ftyp(hei|hev|mif1|msf1)", "HEIC"),
        (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL picture"),
        (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 picture"),
        (rb"8BPS", "a Photoshop file"),
        (rb"\x00\x00\x01\x00", "an icon (ICO)"),
        (rb"\x76\x2f\x31\x01", "an OpenEXR picture"),
        (rb"\s*(<\?xml.*)?(<!--.*-->\s*)?<svg", "an SVG drawing"),
        (rb".{128}DICM", "DICOM"),
        (rb"version https://git-lfs", "a pointer of Git LFS"),
        (rb"(\xef\xbb\xbf)?\s*<(?i:!doctype|html|\?xml)", "a web page or other XML"),
        (rb"%PDF", "a PDF"),
        (rb"PK\x03\x04", "a ZIP archive"),
        (rb"\x1f\x8b", "a gzip archive"),
        (rb"\x93NUMPY", "a NumPy array"),
    )
)
_PICTURES = re.compile("picture$|drawing|Photoshop|icon")
_ADVICE = {
    "a pointer of Git LFS": "; run: git lfs pull",
}


def kind_of(head: bytes) -> str | None:
    """Return what a file is by its first bytes: a format's name, words with an article, or None."""
    for pattern, kind in _BEGINNINGS:
        if pattern.match(head[:HEAD]):
            return kind
    return None


def is_decoded(kind: str | None) -> bool:
    """Return whether pictures of that kind are decoded, an extra or a newer Pillow given."""
    return kind in _DECODED


def is_picture(kind: str | None) -> bool:
    """Return whether that kind is one of pictures, decoded or not."""
    return kind in _DECODED or (kind is not None and bool(_PICTURES.search(kind)))


@cache
def pillow_formats() -> tuple[str, ...]:
    """Return the formats that this installation decodes, by Pillow's names."""
    found = [*_ALWAYS]
    if features.check("avif"):
        found.append("AVIF")
    if _heif_opens():
        found.append("HEIF")
    return tuple(found)


def why_not(head: bytes) -> str:
    """Return in words why a file of these first bytes is not decoded."""
    kind = kind_of(head)
    if kind == "HEIC" and not _heif_opens():
        return f"is a HEIC picture, which needs an extra: {HEIC_EXTRA}"
    if kind == "AVIF" and not features.check("avif"):
        return (
            "is an AVIF picture, which the installed Pillow does not decode: pip install -U pillow"
        )
    if kind in _DECODED:
        return f"is a damaged {kind} file, or of a kind of {kind} that is not decoded"
    if kind is not None:
        return f"is not a {FORMAT_NAMES} image but {kind}{_ADVICE.get(kind, '')}"
    return f"is not a {FORMAT_NAMES} image"


@cache
def _heif_opens() -> bool:
    """Return whether Pillow opens HEIC, its plug-in registered where it is installed."""
    if "HEIF" in Image.OPEN:
        return True
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        return False
    return "HEIF" in Image.OPEN
