"""Composites: which rule runs where. One table by name, and the plan of a model under one of them.

Sources: Kohlbrenner et al. 2020 (composites); the names follow zennit's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from auditor.errors import UnknownNameError, UnsupportedOperationError
from auditor.relevance import rules as lrp
from auditor.relevance import terminal
from auditor.relevance.canonise import CONVOLUTIONS, WEIGHTED
from auditor.relevance.graph import Graph, Node
from auditor.relevance.registry import DERIVATIVE, ELEMENTWISE, OPERATIONS
from auditor.relevance.rules import Rule, Settings, Weights
from auditor.relevance.signs import non_negative

EPSILON = Rule(
    "epsilon", lrp.linear_reverse, lrp.epsilon_prepare, lrp.epsilon_weights, returns="new"
)
GRADIENT = Rule("gradient", lrp.linear_reverse, weights=lrp.epsilon_weights, returns="new")
PLUS = Rule("z-plus", lrp.linear_reverse, lrp.plus_prepare, lrp.plus_weights, returns="new")
PLUS_SIGNED = Rule(
    "z-plus (signed input)", lrp.signed_reverse, lrp.plus_signed_prepare, lrp.split_weights,
    returns="new",
)  # fmt: skip
GAMMA = Rule("gamma", lrp.linear_reverse, lrp.gamma_prepare, lrp.gamma_weights, returns="new")
GAMMA_SIGNED = Rule(
    "gamma (signed input)", lrp.signed_reverse, lrp.gamma_signed_prepare, lrp.gamma_weights,
    returns="new",
)  # fmt: skip
ALPHA_BETA = Rule(
    "alpha2-beta1", lrp.alpha_beta_reverse, lrp.alpha_beta_prepare, lrp.split_weights, returns="new"
)
FLAT = Rule(
    "flat", terminal.flat_reverse, terminal.flat_prepare, terminal.flat_weights, terminal=True
)
BOX = Rule("z-box", terminal.box_reverse, terminal.box_prepare, terminal.box_weights, terminal=True)


@dataclass(frozen=True)
class Composite:
    """Name the rule of each kind of layer.

    ``convolution`` is for inputs that are known to be non-negative, ``signed`` for all others.
    ``first`` is the rule of the layers that see the image itself, None for no exception; it
    applies to a linear first layer only where ``first_linear`` says so.
    """

    name: str
    linear: Rule
    convolution: Rule
    signed: Rule
    first: Rule | None = None
    first_linear: bool = False
    elementwise: Rule = ELEMENTWISE


COMPOSITES: dict[str, Composite] = {
    each.name: each
    for each in (
        Composite("epsilon-plus-flat", EPSILON, PLUS, PLUS_SIGNED, FLAT, first_linear=True),
        Composite("epsilon-gamma-box", EPSILON, GAMMA, GAMMA_SIGNED, BOX),
        Composite("epsilon-alpha2-beta1", EPSILON, ALPHA_BETA, ALPHA_BETA),
        Composite("epsilon", EPSILON, EPSILON, EPSILON),
        Composite("gradient-input", GRADIENT, GRADIENT, GRADIENT, elementwise=DERIVATIVE),
    )
}
DEFAULT = "epsilon-plus-flat"


@dataclass(frozen=True, eq=False)
class Plan:
    """A graph with the rule of every node and the weights of those rules."""

    graph: Graph
    composite: str
    rules: dict[str, Rule]
    weights: dict[str, Weights]
    settings: Settings


def choose(name: str) -> Composite:
    """Return a composite by name; 'auto' is the default for convolutional networks."""
    known = DEFAULT if name == "auto" else name
    if known not in COMPOSITES:
        raise UnknownNameError("composite", name, [*COMPOSITES, "auto"])
    return COMPOSITES[known]


def plan(graph: Graph, composite: Composite, settings: Settings) -> Plan:
    """Give every node its rule, or say which operation of which module has none."""
    positive = non_negative(graph)
    rules: dict[str, Rule] = {}
    stem = {graph.input}
    for node in graph.nodes:
        if not node.live or node.name == graph.input:
            continue
        rule = _rule(node, composite, positive, stem)
        if rule.passes is not None and _passes(node, rule, stem):
            stem.add(node.name)
        rules[node.name] = rule
    weights = {
        node.name: tuple(_laid_out(each) for each in rules[node.name].weights(node))
        for node in graph.nodes
        if node.name in rules
    }
    return Plan(graph, composite.name, rules, weights, settings)


def _rule(node: Node, composite: Composite, positive: frozenset[str], stem: set[str]) -> Rule:
    if node.operation in WEIGHTED and _has_constant_weights(node):
        convolves = node.operation in CONVOLUTIONS
        first = composite.first if convolves or composite.first_linear else None
        if first is not None and node.inputs[0] in stem:
            return first
        if not convolves:
            return composite.linear
        return composite.convolution if node.inputs[0] in positive else composite.signed
    rule = OPERATIONS.get(node.operation)
    reason = "" if rule is None else rule.refuses(node)
    if rule is None or reason is not None:
        where = f"module '{node.module}'" if node.module else "the forward of the model itself"
        what = f"'{node.operation}' {reason}".strip()
        raise UnsupportedOperationError(
            f"the operation {what} in {where} has no relevance rule yet "
            f"(node '{node.name}' of the captured graph); a model without it can be explained."
        )
    return composite.elementwise if rule is ELEMENTWISE else rule


def _has_constant_weights(node: Node) -> bool:
    values = node.arguments
    bias = values["bias"]
    return isinstance(values["weight"], Tensor) and (bias is None or isinstance(bias, Tensor))


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
    """Say what a reader of the results must know about the rules that ran."""
    found = []
    names = {rule.name for rule in planned.rules.values()}
    if BOX.name in names and planned.settings.box is None:
        found.append(
            "The z-box rule used each image's own range of values per channel: the lowest and "
            "highest possible pixel values were not given."
        )
    first = COMPOSITES[planned.composite].first
    if first is not None and first.name not in names:
        found.append(
            f"The rule '{first.name}' for the first layer ran nowhere: no convolution or linear "
            "layer sees the image without something in between that has no terminal rule."
        )
    return tuple(found)
