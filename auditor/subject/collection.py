"""What a data source hands over before labels meet outputs: items, their labels, their reader."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from auditor.subject.bands import Bands
from auditor.subject.contents import File, fetch
from auditor.subject.contents import read as read_content
from auditor.subject.guard import refused
from auditor.subject.images import (
    USUAL,
    Reading,
    Unreadable,
    content_digest,
    decode,
    upright_size,
)
from auditor.subject.label_states import LabelStates

# A photograph still to be preprocessed, or a tensor that the user's dataset preprocessed.
Item = Image.Image | Bands | Float[Tensor, "channel height width"]
Numbering = Literal["none", "possible", "certain"]

CHANGED = "has changed since the audit began"
UNREADABLE = "unreadable: "
AHEAD = 64  # items that are fetched ahead together


class Gone(Unreadable):
    """What could be read when the audit began and cannot be read now."""


class Changed(Unreadable):
    """What holds something else than when the audit began."""


@runtime_checkable
class Reader(Protocol):
    """Gives the items of a source by position.

    ``digest`` identifies the content, or is `UNREADABLE` and why it cannot be read; it never
    raises. ``read`` raises ``Gone`` or ``Changed`` where the content of ``digest`` is not there any
    more, and ``Unreadable`` where it is and is no picture.
    """

    def digest(self, index: int) -> str:
        """Return what identifies the content of item ``index``."""
        ...

    def read(self, index: int, digest: str) -> Item:
        """Return item ``index``."""
        ...

    def size(self, index: int) -> tuple[int, int] | None:
        """Return (height, width) of item ``index`` as it is shown, None when unreadable."""
        ...

    def take(self, indices: Sequence[int]) -> Reader:
        """Return a reader of these items only, in this order."""
        ...


def read_again(file: File, digest: str) -> bytes:
    """Return the content of a file that was ``digest`` when the audit began.

    Raises:
        Gone, Changed: it is not that any more.
    """
    try:
        data = read_content(file)
    except Unreadable as reason:
        raise Gone(str(reason)) from None
    if content_digest(data) != digest:
        raise Changed(CHANGED)
    return data


@dataclass(frozen=True)
class FileReader:
    """Reads pictures from files, at addresses and in packed files too."""

    files: tuple[File, ...]
    reading: Reading = USUAL

    def digest(self, index: int) -> str:
        """Return size and sha256 of the file, or why it cannot be read."""
        try:
            return content_digest(read_content(self.files[index]))
        except Unreadable as reason:
            return f"{UNREADABLE}{reason}"

    def read(self, index: int, digest: str) -> Image.Image | Bands:
        """Return the upright picture."""
        return decode(read_again(self.files[index], digest), self.reading)

    def deadly(self, indices: Sequence[int], digests: Sequence[str]) -> dict[int, str]:
        """Return which items no process survives that decodes them, and how it ends.

        Those whose ``digests`` say that they cannot be read are not tried.

        Raises:
            DataError, StoppedError: as `ahead`.
        """
        tried = [index for index in indices if not digests[index].startswith(UNREADABLE)]
        alone = [index for index in tried if isinstance(self.files[index], Path)]
        found = refused(lambda index: self._decoded(_content(self.files[index])), alone)
        # What lies elsewhere is read here, some at a time: reading it may need threads.
        elsewhere = [index for index in tried if not isinstance(self.files[index], Path)]
        for part in fetched(self, elsewhere):
            found |= self._deadly_of({index: _content(self.files[index]) for index in part})
        return found

    def _deadly_of(self, held: Mapping[int, bytes | None]) -> dict[int, str]:
        return refused(lambda index: self._decoded(held[index]), list(held))

    def _decoded(self, data: bytes | None) -> None:
        if data is not None:
            decode(data, self.reading)

    def size(self, index: int) -> tuple[int, int] | None:
        """Return the size that the file's header states, after its EXIF orientation."""
        try:
            return upright_size(read_content(self.files[index]), self.reading)
        except Unreadable:
            return None

    def take(self, indices: Sequence[int]) -> FileReader:
        """Return a reader of these files only."""
        return replace(self, files=tuple(self.files[index] for index in indices))


def _content(file: File) -> bytes | None:
    try:
        return read_content(file)
    except Unreadable:
        return None


def ahead(reader: Reader, indices: Sequence[int]) -> Iterator[int]:
    """Yield ``indices``; those items that come over a network are fetched some before their turn.

    Raises:
        DataError, StoppedError: the service that holds them refuses or fails.
    """
    for part in fetched(reader, indices):
        yield from part


def fetched(reader: Reader, indices: Sequence[int]) -> Iterator[list[int]]:
    """Yield ``indices`` in parts, those of which that come over a network are fetched by then.

    Raises:
        DataError, StoppedError: the service that holds them refuses or fails.
    """
    for start in range(0, len(indices), AHEAD):
        part = [int(index) for index in indices[start : start + AHEAD]]
        if isinstance(reader, FileReader):
            fetch([reader.files[index] for index in part])
        yield part


@dataclass(frozen=True)
class Collection:
    """The items of a data source, labelled in its own words.

    ``paths`` are unique ids with forward slashes; ``names`` are all labels the source knows, also
    those without items, ``ordered`` when the source itself numbers them; ``numbering`` says whether
    labels are numbers that may or do name outputs; ``shape`` is the (height, width) of items that
    come preprocessed and ``channels`` how many they have; ``states`` are the labels of each item
    where it has several, of which ``labels`` then says nothing; ``marks`` are the cells that say
    where the object is, as the table has them (a box, or the path of a mask), empty where no such
    column was asked for. ``rows_chosen``: ``data.rows`` was heeded. ``excluded`` counts what was
    found and is no item, by label ("": of none) and reason.
    """

    paths: tuple[str, ...]
    labels: tuple[str, ...]
    names: tuple[str, ...]
    reader: Reader
    metadata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    excluded: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    numbering: Numbering = "none"
    ordered: bool = False
    shape: tuple[int, int] | None = None
    channels: int | None = None
    marks: tuple[str, ...] = ()
    rows_chosen: bool = False
    notes: tuple[str, ...] = ()
    states: LabelStates | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, indices: Sequence[int]) -> Collection:
        """Return these items only."""
        chosen = [int(index) for index in indices]
        return replace(
            self,
            paths=tuple(self.paths[index] for index in chosen),
            labels=tuple(self.labels[index] for index in chosen),
            reader=self.reader.take(chosen),
            metadata={
                key: tuple(column[index] for index in chosen)
                for key, column in self.metadata.items()
            },
            marks=tuple(self.marks[index] for index in chosen) if self.marks else (),
            states=None if self.states is None else self.states.take(chosen),
        )


def text_path(path: str | Path) -> str:
    """Return a path as text that is always valid UTF-8, with forward slashes."""
    return os.fsencode(Path(path).as_posix()).decode("utf-8", "backslashreplace")


def sorted_names(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the distinct labels in sorted order, as torchvision's ImageFolder sorts them."""
    return tuple(np.unique(np.array(labels, dtype=object)).tolist()) if labels else ()
