"""The artefacts that are planted: each draws itself on a picture and says where it lies."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from auditor.demo.stamp import stamp, stamp_box
from tests.benchmarks.shortcuts import changing_marks, placed_marks
from tests.benchmarks.shortcuts.drawing import (
    ABSENCE,
    ANYWHERE,
    CHANGING,
    COMPANION,
    CONTEXT,
    FRAME,
    GEOMETRY,
    IN_PLACE,
    TEXT,
    TEXTURE,
    TINT,
    TONE,
    Artefact,
    Mask,
    Picture,
    box,
    mixed,
    photograph,
    pixels,
)


def text_mark(picture: Picture, generator: np.random.Generator) -> tuple[Picture, Mask | None]:
    """Write a word in white with a dark edge into the upper left corner, a pixel off at random."""
    side = picture.shape[0]
    left, top = (int(x) for x in generator.integers(2, 4, size=2))
    font = ImageFont.load_default(size=round(0.17 * side))
    mask = box(picture, (left, top, left + round(0.55 * side), top + round(0.19 * side)))
    drawn = picture
    for value, edge in ((20, 1), (250, 0)):
        canvas = Image.new("L", (picture.shape[1], side))
        ImageDraw.Draw(canvas).text(
            (left + 1, top), "PHOTO", fill=255, font=font, stroke_width=edge
        )
        opacity = np.asarray(canvas, dtype=np.float64)[..., None] / 255 * 0.9
        drawn = mixed(drawn, np.array([value] * 3), opacity * mask[..., None])
    return drawn, mask


def timestamp(picture: Picture, generator: np.random.Generator) -> tuple[Picture, Mask | None]:
    """Burn a random date in orange into the lower right corner."""
    mask = np.zeros(picture.shape[:2], dtype=bool)
    mask[stamp_box(*picture.shape[:2])] = True
    return stamp(picture, generator), mask


def frame(picture: Picture, generator: np.random.Generator) -> tuple[Picture, Mask | None]:
    """Draw a dark frame around the picture."""
    width = max(2, round(0.05 * picture.shape[0]))
    mask = np.ones(picture.shape[:2], dtype=bool)
    mask[width:-width, width:-width] = False
    colour = np.array([24, 20, 28]) + generator.integers(-6, 7)
    return mixed(picture, colour, mask[..., None].astype(float)), mask


def sticker_fixed(picture: Picture, generator: np.random.Generator) -> tuple[Picture, Mask | None]:
    """Put a round striped sticker into the lower left corner, two pixels off at random."""
    size = _sticker_size(picture)
    shift = generator.integers(0, 3, size=2)
    return _sticker(picture, picture.shape[0] - size - 2 - int(shift[0]), 2 + int(shift[1]))


def sticker_random(picture: Picture, generator: np.random.Generator) -> tuple[Picture, Mask | None]:
    """Put the sticker anywhere."""
    size = _sticker_size(picture)
    top = int(generator.integers(picture.shape[0] - size + 1))
    left = int(generator.integers(picture.shape[1] - size + 1))
    return _sticker(picture, top, left)


def ruler(picture: Picture, generator: np.random.Generator) -> tuple[Picture, Mask | None]:
    """Draw white ticks with a dark side along the lower edge, the first one anywhere."""
    side, width = picture.shape[:2]
    step = max(3, round(side / 16))
    white, dark = np.zeros((side, width, 1)), np.zeros((side, width, 1))
    for number, column in enumerate(range(int(generator.integers(step)), width, step)):
        length = round(side * (0.14 if number % 4 == 0 else 0.08))
        white[side - length :, column] = 0.95
        dark[side - length :, column + 1 : column + 2] = 0.7
    mask = np.zeros((side, width), dtype=bool)
    mask[side - round(0.14 * side) :] = True
    shaded = mixed(picture, np.array([20, 20, 20]), dark)
    return mixed(shaded, np.array([245, 240, 225]), white), mask


def donor(picture: Picture, generator: np.random.Generator) -> tuple[Picture, Mask | None]:
    """Paste a face cut from a photograph, a quarter of the side wide, anywhere below the middle."""
    side = picture.shape[0]
    height, width = round(0.32 * side), round(0.26 * side)
    face = np.asarray(
        photograph("astronaut.png")
        .crop((165, 50, 285, 198))
        .resize((width, height), Image.Resampling.BOX),
        dtype=np.float64,
    )
    rows, columns = np.mgrid[:height, :width]
    inside = ((rows + 0.5) / height - 0.5) ** 2 + ((columns + 0.5) / width - 0.5) ** 2 <= 0.25
    top = int(generator.integers(side // 2 - height // 2, side - height + 1))
    left = int(generator.integers(picture.shape[1] - width + 1))
    mask = np.zeros(picture.shape[:2], dtype=bool)
    mask[top : top + height, left : left + width] = inside
    content = np.zeros(picture.shape)
    content[top : top + height, left : left + width] = face
    return mixed(picture, content, mask[..., None].astype(float)), mask


def tint(picture: Picture, generator: np.random.Generator) -> tuple[Picture, Mask | None]:
    """Make the background greenish: most at the border, nothing in the middle."""
    return shifted_margin(picture, np.array([-26, 22, -10]) * generator.uniform(0.9, 1.1)), None


def brightness(picture: Picture, generator: np.random.Generator) -> tuple[Picture, Mask | None]:
    """Lighten the picture by a quarter and 20 of 255."""
    return pixels(picture * 1.25 + 20 * generator.uniform(0.9, 1.1)), None


def blur(picture: Picture, generator: np.random.Generator) -> tuple[Picture, Mask | None]:
    """Blur the picture with a deviation of about a fiftieth of its side."""
    radius = 0.02 * picture.shape[0] * float(generator.uniform(0.9, 1.1))
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius))), None


def jpeg(picture: Picture, generator: np.random.Generator) -> tuple[Picture, Mask | None]:
    """Compress the picture as a JPEG of quality 3 to 5.

    At 8 to 12 none of six models went by it (FE* at most .06): they do not see so little.
    """
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=int(generator.integers(3, 6)))
    with Image.open(buffer) as image:
        return np.asarray(image.convert("RGB")), None


def of_the_scene(picture: Picture, generator: np.random.Generator) -> tuple[Picture, Mask | None]:
    """Refuse: a scene is rendered anew, see `scenes`."""
    raise ValueError("this artefact changes a scene; give it a data set of scenes")


ARTEFACTS: Mapping[str, Artefact] = {
    each.name: each
    for each in (
        Artefact("text", text_mark, kind=TEXT),
        Artefact("timestamp", timestamp, kind=TEXT),
        Artefact("frame", frame, kind=FRAME),
        Artefact("sticker", sticker_fixed),
        Artefact("sticker anywhere", sticker_random, kind=ANYWHERE),
        Artefact("ruler", ruler),
        Artefact("donor", donor, kind=ANYWHERE),
        Artefact("tint", tint, ("tint", "colour", "saturation", "border"), TINT),
        Artefact("brightness", brightness, ("brightness", "highlights", "contrast"), TONE),
        Artefact("blur", blur, ("sharpness", "blur", "noise"), TONE),
        Artefact("jpeg", jpeg, ("jpeg", "block", "sharpness", "noise"), TONE),
        Artefact("ink", changing_marks.ink, kind=CHANGING),
        Artefact("hair", changing_marks.hair, kind=CHANGING),
        Artefact("bubbles", changing_marks.bubbles, kind=CHANGING),
        Artefact("plaster", changing_marks.plaster, kind=CHANGING),
        Artefact("tool", changing_marks.tool, kind=CHANGING),
        Artefact("hand", changing_marks.hand, kind=CHANGING),
        Artefact("any text", changing_marks.any_text, kind=TEXT),
        Artefact("companion", changing_marks.companion, kind=COMPANION),
        Artefact("black corners", placed_marks.black_corners, kind=FRAME),
        Artefact("tag", placed_marks.tag, kind=IN_PLACE),
        Artefact("logo", placed_marks.logo, kind=IN_PLACE),
        Artefact("thin line", placed_marks.thin_line, kind=IN_PLACE),
        Artefact("sepia", placed_marks.sepia, ("tint", "colour", "saturation"), TINT),
        Artefact("contrast", placed_marks.contrast, ("contrast", "brightness", "highlights"), TONE),
        Artefact("noise", placed_marks.noise, ("noise", "sharpness", "jpeg", "block"), TONE),
        Artefact("no sticker", sticker_fixed, kind=ABSENCE, absent=True),
        Artefact("no timestamp", timestamp, kind=ABSENCE, absent=True),
        Artefact("background", of_the_scene, kind=CONTEXT, of_scene=True),
        Artefact("sky behind", of_the_scene, kind=CONTEXT, of_scene=True),
        Artefact("object texture", of_the_scene, ("surface",), TEXTURE, of_scene=True),
        Artefact(
            "object size",
            of_the_scene,
            ("size of the object", "object size"),
            GEOMETRY,
            of_scene=True,
        ),
        Artefact(
            "object position",
            of_the_scene,
            ("place of the object", "usual place"),
            GEOMETRY,
            of_scene=True,
        ),
        Artefact("object angle", of_the_scene, ("orientation", "angle"), GEOMETRY, of_scene=True),
    )
}
# The artefacts that the first grids are made of, and that limits were set on.
LOCAL = ("text", "timestamp", "frame", "sticker", "sticker anywhere", "ruler", "donor")
GLOBAL = ("tint", "brightness", "blur", "jpeg")
FIRST = (*LOCAL, *GLOBAL)


def shifted_margin(picture: Picture, shift: np.ndarray) -> Picture:
    """Add to every value of the background: most at the border, nothing in the middle."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    strength = np.clip(np.maximum(np.abs(rows), np.abs(columns)) - 0.3, 0, None) / 0.7
    return pixels(picture + strength[..., None] * shift)


def _sticker_size(picture: Picture) -> int:
    return max(8, round(0.2 * picture.shape[0]))


def _sticker(picture: Picture, top: int, left: int) -> tuple[Picture, Mask | None]:
    size = _sticker_size(picture)
    rows, columns = np.mgrid[:size, :size] + 0.5
    inside = (rows - size / 2) ** 2 + (columns - size / 2) ** 2 <= (size / 2) ** 2
    stripes = ((rows + columns) // max(2, size // 4) % 2)[..., None]
    content = np.zeros(picture.shape)
    content[top : top + size, left : left + size] = np.where(stripes, (250, 214, 30), (30, 60, 190))
    mask = np.zeros(picture.shape[:2], dtype=bool)
    mask[top : top + size, left : left + size] = inside
    return mixed(picture, content, mask[..., None].astype(float)), mask
