"""How the files of a data set are read: which values are black and white, what is turned.

A guess is made from the data, noted, and checked on every picture: one whose values lie beyond the
range is refused when it is read, not cut off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from auditor.base.errors import DataError
from auditor.config.audit import PreprocessConfig
from auditor.subject.collection import Collection, FileReader, ahead
from auditor.subject.contents import read as read_content
from auditor.subject.datasets import DatasetReader
from auditor.subject.depths import FULL, Depth, Reading, depth_of
from auditor.subject.images import Unreadable, peaks, peaks_of, read_header

HEADERS = 2000  # pictures whose header is looked at
ITEMS = 200  # items that a dataset is asked for
DEEP = 128  # pictures of more than 8 bits whose values are looked at
BITS = (8, 10, 12, 14, 16)
DARK = 8  # a picture is dark when 99 % of its values lie below this part of the range
MOST_DARK = 0.1


@dataclass(frozen=True)
class Look:
    """What is known of one picture before it is used."""

    depth: Depth
    turned: bool = False
    alpha: bool = False
    more: bool = False


@dataclass(frozen=True)
class Peaks:
    """The 99th percentile and the largest value of pictures of more than 8 bits."""

    most: tuple[float, ...]
    largest: tuple[float, ...]

    @property
    def bits(self) -> int:
        """Return the fewest usual bits that hold all values."""
        return next((bits for bits in BITS if max(self.largest) < 2**bits), 16)

    @property
    def dark(self) -> int:
        """Return how many pictures keep to the lowest eighth of that range."""
        return sum(value <= (2**self.bits - 1) / DARK for value in self.most)


def read_as(config: PreprocessConfig, data: Collection) -> tuple[Collection, Reading]:
    """Return the data read as the config and its own pictures say, with notes, and that reading.

    Raises:
        DataError: the range of deep pictures cannot be told from their values.
    """
    turn = config.exif == "apply"
    reader = data.reader
    if data.shape is not None or not isinstance(reader, FileReader | DatasetReader):
        return data, Reading(turn=turn)
    spread = _spread(len(data), HEADERS if isinstance(reader, FileReader) else ITEMS)
    looked = {index: _look(reader, index) for index in ahead(reader, spread)}
    looks = {index: look for index, look in looked.items() if look is not None}
    of = f"{len(looks):,} pictures" + (" looked at" if len(spread) < len(data) else "")
    deep = [index for index, look in looks.items() if look.depth in ("grey", "colour")]
    levels, notes = _levels(config, reader, looks, deep, of)
    reading = Reading(levels, isinstance(config.range, tuple), turn)
    notes += _header_notes(list(looks.values()), turn, of)
    read = replace(data, reader=replace(reader, reading=reading), notes=(*data.notes, *notes))
    return read, reading


def _levels(
    config: PreprocessConfig,
    reader: FileReader | DatasetReader,
    looks: dict[int, Look],
    deep: Sequence[int],
    of: str,
) -> tuple[tuple[float, float] | None, list[str]]:
    """Return the values of black and white, and what to say about them."""
    if isinstance(config.range, tuple):
        low, high = config.range
        cut = f"preprocess.range: values from {low:g} to {high:g} become black to white, what lies"
        return config.range, [f"{cut} beyond is cut off"]
    if config.range != "auto":
        high = 2.0 ** int(config.range.removesuffix("bit")) - 1
        if deep or any(look.depth == "wide" for look in looks.values()):
            return (0.0, high), [f"preprocess.range: 0 to {high:g} become black to white"]
        none = f"preprocess.range is {config.range}, but none of the {of} has more than 8 bits"
        return (0.0, high), [none]
    if not deep:
        return None, []
    chosen = [deep[place] for place in _spread(len(deep), DEEP)]
    peaks = _peaks(reader, chosen)
    if peaks is None:
        return None, []
    _check(peaks, [looks[index].depth for index in chosen])
    high = 2.0**peaks.bits - 1
    note = (
        f"{len(deep):,} of {of} have 16 bits; their largest value is {max(peaks.largest):,.0f}, so "
        f"0 to {high:g} ({peaks.bits} bits) become black to white; preprocess.range says otherwise"
    )
    dark = f"{peaks.dark} of {len(peaks.most)} of them are nearly black so: "
    rest = f"99 % of their values lie below {high / DARK:,.0f}"
    return (0.0, high), [note, *([dark + rest] if peaks.dark else [])]


def _check(peaks: Peaks, depths: Sequence[Depth]) -> None:
    """Refuse a range that leaves pictures nearly black, and one that colour cannot be read in."""
    largest, count = max(peaks.largest), len(peaks.most)
    low = 2**peaks.bits // DARK
    if peaks.dark > MOST_DARK * count:
        raise DataError(
            f"the 16-bit pictures do not say which value is white: the largest is {largest:,.0f} "
            f"({peaks.bits} bits), but in {peaks.dark} of {count} looked at 99 % of the values lie "
            f"below {low:,}, so they would be nearly black. Set preprocess.range to what your "
            f"pictures hold: 12bit, {peaks.bits}bit, or [black, white] to cut off what lies beyond."
        )
    colour = sum(depth == "colour" for depth in depths)
    if colour and 2**peaks.bits - 1 != FULL[1]:
        raise DataError(
            f"{colour} of {count} pictures looked at have 16-bit colour of which only values up to "
            f"about {largest:,.0f} are used, and 16-bit colour can be read over its full range "
            "only: save them with 8 bits, or set preprocess.range: 16bit if they are that dark."
        )


def _peaks(reader: FileReader | DatasetReader, indices: Sequence[int]) -> Peaks | None:
    found = []
    for index in ahead(reader, indices):
        try:
            if isinstance(reader, FileReader):
                found.append(peaks_of(read_content(reader.files[index])))
            else:
                found.append(peaks(np.asarray(reader.given(index))))
        except Unreadable:
            continue
    most, largest = zip(*found, strict=True) if found else ((), ())
    return Peaks(most, largest) if found else None


def _look(reader: FileReader | DatasetReader, index: int) -> Look | None:
    """Return what a picture's header says, None where it cannot be read or is no picture."""
    try:
        if isinstance(reader, FileReader):
            header = read_header(read_content(reader.files[index]))
            return Look(header.depth, header.orientation != 1, header.alpha, header.more)
        given = reader.given(index)
    except Unreadable:
        return None
    return Look(depth_of(given)) if isinstance(given, Image.Image) else None


def _header_notes(looks: Sequence[Look], turn: bool, of: str) -> Iterator[str]:
    turned = sum(look.turned for look in looks)
    if turned and turn:
        yield (
            f"{turned:,} of {of} are turned upright by their EXIF orientation, which torchvision's "
            "and most other loaders do not do; preprocess.exif: ignore takes them as stored"
        )
    elif turned:
        yield f"{turned:,} of {of} have an EXIF orientation that is ignored (preprocess.exif)"
    alpha = sum(look.alpha for look in looks)
    if alpha:
        yield f"{alpha:,} of {of} have transparent parts, of which the colour below is used"
    more = sum(look.more for look in looks)
    if more:
        yield f"{more:,} of {of} hold several pages or frames, of which the first is used"


def _spread(count: int, most: int) -> list[int]:
    """Return up to ``most`` positions, evenly spread over ``count``."""
    places = np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))
    return [int(place) for place in places]
