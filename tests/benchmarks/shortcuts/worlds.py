"""The photographs of the benchmark, divided once, and the planting of artefacts in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int, UInt8
from PIL import Image

from auditor.demo.photographs import CLASSES as BUILT_IN_CLASSES
from auditor.demo.photographs import cut_crops
from tests.benchmarks.shortcuts.artefacts import ARTEFACTS
from tests.benchmarks.shortcuts.cases import Plant

SIZE = 64
SPLIT_SEED = 20260
FOLDERS = {
    # name: (classes, training pictures of each, audited pictures of each)
    "clothing": (
        ("dress", "longsleeve", "pants", "shoes", "shorts", "t-shirt"),
        150,
        80,
    ),
    "caltech": (
        # Not the classes with artefacts of their own, which a search should find: turned canvases
        # (trilobite, watch), white borders (airplanes), frames (Leopards), no colour (car_side).
        ("Motorbikes", "dalmatian", "ketch", "soccer_ball", "starfish", "sunflower"),
        30,
        30,
    ),
}
BUILT_IN = "built-in"
BUILT_IN_EACH = (100, 44)
DATA = (BUILT_IN, *FOLDERS)


@dataclass(frozen=True, eq=False)
class Half:
    """Pictures with their labels."""

    images: UInt8[np.ndarray, "sample 64 64 3"]
    labels: Int[np.ndarray, "sample"]


@dataclass(frozen=True, eq=False)
class Photographs:
    """The training and the audited pictures of a data set, without artefacts."""

    classes: tuple[str, ...]
    training: Half
    audited: Half


@dataclass(frozen=True, eq=False)
class Planted:
    """Pictures with artefacts; ``carries`` and ``masks`` have one row per plant.

    The mask of an artefact without a place is the whole picture, where it is drawn.
    """

    images: UInt8[np.ndarray, "sample height width 3"]
    labels: Int[np.ndarray, "sample"]
    carries: Bool[np.ndarray, "plant sample"]
    masks: Bool[np.ndarray, "plant sample height width"]


def photographs(name: str, folder: Path | None) -> Photographs:
    """Return a data set by name; all but the built-in one lie in ``folder``.

    Raises:
        FileNotFoundError: the folder is not given or does not hold the data set.
    """
    if name == BUILT_IN:
        generator = np.random.default_rng(SPLIT_SEED)
        halves = []
        for split, count in zip(("train", "val"), BUILT_IN_EACH, strict=True):
            crops = cut_crops(split, count, clean=True, rng=generator)
            halves.append(Half(crops.images, crops.labels))
        return Photographs(BUILT_IN_CLASSES, *halves)
    if folder is None or not (folder / name).is_dir():
        raise FileNotFoundError(f"'{name}' needs --data, a folder that holds {name}/")
    classes, training, audited = FOLDERS[name]
    generator = np.random.default_rng(SPLIT_SEED)
    parts: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for each in classes:
        paths = sorted((folder / name).glob(f"**/{each}/*.jpg"))
        if len(paths) < training + audited:
            raise FileNotFoundError(f"{folder / name} holds {len(paths)} pictures of '{each}'")
        order = generator.permutation(len(paths))[: training + audited]
        pictures = np.stack([_read(paths[index]) for index in order])
        parts[0].append(pictures[:training])
        parts[1].append(pictures[training:])
    return Photographs(
        classes,
        *(
            Half(np.concatenate(part), np.repeat(np.arange(len(classes)), len(part[0])))
            for part in parts
        ),
    )


def planted(
    half: Half, plants: Sequence[Plant], generator: np.random.Generator, *, misfiled: float = 0.0
) -> Planted:
    """Return the pictures with every plant drawn on its share of its classes, rounded.

    Of the pictures that carry it a share ``misfiled`` shows another class: whoever filed them went
    by the artefact, so that a model trained on them gains by going by it too.
    """
    images = half.images.copy()
    shape = (len(plants), len(images))
    carries, masks = np.zeros(shape, bool), np.zeros((*shape, *images.shape[1:3]), bool)
    for index, plant in enumerate(plants):
        artefact = ARTEFACTS[plant.artefact]
        strangers = np.flatnonzero(~np.isin(half.labels, plant.classes))
        for output in plant.classes:
            rows = np.flatnonzero(half.labels == output)
            chosen = generator.permutation(rows)[: round(plant.prevalence * len(rows))]
            moved = chosen[: round(misfiled * len(chosen))] if len(strangers) else chosen[:0]
            if len(moved):
                images[moved] = half.images[generator.choice(strangers, len(moved))]
            for row in np.sort(chosen):
                images[row], mask = artefact.draw(images[row], generator)
                carries[index, row] = True
                masks[index, row] = True if mask is None else mask
    return Planted(images, half.labels, carries, masks)


def doubled(half: Half) -> Half:
    """Return the pictures and their mirror images; artefacts are drawn afterwards."""
    return Half(
        np.concatenate([half.images, half.images[:, :, ::-1]]), np.concatenate([half.labels] * 2)
    )


def _read(path: Path) -> UInt8[np.ndarray, "64 64 3"]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BOX))
