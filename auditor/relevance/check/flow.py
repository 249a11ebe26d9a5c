"""Account for the explained logit: what arrives where, and what each node keeps, and why.

At a node with output a and arriving c, ``sum a c`` arrives and ``sum a_i c_i`` over its inputs
goes on. The difference stays there. It is split by running the same rule on the same c again:
without epsilon (what the stabiliser kept), then without the bias in the denominators too (what
the bias kept); what no input gets even then had nowhere to go. Every sum is exact in float64:
what is kept plus what arrives at the pixels is the logit.
"""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from auditor.relevance.graph.graph import Node, in_precision
from auditor.relevance.rules.by_operation import ELEMENTWISE
from auditor.relevance.rules.composites import GRADIENT
from auditor.relevance.rules.rule import Settings, Weights
from auditor.relevance.sweep.forward import prepared, run
from auditor.relevance.sweep.plan import Plan, is_weighted
from auditor.relevance.sweep.reverse import Visit, apply_rule, observe_one_image

NO_EPSILON = 1e-30  # what stands for no stabiliser in float64: 0 / 0 stays 0
ROUNDING = 1e-12  # of what arrives: a difference below is float64's own, and nothing was kept
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

    @classmethod
    def sum(cls, several: Iterable[Kept]) -> Kept:
        """Return the sum of several."""
        return reduce(cls.plus, several, cls())

    def plus(self, other: Kept, factor: float = 1.0) -> Kept:
        """Return the sum with ``factor`` times another."""
        mine, added = self.shares(), other.shares()
        return Kept(**{cause: mine[cause] + factor * added[cause] for cause in mine})


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
    try:
        wide = plan if image.dtype == torch.float64 else in_float64(plan)
        values = run(wide.graph, image.double(), wide.graph.by_name)
    except (RuntimeError, TypeError):
        wide = plan
        values = run(plan.graph, image, plan.graph.by_name)
    chosen = int(values[plan.graph.output].argmax()) if target is None else target
    return chosen, _account(wide, values, chosen)


def _account(plan: Plan, values: Mapping[str, Any], target: int) -> Account:
    graph = plan.graph
    logit = float(values[graph.output][0, target])
    arrived: dict[str, float] = {}
    kept: dict[str, Kept] = {}
    edges: dict[tuple[str, str], float] = {}

    def observe(visit: Visit) -> None:
        name = visit.node.name
        arrived[name] = sum(
            _relevance_of(values[name], flow, terminal=terminal)
            for flow, terminal in ((visit.coefficient, False), (visit.relevance, True))
            if flow is not None
        )
        for to, flow, terminal in visit.sent:
            amount = _relevance_of(values[to], flow, terminal=terminal)
            edges[name, to] = edges.get((name, to), 0.0) + amount
        if name == graph.input:
            return
        lost = arrived[name] - sum(edges[name, to] for to in visit.node.inputs)
        if abs(lost) > ROUNDING * max(abs(arrived[name]), abs(logit)):
            kept[name] = _split(plan, visit, values, lost)

    observe_one_image(plan, values, target, observe)
    return Account(logit, arrived, kept, edges, arrived.get(graph.input, 0.0))


def _split(plan: Plan, visit: Visit, values: Mapping[str, Any], lost: float) -> Kept:
    """Tell why ``lost`` stays at a node."""
    node, rule, settings = visit.node, plan.rules[visit.node.name], plan.settings
    if rule.fallback:
        return Kept(unruled=lost)
    if visit.coefficient is None or not (is_weighted(node) or rule is ELEMENTWISE):
        return Kept(biases=lost) if _adds_constants(node) else Kept(inexact=lost)
    if rule is GRADIENT:
        return Kept(biases=lost)
    sent = _sender(plan, node, values, visit.coefficient)
    exact = replace(settings, epsilon=NO_EPSILON)
    without = sent(exact)
    stabilisers = without - sent(settings)
    rest = lost - stabilisers
    if rule is ELEMENTWISE or node.arguments["bias"] is None or settings.bias == "exclude":
        return Kept(stabilisers=stabilisers, nowhere=rest)
    biases = sent(replace(exact, bias="exclude")) - without
    return Kept(biases=biases, stabilisers=stabilisers, nowhere=rest - biases)


def _sender(
    plan: Plan, node: Node, values: Mapping[str, Any], coefficient: Tensor
) -> Callable[[Settings], float]:
    """Return how much a node passes on of the arriving c, as a function of the settings."""
    rule, weights = plan.rules[node.name], plan.weights[node.name]

    def sent(settings: Settings) -> float:
        saved = prepared(replace(plan, settings=settings), node, values)
        flows = apply_rule(rule, node, weights, saved, coefficient)
        pairs = zip(node.inputs, flows, strict=True)
        return sum(_relevance_of(values[to], flow, terminal=rule.terminal) for to, flow in pairs)

    return sent


def _relevance_of(activation: Tensor, flow: Tensor, *, terminal: bool) -> float:
    """Return the sum of the relevance in a flow: R itself, or c to be multiplied by a.

    Of complex numbers, what the real and the imaginary part carry together.
    """
    return float(flow.double().sum() if terminal else (_real(activation) * _real(flow)).sum())


def _real(values: Tensor) -> Tensor:
    parts = torch.view_as_real(values.resolve_conj()) if values.is_complex() else values
    return parts.double()


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


class _Converted(UserDict[str, Any]):
    """Arguments of a node whose constants are converted to float64 whenever they are read."""

    def __getitem__(self, name: str) -> Any:
        return in_precision(self.data[name], torch.float64)


class _OnDemand(dict[str, Weights]):
    """Weights worked out whenever they are read, so that float64 holds those of one node only."""

    def __init__(self, weights: Callable[[str], Weights]) -> None:
        super().__init__()
        self.weights = weights

    def __missing__(self, name: str) -> Weights:
        return self.weights(name)


def in_float64(plan: Plan) -> Plan:
    """Return a plan whose constants and weights are converted to float64 when they are read."""
    graph = plan.graph.having(
        replace(node, arguments=_Converted(node.arguments)) for node in plan.graph.nodes
    )

    def weights(name: str) -> Weights:
        return plan.rules[name].weights(graph[name], plan.settings)

    return replace(plan, graph=graph, weights=_OnDemand(weights))
