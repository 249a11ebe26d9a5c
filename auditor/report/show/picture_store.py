"""Keep the pictures of a run: plain files named by the digest of their bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from auditor.base.errors import IntegrityError
from auditor.base.heatmaps import Photo, resize
from auditor.language.speaking import SOURCE, languages, speaking
from auditor.report.document.result import Picture
from auditor.report.draw.style import Drawing
from auditor.run.storage import bytes_digest, digest_at, read_plain, remove, write_atomic

NAMED = 32  # digits of the digest in a picture's name
NAME = re.compile(rf"[0-9a-f]{{{NAMED}}}\.(?:jpg|png|svg)")


class ImageStore:
    """Write pictures into one folder; equal bytes are one file. No EXIF, no times, no names.

    ``note`` is told the name and the digest of every picture as it is written.
    """

    def __init__(self, folder: Path, note: Callable[[str, str], object] | None = None) -> None:
        self.folder = folder
        self.note = note

    def jpeg(
        self,
        array: Photo,
        *,
        alt: str,
        caption: str = "",
        side: int | None = None,
        quality: int = 82,
    ) -> Picture:
        """Store a photograph as JPEG; ``side`` scales its longer side to that many pixels."""
        shown = array if side is None else _to_side(array, side)
        return self._put(jpeg_bytes(shown, quality), ".jpg", shown, alt=alt, caption=caption)

    def png(self, array: Photo, *, alt: str, caption: str = "") -> Picture:
        """Store a drawing without loss as PNG."""
        out = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(array)).save(out, "PNG", optimize=True)
        return self._put(out.getvalue(), ".png", array, alt=alt, caption=caption)

    def figure(self, draw: Callable[[], Drawing], *, alt: str) -> Picture:
        """Store a figure as SVG, as it is drawn in each language where the words in it differ."""
        pictures = {}
        for code in languages():
            with speaking(code):
                svg, width, height = draw()
            name = self._write(svg.encode(), ".svg")
            pictures[code] = Picture(file=name, alt=alt, width=width, height=height)
        first = pictures.pop(SOURCE)
        others = {code: picture for code, picture in pictures.items() if picture.file != first.file}
        return first.model_copy(update={"others": others})

    def _put(self, data: bytes, suffix: str, array: Photo, *, alt: str, caption: str) -> Picture:
        height, width = array.shape[:2]
        name = self._write(data, suffix)
        return Picture(file=name, alt=alt, width=width, height=height, caption=caption)

    def _write(self, data: bytes, suffix: str) -> str:
        digest = bytes_digest(data)
        name = digest[:NAMED] + suffix
        target = self.folder / name
        if digest_at(target) != digest:
            if target.is_dir():  # damage; no file can take its place
                remove(target)
            write_atomic(target, data, sync=self.note is None)
        if self.note is not None:
            self.note(name, digest)
        return name


def read_image(folder: Path, name: str) -> bytes:
    """Return the bytes of one of the run's pictures, after checking them against its name.

    Raises:
        IntegrityError: The name is not one of a run's picture, or the file is missing or changed.
    """
    if NAME.fullmatch(name) is None:
        raise IntegrityError(f"'{name}' is not the name of a picture of a run (digest and suffix).")
    try:
        data = read_plain(folder / name)
    except OSError as error:
        raise IntegrityError(
            f"the picture '{name}' is missing from the run's images folder ({error.strerror})."
        ) from error
    if bytes_digest(data)[:NAMED] != Path(name).stem:
        raise IntegrityError(f"the picture '{name}' was changed after the audit wrote it.")
    return data


def jpeg_bytes(array: Photo, quality: int) -> bytes:
    """Return ``array`` as a baseline JPEG without metadata: same array, same bytes."""
    out = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(array))
    image.save(out, "JPEG", quality=quality, optimize=True, subsampling="4:4:4")
    return out.getvalue()


def _to_side(array: Photo, side: int) -> Photo:
    height, width = array.shape[:2]
    factor = side / max(height, width)
    return resize(array, max(1, round(height * factor)), max(1, round(width * factor)))
