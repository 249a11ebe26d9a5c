"""Pictures whose parts are known: patches of photographs at known places on a grey ground.

A class is the kind of patch at its left and the kind at its right; what decides is therefore known.
The patches are cut from the photographs that scikit-image ships in its wheel.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage.data
from jaxtyping import Bool, Float, Int
from PIL import Image

SIDE, PATCH, GROUND = 32, 12, 0.5
FILES = {
    "coffee": "coffee.png",
    "tissue": "ihc.png",
    "brick": "brick.png",
    "grass": "grass.png",
    "stars": "hubble_deep_field.jpg",
    "retina": "retina.jpg",
}
KINDS = tuple(FILES)
# Class -> its patches (left, right). Classes share patches, so that no patch alone decides.
PAIRS = {
    "coffee and brick": ("coffee", "brick"),
    "coffee and grass": ("coffee", "grass"),
    "tissue and brick": ("tissue", "brick"),
    "tissue and grass": ("tissue", "grass"),
}
# Decided by either of two patches, on either side.
TWO_WAYS = ("stars", "retina")
# One patch of a pair without the other is of no class: it makes the net look for both.
ALONE = ("coffee", "tissue", "brick", "grass")
NAMES = (*PAIRS, "stars or retina")
NONE = -1


@dataclass(frozen=True)
class Pictures:
    """Pictures in [0, 1] with the truth about them.

    ``boxes[i]`` maps the kind of every patch in picture i to its top left corner.
    """

    images: Float[np.ndarray, "sample 3 height width"]
    labels: Int[np.ndarray, "sample"]
    boxes: tuple[dict[str, tuple[int, int]], ...]

    def mask(self, row: int, kind: str) -> Bool[np.ndarray, "height width"]:
        """Return where the patch of a kind is in a picture."""
        found = np.zeros((SIDE, SIDE), dtype=bool)
        if kind in self.boxes[row]:
            top, left = self.boxes[row][kind]
            found[top : top + PATCH, left : left + PATCH] = True
        return found


def planted(per_class: int, seed: int, *, split: str) -> Pictures:
    """Return ``per_class`` pictures of every class, and in training of none.

    The splits ("train", "val") share no pixel of a photograph.
    """
    rng = np.random.default_rng(seed)
    images, labels, boxes = [], [], []
    for label in [*range(len(NAMES)), *([NONE] if split == "train" else [])]:
        for index in range(per_class):
            picture, where = blank(rng), {}
            for kind, side in _patches(label, index):
                where[kind] = place(side, rng)
                put(picture, patch(kind, split, rng), where[kind])
            images.append(picture)
            labels.append(label)
            boxes.append(where)
    return Pictures(np.stack(images), np.array(labels), tuple(boxes))


def _patches(label: int, index: int) -> list[tuple[str, int]]:
    """Return the patches of a class's picture, each with its side (0 left, 1 right)."""
    if label == NONE:
        return [(ALONE[index % 4], index % 4 // 2)]
    if NAMES[label] in PAIRS:
        return [(kind, side) for side, kind in enumerate(PAIRS[NAMES[label]])]
    return [(TWO_WAYS[index % 2], index // 2 % 2)]


def blank(rng: np.random.Generator) -> Float[np.ndarray, "3 height width"]:
    """Return the ground with a little noise."""
    noise: np.ndarray = GROUND + rng.normal(0, 0.02, (3, SIDE, SIDE))
    return noise.clip(0, 1).astype(np.float32)


def place(side: int, rng: np.random.Generator) -> tuple[int, int]:
    """Return a corner for a patch on the left (0) or on the right (1)."""
    return int(rng.integers(SIDE - PATCH + 1)), int(rng.integers(4)) + side * SIDE // 2


def put(
    picture: Float[np.ndarray, "3 height width"],
    found: Float[np.ndarray, "3 patch patch"],
    corner: tuple[int, int],
) -> None:
    """Lay a patch into a picture."""
    top, left = corner
    picture[:, top : top + PATCH, left : left + PATCH] = found


def patch(kind: str, split: str, rng: np.random.Generator) -> Float[np.ndarray, "3 patch patch"]:
    """Return a patch of a photograph at half size, from its left (train) or right side."""
    photograph = _photograph(kind)
    half = photograph.shape[1] // 2
    part = photograph[:, :half] if split == "train" else photograph[:, half:]
    top, left = (int(rng.integers(size - 2 * PATCH)) for size in part.shape[:2])
    cut = part[top : top + 2 * PATCH, left : left + 2 * PATCH]
    small = cut.reshape(PATCH, 2, PATCH, 2, 3).mean(axis=(1, 3))
    found: np.ndarray = small.transpose(2, 0, 1).astype(np.float32) / 255
    return found


def without(pictures: Pictures, row: int, kind: str) -> Float[np.ndarray, "3 height width"]:
    """Return a picture with the patch of one kind covered by the ground."""
    found = pictures.images[row].copy()
    cover = blank(np.random.default_rng(row))
    mask = pictures.mask(row, kind)
    found[:, mask] = cover[:, mask]
    return found


_SHOWN: dict[str, np.ndarray] = {}


def _photograph(kind: str) -> np.ndarray:
    # Read beside the module, not through skimage.data.brick() and the like: those may download.
    if kind not in _SHOWN:
        path = Path(skimage.data.__file__).parent / FILES[kind]
        with Image.open(path) as image:
            shown = np.asarray(image.convert("RGB"))
        # Without the black margin around the eye.
        _SHOWN[kind] = shown[350:1050, 350:1050] if kind == "retina" else shown
    return _SHOWN[kind]
