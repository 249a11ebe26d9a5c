"""Where the objects are, if the user says so: masks from a folder or a column, or boxes.

Every place is in the upright picture as it lies in the data; it goes through the same resizing and
cropping as the picture. In a mask 0 is background and anything else the object; of a mask with an
alpha channel, alpha counts, of one with a palette, the number of the colour.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image

from auditor.base.addresses import is_address
from auditor.base.errors import ConfigError, DataError
from auditor.base.factories import find_file
from auditor.config.audit import DataConfig
from auditor.subject.collection import Collection, read_again
from auditor.subject.contents import File
from auditor.subject.contents import read as read_content
from auditor.subject.folders import IMAGE_SUFFIXES
from auditor.subject.images import Unreadable, content_digest, opened
from auditor.subject.limits import check_size, jpeg_scans
from auditor.subject.links import Inside
from auditor.subject.preprocessing import Preprocessing
from auditor.subject.remote import Remote

Box = tuple[float, float, float, float]
KEYS = "data.masks, data.columns.mask and data.columns.box"


@dataclass(frozen=True)
class Objects:
    """The mask file or the boxes (x, y, width, height) of every row; neither: not marked.

    ``sizes`` are (height, width) of the pictures, None where a row is not marked. ``contents``
    identify the mask files, empty where there is none; ``digest`` identifies all of it.
    """

    files: tuple[File | None, ...]
    boxes: tuple[tuple[Box, ...], ...]
    sizes: tuple[tuple[int, int] | None, ...]
    contents: tuple[str, ...]
    digest: str

    @property
    def marked(self) -> int:
        """Return how many rows have a mask or a box."""
        return sum(size is not None for size in self.sizes)

    def named(self, row: int) -> str:
        """Return what a message calls the mask or the boxes of a row."""
        file = self.files[row]
        return f"the mask '{file.name}'" if file is not None else "the box"

    def mask(
        self, row: int, preprocessing: Preprocessing, *, ready: bool
    ) -> Float[np.ndarray, "height width"] | float:
        """Return the share of every input pixel of a row that is object; NaN where it is unmarked.

        ``ready``: inputs come from the data set as they are, and so do the masks.

        Raises:
            Gone, Changed: the mask file is not what it was when the audit began.
            Unreadable: the picture of the row cannot be framed, so its mask cannot be either.
        """
        mask = self._mask(row)
        if mask is None:
            return float("nan")
        shown = Image.fromarray(mask.astype(np.uint8) * 255).convert("RGB")
        framed = shown if ready else preprocessing.frame(shown)
        assert isinstance(framed, Image.Image)
        if (framed.height, framed.width) != preprocessing.size:
            raise Unreadable("has another size than the model is given")
        share: Float[np.ndarray, "height width"] = np.asarray(framed)[..., 0] / 255.0
        return share

    def _mask(self, row: int) -> Bool[np.ndarray, "height width"] | None:
        size, file = self.sizes[row], self.files[row]
        if size is None:
            return None
        if file is not None:
            return decode_mask(read_again(file, self.contents[row]))
        mask = np.zeros(size, dtype=bool)
        for x, y, width, height in self.boxes[row]:
            mask[max(0, round(y)) : round(y + height), max(0, round(x)) : round(x + width)] = True
        return mask


def read_objects(config: DataConfig, base: Path, data: Collection) -> Objects | None:
    """Return where the objects are, None when the config names no source of it.

    Raises:
        ConfigError: more than one source is named, or one that the data cannot have.
        DataError: no picture has a mask or box, or one does not fit its picture.
    """
    columns = config.columns
    named = [each for each in (config.masks, columns.mask, columns.box) if each is not None]
    if not named:
        return None
    if len(named) > 1:
        raise ConfigError(f"{KEYS} say the same in different ways; set one of them.")
    if config.masks is None and not data.marks:
        raise ConfigError(
            "data.columns.mask and data.columns.box name a column of a table, but data.source is "
            "none; use data.masks with a folder of masks."
        )
    count = len(data)
    files: list[File | None] = [None] * count
    boxes: list[tuple[Box, ...]] = [()] * count
    if columns.box is not None:
        boxes = [_boxes(text, path) for path, text in zip(data.paths, data.marks, strict=True)]
    elif columns.mask is not None:
        files = [_file(text) if text else None for text in data.marks]
    else:
        files = _in_folder(find_file(str(config.masks), base), data.paths, config)
    return _checked(data, files, boxes)


def decode_mask(data: bytes) -> Bool[np.ndarray, "height width"]:
    """Return the mask that a file holds.

    Raises:
        Unreadable: it is no picture, or one that costs too much.
    """
    with opened(data) as (picture, _header):
        check_size(picture, scans=jpeg_scans(data))
        picture.load()
        alpha = "A" in picture.getbands()
        values = np.asarray(picture.getchannel("A") if alpha else picture)
    mask: np.ndarray = (values != 0).any(axis=2) if values.ndim == 3 else values != 0
    return mask


def _in_folder(folder: Path, paths: Sequence[str], config: DataConfig) -> list[File | None]:
    """Return the mask of every path: the same place below ``folder``, any suffix of a picture."""
    written = str(config.masks)
    if not folder.is_dir():
        raise DataError(
            f"data.masks '{written}' is no folder; give the folder that holds the masks at the "
            "pictures' own relative paths."
        )
    found: list[Path | None] = []
    for path in paths:
        here = folder / path
        names = [here, *(here.with_suffix(suffix) for suffix in sorted(IMAGE_SUFFIXES))]
        found.append(next((name for name in names if name.is_file()), None))
    if not any(found):
        raise DataError(
            f"data.masks '{written}' holds no mask of any picture; that of '{paths[0]}' would be "
            f"'{Path(paths[0]).with_suffix('.png').as_posix()}' below it."
        )
    inside = Inside(folder)
    for file in filter(None, found):
        if not config.allow_outside and not inside.holds(file):
            raise DataError(
                f"the mask '{file.relative_to(folder)}' is behind a link that leads out of "
                f"data.masks '{written}'; set data.allow_outside: true to follow it."
            )
    return list(found)


def _file(text: str) -> File:
    return Remote(text) if is_address(text) else Path(text)


def _checked(
    data: Collection, files: Sequence[File | None], boxes: Sequence[tuple[Box, ...]]
) -> Objects:
    sizes: list[tuple[int, int] | None] = []
    contents: list[str] = []
    digest = hashlib.sha256()
    for row, (path, file, own) in enumerate(zip(data.paths, files, boxes, strict=True)):
        size = data.reader.size(row) if file is not None or own else None
        contents.append("")
        if size is not None and file is not None:
            try:
                content = read_content(file)
                shape = decode_mask(content).shape
            except Unreadable as reason:
                raise DataError(f"the mask '{file.name}' of '{path}' {reason}.") from reason
            if shape != size:
                raise DataError(
                    f"the mask '{file.name}' of '{path}' is {shape[0]} x {shape[1]} pixels, but "
                    f"the picture is {size[0]} x {size[1]} when upright; masks must have their "
                    "picture's size."
                )
            contents[row] = content_digest(content)
            digest.update(contents[row].encode())
        if size is not None:
            _check_inside(own, size, path)
        digest.update(repr((path, own)).encode())
        sizes.append(size)
    if not any(size is not None for size in sizes):
        raise DataError(f"no picture has a mask or box, though {KEYS} ask for them.")
    return Objects(tuple(files), tuple(boxes), tuple(sizes), tuple(contents), digest.hexdigest())


def _boxes(text: str, path: str) -> tuple[Box, ...]:
    """Return the boxes of a cell: x y width height, several divided by semicolons."""
    found = []
    for part in filter(None, (each.strip() for each in text.split(";"))):
        words = [word for word in re.split(r"[\s,\[\]()]+", part) if word]
        try:
            x, y, width, height = (float(word) for word in words)
        except ValueError:
            raise DataError(
                f"the box '{part[:60]}' of '{path}' is not four numbers; write x y width height in "
                "pixels, several boxes divided by semicolons, nothing where there is none."
            ) from None
        if not (width > 0 and height > 0 and np.isfinite([x, y, width, height]).all()):
            raise DataError(
                f"the box '{part[:60]}' of '{path}' has no area; write x y width height in pixels."
            )
        found.append((x, y, width, height))
    return tuple(found)


def _check_inside(boxes: Sequence[Box], size: tuple[int, int], path: str) -> None:
    for x, y, width, height in boxes:
        if x < -1 or y < -1 or x + width > size[1] + 1 or y + height > size[0] + 1:
            raise DataError(
                f"the box {x:g} {y:g} {width:g} {height:g} of '{path}' reaches beyond the picture "
                f"of {size[1]} x {size[0]} pixels (width x height); write x y width height."
            )
