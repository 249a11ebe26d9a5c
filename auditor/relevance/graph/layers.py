"""Name the layers whose channels can be concepts, and choose among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from auditor.base.errors import UnknownNameError
from auditor.relevance.graph.canonise import WEIGHTED
from auditor.relevance.graph.channels import as_maps, channel_axes
from auditor.relevance.graph.geometry import Geometry, geometry
from auditor.relevance.graph.graph import Graph, Node

PASSING = frozenset({
    "mean", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d",
    "_adaptive_avg_pool2d", "amax", "slice", "constant_pad_nd", "pad", "layer_norm", "group_norm",
    "expand", "cat",
})  # fmt: skip
# Before the first of these there are only the pixels themselves, however they are arranged.
COMBINES = WEIGHTED | {"matmul", "bmm", "mm", "einsum", "tensordot"}
REORDERING = frozenset({"permute", "transpose", "view", "clone", "roll", "_to_copy"})


@dataclass(frozen=True, eq=False)
class Layers:
    """The layers of a graph: names (module paths) in forward order, each with its node.

    A module is a layer when one tensor leaves it whose channels are known: of feature maps, of
    tokens (their embedding) or of units. Several names may mean one node: a block and its last
    activation. ``relu@1`` is the second call of the module ``relu``. ``units``: layers of
    `auditor.relevance.sweep.units`, each with the layer whose positions it has (None: its own).
    """

    graph: Graph
    nodes: dict[str, str]
    blocks: frozenset[str]
    axes: dict[str, int | None]
    units: Mapping[str, str | None] = field(default_factory=dict)
    known: dict[str, Geometry | str] = field(default_factory=dict, init=False, repr=False)

    def node(self, layer: str) -> Node:
        """Return the node of a layer; raise UnknownNameError for any other name."""
        if layer not in self.nodes:
            raise UnknownNameError("layer", layer, self.nodes)
        return self.graph[self.nodes[layer]]

    def channels(self, layer: str) -> int:
        """Return the number of channels, or of units."""
        return self.node(layer).shape[self.axis(layer)]

    def axis(self, layer: str) -> int:
        """Return which axis of the layer's tensor holds its channels."""
        axis = self.axes[self.node(layer).name]
        assert axis is not None
        return axis

    def maps(self, layer: str, values: Tensor) -> Tensor:
        """Return a tensor of the layer as (B, C, h, w)."""
        return as_maps(values, self.node(layer), self.axis(layer))

    def geometry(self, layer: str) -> Geometry | str:
        """Return where the positions of a layer lie in the picture, or why they have no place."""
        layer = self.units.get(layer) or layer
        node = self.node(layer)
        if node.name not in self.known:
            self.known[node.name] = geometry(self.graph, node, self.axis(layer))
        return self.known[node.name]

    def cuts(self, layer: str) -> bool:
        """Tell whether every path from the image to the logits passes through the layer."""
        return cuts(self.graph, self.node(layer).name)

    def automatic(self) -> tuple[str, ...]:
        """Return a layer in the middle and the last block's output, in forward order.

        Candidates are spatial, cut the graph and have weights after them; where the model has
        none that cut, any spatial layer is a candidate.
        """
        depth = _depths(self.graph)
        total = depth[self.graph.output]
        candidates = [name for name in self._preferred() if depth[self.nodes[name]] < total]
        cutting = [name for name in candidates if self.cuts(name)]
        chosen = cutting or candidates
        if not chosen:
            return tuple(self.nodes)[-1:]
        last = chosen[-1]
        earlier = [name for name in chosen if depth[self.nodes[name]] < depth[self.nodes[last]]]
        earlier = [name for name in earlier if name in self.blocks] or earlier
        if not earlier:
            return (last,)
        middle = depth[self.nodes[last]] / 2
        nearest = min(
            earlier,
            key=lambda name: (
                abs(depth[self.nodes[name]] - middle),
                -depth[self.nodes[name]],
            ),
        )
        return (nearest, last)

    def _preferred(self) -> list[str]:
        """Return one name per spatial node that is no mere pooling, its block's name if it has."""
        names: dict[str, str] = {}
        for name, node_name in self.nodes.items():
            node = self.graph[node_name]
            if name in self.units:
                continue
            if node.operation in PASSING - self._joins() or not self._is_spatial(node):
                continue
            if self._repeats(node):
                continue
            known = names.get(node_name)
            if known is None or self._rank(name) > self._rank(known):
                names[node_name] = name
        return list(names.values())

    def _joins(self) -> frozenset[str]:
        """Return 'cat' where branches are joined into blocks, as in SqueezeNet and Inception."""
        convolves = any(node.operation == "conv2d" for node in self.graph.nodes)
        return frozenset({"cat"}) if convolves else frozenset()

    def _repeats(self, node: Node) -> bool:
        """Tell whether a node only reorders another one that is a layer itself."""
        named = set(self.nodes.values())
        while node.operation in REORDERING and len(node.inputs) == 1:
            node = self.graph[node.inputs[0]]
            if node.name in named and self._is_spatial(node):
                return True
        return False

    def _is_spatial(self, node: Node) -> bool:
        axis = self.axes[node.name]
        sizes = [size for index, size in enumerate(node.shape) if index not in (0, axis)]
        return bool(sizes) and (max(sizes) >= 4 if len(sizes) == 1 else min(sizes) >= 2)

    def _rank(self, name: str) -> tuple[bool, int]:
        """Prefer blocks to single operations, and the innermost block of several."""
        return name in self.blocks, name.count(".")


def find(graph: Graph) -> Layers:
    """Find the layers of a graph."""
    axes = channel_axes(graph)
    members: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for name in node.modules:
            members.setdefault(name, []).append(node)
    order = {node.name: position for position, node in enumerate(graph.nodes)}
    weighed = graph.descendants({n.name for n in graph.nodes if n.live and n.operation in COMBINES})
    layers: list[tuple[int, int, str, str]] = []
    for name, nodes in members.items():
        inside = {node.name for node in nodes}
        leaving = [node for node in nodes if _leaves(graph, node, inside)]
        if len(leaving) == 1 and _holds_concepts(graph, leaving[0], axes, weighed):
            node = leaving[0]
            layers.append((order[node.name], name.count("."), name, node.name))
    if not layers:  # a model of functions alone: its operations are its layers
        for node in graph.nodes:
            nameless = not node.modules and node.operation not in REORDERING
            if nameless and _holds_concepts(graph, node, axes, weighed):
                layers.append((order[node.name], 0, node.name, node.name))
    parents = {each.rsplit(".", maxsplit=1)[0] for each in members if "." in each}
    return Layers(
        graph=graph,
        nodes={name: node for _, _, name, node in sorted(layers)},
        blocks=frozenset(parents & set(members)),
        axes=axes,
    )


def _leaves(graph: Graph, node: Node, inside: set[str]) -> bool:
    users = graph.users[node.name]
    return node.name == graph.output or any(user not in inside for user in users)


def _holds_concepts(
    graph: Graph, node: Node, axes: dict[str, int | None], weighed: set[str]
) -> bool:
    known = node.live and node.name != graph.output and len(node.shape) >= 2
    known = known and node.name in weighed and not node.complex_value
    return known and node.batch.times == 1 and axes[node.name] not in {None, node.batch.axis}


def cuts(graph: Graph, name: str) -> bool:
    """Tell whether the logits are out of reach of the image without this node."""
    reached = {graph.input}
    for node in graph.nodes:
        if node.name != name and any(each in reached for each in node.inputs):
            reached.add(node.name)
    return graph.output not in reached


def _depths(graph: Graph) -> dict[str, int]:
    """Return the number of weighted layers on the longest path from the image to each node."""
    depth: dict[str, int] = {}
    for node in graph.nodes:
        below = max((depth[name] for name in node.inputs), default=0)
        depth[node.name] = below + (node.operation in WEIGHTED)
    return depth
