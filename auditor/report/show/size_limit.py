"""The size of report.html is a promise: what is given up, step by step, until it fits."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from auditor.language.speaking import gettext as _
from auditor.report.document.result import Picture
from auditor.report.show.embedding import Shown
from auditor.report.show.picture_store import read_image

UNSEEN = re.compile(
    r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", flags=re.DOTALL
)
# What stands as it is in an address inside of an attribute in double quotes.
SAFE = " !$'()*+,-./:;=?@[]^_`{|}~"
TYPES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}


@dataclass(frozen=True)
class Step:
    """How much one step shows; None keeps what the audit made.

    ``examples`` is the most pictures in a row, ``full`` whether crops come with the whole picture,
    ``side`` the longest side of photographs in pixels, ``row_side`` of those alone that stand in
    rows, and ``quality`` that of WebP, which they are stored in then; ``classes`` is the most
    classes with a page. An ``easy`` step is taken for the
    size that one would like; the others only for the size that must not be exceeded.
    """

    easy: bool = False
    examples: int | None = None
    full: bool = True
    side: int | None = None
    row_side: int | None = None
    quality: int | None = None
    pictures: bool = True
    classes: int | None = None

    def left_out(self) -> tuple[str, ...]:
        """Say in sentences what this step gives up, for the report itself."""
        said = []
        if self.classes is not None:
            said.append(
                _(
                    "At most %(count)s classes have a page: those with a candidate and the worst.",
                    count=self.classes,
                )
            )
        if not self.pictures:
            return (
                *said,
                _("All pictures are left out to keep the file's size; report.pdf has them."),
            )
        if self.examples is not None:
            said.append(
                _(
                    "A row shows at most %(count)s pictures, to keep the file's size.",
                    count=self.examples,
                )
            )
        if not self.full:
            said.append(_("The whole pictures behind the crops are left out of rows of concepts."))
        if self.side is not None:
            said.append(_("Photographs are at most %(side)s pixels wide or high.", side=self.side))
        if self.row_side is not None:
            said.append(
                _(
                    "Photographs in rows are at most %(side)s pixels wide or high.",
                    side=self.row_side,
                )
            )
        if self.quality is not None:
            said.append(
                _("Photographs are stored as WebP of quality %(quality)s.", quality=self.quality)
            )
        return tuple(said)


# What a mail and a browser take without a thought, in bytes: no picture is left out for it.
GOAL = 5_000_000
# Pictures of at most so many pixels a side are those of rows, which are drawn larger nowhere else.
IN_ROWS = 200
# Of WebP, 0 to 6: 6 takes twice the time for files that are 2 % smaller.
EFFORT = 4
# Rows show pictures at about 92 pixels, so size and quality cost less than pictures would.
WITH_PICTURES: tuple[Step, ...] = (
    Step(easy=True),
    Step(easy=True, quality=85),
    Step(easy=True, row_side=144, quality=75),
    Step(row_side=112, quality=60),
    Step(side=160, row_side=112, quality=60),
    Step(side=128, quality=65),
    Step(examples=8, side=128, quality=65),
    Step(examples=6, side=128, quality=65),
    Step(examples=8, side=128, quality=60, full=False),
    Step(examples=6, side=128, quality=60, full=False),
    Step(examples=4, side=128, quality=60, full=False),
    Step(examples=3, side=96, quality=55, full=False),
    Step(examples=2, side=72, quality=45, full=False),
    Step(examples=1, side=64, quality=40, full=False),
)
# A model of very many classes has more text than fits, whatever becomes of its pictures.
FEW_CLASSES = 40
LADDER: tuple[Step, ...] = (
    *WITH_PICTURES,
    *(replace(step, classes=FEW_CLASSES) for step in WITH_PICTURES),
    Step(examples=1, full=False, pictures=False),
    Step(examples=1, full=False, pictures=False, classes=FEW_CLASSES),
)


def encode_all(
    folders: Sequence[Path], pictures: Mapping[str, Picture], step: Step
) -> dict[str, Shown]:
    """Return every picture as a data URI, from the first of the folders that has it.

    Raises:
        IntegrityError: A picture is missing or changed.
    """
    encoded = {}
    for name, picture in pictures.items():
        folder = next((path for path in folders if (path / name).is_file()), folders[-1])
        encoded[name] = encode(folder, name, picture.width, picture.height, step)
    return encoded


def encode(folder: Path, name: str, width: int, height: int, step: Step) -> Shown:
    """Return a picture of the run as a data URI, photographs made smaller as the step says.

    Raises:
        IntegrityError: The picture is missing or changed.
    """
    data = read_image(folder, name)
    suffix = Path(name).suffix
    if suffix == ".svg":
        return Shown("image", f"data:{TYPES[suffix]},{_one_line(data.decode())}", width, height)
    row = step.row_side if max(width, height) <= IN_ROWS else None
    side = min((each for each in (step.side, row) if each is not None), default=None)
    if (side is not None and max(width, height) > side) or step.quality is not None:
        data, width, height = _smaller(data, side, step.quality or 85)
        suffix = ".webp"
    text = base64.b64encode(data).decode("ascii")
    return Shown("image", f"data:{TYPES[suffix]};base64,{text}", width, height)


def _one_line(svg: str) -> str:
    """Return an SVG as the data of an address: a third shorter than in base64."""
    bare = UNSEEN.sub("", svg)
    return quote(" ".join(bare.split()).replace("> <", "><").replace('"', "'"), safe=SAFE)


def _smaller(data: bytes, side: int | None, quality: int) -> tuple[bytes, int, int]:
    with Image.open(io.BytesIO(data)) as image:
        photo = image.convert("RGB")
    if side is not None:
        photo.thumbnail((side, side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    photo.save(out, "WEBP", quality=quality, method=EFFORT)
    return out.getvalue(), photo.width, photo.height
