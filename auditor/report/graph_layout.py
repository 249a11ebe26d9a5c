"""Where the nodes of a layered graph stand and how its edges run. Coordinates in CSS pixels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.report.model import CompositionCard, GraphEdge, GraphNode

SIDE = 72  # of a node's picture
PITCH = 116  # from one node of a row to the next
TEXT = 46  # under a picture, for its lines
GAP = 74  # for the edges between two rows
MARGIN = 8
LEAST_WIDTH = 520
# Edges weaker than this are in audit.json and in the sums, but would only blur the drawing.
LEAST_SHARE = 0.02


@dataclass(frozen=True)
class PlacedNode:
    """A node with the middle of its picture's upper edge at ``x, y``."""

    node: GraphNode
    x: float
    y: float


@dataclass(frozen=True)
class PlacedEdge:
    """An edge as a curve from ``x1, y1`` to ``x2, y2`` by way of ``middle``, and its label's place."""

    share: float
    x1: float
    y1: float
    x2: float
    y2: float
    label_x: float
    label_y: float

    @property
    def middle(self) -> float:
        """Return the height at which the curve turns."""
        return (self.y1 + self.y2) / 2

    @property
    def width(self) -> float:
        """Return the width of the line: wider for more flow, never more than 12."""
        return 1.0 + 11.0 * min(1.0, abs(self.share))


@dataclass(frozen=True)
class Layout:
    """A drawn graph; ``rows`` are the heights at which levels begin, ``hidden`` counts weak edges."""

    width: float
    height: float
    nodes: tuple[PlacedNode, ...]
    edges: tuple[PlacedEdge, ...]
    rows: tuple[float, ...]
    hidden: int


def layered(card: CompositionCard) -> Layout:
    """Return the layout of a card's graph: a row per level, few crossings, the widest row full."""
    levels: dict[int, list[int]] = defaultdict(list)
    for place, node in enumerate(card.nodes):
        levels[node.level].append(place)
    widest = max((len(places) for places in levels.values()), default=1)
    width = max(LEAST_WIDTH, widest * PITCH + 2 * MARGIN)
    across: dict[int, float] = {}
    down: dict[int, float] = {}
    rows = []
    y = float(MARGIN)
    for level in sorted(levels):
        places = _ordered(levels[level], card.edges, across)
        rows.append(y)
        pitch = min((width - 2 * MARGIN) / len(places), 2 * PITCH)
        left = width / 2 - pitch * (len(places) - 1) / 2
        for index, place in enumerate(places):
            across[place], down[place] = left + index * pitch, y
        y += (0 if level == 0 else SIDE) + TEXT + GAP
    drawn = [edge for edge in card.edges if abs(edge.share) >= LEAST_SHARE]
    return Layout(
        width=width,
        height=y - GAP + MARGIN,
        nodes=tuple(PlacedNode(n, across[p], down[p]) for p, n in enumerate(card.nodes)),
        edges=tuple(_placed(edge, card.nodes, across, down) for edge in drawn),
        rows=tuple(rows),
        hidden=len(card.edges) - len(drawn),
    )


def _ordered(
    places: Sequence[int], edges: Sequence[GraphEdge], across: dict[int, float]
) -> list[int]:
    """Order a row by where its nodes' parents stand, weighed by the flow from them."""

    def centre(place: int) -> float:
        into = [edge for edge in edges if edge.target == place and edge.source in across]
        weight = sum(abs(edge.share) for edge in into)
        if not weight:
            return 0.0
        return sum(abs(edge.share) * across[edge.source] for edge in into) / weight

    return sorted(places, key=lambda place: (centre(place), place))


def _placed(
    edge: GraphEdge, nodes: Sequence[GraphNode], across: dict[int, float], down: dict[int, float]
) -> PlacedEdge:
    x1, x2 = across[edge.source], across[edge.target]
    picture = 0 if nodes[edge.source].level == 0 else SIDE
    y1, y2 = down[edge.source] + picture + TEXT, down[edge.target] - 3.0
    # Where edges of several parents meet, labels near the child would cover each other.
    along = 0.6
    turn = (y1 + y2) / 2
    label_x = _bezier(x1, x1, x2, x2, along)
    return PlacedEdge(edge.share, x1, y1, x2, y2, label_x, _bezier(y1, turn, turn, y2, along))


def _bezier(a: float, b: float, c: float, d: float, t: float) -> float:
    s = 1 - t
    return s**3 * a + 3 * s * s * t * b + 3 * s * t * t * c + t**3 * d
