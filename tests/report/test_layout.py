"""Where graphs and maps are drawn: nothing overlaps, nothing lies outside, crossings are few."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from auditor.records.concepts import MapCard, MapPoint
from auditor.report.document.result import CompositionCard, GraphEdge, GraphNode
from auditor.report.draw.graph_layout import LEAST_SHARE, PITCH, SIDE, TEXT, layered
from auditor.report.draw.map_layout import LABEL, placed


def node(level: int, concept: str = "") -> GraphNode:
    return GraphNode(
        level=level,
        concept=concept,
        share=1.0,
        rest=0.0,
        others=0,
        bypass=0.0,
        absorbed=0.0,
        sample="",
        crop=None,
    )


def card(parents: int, children: int, shares: np.ndarray) -> CompositionCard:
    nodes = [node(0)] + [node(1, f"u/{c}") for c in range(parents)]
    nodes += [node(2, f"l/{c}") for c in range(children)]
    edges = [GraphEdge(source=0, target=1 + p, share=0.5) for p in range(parents)]
    edges += [
        GraphEdge(source=1 + p, target=1 + parents + c, share=float(shares[p, c]))
        for p in range(parents)
        for c in range(children)
    ]
    return CompositionCard(class_name="x", finding="", n=3, nodes=nodes, edges=edges, reason="")


@pytest.mark.parametrize(("parents", "children"), [(1, 1), (3, 9), (2, 5), (12, 12)])
def test_nodes_and_labels_have_room(parents: int, children: int) -> None:
    shares = np.random.default_rng(0).uniform(0.05, 1, (parents, children))
    layout = layered(card(parents, children, shares))
    for level in (1, 2):
        xs = sorted(each.x for each in layout.nodes if each.node.level == level)
        assert all(b - a >= PITCH * 0.99 for a, b in pairwise(xs))
        assert xs[0] >= SIDE / 2
        assert xs[-1] <= layout.width - SIDE / 2
    lowest = max(each.y for each in layout.nodes)
    assert layout.height >= lowest + SIDE + TEXT
    labels = np.array([[each.label_x, each.label_y] for each in layout.edges])
    apart = np.abs(labels[:, None] - labels[None])
    covered = (apart[..., 0] < 32) & (apart[..., 1] < 13)
    assert covered.sum() == len(labels)


def test_children_stand_under_their_parents() -> None:
    shares = np.zeros((3, 3))
    shares[0, 2] = shares[1, 0] = shares[2, 1] = 0.9
    layout = layered(card(3, 3, shares))
    at = {each.node.concept: each.x for each in layout.nodes}
    assert at["u/0"] == at["l/2"]
    assert at["u/1"] == at["l/0"]
    assert at["u/2"] == at["l/1"]


def test_weak_edges_are_counted_and_not_drawn() -> None:
    shares = np.array([[0.5, LEAST_SHARE / 2, -0.3]])
    layout = layered(card(1, 3, shares))
    assert layout.hidden == 1
    assert sorted(edge.share for edge in layout.edges) == [-0.3, 0.5, 0.5]
    assert max(edge.width for edge in layout.edges) == 9


def test_edges_are_drawn_also_where_all_are_weak() -> None:
    layout = layered(card(1, 3, np.array([[0.003, 0.002, 0.0001]])))
    assert sorted(edge.share for edge in layout.edges) == [0.002, 0.003, 0.5]
    assert [edge.width for edge in layout.edges if edge.share == 0.003] == [9]
    assert layout.hidden == 1


@pytest.mark.parametrize("count", [1, 2, 7, 60, 120, 400])
def test_pictures_of_a_map_do_not_overlap(count: int) -> None:
    rng = np.random.default_rng(count)
    places = rng.normal(0.5, 0.12, (count, 2)).clip(0, 1)
    points = [
        MapPoint(concept=f"l/{i}", x=float(x), y=float(y), subspace="l/S1", colour=None)
        for i, (x, y) in enumerate(places)
    ]
    layout = placed(MapCard(layer="l", points=points, fit=0.5, rule=""))
    at = np.array([[each.x, each.y] for each in layout.points])
    apart = np.abs(at[:, None] - at[None])
    covered = (apart[..., 0] < layout.side) & (apart[..., 1] < layout.side + LABEL - 2)
    assert covered.sum() == count
    assert at.min() >= 0
    assert (at[:, 0] + layout.side).max() <= layout.width
    assert (at[:, 1] + layout.side + LABEL).max() <= layout.height
    assert layout.side >= 26


def test_pictures_stand_near_their_positions() -> None:
    corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 0.5)]
    points = [
        MapPoint(concept=f"l/{i}", x=x, y=y, subspace="l/S1", colour=None)
        for i, (x, y) in enumerate(corners)
    ]
    layout = placed(MapCard(layer="l", points=points, fit=0.0, rule=""))
    at = np.array([[each.x, each.y] for each in layout.points])
    at = (at - at.min(axis=0)) / np.ptp(at, axis=0)
    assert np.abs(at - np.array(corners)).max() < 0.1


def test_points_in_one_place_part() -> None:
    point = MapPoint(concept="l/0", x=0.5, y=0.5, subspace="l/S1", colour="#b03f6a")
    layout = placed(MapCard(layer="l", points=[point] * 5, fit=0.0, rule=""))
    assert len({(round(each.x), round(each.y)) for each in layout.points}) == 5
