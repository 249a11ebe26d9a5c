"""The photographs of the benchmark, divided once, and the planting of artefacts in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int, UInt8
from PIL import Image

from auditor.demo.photographs import CLASSES as BUILT_IN_CLASSES
from auditor.demo.photographs import cut_crops
from tests.benchmarks.shortcuts.artefacts import ARTEFACTS
from tests.benchmarks.shortcuts.cases import Plant
from tests.benchmarks.shortcuts.drawing import Artefact, Drawn
from tests.benchmarks.shortcuts.scenes import Scene, changed, random_scene, rendered

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
# A data set of scenes is called after the photographs whose objects it shows.
SCENES = "scenes "
DATA = (BUILT_IN, *FOLDERS, *(f"{SCENES}{name}" for name in (BUILT_IN, *FOLDERS)))


@dataclass(frozen=True, eq=False)
class Half:
    """Pictures with their labels; ``scenes`` of which they are, where they are scenes."""

    images: UInt8[np.ndarray, "sample height width 3"]
    labels: Int[np.ndarray, "sample"]
    scenes: tuple[Scene, ...] = ()

    def drawn(self, artefact: Artefact, row: int, generator: np.random.Generator) -> Drawn:
        """Return a picture with an artefact, and the place of it."""
        if artefact.of_scene:
            if not self.scenes:
                raise ValueError(f"'{artefact.name}' needs a data set of scenes")
            return changed(artefact.name, self.scenes[row], generator)
        return artefact.draw(self.images[row], generator)


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


def photographs(name: str, folder: Path | None, size: int = SIZE) -> Photographs:
    """Return a data set by name, ``size`` pixels wide; all but the built-in lie in ``folder``.

    Raises:
        FileNotFoundError: the folder is not given or does not hold the data set.
    """
    if name.startswith(SCENES):
        flat = photographs(name.removeprefix(SCENES), folder, size)
        generator = np.random.default_rng(SPLIT_SEED)
        grounds = "textures" if name.endswith(BUILT_IN) else "photographs"
        return Photographs(
            flat.classes,
            *(_in_scenes(half, grounds, generator) for half in (flat.training, flat.audited)),
        )
    if name == BUILT_IN:
        if size != SIZE:
            raise ValueError(f"the built-in photographs are {SIZE} pixels wide, not {size}")
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
        pictures = np.stack([_read(paths[index], size) for index in order])
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
    by the artefact, so that a model trained on them gains by going by it too. Of an absent artefact
    ``prevalence`` is the share of the other classes' pictures that have it, and all pictures of its
    class carry its absence, at the place where it would be.
    """
    images = half.images.copy()
    shape = (len(plants), len(images))
    carries, masks = np.zeros(shape, bool), np.zeros((*shape, *images.shape[1:3]), bool)
    source = np.arange(len(images))
    for index, plant in enumerate(plants):
        artefact = ARTEFACTS[plant.artefact]
        strangers = np.flatnonzero(~np.isin(half.labels, plant.classes))
        if artefact.absent:
            others = generator.permutation(strangers)[: round(plant.prevalence * len(strangers))]
            for row in np.sort(others):
                images[row], _ = half.drawn(artefact, row, generator)
        for output in plant.classes:
            rows = np.flatnonzero(half.labels == output)
            share = 1.0 if artefact.absent else plant.prevalence
            chosen = generator.permutation(rows)[: round(share * len(rows))]
            moved = chosen[: round(misfiled * len(chosen))] if len(strangers) else chosen[:0]
            if len(moved):
                source[moved] = generator.choice(strangers, len(moved))
                images[moved] = half.images[source[moved]]
            for row in np.sort(chosen):
                if artefact.of_scene:
                    images[row], mask = half.drawn(artefact, source[row], generator)
                else:
                    picture, mask = artefact.draw(images[row], generator)
                    images[row] = images[row] if artefact.absent else picture
                carries[index, row] = True
                masks[index, row] = True if mask is None else mask
    return Planted(images, half.labels, carries, masks)


def doubled(half: Half) -> Half:
    """Return the pictures and their mirror images; artefacts are drawn afterwards."""
    mirrored = tuple(scene.mirrored() for scene in half.scenes)
    images = half.images[:, :, ::-1]
    if mirrored:
        images = np.stack([rendered(scene)[0] for scene in mirrored])
    return replace(
        half,
        images=np.concatenate([half.images, images]),
        labels=np.concatenate([half.labels] * 2),
        scenes=half.scenes + mirrored,
    )


def _in_scenes(half: Half, grounds: str, generator: np.random.Generator) -> Half:
    scenes = tuple(random_scene(picture, grounds, generator) for picture in half.images)
    return Half(np.stack([rendered(scene)[0] for scene in scenes]), half.labels, scenes)


def _read(path: Path, size: int) -> UInt8[np.ndarray, "size size 3"]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BOX))
