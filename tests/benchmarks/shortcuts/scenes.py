"""Scenes: an object cut out of a photograph on one of six backgrounds, and what changes them.

The world knows which pixels are the object: the truth for contexts, and for size, position and
orientation of objects. Objects are the middle of a photograph, an ellipse; backgrounds are parts of
photographs that scikit-image ships, grey ones coloured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from tests.benchmarks.shortcuts.drawing import Drawn, Mask, Picture, photograph

# A photograph, the part of it that is taken (left, top, right, bottom), and its colour.
Ground = tuple[str, tuple[int, int, int, int], tuple[float, float, float]]
WHITE = (1.0, 1.0, 1.0)
SKY: Ground = ("rocket.jpg", (140, 0, 290, 150), WHITE)
GARAGE: Ground = ("motorcycle_left.png", (380, 0, 741, 160), WHITE)
# The classes of the built-in photographs are grass, brick, gravel and the like themselves.
GROUNDS: Mapping[str, tuple[Ground, ...]] = {
    "photographs": (
        ("grass.png", (0, 0, 512, 512), (0.62, 1.12, 0.42)),
        ("brick.png", (0, 0, 512, 512), (1.35, 0.72, 0.55)),
        ("gravel.png", (0, 0, 512, 512), (1.0, 0.95, 0.86)),
        SKY,
        ("coffee.png", (0, 60, 80, 400), WHITE),
        GARAGE,
    ),
    "textures": (
        ("moon.png", (0, 0, 512, 512), WHITE),
        ("hubble_deep_field.jpg", (0, 0, 1000, 872), WHITE),
        ("retina.jpg", (300, 300, 1100, 1100), WHITE),
        SKY,
        ("page.png", (0, 0, 384, 191), WHITE),
        GARAGE,
    ),
}
GROUND, SECOND_GROUND = 0, 3
SCALES, CENTRES = (0.5, 0.8), (0.38, 0.62)
SMALL, LEFT_TOP, QUARTER_TURN = 0.42, 0.3, 90.0


@dataclass(frozen=True, eq=False)
class Scene:
    """An object and where it lies; ``scale`` and centre in shares of the side, angle in degrees.

    ``seed`` chooses the part of the background that is seen; ``woven``: the object's surface has a
    weave of its own.
    """

    photograph: UInt8[np.ndarray, "height width 3"]
    grounds: str
    ground: int
    scale: float
    row: float
    column: float
    angle: float
    seed: int
    woven: bool = False

    def mirrored(self) -> Scene:
        """Return the scene with its object mirrored, on another part of its background."""
        return replace(
            self, photograph=self.photograph[:, ::-1], column=1 - self.column, seed=self.seed + 1
        )


def random_scene(
    picture: UInt8[np.ndarray, "height width 3"], grounds: str, rng: np.random.Generator
) -> Scene:
    """Return a scene of a photograph's object: any background, size, place, nearly upright."""
    return Scene(
        picture,
        grounds,
        int(rng.integers(len(GROUNDS[grounds]))),
        float(rng.uniform(*SCALES)),
        float(rng.uniform(*CENTRES)),
        float(rng.uniform(*CENTRES)),
        float(rng.uniform(-8, 8)),
        int(rng.integers(1 << 31)),
    )


def rendered(scene: Scene) -> tuple[Picture, Mask]:
    """Return the picture of a scene, as large as its photograph, and where its object is."""
    side = scene.photograph.shape[0]
    canvas = _ground(scene, side)
    surface = _woven(scene.photograph) if scene.woven else scene.photograph
    cut = Image.fromarray(np.ascontiguousarray(surface)).convert("RGBA")
    alpha = Image.new("L", (4 * side, 4 * side))
    inset = 0.12 * side
    ImageDraw.Draw(alpha).ellipse((inset, inset, 4 * side - inset, 4 * side - inset), fill=255)
    cut.putalpha(alpha.resize((side, side), Image.Resampling.BOX))
    size = max(8, round(scene.scale * side))
    cut = cut.resize((size, size), Image.Resampling.LANCZOS)
    cut = cut.rotate(scene.angle, Image.Resampling.BICUBIC)
    layer = Image.new("RGBA", (side, side))
    layer.paste(cut, (round(scene.column * side - size / 2), round(scene.row * side - size / 2)))
    whole = Image.alpha_composite(canvas.convert("RGBA"), layer).convert("RGB")
    return np.asarray(whole), np.asarray(layer)[..., 3] > 127


def changed(name: str, scene: Scene, rng: np.random.Generator) -> Drawn:
    """Return a scene's picture after a change, and the place of what was changed.

    Of a background that is all but the object, of a texture the object; None: a property of it.
    """
    picture, objects = rendered(CHANGES[name](scene, rng))
    if name in GROUND_CHANGES:
        return picture, ~objects
    return picture, objects if name == "object texture" else None


def _on(ground: int) -> Callable[[Scene, np.random.Generator], Scene]:
    def change(scene: Scene, rng: np.random.Generator) -> Scene:
        return replace(scene, ground=ground, seed=int(rng.integers(1 << 31)))

    return change


def _small(scene: Scene, rng: np.random.Generator) -> Scene:
    return replace(scene, scale=SMALL * float(rng.uniform(0.85, 1.0)))


def _left_top(scene: Scene, rng: np.random.Generator) -> Scene:
    row, column = LEFT_TOP + rng.uniform(-0.03, 0.03, 2)
    return replace(scene, row=float(row), column=float(column), scale=min(scene.scale, 0.6))


def _turned(scene: Scene, rng: np.random.Generator) -> Scene:
    return replace(scene, angle=QUARTER_TURN + float(rng.uniform(-8, 8)))


def _weave(scene: Scene, rng: np.random.Generator) -> Scene:
    return replace(scene, woven=True)


GROUND_CHANGES = {"background": _on(GROUND), "sky behind": _on(SECOND_GROUND)}
CHANGES: Mapping[str, Callable[[Scene, np.random.Generator], Scene]] = {
    **GROUND_CHANGES,
    "object size": _small,
    "object position": _left_top,
    "object angle": _turned,
    "object texture": _weave,
}


def _ground(scene: Scene, side: int) -> Image.Image:
    name, part, colour = GROUNDS[scene.grounds][scene.ground]
    rng = np.random.default_rng(scene.seed)
    taken = photograph(name).crop(part)
    size = min(int(rng.uniform(70, 140)), *taken.size)
    left, top = (int(rng.integers(limit - size + 1)) for limit in taken.size)
    crop = taken.crop((left, top, left + size, top + size))
    crop = crop.resize((side, side), Image.Resampling.BILINEAR)
    lit = np.asarray(crop, dtype=float) * np.array(colour) * rng.uniform(0.85, 1.1)
    return Image.fromarray(np.clip(np.rint(lit), 0, 255).astype(np.uint8))


def _woven(picture: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
    """Return a photograph with threads of a twelfth of its side, lighter and darker by a fifth."""
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]] * (24 * np.pi / len(picture))
    threads = np.where(np.sin(rows) * np.sin(columns) > 0, 1.25, 0.7)[..., None]
    woven: np.ndarray = np.clip(np.rint(picture * threads), 0, 255).astype(np.uint8)
    return woven
