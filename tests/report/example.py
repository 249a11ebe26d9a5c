"""A complete synthetic result with real pictures (scikit-image's), for tests of the rendering.

What it says and counts stands in ``example.yaml``; here is what it draws and computes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import yaml

from auditor.base.heatmaps import Photo, overlay, resize
from auditor.records.part import Crop, Interval, Picture, SampleView
from auditor.report.document import result as parts
from auditor.report.draw.figures import WRITTEN_CELLS, confusion_figure, overview_figure
from auditor.report.draw.pictures import dim
from auditor.report.draw.reliability import reliability_figure
from auditor.report.draw.style import Drawing
from auditor.report.show.picture_store import ImageStore
from tests.report import example_analyses, example_concepts
from tests.report.example_findings import factors, finding

PHOTOS: dict[str, Callable[[], np.ndarray]] = {
    "brick": skimage.data.brick,
    "coffee": skimage.data.coffee,
    "fur": skimage.data.chelsea,
    "grass": skimage.data.grass,
    "gravel": skimage.data.gravel,
    "tissue": skimage.data.immunohistochemistry,
}
CLASSES = tuple(PHOTOS)
LAYERS = ("stage3", "stage2")
CONTEXT = parts.RenderContext(
    created="2026-03-04T05:06:07Z",
    stages={"load": 0.84, "collect": 12.3, "concepts": 3.31, "shortcuts": 74.2, "report": 2.5},
    command="auditor run husky.yaml --seed 0",
)
WRITTEN: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))


class Example:
    """Builds the parts of a result; every number is drawn from one seeded generator.

    The parts are built in a fixed order, since each takes its pictures from the same generator.
    """

    layers = LAYERS

    def __init__(
        self,
        folder: Path,
        *,
        classes: Sequence[str] = CLASSES,
        references: int = 6,
        rows: int = 4,
        say: Callable[[str], str] = str,
    ) -> None:
        self.store = ImageStore(folder)
        self.generator = np.random.default_rng(0)
        self.classes = [say(name) for name in classes]
        self.photos = [PHOTOS[CLASSES[i % len(CLASSES)]]() for i in range(len(classes))]
        self.references = references
        self.rows = rows
        self.say = say
        self._sample = 0

    def written(self, part: str, **words: str) -> Any:
        """Return a part of ``example.yaml`` with words put in and texts after "~" said."""
        first, second, *_ = self.classes
        words = {"first": first, "second": second, "layer": LAYERS[0]} | words

        def filled(value: Any) -> Any:
            if isinstance(value, dict):
                return {filled(key): filled(item) for key, item in value.items()}
            if isinstance(value, list):
                return [filled(item) for item in value]
            if not isinstance(value, str):
                return value
            text = value.removeprefix("~").format(**words)
            return self.say(text) if value.startswith("~") else text

        return filled(WRITTEN[part])

    def name(self, place: int) -> str:
        return self.classes[place % len(self.classes)]

    def ids(self, layer: str, *channels: int) -> list[str]:
        return [self.say(f"{layer}/{channel}") for channel in channels]

    def photo(self, place: int, side: int = 96) -> Photo:
        whole = self.photos[place]
        rgb = np.repeat(whole[..., None], 3, axis=2) if whole.ndim == 2 else whole[..., :3]
        size = int(self.generator.integers(110, 200))
        y = int(self.generator.integers(0, rgb.shape[0] - size))
        x = int(self.generator.integers(0, rgb.shape[1] - size))
        return resize(rgb[y : y + size, x : x + size], side, side)

    def heatmap(self, side: int = 24) -> np.ndarray:
        y, x = np.mgrid[:side, :side]
        cy, cx = self.generator.uniform(0.25, 0.75, 2) * side
        blob = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (side * 1.5))
        return blob - 0.3 * np.roll(blob, side // 3, axis=1)

    def sample(self, place: int) -> str:
        self._sample += 1
        return self.say(f"{CLASSES[place % len(CLASSES)]}/image_{self._sample:04d}.jpg")

    def jpeg(self, pixels: Photo, alt: str) -> Picture:
        return self.store.jpeg(pixels, alt=self.say(alt))

    def figure(self, draw: Callable[[], Drawing], alt: str) -> Picture:
        return self.store.figure(draw, alt=self.say(alt))

    def crop(self, place: int) -> Crop:
        photo, heat, sample = self.photo(place), self.heatmap(), self.sample(place)
        seen = dim(photo, (heat > 0.25).astype(float))
        wrong = self.generator.random() < 0.1
        return Crop(
            sample=sample,
            label=self.classes[place],
            prediction=self.name(place + wrong),
            score=float(self.generator.uniform(0.2, 3)),
            crop=self.jpeg(seen, f"what the concept sees in {sample}"),
            full=self.jpeg(overlay(photo, heat), f"relevance in {sample}"),
        )

    def crops(self, place: int) -> list[Crop]:
        return [self.crop(place) for _ in range(self.references)]

    def view(self, place: int, *, taken: int | None = None) -> SampleView:
        sample, photo = self.sample(place), self.photo(place)
        return SampleView(
            sample=sample,
            label=self.classes[place],
            prediction=self.classes[place if taken is None else taken],
            photo=self.store.jpeg(photo, alt=sample),
            heatmap=self.jpeg(overlay(photo, self.heatmap()), f"relevance over {sample}"),
        )

    def unit(self, place: int) -> Picture:
        sample = self.sample(place)
        picture = overlay(self.photo(place), self.heatmap())
        alt = self.say(f"unit over {sample}")
        return self.store.jpeg(picture, alt=alt, caption=self.classes[place])

    def result(self) -> parts.AuditResult:
        concepts = example_concepts.concepts(self)
        names = [f"{LAYERS[0]} · {channel}" for channel in range(self.rows + 2)]
        shares = self.generator.dirichlet(np.ones(len(names)), size=len(self.classes))
        grades = (("A", "critical"), ("B", "medium"), ("C", "none"), ("D", "none"), ("U", "low"))
        return parts.AuditResult(
            **self.written("result"),
            model=self.written("model") | {"outputs": len(self.classes)},
            data=data(self),
            performance=performance(self),
            findings=[finding(self, i, *given) for i, given in enumerate(grades, start=1)],
            concepts=concepts,
            classes=[example_concepts.class_report(self, i) for i in range(len(self.classes))],
            overview=self.figure(
                partial(overview_figure, shares, self.classes, names), "concept use"
            ),
            subspaces=example_concepts.subspaces(self),
            composition=example_concepts.composition(self),
            local=example_concepts.local(self),
            maps=[example_concepts.concept_map(self, layer) for layer in LAYERS],
            **example_analyses.analyses(self),
            factors=factors(self),
        )


def data(example: Example) -> dict[str, Any]:
    """Return 40 pictures of each class, and two of the first one that could not be read."""
    count, why = len(example.classes), example.say("file is cut off")

    def counted(name: str, losses: int) -> dict[str, Any]:
        lost = {why: losses} if losses else {}
        found = 40 + losses
        numbers = {"found": found, "used": 40, "pictures": found, "share": losses / found}
        return {"name": name, "set_aside": lost, "losses": lost, **numbers}

    return {
        **example.written("data"),
        "total": 40 * count + 2,
        "used": 40 * count,
        "counts": dict.fromkeys(example.classes, 40),
        "discovery": 20 * count,
        "test": 20 * count,
        "classes": [counted(name, 0 if i else 2) for i, name in enumerate(example.classes)],
        "lost_share": 2 / (40 * count + 2),
    }


def performance(example: Example) -> parts.Performance:
    classes, count = example.classes, len(example.classes)
    matrix = np.eye(count, count + 1, dtype=int) * 34
    matrix += example.generator.integers(0, 3, matrix.shape)
    rows = [
        {"value": example.say(value), "accuracy": around(share, 0.02, 90)}
        for value, share in (("old", 0.7), ("new", 0.95))
    ]
    drawn = partial(confusion_figure, matrix, [*classes, "another class"])
    return parts.Performance(
        **example.written("performance"),
        classes=[
            parts.ClassPerformance(
                name=name,
                n=40,
                accuracy=Interval(value=0.99 - 0.03 * i % 0.9, low=0.05, high=0.999, n=40),
                confused_with=[(classes[0], 2), (classes[-1], 1)] if i else [],
            )
            for i, name in enumerate(classes)
        ],
        confusion=example.figure(drawn, "confusion matrix"),
        counts=matrix.tolist() if count < WRITTEN_CELLS else [],
        calibration=calibration(example),
        slices=[example.written("slices") | {"rows": rows}, example.written("no_slices")],
        groups=groups(example),
    )


def groups(example: Example) -> parts.GroupTable:
    named = [f"'{name}', camera = {example.say('old')}" for name in example.classes[:2]]
    shares = (0.7, 0.95)
    return parts.GroupTable(
        columns=["camera"],
        worst=around(0.7, 0.1, 45),
        name=named[0],
        rows=[
            parts.SliceRow(value=name, accuracy=around(share, 0.05, 45))
            for name, share in zip(named, shares, strict=False)
        ],
        groups=4,
        small=2,
        unknown=1,
        note="",
    )


def calibration(example: Example) -> parts.Calibration:
    bins = [
        {"low": low, "high": low + 0.1, "confidence": low + 0.05, "accuracy": around(low, 0.05, 60)}
        for low in (0.5, 0.7, 0.8, 0.9)
    ]
    made = parts.Calibration(**example.written("calibration"), bins=bins)
    figure = example.figure(partial(reliability_figure, made), "reliability diagram")
    return made.model_copy(update={"figure": figure})


def around(value: float, margin: float, n: int) -> Interval:
    return Interval(value=value, low=value - margin, high=value + margin, n=n)


def empty_result() -> parts.AuditResult:
    """Return a result with nothing in it: one class, no members, no finding, no search."""
    return parts.AuditResult(**WRITTEN["empty"])
