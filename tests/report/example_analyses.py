"""The analyses beyond single concepts of the synthetic result, and what stands where none ran."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from auditor.records import concepts
from auditor.records.part import Interval, Picture, SampleView
from auditor.report.document import analyses as parts
from auditor.report.draw.decision_plane import Panel, flipping_figure, plane_figure
from auditor.report.draw.pictures import overlay
from tests.report.example_factors import factors

if TYPE_CHECKING:
    from tests.report.example import Example

REASON = "too few pictures to compare"


def analyses(example: Example, layers: tuple[str, ...]) -> dict[str, Any]:
    """Return every part, each with something to show and something that could not run."""
    return {
        "units": [units(example, layer, deep=place == 0) for place, layer in enumerate(layers)],
        "planes": planes(example, layers),
        "strategies": strategies(example, layers[0]),
        "errors": errors(example, layers[0]),
        "ranking": [ranking(example, layers[0]), untested(example, layers[1])],
        "factors": factors(example),
        "identity": parts.Identity(
            samples=[example.say("a.jpg"), example.say("b.jpg")],
            classes=example.classes,
            labels=[0, 1],
            wrong=[1],
            layers=[
                parts.LayerIdentity(
                    layer=example.say(layers[0]),
                    classes=example.classes,
                    concepts=[0, 1],
                    references=[[0], [1]],
                    shares=[[0.25] * len(example.classes)] * 2,
                )
            ],
        ),
    }


def lead(example: Example, layer: str, place: int) -> dict[str, Any]:
    """Return what a class's table starts with where components lead."""
    return {
        "lead_sentence": example.say("Single channels are not distinct at this layer."),
        "lead": [
            parts.LeadUnit(
                id=example.say(f"component {number + 1}"),
                share=0.4 / (number + 1),
                concepts=[example.say(f"{layer}/{number}")],
                pictures=[drawn(example, place)] if number else [],
            )
            for number in range(2)
        ],
    }


def drawn(example: Example, place: int) -> Picture:
    sample = example.sample(place)
    picture = overlay(example.photo(place), example.heatmap())
    return example.store.jpeg(
        picture, alt=example.say(f"unit over {sample}"), caption=example.classes[place]
    )


def view(example: Example, place: int, *, taken: int | None = None) -> SampleView:
    sample, photo = example.sample(place), example.photo(place)
    heat = overlay(photo, example.heatmap())
    return SampleView(
        sample=sample,
        label=example.classes[place],
        prediction=example.classes[place if taken is None else taken],
        photo=example.store.jpeg(photo, alt=sample),
        heatmap=example.store.jpeg(heat, alt=example.say(f"relevance over {sample}")),
    )


def units(example: Example, layer: str, *, deep: bool) -> parts.LayerUnits:
    say, classes = example.say, example.classes
    found = ["component", "channel"] if deep else ["channel", "subspace"]
    return parts.LayerUnits(
        layer=say(layer),
        choice=concepts.UnitChoice(
            leads=found[0],
            sentence=say(f"At {layer} 23 of 128 channels carry half, so another unit leads."),
            rule=say("Channels lead if few carry half."),
            kinds=[
                concepts.UnitSummary(
                    kind=kind, units=4, top_share=0.3, for_half=2.0, carried=0.8, overlap=0.4
                )
                for kind in found
            ],
        ),
        choice_note="",
        components=[
            parts.Component(
                id=say(f"{layer}/K{number + 1}"),
                share=dict.fromkeys(classes, 0.5 / (number + 1)),
                redundancy=0.8 if number else 0.1,
                concepts=[say(f"{layer}/{number}"), say(f"{layer}/77")],
                pictures=[drawn(example, number % len(classes)) for _ in range(2)],
            )
            for number in range(2 if deep else 0)
        ],
        components_rule=say("1 to 4 components tried.") if deep else "",
        components_note="" if deep else say(f"components: {REASON}."),
        classes=[class_units(example, place) for place in range(len(classes) if deep else 0)],
        directions=[
            parts.RelevanceDirection(
                explained=0.4,
                chance=0.1,
                concepts=[say(f"{layer}/0")],
                concepts_against=[say(f"{layer}/1"), say(f"{layer}/78")],
                classes=classes[:1],
                classes_against=classes[1:2],
            )
        ]
        if deep
        else [],
        directions_rule=say("At most 10 directions.") if deep else "",
        directions_note="" if deep else say(f"directions: {REASON}."),
        subspaces=[
            parts.SubspacePictures(subspace=say(f"{layer}/S1"), pictures=[drawn(example, 0)])
        ]
        if deep
        else [],
    )


def class_units(example: Example, place: int) -> parts.ClassComponents:
    empty = place == 1
    name = example.classes[place]
    return parts.ClassComponents(
        class_name=name,
        n=0 if empty else 12,
        rest=0.3,
        rule="" if empty else example.say("1 to 3 components tried."),
        photo=None if empty else view(example, place),
        components=[]
        if empty
        else [
            parts.ClassComponent(
                id=f"{name}, component {number + 1}",
                share=0.3,
                concepts=[example.say("stage3/0")],
                picture=drawn(example, place),
            )
            for number in range(2)
        ],
        note=example.say("No picture of this class is recognised.") if empty else "",
    )


def planes(example: Example, layers: tuple[str, ...]) -> parts.Planes:
    say, (first, second) = example.say, example.classes[:2]
    generator = np.random.default_rng(3)
    is_first = np.arange(40) < 20
    points = generator.normal(0, 0.02, (40, 2)) + np.where(is_first[:, None], 0.1, 0.05)
    svg = partial(
        plane_figure,
        points,
        is_first,
        np.arange(40) % 11 == 0,
        np.arange(40) % 2 == 0,
        (0.7, 0.7, 0.1),
        (first, second),
        (say(f"{layers[0]}/0"), say(f"{layers[0]}/1")),
    )
    figure = example.figure(svg, "plane of two classes")
    cards = [
        parts.PlaneCard(
            layer=say(layer),
            kind="channel" if place == 0 else "subspace",
            first=first,
            second=second,
            mistakes=3,
            narrow=1,
            named=place == 0,
            axes=tuple(
                parts.PlaneAxis(
                    unit=say(f"{layer}/{unit + 70}"),
                    concepts=[say(f"{layer}/{unit + 70}")],
                    speaks_for=example.classes[unit],
                    auc=0.8,
                    crops=example.crops(unit),
                )
                for unit in range(2)
            ),
            auc=Interval(value=0.93, low=0.85, high=0.98, n=40),
            samples=(20, 20),
            wrong=4,
            sentence=say("These two concepts tell which is which in 93 % of cases."),
            rule=say("Every two of 50 units compared."),
            figure=figure if place == 0 else None,
        )
        for place, layer in enumerate(layers)
    ]
    gap = parts.PlaneGap(
        layers=[say(layer) for layer in layers],
        first=second,
        second=first,
        mistakes=2,
        reason=say(f"pair: {REASON}."),
    )
    return parts.Planes(cards=cards, gaps=[gap], note="")


def strategies(example: Example, layer: str) -> parts.StrategyReport:
    say = example.say

    def one(place: int) -> parts.ClassStrategies:
        count = 2 if place == 0 else 1
        return parts.ClassStrategies(
            class_name=example.classes[place],
            n=36,
            stability=0.9 if place == 0 else None,
            stable=True,
            strategies=[
                parts.Strategy(
                    share=0.6 if number == 0 else 0.4,
                    n=20,
                    concepts=[
                        parts.StrategyConcept(
                            concept=say(f"{layer}/{60 + number}"),
                            difference=1.2 if number else -0.8,
                            crop=example.crop(place),
                        )
                    ]
                    if count > 1
                    else [],
                    nearest=[view(example, place) for _ in range(2)],
                )
                for number in range(count)
            ],
            odd=[view(example, place)],
            rule=say("Mixtures of 1 to 5 strategies."),
            note="",
        )

    without = parts.ClassStrategies(
        class_name=say("rare"),
        n=0,
        stability=None,
        stable=False,
        strategies=[],
        odd=[],
        rule="",
        note=say(f"strategies: {REASON}."),
    )
    classes = [one(place) for place in range(min(2, len(example.classes)))]
    return parts.StrategyReport(layer=say(layer), classes=[*classes, without])


def errors(example: Example, layer: str) -> parts.ErrorReport:
    say, (first, second) = example.say, example.classes[:2]

    def rows(start: int) -> list[parts.ContrastRow]:
        return [
            parts.ContrastRow(
                concept=say(f"{layer}/{start + number}"),
                share=0.1,
                share_in_predicted=0.12,
                share_in_label=0.02,
                difference=2.4 - number,
                activation_difference=1.0 - number,
                crops=example.crops(1),
            )
            for number in range(2)
        ]

    return parts.ErrorReport(
        layer=say(layer),
        n=9,
        pairs=[
            parts.MistakeCard(
                label=first,
                prediction=second,
                n=6,
                driving=rows(80),
                missing=rows(90),
                examples=[view(example, 0, taken=1) for _ in range(2)],
                reason="",
            ),
            parts.MistakeCard(
                label=second,
                prediction=first,
                n=1,
                driving=[],
                missing=[],
                examples=[view(example, 1, taken=0)],
                reason=say(f"errors: {REASON}."),
            ),
        ],
        more=2,
        note="",
    )


def ranking(example: Example, layer: str) -> concepts.RankingCard:
    switched = np.array([0.0, 0.02, 0.25, 1.0])
    curve = np.array([[4.0, 1.0, 0.5, 0.0], [5.0, 2.0, 0.5, 0.0]])
    curves = {"relevance": curve, "activation": curve + 0.1, "gradient": curve, "random": curve + 1}
    panels = [Panel("off, to zero", switched, curves), Panel("on, from zero", switched, curves)]
    area = Interval(value=1.2, low=0.9, high=1.4, n=32)
    return concepts.RankingCard(
        layer=example.say(layer),
        trust="trusted",
        sentence=example.say("Switching concepts off by relevance lowers the score by 1.20."),
        ways=[
            concepts.FlippingCard(
                direction="off",
                baseline="zero",
                orders=[concepts.OrderArea(order="relevance", area=area, gain=area)],
            )
        ],
        figure=example.figure(partial(flipping_figure, panels), "flipping curves"),
    )


def untested(example: Example, layer: str) -> concepts.RankingCard:
    return concepts.RankingCard(
        layer=example.say(layer),
        trust="not tested",
        sentence=example.say(f"ranking: {REASON}."),
        ways=[],
        figure=None,
    )
