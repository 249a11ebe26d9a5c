"""Where the nodes of a layered graph stand and how its edges run. Coordinates in CSS pixels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.language.numbers import percent
from auditor.language.speaking import N_
from auditor.language.speaking import gettext as _
from auditor.report.document.result import CompositionCard, GraphEdge, GraphNode

SIDE = 72  # of a node's picture
PITCH = 116  # from one node of a row to the next
TEXT = 72  # under a picture, for its lines
ROOT = 46  # for the lines of the class
LANE = 30  # height for the labels of the edges of one node
GAP = 44  # for the edges between two rows, besides their labels
MARGIN = 8
LEAST_WIDTH = 520
# Edges that carry less than this, and less than this part of the strongest of their parent, are in
# audit.json and in the table, but would only blur the drawing.
LEAST_SHARE = 0.02
LEAST_PART = 0.25
# From here on, a concept's part of the score is no share of it: for and against nearly cancel out.
MOST_OF_SCORE = 3.0
# Labels stand in this part of the way down: the lines have parted, and not yet met again.
LABELS = (0.42, 0.86)


@dataclass(frozen=True)
class PlacedNode:
    """A node with the middle of its picture's upper edge at ``x, y``.

    ``parts`` are the edges below it, strongest first, each with its part of all that the node hands
    down to the next layer.
    """

    node: GraphNode
    x: float
    y: float
    parts: Sequence[tuple[GraphEdge, float]]

    @property
    def lines(self) -> Sequence[str]:
        """Return the lines under the node: what of it goes to no concept that is drawn."""
        amounts = (
            (self.node.rest, N_("%(part)s in others")),
            (self.node.bypass, N_("%(part)s past the layer")),
            (self.node.absorbed, N_("%(part)s in biases")),
        )
        return [_(text, part=percent(part)) for part, text in amounts if abs(part or 0.0) >= 0.005]


@dataclass(frozen=True)
class PlacedEdge:
    """An edge as a line from ``x1, y1`` to ``x2, y2``, and the middle of its label.

    ``source`` and ``target`` are places in the list of nodes. ``share`` is of what the upper node
    hands down. ``part`` compares its flow with that of the strongest edge between the same two
    rows.
    """

    source: int
    target: int
    share: float
    part: float
    x1: float
    y1: float
    x2: float
    y2: float
    label_x: float
    label_y: float

    @property
    def width(self) -> float:
        """Return the width of the line: wider for more flow, 9 for the most between two rows."""
        return 1.0 + 8.0 * self.part


@dataclass(frozen=True)
class Layout:
    """A drawn graph; ``hidden`` counts the edges that are too weak to be drawn.

    ``scored`` says whether parts of the score can be read as shares of it: where single concepts
    hold many times the score, it is what two large amounts leave of each other. ``kept`` is the
    part of what the top concepts hold that biases keep, 0 where it is less than half.
    """

    width: float
    height: float
    nodes: tuple[PlacedNode, ...]
    edges: tuple[PlacedEdge, ...]
    hidden: int
    scored: bool
    kept: float


def layered(card: CompositionCard) -> Layout:
    """Return the layout of a card's graph: a row per level, few crossings, the widest row full."""
    levels: dict[int, list[int]] = defaultdict(list)
    for index, node in enumerate(card.nodes):
        levels[node.level].append(index)
    widest = max((len(row) for row in levels.values()), default=1)
    width = max(LEAST_WIDTH, widest * PITCH + 2 * MARGIN)
    across: dict[int, float] = {}
    down: dict[int, float] = {}
    y = float(MARGIN)
    for level in sorted(levels):
        row = _ordered(levels[level], card.edges, across)
        pitch = min((width - 2 * MARGIN) / len(row), 2 * PITCH)
        left = width / 2 - pitch * (len(row) - 1) / 2
        for column, index in enumerate(row):
            across[index], down[index] = left + column * pitch, y
        y += (SIDE + TEXT if level else ROOT) + GAP + LANE * len(row)
    drawn = [edge for edge in card.edges if _is_drawn(edge, card)]
    return Layout(
        width=width,
        height=max(down.values(), default=0.0) + SIDE + TEXT + MARGIN,
        nodes=tuple(
            PlacedNode(node, across[index], down[index], _parts(card, index))
            for index, node in enumerate(card.nodes)
        ),
        edges=tuple(_placed(edge, card, across, down) for edge in drawn),
        hidden=len(card.edges) - len(drawn),
        scored=all(abs(node.share) <= MOST_OF_SCORE for node in card.nodes),
        kept=_kept_by_biases(card),
    )


def _parts(card: CompositionCard, index: int) -> Sequence[tuple[GraphEdge, float]]:
    below = [edge for edge in card.edges if edge.source == index]
    below.sort(key=lambda edge: -abs(edge.share))
    return [(edge, handed_on(card, edge)) for edge in below]


def _kept_by_biases(card: CompositionCard) -> float:
    upper = [node for node in card.nodes if node.level and node.absorbed is not None]
    total = sum(abs(node.share) for node in upper)
    kept = sum(abs(node.share) * (node.absorbed or 0.0) for node in upper)
    return kept / total if total and kept > total / 2 else 0.0


def _is_drawn(edge: GraphEdge, card: CompositionCard) -> bool:
    siblings = [abs(handed_on(card, other)) for other in card.edges if other.source == edge.source]
    return abs(handed_on(card, edge)) >= min(LEAST_SHARE, LEAST_PART * max(siblings))


def _ordered(row: Sequence[int], edges: Sequence[GraphEdge], across: dict[int, float]) -> list[int]:
    """Order a row by where its nodes' parents stand, weighed by the flow from them."""

    def centre(index: int) -> float:
        into = [edge for edge in edges if edge.target == index and edge.source in across]
        weight = sum(abs(edge.share) for edge in into)
        if not weight:
            return 0.0
        return sum(abs(edge.share) * across[edge.source] for edge in into) / weight

    return sorted(row, key=lambda index: (centre(index), index))


def _placed(
    edge: GraphEdge, card: CompositionCard, across: dict[int, float], down: dict[int, float]
) -> PlacedEdge:
    """Return an edge; the labels of one parent stand in a lane of their own, so none overlap."""
    nodes = card.nodes
    level = nodes[edge.source].level
    parents = sorted(
        (index for index, node in enumerate(nodes) if node.level == level), key=across.__getitem__
    )
    flows = [_flow(other, nodes) for other in card.edges if nodes[other.source].level == level]
    x1, x2 = across[edge.source], across[edge.target]
    y1, y2 = down[edge.source] + (SIDE + TEXT if level else ROOT), down[edge.target] - 3.0
    lane = (parents.index(edge.source) + 0.5) / len(parents)
    along = LABELS[0] + lane * (LABELS[1] - LABELS[0])
    return PlacedEdge(
        source=edge.source,
        target=edge.target,
        share=handed_on(card, edge),
        part=_flow(edge, nodes) / max(flows) if max(flows) else 0.0,
        x1=x1,
        y1=y1,
        x2=x2,
        y2=y2,
        label_x=x1 + along * (x2 - x1),
        label_y=y1 + along * (y2 - y1),
    )


def handed_on(card: CompositionCard, edge: GraphEdge) -> float:
    """Return an edge's part of what its upper node hands down to the channels of the next layer.

    What biases keep or leads past the layer goes to no concept, and is said apart. Where flows
    for and against cancel out there is no such whole: the part is then of what reaches the node.
    """
    node = card.nodes[edge.source]
    onward = 1.0 - (node.bypass or 0.0) - (node.absorbed or 0.0)
    largest = max(abs(other.share) for other in card.edges if other.source == edge.source)
    return edge.share / onward if onward >= largest > 0 else edge.share


def _flow(edge: GraphEdge, nodes: Sequence[GraphNode]) -> float:
    """Return the size of an edge's flow, as a part of the score."""
    return abs(edge.share * nodes[edge.source].share)
