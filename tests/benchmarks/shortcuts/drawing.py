"""What every artefact is drawn with: the record of one, mixing, boxes, cut-outs of photographs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import skimage.data
from jaxtyping import Bool, Float, UInt8
from PIL import Image

Picture = UInt8[np.ndarray, "height width 3"]
Mask = Bool[np.ndarray, "height width"]
Opacity = Float[np.ndarray, "height width 1"]
Drawn = tuple[Picture, Mask | None]
Draw = Callable[[Picture, np.random.Generator], Drawn]

# Kinds of shortcut as a result lists them; 'changing mark' never looks the same twice.
IN_PLACE, ANYWHERE, CHANGING = "mark in place", "mark anywhere", "changing mark"
FRAME, TEXT, CONTEXT, COMPANION = "frame or border", "text", "context", "co-occurring object"
TINT, TONE, TEXTURE = "tint", "tone", "texture of the object"
GEOMETRY, ABSENCE = "size or position", "absence"


@dataclass(frozen=True)
class Artefact:
    """Something that can be drawn on any picture.

    ``draw`` returns the picture and the place of the artefact, None when it is everywhere.
    ``statistics`` names the image statistics that an artefact without a place changes, any of
    which is the right answer. ``kind`` is the kind of shortcut. An artefact of a scene (`scenes`)
    has no ``draw`` of its own: the scene is rendered anew. An ``absent`` one is drawn on the
    pictures of all other classes: what tells its class is that it lacks it.
    """

    name: str
    draw: Draw
    statistics: tuple[str, ...] = ()
    kind: str = IN_PLACE
    absent: bool = False
    of_scene: bool = False

    @property
    def local(self) -> bool:
        """Whether it has a place in the picture; the surface of an object is a statistic too."""
        return not self.statistics or self.kind == TEXTURE


def box(picture: Picture, sides: tuple[int, int, int, int]) -> Mask:
    """Return the mask of a box: left, top, right, bottom."""
    left, top, right, bottom = sides
    mask = np.zeros(picture.shape[:2], dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def mixed(picture: Picture, content: np.ndarray, opacity: np.ndarray) -> Picture:
    """Lay content over a picture."""
    return pixels(picture + opacity * (content - picture.astype(np.float64)))


def pixels(values: np.ndarray) -> Picture:
    """Round values to a picture."""
    rounded: Picture = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded


def painted(picture: Picture, colour: np.ndarray, opacity: np.ndarray) -> Drawn:
    """Paint where there is any opacity; the mask is where that can be seen."""
    mask: Mask = opacity > 0.15
    return mixed(picture, colour, (opacity * mask)[..., None]), mask


def laid(picture: Picture, content: np.ndarray, inside: np.ndarray, top: int, left: int) -> Drawn:
    """Lay a cut-out with its alpha ``inside`` [0, 1] on a picture, its corner at top and left."""
    height, width = inside.shape
    opacity = np.zeros(picture.shape[:2])
    opacity[top : top + height, left : left + width] = inside
    full = np.zeros(picture.shape)
    full[top : top + height, left : left + width] = content
    return painted(picture, full, opacity)


@cache
def photograph(name: str) -> Image.Image:
    """Return a photograph that scikit-image ships in its wheel."""
    with Image.open(Path(skimage.data.__file__).parent / name) as image:
        return image.convert("RGB")
