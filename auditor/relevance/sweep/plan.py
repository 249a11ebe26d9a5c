"""The plan of a model under a composite: the rule of every node, and the weights of those rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from auditor.base.errors import ConfigError, UnknownNameError
from auditor.relevance.graph import held_factors
from auditor.relevance.graph.canonise import CONVOLUTIONS, WEIGHTED, arrange
from auditor.relevance.graph.graph import Graph, Node
from auditor.relevance.graph.non_negative import non_negative
from auditor.relevance.rules.by_operation import (
    DERIVATIVE,
    ELEMENTWISE,
    MULTILINEAR,
    NATIVE,
    rule_of,
)
from auditor.relevance.rules.composites import BOX, RULES, Composite, Variants
from auditor.relevance.rules.rule import Rule, Settings, Signed, Weights

CURVED = MULTILINEAR | frozenset({
    "mul", "div", "layer_norm", "group_norm", "instance_norm", "rms_norm",
    "scaled_dot_product_attention", "pow", "softmax", "_softmax",
})  # fmt: skip
FULL_GRADIENT = replace(NATIVE, name="gradient", fallback=False)


@dataclass(frozen=True, eq=False)
class Plan:
    """A graph with the rule of every node and the weights of those rules."""

    graph: Graph
    composite: Composite
    rules: dict[str, Rule]
    weights: Mapping[str, Weights]
    settings: Settings


def plan(
    graph: Graph, composite: Composite, settings: Settings, *, signed: Signed = "known"
) -> Plan:
    """Give every node its rule.

    ``signed``: which branches rules for signed inputs have: 'known' from the signs that the graph
    tells, 'both' everywhere, or 'positive' nowhere.

    Raises:
        UnknownNameError: an exception of the composite fits no operation or layer.
    """
    if not composite.gradient:
        graph = held_factors.hold(graph, attention=composite.attention == "held")
    graph = arrange(graph)
    _check_exceptions(graph, composite)
    positive, clipped = _positive(graph, signed), _clipped(graph)
    rules: dict[str, Rule] = {}
    stem = {graph.input}
    for node in graph.nodes:
        if not node.live or node.name == graph.input:
            continue
        if is_weighted(node):
            variants = _variants(node, composite, seen=node.inputs[0] in stem)
            rule = variants.of(positive=node.inputs[0] in positive, clipped=node.name in clipped)
        else:
            rule = _unweighted(node, composite)
        if rule.passes is not None and _passes(node, rule, stem):
            stem.add(node.name)
        rules[node.name] = rule
    weights = {
        node.name: tuple(_laid_out(each) for each in rules[node.name].weights(node, settings))
        for node in graph.nodes
        if node.name in rules
    }
    return Plan(graph, composite, rules, weights, settings)


def _clipped(graph: Graph) -> frozenset[str]:
    """Return the nodes whose every reader sets negative values to zero."""
    return frozenset(
        name
        for name, users in graph.users.items()
        if users and all(_clips(graph[u]) for u in users)
    )


def _clips(node: Node) -> bool:
    if node.operation == "hardtanh":
        return float(node.arguments["min_val"]) == 0
    if node.operation in {"clamp", "clamp_min"}:
        lower = node.arguments["min"]
        return isinstance(lower, (int, float)) and lower == 0
    return node.operation in {"relu", "relu6"}


def _positive(graph: Graph, signed: Signed) -> frozenset[str]:
    if signed == "both":
        return frozenset()
    if signed == "positive":
        return frozenset(node.name for node in graph.nodes)
    return non_negative(graph)


def _variants(node: Node, composite: Composite, *, seen: bool) -> Variants:
    """Return the rule of a node with weights; ``seen``: it sees the image itself."""
    name = _exception(node, composite)
    if name is None:
        may_be_first = node.operation in CONVOLUTIONS
        may_be_first = may_be_first or (node.operation == "linear" and composite.first_linear)
        everywhere = node.operation != "linear" or len(node.shape) > 2 or node.batch.times > 1
        name = composite.convolution if everywhere else composite.dense
        if seen and may_be_first and composite.first is not None:
            name = composite.first
    variants = RULES[name]
    if variants.positive.terminal and not seen:
        raise ConfigError(
            f"the rule '{name}' is for layers that see the image itself, but '{node.module}' has "
            "other layers before it; choose another rule for it."
        )
    return variants


def _unweighted(node: Node, composite: Composite) -> Rule:
    rule = rule_of(node)
    if composite.gradient and (node.operation in CURVED or rule is NATIVE):
        return FULL_GRADIENT
    return DERIVATIVE if composite.gradient and rule is ELEMENTWISE else rule


def is_weighted(node: Node) -> bool:
    """Tell whether a node is a convolution or linear layer with constant weights."""
    if node.operation not in WEIGHTED or len(node.inputs) != 1 or node.complex_value:
        return False
    values = node.arguments
    bias = values["bias"]
    return isinstance(values["weight"], Tensor) and (bias is None or isinstance(bias, Tensor))


def _exception(node: Node, composite: Composite) -> str | None:
    """Return the user's rule for a layer (the last pattern that fits), else for an operation."""
    fits = [
        rule
        for pattern, rule in composite.layers.items()
        if any(fnmatchcase(name, pattern) for name in node.modules)
    ]
    return fits[-1] if fits else composite.operations.get(node.operation)


def _check_exceptions(graph: Graph, composite: Composite) -> None:
    weighted = [node for node in graph.nodes if node.live and is_weighted(node)]
    known = {node.operation for node in weighted}
    for operation in composite.operations:
        if operation not in known:
            raise UnknownNameError("operation with weights in this model", operation, known)
    paths = [name for node in weighted for name in node.modules]
    for pattern in composite.layers:
        if not any(fnmatchcase(path, pattern) for path in paths):
            raise UnknownNameError("layer pattern", pattern, set(paths))


def _passes(node: Node, rule: Rule, stem: set[str]) -> bool:
    """Tell whether relevance R can go through a node between the image and the first layer."""
    if any(name not in stem for name in node.inputs):
        return False
    if rule.passes == "reverse":
        return True
    return len(node.inputs) == 1 and node.shape == node.input_shapes[0]


def _laid_out(weight: Tensor) -> Tensor:
    """Store the weights of two-dimensional convolutions channels last, as the images are."""
    if weight.dim() != 4:
        return weight
    return weight.contiguous(memory_format=torch.channels_last)


def notes(planned: Plan) -> tuple[str, ...]:
    """Return what a reader of the results must know about the rules that ran."""
    said = list(planned.graph.notes)
    names = {rule.name for rule in planned.rules.values()}
    if BOX.name in names and planned.settings.box is None:
        said.append(
            "The z-box rule used each image's own range of values per channel: the lowest and "
            "highest possible pixel values were not given."
        )
    first = planned.composite.first
    if first is not None and first not in names:
        said.append(
            f"The rule '{first}' for the first layer ran nowhere: no convolution or linear "
            "layer sees the image without something in between that has no terminal rule."
        )
    # Relevance never comes to the branches that compute what is held constant.
    reached = planned.graph.ancestors({planned.graph.output})
    unruled = Counter(
        node.operation
        for node in planned.graph.nodes
        if node.name in reached and node.name in planned.rules and planned.rules[node.name].fallback
    )
    if unruled:
        counted = ", ".join(f"{name} ({count}x)" for name, count in sorted(unruled.items()))
        said.append(
            f"Operations without a relevance rule of their own: {counted}. Gradient x input ran "
            "there, which need not conserve relevance."
        )
    return tuple(said)
