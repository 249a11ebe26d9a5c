"""The concepts of the synthetic result: cards, classes, subspaces, graphs, pictures and maps."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from auditor.base.heatmaps import heat as alone
from auditor.base.heatmaps import overlay
from auditor.concepts.colours import PALETTE
from auditor.records.concepts import MapCard
from auditor.records.part import Picture
from auditor.report.document import result as parts
from auditor.report.document.analyses import LeadUnit
from auditor.report.draw.figures import similarity_figure
from auditor.report.draw.pictures import paint_segments

if TYPE_CHECKING:
    from tests.report.example import Example


def concepts(example: Example) -> list[parts.Concept]:
    return [
        concept(example, layer, channel)
        for layer in example.layers
        for channel in range(example.rows + 2)
    ]


def concept(example: Example, layer: str, channel: int) -> parts.Concept:
    say, count = example.say, len(example.classes)
    return parts.Concept(
        id=say(f"{layer}/{channel}"),
        layer=say(layer),
        channel=channel,
        name=f"{say(layer)} · {channel}" if channel else say("date stamp"),
        by_relevance=example.crops(channel % count),
        by_activation=example.crops((channel + 1) % count),
        jaccard=float(example.generator.random()),
        clarity=float(example.generator.random()) if channel % 3 else None,
        subspace=say(f"{layer}/S{channel % 2 + 1}"),
        classes=[example.name(channel)],
        meanings=2 if channel % 3 else None,
        redundancy=3 if channel % 2 else None,
        reading=[say("The crops look alike: the concept is easy to name.")],
        left_out=channel % 3,
        left_out_by_activation=channel % 2,
    )


def class_report(example: Example, place: int) -> parts.ClassReport:
    return parts.ClassReport(
        name=example.classes[place],
        output=place,
        n=40,
        members=36,
        tables=[table(example, layer, place) for layer in example.layers],
        atlas=[atlas(example, place) for _ in range(2)],
        note="",
    )


def table(example: Example, layer: str, place: int) -> parts.LayerTable:
    generator, rows = example.generator, example.rows
    share = np.sort(generator.dirichlet(np.ones(rows + 3)))[::-1]
    made = [
        parts.ConceptRow(
            concept=example.say(f"{layer}/{(place + rank) % (rows + 2)}"),
            rank=rank + 1,
            rank_low=max(1, rank),
            rank_high=rank + 3,
            share=float(share[rank]),
            spread=float(share[rank] / 4),
            positive=float(generator.uniform(0.6, 1)),
            frequency=float(generator.uniform(0.3, 1)),
            shared_with=example.classes[:2] if rank % 2 else [],
            crops=example.crops(place),
        )
        for rank in range(rows)
    ]
    more = lead(example, layer, place) if layer == example.layers[0] else {}
    coverage = float(share[:rows].sum())
    return parts.LayerTable(layer=example.say(layer), top=10, coverage=coverage, rows=made, **more)


def lead(example: Example, layer: str, place: int) -> dict:
    """Return what a class's table starts with where components lead."""
    return {
        "lead_sentence": example.say("Single channels are not distinct at this layer."),
        "lead": [
            LeadUnit(
                id=example.say(f"component {number + 1}"),
                share=0.4 / (number + 1),
                concepts=example.ids(layer, number),
                pictures=[example.unit(place)] if number else [],
            )
            for number in range(2)
        ],
    }


def atlas(example: Example, place: int) -> parts.AtlasSample:
    photo, heat = example.photo(place, 160), example.heatmap()
    y, x = np.mgrid[:24, :24]
    colours = [None if i % 5 == 0 else PALETTE[i % 3] for i in range(16)]
    painted = paint_segments(photo, (y // 6) * 4 + x // 6, colours)
    sample, layer = example.sample(place), example.layers[0]
    return parts.AtlasSample(
        sample=sample,
        layer=example.say(layer),
        prediction=example.classes[place],
        photo=example.store.jpeg(photo, alt=sample),
        heatmap=example.jpeg(overlay(photo, heat), f"heatmap of {sample}"),
        alone=example.jpeg(alone(heat), f"relevance alone, {sample}"),
        atlas=example.jpeg(painted, f"atlas of {sample}"),
        legend=[
            {"colour": PALETTE[i], "concept": name, "share": 0.3 / (i + 1)}
            for i, name in enumerate(example.ids(layer, 0, 1, 2))
        ],
    )


def subspaces(example: Example) -> list[parts.SubspaceLayer]:
    count = example.rows + 2
    similarity = np.clip(np.eye(count) + example.generator.random((count, count)) / 3, 0, 1)
    similarity = (similarity + similarity.T) / 2
    cluster = np.arange(count) % 2
    cluster[-1] = 2
    draw = partial(similarity_figure, similarity, cluster, [str(c) for c in range(count)])
    return [
        parts.SubspaceLayer(
            **example.written("subspaces"),
            layer=example.say(layer),
            compared=count,
            subspaces=[
                parts.SubspaceCard(
                    id=example.say(f"{layer}/S{group + 1}"),
                    layer=example.say(layer),
                    concepts=example.ids(layer, *np.flatnonzero(cluster == group)),
                    similarity=0.71,
                    share=dict.fromkeys(example.classes, 0.2),
                )
                for group in range(3)
            ],
            figure=example.figure(draw, f"similarity of concepts of {layer}"),
        )
        for layer in example.layers
    ]


def composition(example: Example) -> parts.CompositionPart:
    cards = [graph(example, 0, "F1"), graph(example, 1, ""), example.written("no_graph")]
    return parts.CompositionPart(**example.written("composition"), cards=cards)


def graph(example: Example, place: int, finding: str) -> parts.CompositionCard:
    upper, lower = example.layers
    nodes = [node(example, 0, "", 0)]
    nodes += [node(example, 1, name, place) for name in example.ids(upper, 0, 1)]
    nodes += [node(example, 2, name, place) for name in example.ids(lower, 1, 77)]
    shares = ((0, 1, 0.5), (0, 2, 0.3), (1, 3, 0.6), (1, 4, 0.01), (2, 3, -0.2), (2, 4, 0.4))
    return parts.CompositionCard(
        class_name=example.classes[place],
        finding=finding,
        n=12,
        nodes=nodes,
        edges=[parts.GraphEdge(source=a, target=b, share=share) for a, b, share in shares],
        reason="",
    )


def node(example: Example, level: int, concept: str, place: int) -> parts.GraphNode:
    below = level < 2
    return parts.GraphNode(
        level=level,
        concept=concept,
        share=0.3 if level else 1.0,
        rest=0.25 if below else None,
        others=62 if below else 0,
        bypass=0.1 if below else None,
        absorbed=-0.05 if below else None,
        sample=example.sample(place) if level else "",
        crop=example.crop(place).crop if level else None,
    )


def local(example: Example) -> parts.LocalPart:
    cards = [
        local_card(example, place, why)
        for place, why in enumerate(("clear mistake", "most typical of its class"))
    ]
    return parts.LocalPart(**example.written("local"), cards=cards)


def local_card(example: Example, place: int, why: str) -> parts.LocalCard:
    photo, sample = example.photo(place, 96), example.sample(place)
    names = example.ids(example.layers[0], 0, 1, 55)

    def picture(what: str) -> Picture:
        return example.jpeg(overlay(photo, example.heatmap()), f"{what} in {sample}")

    return parts.LocalCard(
        **example.written("local_card"),
        sample=sample,
        label=example.classes[place],
        why=example.say(why),
        photo=example.store.jpeg(photo, alt=sample),
        heatmap=picture("relevance"),
        alone=example.jpeg(alone(example.heatmap()), f"relevance alone, {sample}"),
        concepts=[
            {"concept": name, "share": 0.2, "heatmap": picture("where"), "crop": picture("what")}
            for name in names
        ],
        regions=[
            parts.RegionCard(
                **example.written("region"),
                picture=example.jpeg(photo, f"region of {sample}"),
                rows=[
                    {"concept": name, "relevance": 1.0 - i, "share": 0.6 - 0.7 * i}
                    for i, name in enumerate(names)
                ],
            )
        ],
    )


def concept_map(example: Example, layer: str) -> MapCard:
    def point(channel: int) -> dict:
        return {
            "concept": example.say(f"{layer}/{channel}"),
            "x": float(example.generator.random()),
            "y": float(example.generator.random()),
            "subspace": example.say(f"{layer}/S{channel % 2 + 1}"),
            "colour": PALETTE[0] if channel % 2 else None,
        }

    points = [point(channel) for channel in range(example.rows + 2)]
    return MapCard(**example.written("map", layer=layer), points=points)
