"""What a template gets for a picture: where it is, and whether the file already holds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from markupsafe import Markup

from auditor.report.document.result import Picture
from auditor.report.show.picture_store import read_image


@dataclass(frozen=True)
class Shown:
    """How a picture is written down: an image, a second use of a stored one, or left out.

    ``href`` is its data or address, or the id under which the file holds it; sizes are in pixels.
    """

    kind: Literal["image", "reuse", "left out"]
    href: str
    width: int
    height: int


class CountingPictures:
    """Count how often a rendering shows each picture; it writes none of them down."""

    shared: Sequence[tuple[str, Shown]] = ()

    def __init__(self) -> None:
        self.uses: Counter[str] = Counter()
        self.pictures: dict[str, Picture] = {}

    def show(self, picture: Picture) -> Shown:
        """Count one use."""
        self.uses[picture.file] += 1
        self.pictures.setdefault(picture.file, picture)
        return Shown("image", "", picture.width, picture.height)


class EmbeddedPictures:
    """Write every picture into the file once: as an image, or as a store that others refer to."""

    def __init__(self, encoded: Mapping[str, Shown], uses: Mapping[str, int]) -> None:
        # Base64 needs no escaping, and escaping megabytes takes time.
        self.encoded = {
            name: replace(item, href=Markup(item.href))  # noqa: S704
            for name, item in encoded.items()
        }
        names = [name for name, count in uses.items() if count > 1 and name in encoded]
        self.ids = {name: f"picture-{number}" for number, name in enumerate(names, start=1)}

    @property
    def shared(self) -> Sequence[tuple[str, Shown]]:
        """Pictures with more than one use, each with the id under which it is held."""
        return [(anchor, self.encoded[name]) for name, anchor in self.ids.items()]

    def show(self, picture: Picture) -> Shown:
        """Return the picture's data, or the id under which the file holds it."""
        item = self.encoded.get(picture.file)
        if item is None:
            return Shown("left out", "", picture.width, picture.height)
        if picture.file in self.ids:
            return Shown("reuse", self.ids[picture.file], item.width, item.height)
        return item


class LinkedPictures:
    """Name the run's pictures, each checked against its digest.

    ``prefix`` stands before a picture's name: the scheme of the PDF's fetcher, or the folder that
    lies beside a page. ``checked`` are the pictures that were named.
    """

    shared: Sequence[tuple[str, Shown]] = ()

    def __init__(self, folder: Path, prefix: str = "run-image:") -> None:
        self.folder = folder
        self.prefix = prefix
        self.checked: set[str] = set()

    def show(self, picture: Picture) -> Shown:
        """Return the picture's address."""
        if picture.file not in self.checked:
            read_image(self.folder, picture.file)
            self.checked.add(picture.file)
        return Shown("image", f"{self.prefix}{picture.file}", picture.width, picture.height)


Pictures = CountingPictures | EmbeddedPictures | LinkedPictures
