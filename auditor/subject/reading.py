"""How the files of a data set are read: which values are black and white, what is turned.

A guess is made from the data, noted, and checked on every picture: one whose values lie beyond the
range is refused when it is read, not cut off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from PIL import Image

from auditor.base.errors import ConfigError, DataError
from auditor.config.audit import PreprocessConfig
from auditor.subject.collection import Collection, FileReader, ahead
from auditor.subject.contents import heads
from auditor.subject.contents import read as read_content
from auditor.subject.datasets import DatasetReader
from auditor.subject.depths import FULL, USUAL, Depth, Reading, depth_of
from auditor.subject.formats import kind_of
from auditor.subject.images import Unreadable, decode, peaks, peaks_of, read_header

HEADERS = 2000  # pictures whose header is looked at
ITEMS = 200  # items that a dataset is asked for
DEEP = 128  # pictures of more than 8 bits whose values are looked at
BITS = (8, 10, 12, 14, 16)
TRIED = 8  # pictures that are read to see whether any can be
DARK = 8  # a picture is dark when 99 % of its values lie below this part of the range
MOST_DARK = 0.1


@dataclass(frozen=True)
class Look:
    """What is known of one picture before it is used."""

    depth: Depth
    turned: bool = False
    alpha: bool = False
    more: bool = False
    colour: bool = False
    bands: int = 1
    dicom: bool = False


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
    config = _with_window(config)
    turn = config.exif == "apply"
    reader = data.reader
    if data.shape is not None or not isinstance(reader, FileReader | DatasetReader):
        return data, Reading(turn=turn)
    if isinstance(config.channels, tuple):
        return _as_bands(config, config.channels, replace(data, reader=reader))
    spread = _spread(len(data), HEADERS if isinstance(reader, FileReader) else ITEMS)
    looked = {index: _look(reader, index) for index in ahead(reader, spread)}
    looks = {index: look for index, look in looked.items() if look is not None}
    if not looks and isinstance(reader, FileReader) and _is_dicom(reader):
        _refuse_unreadable(data, reader, Reading(turn=turn))
    of = f"{len(looks):,} pictures" + (" looked at" if len(spread) < len(data) else "")
    deep = [index for index, look in looks.items() if look.depth in ("grey", "colour")]
    levels, notes = _levels(config, reader, looks, deep, of)
    grey: Literal["grey"] | None = "grey" if config.channels == "grey" else None
    reading = Reading(levels, isinstance(config.range, tuple), turn, grey)
    notes += _header_notes(list(looks.values()), turn, of)
    notes += _channel_notes(list(looks.values()), reading, of)
    read = replace(data, reader=replace(reader, reading=reading), notes=(*data.notes, *notes))
    return read, reading


def _with_window(config: PreprocessConfig) -> PreprocessConfig:
    """Return the config with one window for all channels as the range of deep pictures.

    Raises:
        ConfigError: several windows for what is no bands, or window and range.
    """
    window = config.window
    if window is None or isinstance(config.channels, tuple):
        return config
    if config.range != "auto":
        raise ConfigError(
            "preprocess.window and preprocess.range say the same; remove one of them."
        )
    if isinstance(window, list):
        raise ConfigError(
            "preprocess.window lists one window for each band, but preprocess.channels lists no "
            "bands; give one pair [low, high]."
        )
    return config.model_copy(update={"range": window, "window": None})


def _as_bands(
    config: PreprocessConfig, numbers: tuple[int, ...], data: Collection
) -> tuple[Collection, Reading]:
    """Return the data read as bands.

    Raises:
        ConfigError: windows that do not go with the bands.
        DataError: a picture has not as many bands.
    """
    window = config.window
    if window is None and config.range != "auto":
        bits = config.range
        window = bits if isinstance(bits, tuple) else (0.0, 2.0 ** int(bits[:-3]) - 1)
    windows = tuple(window) if isinstance(window, list) else () if window is None else (window,)
    if isinstance(window, list) and len(windows) != len(numbers):
        raise ConfigError(
            f"preprocess.window lists {len(windows)} windows for {len(numbers)} bands of "
            "preprocess.channels; give one for each, or one pair for all."
        )
    reading = Reading(None, True, config.exif == "apply", numbers, windows)
    reader = data.reader
    assert isinstance(reader, FileReader | DatasetReader)
    notes = []
    if isinstance(reader, FileReader):
        looked = _spread(len(data), DEEP)
        for index in ahead(reader, looked):
            look = _look(reader, index, reading)
            if look is not None and look.bands < max(numbers):
                raise DataError(
                    f"'{data.paths[index]}' has {look.bands} band{'s' * (look.bands > 1)}, where "
                    f"preprocess.channels asks for band {max(numbers)}."
                )
        _refuse_unreadable(data, reader, reading)
        notes.append(f"each picture is read as its bands {', '.join(map(str, numbers))}")
    notes.append("statistics of whole pictures are those of the bands that are drawn")
    read = replace(data, reader=replace(reader, reading=reading), notes=(*data.notes, *notes))
    return read, reading


def _refuse_unreadable(data: Collection, reader: FileReader, reading: Reading) -> None:
    """Refuse data of which no picture of the first few can be read, for the first one's reason.

    Raises:
        DataError: it is such.
    """
    first = ""
    for index in ahead(reader, range(min(len(data), TRIED))):
        try:
            decode(read_content(reader.files[index]), reading)
        except Unreadable as reason:
            first = first or f"'{data.paths[index]}' {reason}."
        else:
            return
    raise DataError(first)


def _channel_notes(looks: Sequence[Look], reading: Reading, of: str) -> Iterator[str]:
    """Yield how many pictures are given with another number of channels than they have."""
    if reading.channels == "grey":
        yield "pictures are grey: statistics of their colour tell nothing and are left out"
    coloured = sum(look.colour for look in looks)
    if reading.channels == "grey" and coloured:
        yield f"{coloured:,} of {of} have colour, which is converted to grey"
    deep = sum(look.depth in ("grey", "declared", "wide") and not look.dicom for look in looks)
    if reading.channels is None and deep:
        yield f"{deep:,} of {of} are grey of more than 8 bits: all three channels are the same"
    dicom = sum(look.dicom for look in looks)
    if dicom and reading.window and reading.levels is not None:
        low, high = reading.levels
        yield f"{dicom:,} of {of} are DICOM, shown by the window from {low:g} to {high:g}"
    elif dicom:
        yield f"{dicom:,} of {of} are DICOM, each shown by the window that it states"


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


def _is_dicom(reader: FileReader) -> bool:
    return any(kind_of(head or b"") == "DICOM" for head in heads(reader.files[:1]))


def _look(reader: FileReader | DatasetReader, index: int, reading: Reading = USUAL) -> Look | None:
    """Return what a picture's header says, None where it cannot be read or is no picture."""
    try:
        if isinstance(reader, FileReader):
            header = read_header(read_content(reader.files[index]), reading)
            return Look(
                header.depth,
                header.orientation != 1,
                header.alpha,
                header.more,
                header.colour,
                header.bands,
                header.dicom,
            )
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
