"""Where the nodes of a layered graph stand and how its edges run. Coordinates in CSS pixels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.report.model import CompositionCard, GraphEdge, GraphNode

SIDE = 72  # of a node's picture
PITCH = 116  # from one node of a row to the next
TEXT = 46  # under a picture, for its lines
LANE = 30  # height for the labels of the edges of one node
GAP = 44  # for the edges between two rows, besides their labels
MARGIN = 8
LEAST_WIDTH = 520
# Edges weaker than this are in audit.json and in the table, but would only blur the drawing.
LEAST_SHARE = 0.02
# Labels stand in this part of the way down: the lines have parted, and not yet met again.
LABELS = (0.42, 0.86)


@dataclass(frozen=True)
class PlacedNode:
    """A node with the middle of its picture's upper edge at ``x, y``."""

    node: GraphNode
    x: float
    y: float


@dataclass(frozen=True)
class PlacedEdge:
    """An edge as a line from ``x1, y1`` to ``x2, y2``, and the middle of its label."""

    share: float
    x1: float
    y1: float
    x2: float
    y2: float
    label_x: float
    label_y: float

    @property
    def width(self) -> float:
        """Return the width of the line: wider for more flow, never more than 12."""
        return 1.0 + 11.0 * min(1.0, abs(self.share))


@dataclass(frozen=True)
class Layout:
    """A drawn graph; ``hidden`` counts the edges that are too weak to be drawn."""

    width: float
    height: float
    nodes: tuple[PlacedNode, ...]
    edges: tuple[PlacedEdge, ...]
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
    y = float(MARGIN)
    for level in sorted(levels):
        places = _ordered(levels[level], card.edges, across)
        pitch = min((width - 2 * MARGIN) / len(places), 2 * PITCH)
        left = width / 2 - pitch * (len(places) - 1) / 2
        for index, place in enumerate(places):
            across[place], down[place] = left + index * pitch, y
        y += (0 if level == 0 else SIDE) + TEXT + GAP + LANE * len(places)
    drawn = [edge for edge in card.edges if abs(edge.share) >= LEAST_SHARE]
    return Layout(
        width=width,
        height=max(down.values(), default=0.0) + SIDE + TEXT + MARGIN,
        nodes=tuple(PlacedNode(n, across[p], down[p]) for p, n in enumerate(card.nodes)),
        edges=tuple(_placed(edge, card.nodes, across, down) for edge in drawn),
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
    """Return an edge; the labels of one parent stand in a lane of their own, so none overlap."""
    level = nodes[edge.source].level
    parents = sorted(
        (p for p, node in enumerate(nodes) if node.level == level), key=across.__getitem__
    )
    x1, x2 = across[edge.source], across[edge.target]
    y1, y2 = down[edge.source] + (SIDE if level else 0) + TEXT, down[edge.target] - 3.0
    lane = (parents.index(edge.source) + 0.5) / len(parents)
    along = LABELS[0] + lane * (LABELS[1] - LABELS[0])
    return PlacedEdge(edge.share, x1, y1, x2, y2, x1 + along * (x2 - x1), y1 + along * (y2 - y1))
