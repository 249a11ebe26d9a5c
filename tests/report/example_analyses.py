"""The analyses beyond single concepts of the synthetic result, and what stands where none ran."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from auditor.records.concepts import RankingCard
from auditor.report.document import analyses as parts
from auditor.report.draw.decision_plane import Panel, flipping_figure, plane_figure

if TYPE_CHECKING:
    from tests.report.example import Example

REASON = "too few pictures to compare"


def analyses(example: Example) -> dict[str, Any]:
    """Return every part, each with something to show and something that could not run."""
    upper, lower = example.layers
    no_units = example.written("units_that_could_not_be_found", layer=lower, reason=REASON)
    no_ranking = example.written("no_ranking", layer=lower, reason=REASON)
    return {
        "units": [units(example, upper), no_units],
        "planes": planes(example),
        "strategies": strategies(example, upper),
        "errors": errors(example, upper),
        "ranking": [ranking(example), no_ranking],
        "identity": identity(example, upper),
    }


def units(example: Example, layer: str) -> parts.LayerUnits:
    count = len(example.classes)
    return parts.LayerUnits(
        **example.written("units"),
        components=[
            parts.Component(
                id=example.say(f"{layer}/K{number + 1}"),
                share=dict.fromkeys(example.classes, 0.5 / (number + 1)),
                redundancy=0.8 if number else 0.1,
                concepts=example.ids(layer, number, 77),
                pictures=[example.unit(number % count) for _ in range(2)],
            )
            for number in range(2)
        ],
        classes=[class_units(example, place) for place in range(count)],
        subspaces=[{"subspace": example.say(f"{layer}/S1"), "pictures": [example.unit(0)]}],
    )


def class_units(example: Example, place: int) -> parts.ClassComponents:
    """Return two components of a class; of the second class, why there are none."""
    name = example.classes[place]
    if place == 1:
        return parts.ClassComponents(**example.written("no_class_units"), class_name=name)
    return parts.ClassComponents(
        **example.written("class_units"),
        class_name=name,
        photo=example.view(place),
        components=[
            parts.ClassComponent(
                id=f"{name}, component {number}",
                share=0.3,
                concepts=example.ids("stage3", 0),
                picture=example.unit(place),
            )
            for number in (1, 2)
        ],
    )


def planes(example: Example) -> parts.Planes:
    generator = np.random.default_rng(3)
    is_first = np.arange(40) < 20
    points = generator.normal(0, 0.02, (40, 2)) + np.where(is_first[:, None], 0.1, 0.05)
    wrong, held_out = np.arange(40) % 11 == 0, np.arange(40) % 2 == 0
    names, axes = tuple(example.classes[:2]), tuple(example.ids(example.layers[0], 0, 1))
    line = (0.7, 0.7, 0.1)
    draw = partial(plane_figure, points, is_first, wrong, held_out, line, names, axes)
    figure = example.figure(draw, "plane of two classes")
    cards = [
        parts.PlaneCard(
            **example.written("plane", layer=layer),
            kind="subspace" if place else "channel",
            named=place == 0,
            axes=[axis(example, layer, unit) for unit in range(2)],
            figure=None if place else figure,
        )
        for place, layer in enumerate(example.layers)
    ]
    gap = example.written("plane_gap", reason=REASON)
    return parts.Planes(cards=cards, gaps=[gap], note="")


def axis(example: Example, layer: str, place: int) -> parts.PlaneAxis:
    (name,) = example.ids(layer, place + 70)
    return parts.PlaneAxis(
        unit=name,
        concepts=[name],
        speaks_for=example.classes[place],
        auc=0.8,
        crops=example.crops(place),
    )


def strategies(example: Example, layer: str) -> parts.StrategyReport:
    """Return a class with two strategies, one with a single strategy, and one with too few."""

    def strategy(place: int, number: int) -> parts.Strategy:
        concepts = [
            {"concept": name, "difference": 1.2 if number else -0.8, "crop": example.crop(place)}
            for name in example.ids(layer, *(() if place else (60 + number,)))
        ]
        nearest = [example.view(place) for _ in range(2)]
        return parts.Strategy(
            share=0.4 if number else 0.6, n=20, concepts=concepts, nearest=nearest
        )

    classes = [
        parts.ClassStrategies(
            **example.written("strategies"),
            class_name=example.classes[place],
            stability=None if place else 0.9,
            strategies=[strategy(place, number) for number in range(1 if place else 2)],
            odd=[example.view(place)],
        )
        for place in range(2)
    ]
    without = example.written("no_strategies", reason=REASON)
    return parts.StrategyReport(layer=example.say(layer), classes=[*classes, without])


def errors(example: Example, layer: str) -> parts.ErrorReport:
    def rows(start: int) -> list[parts.ContrastRow]:
        return [
            parts.ContrastRow(
                concept=name,
                share=0.1,
                share_in_predicted=0.12,
                share_in_label=0.02,
                difference=2.4 - number,
                activation_difference=1.0 - number,
                crops=example.crops(1),
            )
            for number, name in enumerate(example.ids(layer, start, start + 1))
        ]

    explained = parts.MistakeCard(
        **example.written("mistakes"),
        driving=rows(80),
        missing=rows(90),
        examples=[example.view(0, taken=1) for _ in range(2)],
    )
    few = example.written("few_mistakes", reason=REASON)
    few["examples"] = [example.view(1, taken=0)]
    return parts.ErrorReport(layer=example.say(layer), n=9, pairs=[explained, few], more=2, note="")


def ranking(example: Example) -> RankingCard:
    switched = np.array([0.0, 0.02, 0.25, 1.0])
    curve = np.array([[4.0, 1.0, 0.5, 0.0], [5.0, 2.0, 0.5, 0.0]])
    curves = {"relevance": curve, "activation": curve + 0.1, "gradient": curve, "random": curve + 1}
    panels = [Panel(title, switched, curves) for title in ("off, to zero", "on, from zero")]
    figure = example.figure(partial(flipping_figure, panels), "flipping curves")
    return RankingCard(**example.written("ranking"), figure=figure)


def identity(example: Example, layer: str) -> parts.Identity:
    classes = example.classes
    known = parts.LayerIdentity(
        layer=example.say(layer),
        classes=classes,
        concepts=[0, 1],
        references=[[0], [1]],
        shares=[[0.25] * len(classes)] * 2,
    )
    return parts.Identity(**example.written("identity"), classes=classes, layers=[known])
