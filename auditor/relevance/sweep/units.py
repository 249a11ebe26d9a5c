"""Layers whose concepts are no channels: directions of a dictionary, heads of attention.

``NAME:units`` are the directions of a dictionary at layer NAME; ``NAME:heads`` the heads of the
attention in it, and ``NAME:query``, ``NAME:key`` and ``NAME:value`` the channels of what it reads.
Each is a tensor of its own in the graph, so that all that works on a layer works on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from auditor.base.errors import ConfigError, UnknownNameError
from auditor.relevance.graph.graph import Graph, Node, Ref
from auditor.relevance.graph.layers import Layers
from auditor.relevance.rules.by_operation import IDENTITY
from auditor.relevance.rules.directions import ENCODE, REBUILD, Encode, Rebuild
from auditor.relevance.rules.rule import Rule, Saved, Weights
from auditor.relevance.sweep.fold import Fold
from auditor.relevance.sweep.plan import Plan
from auditor.subject.dictionaries import KEY, Dictionary

DIRECTIONS = "units"
PARTS = ("heads", "query", "key", "value")
ATTENTION = "scaled_dot_product_attention"


@dataclass(frozen=True, eq=False)
class Added:
    """Nodes to be put after one, the last of which its readers read; ``axis`` of the layer."""

    layer: str
    after: Node
    nodes: tuple[tuple[Node, Rule], ...]
    node: str
    axis: int
    places_of: str | None = None


def with_units(
    plan: Plan, layers: Layers, units: Mapping[str, Dictionary | None]
) -> tuple[Plan, Layers]:
    """Return plan and layers with the layers that ``units`` names; a dictionary for directions.

    Raises:
        ConfigError: a dictionary does not fit its layer, or a layer has no such part.
        UnknownNameError: the layer that a name begins with does not exist.
    """
    for name, dictionary in units.items():
        base, _, part = name.rpartition(":")
        if dictionary is not None:
            added = _directions(name, base, dictionary, layers)
        else:
            added = _of_attention(name, base, part, plan.graph)
        plan, layers = _put(plan, layers, added)
    return plan, layers


def units_of(layer: str) -> str:
    """Name the layer that holds the directions of a dictionary at a layer."""
    return f"{layer}:{DIRECTIONS}"


def is_part(name: str) -> bool:
    """Tell whether a layer's name asks for a part of attention."""
    base, colon, part = name.rpartition(":")
    return bool(base and colon) and part in PARTS


def _directions(name: str, base: str, dictionary: Dictionary, layers: Layers) -> Added:
    node, axis = layers.node(base), layers.axis(base)
    count, width = dictionary.directions.shape
    if width != node.shape[axis]:
        raise ConfigError(
            f"{KEY} of '{base}': directions are {count, width}, and the layer has "
            f"{node.shape[axis]} channels; give directions (D, {node.shape[axis]})."
        )
    encode = Encode(dictionary, axis)
    shape = (*node.shape[:axis], count, *node.shape[axis + 1 :])
    made = replace(
        node, name=f"{node.name}.{DIRECTIONS}", operation="directions", target=encode,
        arguments={"values": Ref(node.name)}, inputs=(node.name,), shape=shape,
        input_shapes=(node.shape,), input_batches=(node.batch,), others={}, real=None,
    )  # fmt: skip
    whole = replace(
        made, name=f"{node.name}.rebuilt", operation="directions_sum", target=Rebuild(encode),
        arguments={"units": Ref(made.name), "values": Ref(node.name)},
        inputs=(made.name, node.name), shape=node.shape, input_shapes=(shape, node.shape),
        input_batches=(node.batch, node.batch),
    )  # fmt: skip
    return Added(name, node, ((made, ENCODE), (whole, REBUILD)), made.name, axis, base)


def _of_attention(name: str, base: str, part: str, graph: Graph) -> Added:
    node = _attention(name, base, graph)
    if part == "heads":
        made = _moving(node, f"{node.name}.heads", "clone", _same, node.shape)
        return Added(name, node, ((made, IDENTITY),), made.name, 1)
    source = graph[node.arguments[part].name]
    if source.name not in graph.ancestors({graph.output}):
        raise ConfigError(
            f"no relevance reaches the {part} of '{base}', because the composite holds attention "
            "constant; set audit.composite: attnlrp, or audit its value or heads."
        )
    images, heads, tokens, width = source.shape
    together = _moving(
        source, f"{source.name}.{part}", "permute", _merge, (images, tokens, heads * width)
    )
    apart = _moving(together, f"{source.name}.apart", "permute", Split(heads), source.shape)
    rules = (
        Rule("reshape", _merge_reverse(heads), returns="new"),
        Rule("reshape", _split_reverse, returns="new"),
    )
    nodes = ((together, rules[0]), (apart, rules[1]))
    return Added(name, source, nodes, together.name, 2)


def _attention(name: str, base: str, graph: Graph) -> Node:
    """Return the one attention of a module, with its heads on axis 1."""
    found = [node for node in graph.nodes if node.operation == ATTENTION and node.live]
    inside = [node for node in found if base in node.modules]
    if not inside:
        known = {node.modules[-1] for node in found if node.modules}
        raise UnknownNameError("layer with attention", base, known)
    if len(inside) > 1:
        raise ConfigError(
            f"'{name}' in audit.layers could be of {len(inside)} attentions; name the module of "
            f"one of them: {', '.join(node.modules[-1] for node in inside[:8])}."
        )
    (node,) = inside
    if len(node.shape) != 4 or node.batch.axis != 0 or node.batch.times != 1:
        raise ConfigError(
            f"'{name}' in audit.layers: the attention of '{base}' runs in windows, and its heads "
            "cannot be told apart by picture; audit the layer's channels."
        )
    return node


def _moving(
    source: Node, name: str, operation: str, target: Callable[..., Any], shape: tuple[int, ...]
) -> Node:
    return replace(
        source, name=name, operation=operation, target=target,
        arguments={"values": Ref(source.name)}, inputs=(source.name,), shape=shape,
        input_shapes=(source.shape,), input_batches=(source.batch,), others={}, real=None,
    )  # fmt: skip


def _same(values: Tensor) -> Tensor:
    return values


def _merge(values: Tensor) -> Tensor:
    """Return (B, heads, tokens, width) as (B, tokens, heads x width)."""
    return values.transpose(1, 2).flatten(2)


class Split:
    """Undo `_merge`."""

    def __init__(self, heads: int) -> None:
        self.heads = heads

    def __call__(self, values: Tensor) -> Tensor:
        """Return (B, tokens, heads x width) as (B, heads, tokens, width)."""
        images, tokens, width = values.shape
        return values.reshape(images, tokens, self.heads, width // self.heads).transpose(1, 2)


def _merge_reverse(heads: int) -> Callable[..., tuple[Tensor, ...]]:
    split = Split(heads)

    def reverse(
        node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
    ) -> tuple[Tensor, ...]:
        return (split(coefficient),)

    return reverse


def _split_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    return (_merge(coefficient),)


def _put(plan: Plan, layers: Layers, added: Added) -> tuple[Plan, Layers]:
    """Put the nodes into the graph, and what reads the node before them reads the last of them."""
    before, after = added.after.name, added.nodes[-1][0].name
    nodes: list[Node] = []
    for node in plan.graph.nodes:
        nodes.append(_reading(node, before, after))
        if node.name == before:
            nodes += [made for made, _ in added.nodes]
    graph = plan.graph.having(nodes)
    rules = plan.rules | {made.name: rule for made, rule in added.nodes}
    weights: dict[str, Weights] = {**plan.weights, **{made.name: () for made, _ in added.nodes}}
    order = {node.name: place for place, node in enumerate(nodes)}
    named = sorted({**layers.nodes, added.layer: added.node}.items(), key=lambda x: order[x[1]])
    places = added.places_of
    extended = replace(
        layers,
        graph=graph,
        nodes=dict(named),
        axes={**layers.axes, **{made.name: added.axis for made, _ in added.nodes}},
        units={**layers.units, added.layer: places},
    )
    return replace(plan, graph=graph, rules=rules, weights=weights), extended


def _reading(node: Node, before: str, after: str) -> Node:
    """Return a node that reads another one in place of one."""
    if before not in {*node.refers()}:
        return node

    def other(value: Any) -> Any:
        if isinstance(value, Ref):
            return Ref(after) if value.name == before else value
        if isinstance(value, (list, tuple)):
            return type(value)(other(each) for each in value)
        return value

    return replace(
        node,
        arguments={key: other(value) for key, value in node.arguments.items()},
        inputs=tuple(after if name == before else name for name in node.inputs),
        others={after if name == before else name: at for name, at in node.others.items()},
    )
