"""Account for the explained logit: what arrives where, and what each node keeps, and why.

At a node with output a and arriving c, ``sum a c`` arrives and ``sum a_i c_i`` over its inputs
goes on. The difference stays there. It is split by running the same rule on the same c again:
without epsilon (what the stabiliser kept), then without the bias in the denominators too (what
the bias kept); what no input gets even then had nowhere to go. Every sum is exact in float64:
what is kept plus what arrives at the pixels is the logit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from auditor.relevance.check.walk import Arrived, Values, Walk, relevance_of
from auditor.relevance.graph.graph import Node
from auditor.relevance.rules.by_operation import ELEMENTWISE
from auditor.relevance.rules.composites import GRADIENT
from auditor.relevance.rules.rule import Settings
from auditor.relevance.sweep.plan import Plan, is_weighted

NO_EPSILON = 1e-30
ROUNDING = 1e-12
NORMS = frozenset({"batch_norm", "layer_norm", "group_norm", "instance_norm"})
JOINS = frozenset({"add", "sub", "cat", "stack", "where", "masked_fill", "slice_scatter", "copy"})


@dataclass(frozen=True)
class Kept:
    """Relevance that a node does not pass on, in shares of the explained logit, signed.

    ``biases``: of layers and norms, and other constants that are added; ``stabilisers``: epsilon;
    ``nowhere``: of outputs that no input contributed to under the rule (a unit that only its bias
    drives); ``unruled``: operations without a rule of their own; ``inexact``: rules that do not
    conserve by design. A negative share is relevance that was created.
    """

    biases: float = 0.0
    stabilisers: float = 0.0
    nowhere: float = 0.0
    unruled: float = 0.0
    inexact: float = 0.0

    @property
    def total(self) -> float:
        """Return all of it."""
        return sum(self.shares().values())

    def shares(self) -> dict[str, float]:
        """Return the share of each cause."""
        return {each.name: float(getattr(self, each.name)) for each in fields(self)}

    def plus(self, other: Kept, factor: float = 1.0) -> Kept:
        """Return the sum with ``factor`` times another."""
        own, added = self.shares(), other.shares()
        return Kept(**{cause: own[cause] + factor * added[cause] for cause in own})


@dataclass(frozen=True)
class Account:
    """Where the relevance went: by node, by edge (node, its input), and at the pixels.

    Of one image, in units of its ``logit``; of several (`average`), in shares of it.
    """

    logit: float
    arrived: dict[str, float]
    kept: dict[str, Kept]
    edges: dict[tuple[str, str], float]
    pixels: float


def account(plan: Plan, image: Tensor, target: int | None) -> tuple[int, Account]:
    """Return the explained class and the account of one image (1, 3, H, W), in float64.

    ``target``: None for the predicted class. Where the graph cannot run in float64 (an operation
    of a fixed precision), its own precision is used.
    """
    walk = Walk(plan, image.dtype, torch.float64)
    try:
        values = walk.forward(image)
    except (RuntimeError, TypeError):
        walk = Walk(plan, image.dtype, image.dtype)
        values = walk.forward(image)
    chosen = int(values[plan.graph.output].argmax()) if target is None else target
    return chosen, _sweep(walk, values, chosen)


def _sweep(walk: Walk, values: Values, target: int) -> Account:
    graph = walk.plan.graph
    logit = float(values[graph.output][0, target])
    arrived: dict[str, float] = {}
    kept: dict[str, Kept] = {}
    edges: dict[tuple[str, str], float] = {}
    for node, here, sent in walk.back(values, target):
        arrived[node.name] = here.total(values[node.name])
        for message in sent:
            edge = (node.name, message.to)
            edges[edge] = edges.get(edge, 0.0) + message.total(values)
        if node.name == graph.input:
            continue
        lost = arrived[node.name] - sum(edges[node.name, name] for name in node.inputs)
        if abs(lost) > ROUNDING * max(abs(arrived[node.name]), abs(logit)):
            kept[node.name] = _split(walk, node, values, here, lost)
    return Account(logit, arrived, kept, edges, arrived.get(graph.input, 0.0))


def _split(walk: Walk, node: Node, values: Values, here: Arrived, lost: float) -> Kept:
    """Tell why ``lost`` stays at a node."""
    rule, settings = walk.plan.rules[node.name], walk.plan.settings
    if rule.fallback:
        return Kept(unruled=lost)
    if here.coefficient is None or not (is_weighted(node) or rule is ELEMENTWISE):
        return Kept(biases=lost) if _adds_constants(node) else Kept(inexact=lost)
    if rule is GRADIENT:
        return Kept(biases=lost)
    sent = _sender(walk, node, values, here.coefficient)
    exact = replace(settings, epsilon=NO_EPSILON)
    without = sent(exact)
    stabilisers = without - sent(settings)
    rest = lost - stabilisers
    if rule is ELEMENTWISE or node.arguments["bias"] is None or settings.bias == "exclude":
        return Kept(stabilisers=stabilisers, nowhere=rest)
    biases = sent(replace(exact, bias="exclude")) - without
    return Kept(biases=biases, stabilisers=stabilisers, nowhere=rest - biases)


def _sender(
    walk: Walk, node: Node, values: Values, coefficient: Tensor
) -> Callable[[Settings], float]:
    """Return how much a node passes on of the arriving c, as a function of the settings."""
    terminal = walk.plan.rules[node.name].terminal

    def sent(settings: Settings) -> float:
        flows = walk.send(node, values, coefficient, settings)
        pairs = zip(node.inputs, flows, strict=True)
        return sum(relevance_of(values[name], flow, terminal=terminal) for name, flow in pairs)

    return sent


def _adds_constants(node: Node) -> bool:
    """Tell whether a node adds something that no image changes: a shift, a token, a position."""
    return node.operation in NORMS or node.operation in JOINS


def average(accounts: Sequence[Account]) -> Account:
    """Return shares of the explained logit over several images, each weighed by its |logit|."""
    weight = sum(abs(each.logit) for each in accounts)
    arrived: dict[str, float] = {}
    kept: dict[str, Kept] = {}
    edges: dict[tuple[str, str], float] = {}
    pixels = 0.0
    for each in accounts if weight else ():
        factor = (1 if each.logit >= 0 else -1) / weight
        for name, amount in each.arrived.items():
            arrived[name] = arrived.get(name, 0.0) + factor * amount
        for name, lost in each.kept.items():
            kept[name] = kept.get(name, Kept()).plus(lost, factor)
        for edge, amount in each.edges.items():
            edges[edge] = edges.get(edge, 0.0) + factor * amount
        pixels += factor * each.pixels
    return Account(weight, arrived, kept, edges, pixels)
