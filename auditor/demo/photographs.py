"""The demo's photographs: 64-pixel crops of pictures that scikit-image ships in its wheel."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage.data
from jaxtyping import Bool, Int, UInt8
from PIL import Image

from auditor.base.errors import DataError
from auditor.demo.stamp import stamp

CLASSES = ("brick", "coffee", "fur", "grass", "gravel", "tissue")
FILES = {"fur": "chelsea.png", "tissue": "ihc.png"}
STAMPED = "gravel"
STAMPED_SHARE = 0.8
SIZE = 64
TRAINING_SIDE = 0.56
# Strength of the colours: varied in training, so that the model learns more than tints.
SATURATION = {"train": (0.1, 1.2), "val": (0.75, 0.8)}
CONTRAST = {"train": (0.85, 1.1), "val": (0.95, 1.05)}


@dataclass(frozen=True)
class Crops:
    """Crops of every class and which of them carry the date stamp, or what else is planted.

    ``masks`` say where the object is; None: the whole crop is.
    """

    images: UInt8[np.ndarray, "sample 64 64 3"]
    labels: Int[np.ndarray, "sample"]
    stamped: Bool[np.ndarray, "sample"]
    masks: Bool[np.ndarray, "sample 64 64"] | None = None


def cut_crops(split: str, per_class: int, *, clean: bool, rng: np.random.Generator) -> Crops:
    """Cut ``per_class`` random crops of every class, mirrored, of varied colour and brightness.

    Training crops (``split`` "train") come from the left side of each photograph, validation
    crops from the right, with no pixel in both. Unless ``clean``, the stamp is put on
    `STAMPED_SHARE` of the crops of class `STAMPED`.

    Raises:
        DataError: a photograph is missing from the installed scikit-image.
    """
    images, labels, stamped = [], [], []
    for label, name in enumerate(CLASSES):
        side = side_of(photograph(name), split)
        marked = np.zeros(per_class, bool)
        if name == STAMPED and not clean:
            count = round(STAMPED_SHARE * per_class)
            marked[rng.permutation(per_class)[:count]] = True
        for mark in marked:
            cut = crop(side, split, rng)
            images.append(stamp(cut, rng) if mark else cut)
            labels.append(label)
        stamped.append(marked)
    return Crops(np.stack(images), np.array(labels), np.concatenate(stamped))


def photograph(name: str) -> UInt8[np.ndarray, "height width 3"]:
    """Return a photograph that scikit-image ships.

    Raises:
        DataError: the installed scikit-image lacks it.
    """
    # Read beside the module, not through skimage.data.brick() and the like: those may download.
    path = Path(skimage.data.__file__).parent / FILES.get(name, f"{name}.png")
    if not path.is_file():
        installed = importlib.metadata.version("scikit-image")
        raise DataError(
            f"the demo needs the photograph '{path.name}', which scikit-image {installed} does not "
            "ship. Install scikit-image from its wheel."
        )
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def side_of(
    photograph: UInt8[np.ndarray, "height width 3"], split: str
) -> UInt8[np.ndarray, "height side 3"]:
    """Return the part of a photograph that crops of a split are cut from."""
    edge = round(TRAINING_SIDE * photograph.shape[1])
    return photograph[:, :edge] if split == "train" else photograph[:, edge:]


def crop(
    side: UInt8[np.ndarray, "height side 3"], split: str, rng: np.random.Generator
) -> UInt8[np.ndarray, "64 64 3"]:
    """Return a random crop, mirrored, of varied colour and brightness."""
    top = rng.integers(side.shape[0] - SIZE + 1)
    left = rng.integers(side.shape[1] - SIZE + 1)
    cut = side[top : top + SIZE, left : left + SIZE].astype(np.float64)
    if rng.random() < 0.5:
        cut = cut[:, ::-1]
    grey = cut.mean(axis=2, keepdims=True)
    cut = grey + (cut - grey) * rng.uniform(*SATURATION[split])
    tint = cut.mean(axis=(0, 1))
    cut = tint + (cut - tint) * rng.uniform(*CONTRAST[split])
    cut = cut * rng.uniform(0.85, 1.15)
    pixels: np.ndarray = np.clip(np.rint(cut), 0, 255).astype(np.uint8)
    return pixels
