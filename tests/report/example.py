"""A complete synthetic result with real pictures (scikit-image's), for tests of the rendering."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import skimage.data

from auditor.concepts.colours import PALETTE
from auditor.records.accounting import ClassCount
from auditor.records.concepts import MapCard, MapPoint, ReferenceCard, ReferenceSet
from auditor.records.shortcuts import Evidence, SearchLimits
from auditor.report.document.result import (
    AtlasSample,
    AuditResult,
    Calibration,
    CalibrationBin,
    ClassPerformance,
    ClassReport,
    CompositionCard,
    CompositionPart,
    Concept,
    ConceptRow,
    Crop,
    DataCard,
    FindingCard,
    GraphEdge,
    GraphNode,
    Interval,
    LayerCard,
    LayerTable,
    LegendEntry,
    LocalCard,
    LocalConceptRow,
    LocalPart,
    Method,
    ModelCard,
    NotRun,
    Performance,
    Picture,
    Quarantined,
    RegionCard,
    RegionRow,
    RenderContext,
    RuleCount,
    Scope,
    SliceRow,
    SliceTable,
    SubspaceCard,
    SubspaceLayer,
    Tool,
    TripletCard,
    Verdict,
)
from auditor.report.draw.figures import confusion_figure, overview_figure, similarity_figure
from auditor.report.draw.pictures import Photo, dim, outline, overlay, paint_segments, resize
from auditor.report.draw.pictures import heat as alone
from auditor.report.draw.reliability import reliability_figure
from auditor.report.draw.style import Drawing
from auditor.report.show.picture_store import ImageStore
from auditor.shortcuts.tests import (
    EVIDENCE_SHARE,
    FLIP_EXCESS,
    LATENT,
    REMOVAL,
    in_order,
)
from tests.report.example_analyses import analyses, lead
from tests.report.example_findings import details

CLASSES = ("brick", "coffee", "fur", "grass", "gravel", "tissue")
PHOTOS: dict[str, Callable[[], np.ndarray]] = {
    "brick": skimage.data.brick,
    "coffee": skimage.data.coffee,
    "fur": skimage.data.chelsea,
    "grass": skimage.data.grass,
    "gravel": skimage.data.gravel,
    "tissue": skimage.data.immunohistochemistry,
}
LAYERS = ("stage3", "stage2")
CONTEXT = RenderContext(
    created="2026-03-04T05:06:07Z",
    stages={"load": 0.84, "collect": 12.3, "concepts": 3.31, "shortcuts": 74.2, "report": 2.5},
    command="auditor run husky.yaml --seed 0",
)


class Example:
    """Builds the parts of a result; every number is drawn from one seeded generator."""

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

    def crop(self, place: int) -> Crop:
        photo, heat, sample = self.photo(place), self.heatmap(), self.sample(place)
        seen = dim(photo, (heat > 0.25).astype(float))
        wrong = self.generator.random() < 0.1
        return Crop(
            sample=sample,
            label=self.classes[place],
            prediction=self.classes[(place + wrong) % len(self.classes)],
            score=float(self.generator.uniform(0.2, 3)),
            crop=self.store.jpeg(seen, alt=self.say(f"what the concept sees in {sample}")),
            full=self.store.jpeg(overlay(photo, heat), alt=self.say(f"relevance in {sample}")),
        )

    def crops(self, place: int) -> list[Crop]:
        return [self.crop(place) for _ in range(self.references)]

    def concepts(self) -> list[Concept]:
        return [
            Concept(
                id=self.say(f"{layer}/{channel}"),
                layer=self.say(layer),
                channel=channel,
                name=f"{self.say(layer)} · {channel}" if channel else self.say("date stamp"),
                by_relevance=self.crops(channel % len(self.classes)),
                by_activation=self.crops((channel + 1) % len(self.classes)),
                jaccard=float(self.generator.random()),
                clarity=float(self.generator.random()) if channel % 3 else None,
                subspace=self.say(f"{layer}/S{channel % 2 + 1}"),
                classes=[self.classes[channel % len(self.classes)]],
                meanings=2 if channel % 3 else None,
                redundancy=3 if channel % 2 else None,
                reading=[self.say("The crops look alike: the concept is easy to name.")],
                left_out=channel % 3,
                left_out_by_activation=channel % 2,
            )
            for layer in LAYERS
            for channel in range(self.rows + 2)
        ]

    def table(self, layer: str, place: int) -> LayerTable:
        share = np.sort(self.generator.dirichlet(np.ones(self.rows + 3)))[::-1]
        rows = [
            ConceptRow(
                concept=self.say(f"{layer}/{(place + rank) % (self.rows + 2)}"),
                rank=rank + 1,
                rank_low=max(1, rank),
                rank_high=rank + 3,
                share=float(share[rank]),
                spread=float(share[rank] / 4),
                positive=float(self.generator.uniform(0.6, 1)),
                frequency=float(self.generator.uniform(0.3, 1)),
                shared_with=self.classes[:2] if rank % 2 else [],
                crops=self.crops(place),
            )
            for rank in range(self.rows)
        ]
        coverage = float(share[: self.rows].sum())
        more = lead(self, layer, place) if layer == LAYERS[0] else {}
        return LayerTable(layer=self.say(layer), top=10, coverage=coverage, rows=rows, **more)

    def atlas(self, place: int) -> AtlasSample:
        photo, heat = self.photo(place, 160), self.heatmap()
        y, x = np.mgrid[:24, :24]
        segments = (y // 6) * 4 + x // 6
        colours = [None if i % 5 == 0 else PALETTE[i % 3] for i in range(16)]
        sample = self.sample(place)
        return AtlasSample(
            sample=sample,
            layer=self.say(LAYERS[0]),
            prediction=self.classes[place],
            photo=self.store.jpeg(photo, alt=sample),
            heatmap=self.store.jpeg(overlay(photo, heat), alt=self.say(f"heatmap of {sample}")),
            alone=self.store.jpeg(alone(heat), alt=self.say(f"relevance alone, {sample}")),
            atlas=self.store.jpeg(
                paint_segments(photo, segments, colours), alt=self.say(f"atlas of {sample}")
            ),
            legend=[
                LegendEntry(
                    colour=PALETTE[i],
                    concept=self.say(f"{LAYERS[0]}/{i}"),
                    share=0.3 / (i + 1),
                )
                for i in range(3)
            ],
        )

    def class_report(self, place: int) -> ClassReport:
        return ClassReport(
            name=self.classes[place],
            output=place,
            n=40,
            members=36,
            tables=[self.table(layer, place) for layer in LAYERS],
            atlas=[self.atlas(place) for _ in range(2)],
            note="",
        )

    def finding(self, number: int, grade: str, severity: str) -> FindingCard:
        place = (4 + number - 1) % len(self.classes)
        name = self.classes[place]
        outlined, aligned = [], []
        mask = np.zeros((24, 24), dtype=bool)
        mask[18:23, 10:23] = True
        for _ in range(6):
            photo, sample = self.photo(place, 128), self.sample(place)
            outlined.append(
                self.store.jpeg(outline(photo, mask), alt=self.say(f"region in {sample}"))
            )
            aligned.append(
                self.store.jpeg(photo[96:123, 53:123], alt=self.say(f"region cut from {sample}"))
            )
        return FindingCard(
            id=f"F{number}",
            fingerprint=f"{number:02x}9f3ac1d7",
            title=self.say(f"Bottom right corner in '{name}'"),
            what=self.say(f"a mark in the bottom right corner of {name}"),
            class_name=name,
            kind="P1",
            shape=self.say("bottom right corner"),
            grade=grade,
            severity=severity,
            confidence="high" if grade == "A" else "moderate",
            images=48,
            lead=self.say(
                f"The model can be steered to '{name}' by the bottom right corner, and the region "
                "looks like an artefact."
            ),
            detail=self.say(
                "It was found on 41 of 48 pictures of the class. Put into "
                "pictures of other classes it turns 62 % (95 % interval 54 to 70 %, n = 64) into "
                f"'{name}'; it carries 41 % (95 % interval 33 to 49 %, n = 64) of the evidence for "
                f"'{name}'; without it 38 % (95 % interval 21 to 52 %, n = 40) of the class's "
                f"pictures leave '{name}'."
            ),
            reasons=[
                self.say(
                    "It looks more alike from picture to picture than 98 % of other windows of its "
                    "size."
                ),
                self.say(
                    "It lies nearer to the border of the picture than 95 % of the comparison "
                    "groups."
                ),
                self.say("It was proposed as the place where relevance gathers."),
            ],
            actions=[
                self.say(f"Look at the outlined pictures: is the region part of '{name}'?"),
                self.say(
                    "If it is not, find out how it came into the pictures, and collect pictures "
                    "without it, or with it in every class."
                ),
                self.say("Train again with the region covered, or put on pictures of all classes."),
                self.say(f"Until then, do not rely on '{name}' for pictures that may carry it."),
            ],
            verification=self.say(
                "Audit the new model on the same pictures: the upper ends of the intervals of flip "
                "excess and removal must lie below 10 %, and accuracy on pictures without the "
                "region must not fall."
            ),
            plausibility=0.91,
            terms={self.say("looks alike"): 0.86, self.say("same place"): 0.62, "border": 0.4},
            evidence=in_order(self.test(number, index, grade) for index in range(4)),
            outlined=outlined,
            aligned=aligned,
            triplets=[self.triplet(place) for _ in range(4)],
            concepts=[self.say(f"{LAYERS[0]}/0"), self.say(f"{LAYERS[0]}/3")],
            against=[self.say("It does not keep to one place more than other regions do.")],
            details=details(
                name,
                self.classes[(place + 1) % len(self.classes)],
                LAYERS[0],
                self.store,
                self.say,
            )
            if grade in ("A", "B")
            else None,
        )

    def test(self, number: int, index: int, grade: str) -> Evidence:
        tests = (
            (FLIP_EXCESS, "Transplant: other images that turn into the class", "images"),
            (EVIDENCE_SHARE, "Transplant: share of the evidence that comes along", "evidence"),
            (REMOVAL, "Removal: images that leave the class", "images"),
            (LATENT, "Direction taken out of the layer", "logit"),
        )
        test, title, unit = tests[index]
        if test is LATENT:
            return test.missing(self.say("the layer has no direction for it"))
        outcomes = ("supports", "supports", "refutes" if grade != "A" else "supports")
        return test.result(
            title=self.say(title),
            outcome=outcomes[index],
            effect=(0.62, 0.41, 0.38)[index],
            unit=unit,
            low=(0.54, 0.33, 0.21)[index],
            high=(0.7, 0.49, 0.52)[index],
            n=64,
            p=0.0005,
            q=(0.0004, 0.0008, 0.012)[index],
            z=(None, 6.2, None)[index],
            controls={self.say("same place, other class"): 0.62, "same class, no mark": 0.66}
            if index < 2
            else {},
        )

    def triplet(self, place: int) -> TripletCard:
        other = (place + 1) % len(self.classes)
        before = self.photo(other, 64)
        marked, control = before.copy(), before.copy()
        marked[48:61, 27:61] = self.photo(place, 64)[48:61, 27:61]
        control[48:61, 27:61] = self.photo(other, 64)[48:61, 27:61]
        sample = self.sample(other)
        return TripletCard(
            target=sample,
            reference=self.sample(place),
            control=self.say("same place from another class"),
            pictures=tuple(
                self.store.jpeg(image, alt=self.say(f"{sample} {word}"))
                for image, word in ((before, "before"), (marked, "marked"), (control, "control"))
            ),
            probabilities=(0.03, 0.91, 0.05),
            predictions=(self.classes[other], self.classes[place], self.classes[other]),
        )

    def performance(self) -> Performance:
        count = len(self.classes)
        matrix = np.eye(count, count + 1, dtype=int) * 34
        matrix += self.generator.integers(0, 3, matrix.shape)
        drawn = partial(confusion_figure, matrix, [*self.classes, "another class"])
        return Performance(
            accuracy=Interval(value=0.913, low=0.89, high=0.93, n=240),
            classes=[
                ClassPerformance(
                    name=name,
                    n=40,
                    accuracy=Interval(value=0.99 - 0.03 * i % 0.9, low=0.05, high=0.999, n=40),
                    confused_with=[(self.classes[0], 2), (self.classes[-1], 1)] if i else [],
                )
                for i, name in enumerate(self.classes)
            ],
            confusion=self.figure(drawn, "confusion matrix"),
            calibration=self.calibration(),
            slices=[
                SliceTable(
                    column=self.say("camera"),
                    rows=[
                        SliceRow(
                            value=self.say(value),
                            accuracy=Interval(
                                value=share, low=share - 0.02, high=share + 0.02, n=90
                            ),
                        )
                        for value, share in (("old", 0.7), ("new", 0.95))
                    ],
                    unknown=4,
                    small=3,
                    note="",
                ),
                SliceTable(column="site", rows=[], unknown=0, small=0, note="it is empty"),
            ],
        )

    def calibration(self) -> Calibration:
        bins = [
            CalibrationBin(
                low=low,
                high=low + 0.1,
                confidence=low + 0.05,
                accuracy=Interval(value=low, low=low - 0.05, high=low + 0.05, n=60),
            )
            for low in (0.5, 0.7, 0.8, 0.9)
        ]
        error = Interval(value=0.05, low=0.03, high=0.08, n=240)
        found = Calibration(error=error, confidence=0.96, bins=bins, note="")
        figure = self.figure(partial(reliability_figure, found), "reliability diagram")
        return found.model_copy(update={"figure": figure})

    def figure(self, draw: Callable[[], Drawing], alt: str) -> Picture:
        return self.store.figure(draw, alt=self.say(alt))

    def subspaces(self) -> list[SubspaceLayer]:
        count = self.rows + 2
        similarity = np.clip(np.eye(count) + self.generator.random((count, count)) / 3, 0, 1)
        similarity = (similarity + similarity.T) / 2
        cluster = np.arange(count) % 2
        cluster[-1] = 2
        return [
            SubspaceLayer(
                layer=self.say(layer),
                compared=count,
                rule=self.say("average linkage, number by silhouette"),
                silhouette=0.34,
                subspaces=[
                    SubspaceCard(
                        id=self.say(f"{layer}/S{group + 1}"),
                        layer=self.say(layer),
                        concepts=[
                            self.say(f"{layer}/{c}") for c in np.flatnonzero(cluster == group)
                        ],
                        similarity=0.71,
                        share=dict.fromkeys(self.classes, 0.2),
                    )
                    for group in range(3)
                ],
                figure=self.figure(
                    partial(similarity_figure, similarity, cluster, [str(c) for c in range(count)]),
                    f"similarity of concepts of {layer}",
                ),
            )
            for layer in LAYERS
        ]

    def composition(self) -> CompositionPart:
        say = self.say
        cards = [self.graph(place, "F1" if not place else "") for place in range(2)]
        empty = CompositionCard(
            class_name=self.classes[0],
            finding="",
            n=0,
            nodes=[],
            edges=[],
            reason=say("No image is recognised as this class."),
        )
        return CompositionPart(
            layers=[say(layer) for layer in LAYERS], keep=2, cards=[*cards, empty], reason=""
        )

    def graph(self, place: int, finding: str) -> CompositionCard:
        nodes = [self.node(0, "", 0)]
        nodes += [self.node(1, self.say(f"{LAYERS[0]}/{c}"), place) for c in range(2)]
        nodes += [self.node(2, self.say(f"{LAYERS[1]}/{c}"), place) for c in (1, 77)]
        shares = ((0, 1, 0.5), (0, 2, 0.3), (1, 3, 0.6), (1, 4, 0.01), (2, 3, -0.2), (2, 4, 0.4))
        return CompositionCard(
            class_name=self.classes[place],
            finding=finding,
            n=12,
            nodes=nodes,
            edges=[GraphEdge(source=a, target=b, share=share) for a, b, share in shares],
            reason="",
        )

    def node(self, level: int, concept: str, place: int) -> GraphNode:
        below = level < 2
        return GraphNode(
            level=level,
            concept=concept,
            share=1.0 if level == 0 else 0.3,
            rest=0.25 if below else None,
            others=62 if below else 0,
            bypass=0.1 if below else None,
            absorbed=-0.05 if below else None,
            sample=self.sample(place) if level else "",
            crop=self.crop(place).crop if level else None,
        )

    def local(self) -> LocalPart:
        return LocalPart(
            cards=[self.local_card(place) for place in range(2)],
            notes=[self.say("'fur/broken.jpg' was not looked at: file is cut off.")],
        )

    def local_card(self, place: int) -> LocalCard:
        say, photo, sample = self.say, self.photo(place, 96), self.sample(place)
        ids = [say(f"{LAYERS[0]}/{c}") for c in (0, 1, 55)]

        def picture(what: str) -> Picture:
            return self.store.jpeg(overlay(photo, self.heatmap()), alt=say(f"{what} in {sample}"))

        return LocalCard(
            sample=sample,
            label=self.classes[place],
            explained=self.classes[1],
            prediction=self.classes[1],
            why=say("clear mistake") if place == 0 else say("most typical of its class"),
            layer=say(LAYERS[0]),
            photo=self.store.jpeg(photo, alt=sample),
            heatmap=picture("relevance"),
            alone=self.store.jpeg(alone(self.heatmap()), alt=say(f"relevance alone, {sample}")),
            concepts=[
                LocalConceptRow(
                    concept=name, share=0.2, heatmap=picture("where"), crop=picture("what")
                )
                for name in ids
            ],
            regions=[
                RegionCard(
                    box=(8, 4, 30, 20),
                    chosen=say("the window with the most relevance (8,4,30,20)"),
                    picture=self.store.jpeg(photo, alt=say(f"region of {sample}")),
                    total=1.5,
                    part=0.41,
                    rows=[
                        RegionRow(concept=name, relevance=1.0 - i, share=0.6 - 0.7 * i)
                        for i, name in enumerate(ids)
                    ],
                )
            ],
            compared=24,
            covered=0.83,
        )

    def maps(self) -> list[MapCard]:
        return [
            MapCard(
                layer=self.say(layer),
                points=[
                    MapPoint(
                        concept=self.say(f"{layer}/{c}"),
                        x=float(self.generator.random()),
                        y=float(self.generator.random()),
                        subspace=self.say(f"{layer}/S{c % 2 + 1}"),
                        colour=PALETTE[0] if c % 2 else None,
                    )
                    for c in range(self.rows + 2)
                ],
                fit=0.8,
                rule=self.say("Positions by metric multidimensional scaling."),
            )
            for layer in LAYERS
        ]

    def result(self) -> AuditResult:
        say, count = self.say, len(self.classes)
        concepts = self.concepts()
        names = [f"{LAYERS[0]} · {c}" for c in range(self.rows + 2)]
        shares = self.generator.dirichlet(np.ones(len(names)), size=count)
        return AuditResult(
            run="0f3c9a7b",
            tool=Tool(
                name="concept-auditor",
                version="0.1.0",
                packages={"numpy": "2.4.0", "torch": "2.14.1", say("extra"): say("1.0")},
                device=say("cpu, 2 cores"),
            ),
            scope=Scope(
                name=say("surface-net"),
                title=say("Audit of surface-net"),
                owner="",
                purpose=say("Sort photographs of surfaces for the archive."),
                out_of_scope="",
                model_version=say("2.1"),
                prepared_for=say("The archive"),
                prepared_by=say("The model team"),
                classification=say("Internal"),
            ),
            verdict=Verdict(
                word="FAIL",
                sentence=say(
                    "The model can be steered by a mark in the bottom right corner of gravel, "
                    "which looks like an artefact and not like what the class names."
                ),
            ),
            does_not_show=[
                say("Shortcuts weaker than the detection limit of 17 % of other images."),
                say("Shortcuts that are not in these images."),
                say("How the model behaves on data unlike the images audited."),
            ],
            model=ModelCard(
                source=say("nets.py:surface_net"),
                weights=say("surface.safetensors"),
                digest="9f" * 32,
                parameters=1_234_567,
                outputs=count,
                input_size=(64, 64),
                preprocessing=say("Resized to 64, centre crop, scaled to 0..1."),
            ),
            data=DataCard(
                source=say("photos/val"),
                digest="3c" * 32,
                total=40 * count + 2,
                used=40 * count,
                counts=dict.fromkeys(self.classes, 40),
                excluded={say("no image"): 3},
                quarantined=[
                    Quarantined(path=say("grass/broken.jpg"), reason=say("file is cut off")),
                    Quarantined(path=say("fur/bomb.png"), reason=say("over 100 million pixels")),
                ],
                label_rule=say("folder names are the outputs' names"),
                metadata=[say("camera")],
                discovery=20 * count,
                test=20 * count,
                classes=[
                    ClassCount(
                        name=name,
                        found=40 + losses,
                        used=40,
                        set_aside={say("file is cut off"): losses} if losses else {},
                        losses={say("file is cut off"): losses} if losses else {},
                        pictures=40 + losses,
                        share=losses / (40 + losses),
                    )
                    for name, losses in zip(self.classes, [2] + [0] * (count - 1), strict=True)
                ],
                lost_share=2 / (40 * count + 2),
            ),
            performance=self.performance(),
            findings=[
                self.finding(1, "A", "critical"),
                self.finding(2, "B", "medium"),
                self.finding(3, "C", "none"),
                self.finding(4, "D", "none"),
                self.finding(5, "U", "low"),
            ],
            search=SearchLimits(
                ran=True,
                reason="",
                proposed=30,
                tests=120,
                targets=64,
                detection_limit=0.17,
                null_rate=0.01,
                null_n=100,
                notes=[say("Two proposals overlapped and were merged.")],
            ),
            concepts=concepts,
            classes=[self.class_report(place) for place in range(count)],
            overview=self.figure(
                partial(overview_figure, shares, self.classes, names), "concept use"
            ),
            subspaces=self.subspaces(),
            composition=self.composition(),
            local=self.local(),
            maps=self.maps(),
            method=Method(
                composite="epsilon-plus-flat",
                rules=[
                    RuleCount(operation="aten.convolution", rule="z-plus", nodes=12),
                    RuleCount(operation="aten.linear", rule="epsilon", nodes=1),
                ],
                layers=[
                    LayerCard(layer=say(LAYERS[1]), concepts=64, size=(16, 16), cuts=False),
                    LayerCard(layer=say(LAYERS[0]), concepts=128, size=(8, 8), cuts=True),
                ],
                conservation=0.74,
                conservation_n=32,
                conservation_low=0.71,
                conservation_high=0.78,
                notes=[say("Biases keep their part of the relevance.")],
                references=[
                    ReferenceCard(
                        layer=say(LAYERS[0]),
                        concepts=14,
                        by_relevance=ReferenceSet(
                            chosen_by="sum", of_class=0.93, carried=0.12, left_out=3
                        ),
                        by_activation=ReferenceSet(
                            chosen_by="max", of_class=0.61, carried=0.08, left_out=0
                        ),
                        overlap=0.4,
                    )
                ],
            ),
            not_run=[NotRun(part=say("T4 global factors"), reason=say("not asked for"))],
            config=say("version: 1\nproject:\n  name: surface-net\n"),
            **analyses(self, LAYERS),
        )


def empty_result() -> AuditResult:
    """Return a result with nothing in it: one class, no members, no finding, no search."""
    nothing = Interval(value=0.0, low=0.0, high=1.0, n=0)
    return AuditResult(
        run="00000000",
        tool=Tool(name="concept-auditor", version="0.1.0", packages={}, device="cpu"),
        scope=Scope(
            name="",
            title="",
            owner="",
            purpose="",
            out_of_scope="",
            model_version="",
            prepared_for="",
            prepared_by="",
            classification="",
        ),
        verdict=Verdict(word="INCOMPLETE", sentence="The audit cannot pass: no picture was used."),
        does_not_show=[],
        model=ModelCard(
            source="factory",
            weights="",
            digest="00",
            parameters=1,
            outputs=1,
            input_size=(8, 8),
            preprocessing="",
        ),
        data=DataCard(
            source="photos",
            digest="00",
            total=0,
            used=0,
            counts={},
            excluded={},
            quarantined=[],
            label_rule="",
            metadata=[],
            discovery=0,
            test=0,
        ),
        performance=Performance(accuracy=nothing, classes=[], confusion=None),
        findings=[],
        search=SearchLimits(
            ran=False,
            reason="switched off in the config",
        ),
        concepts=[],
        classes=[
            ClassReport(
                name="only", output=0, n=0, members=0, tables=[], atlas=[], note="No picture."
            )
        ],
        overview=None,
        subspaces=[],
        method=Method(
            composite="epsilon",
            rules=[],
            layers=[],
            conservation=None,
            conservation_n=0,
            notes=[],
        ),
        not_run=[],
        config="",
    )
