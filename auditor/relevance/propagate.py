"""Run the graph forward, keeping what the rules need, and in reverse for any number of conditions.

The reverse sweep carries ``c = R / a``; below the terminal rule of a first layer it carries R.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from auditor.relevance.fold import Fold
from auditor.relevance.graph import Graph, Node
from auditor.relevance.plan import Plan
from auditor.relevance.rule import Local, Saved


@dataclass(frozen=True, eq=False)
class Forward:
    """What one forward pass over a batch left: logits, kept activations, multipliers."""

    logits: Tensor
    activations: dict[str, Tensor]
    saved: dict[str, Saved]


@dataclass(frozen=True, eq=False)
class Flow:
    """What arrived at the wanted nodes: c of a node, and R where a terminal rule lies above."""

    coefficients: dict[str, Tensor] = field(default_factory=dict)
    relevances: dict[str, Tensor] = field(default_factory=dict)


def run(graph: Graph, images: Tensor, keep: Iterable[str] = ()) -> Any:
    """Return the logits of the images; with ``keep``, the values of these nodes by name."""
    names = tuple(keep)
    kept = _walk(graph, images, {*names, graph.output}, None, set(), set())[0]
    return {name: kept[name] for name in names} if names else kept[graph.output]


def forward(plan: Plan, images: Tensor, keep: set[str], prepare: set[str]) -> Forward:
    """Run the batch and prepare the rules of the nodes in ``prepare``.

    The nodes in ``keep`` have their activations kept, and their c stays readable: no factor of
    a later node is drawn into theirs.
    """
    graph = plan.graph
    kept, saved = _walk(graph, images, keep | {graph.output}, plan, prepare, keep)
    return Forward(kept[graph.output], {name: kept[name] for name in keep}, saved)


def _walk(
    graph: Graph,
    images: Tensor,
    keep: set[str],
    plan: Plan | None,
    prepare: set[str],
    readable: set[str],
) -> tuple[dict[str, Any], dict[str, Saved]]:
    waiting = {name: len(users) for name, users in graph.users.items()}
    values: dict[str, Any] = {graph.input: images}
    saved: dict[str, Saved] = {}
    for node in graph.nodes:
        if node.name != graph.input:
            values[node.name] = node.call(values)
        if plan is not None and node.name in prepare:
            rule, weights = plan.rules[node.name], plan.weights[node.name]
            local = Local(node, weights, values, values[node.name], plan.settings)
            saved[node.name] = rule.prepare(local)
            if rule.elementwise and _only_reader(graph, node, readable):
                _draw_together(saved, node)
        for name in dict.fromkeys(node.refers()):
            waiting[name] -= 1
            if not waiting[name] and name not in keep:
                del values[name]
    return values, saved


def _only_reader(graph: Graph, node: Node, readable: set[str]) -> bool:
    source = node.inputs[0]
    return len(graph.users[source]) == 1 and source not in readable


def _draw_together(saved: dict[str, Saved], node: Node) -> None:
    """Multiply the factor of an elementwise node into that of the node before it."""
    before = saved.get(node.inputs[0])
    scale = saved[node.name].scale
    if before is None or before.scale is None or scale is None:
        return
    shared = before.shared and saved[node.name].shared
    drawn = before.scale * scale
    if shared or drawn.dim() == len(node.shape):
        saved[node.inputs[0]] = replace(before, scale=drawn, shared=shared)
        saved[node.name] = replace(saved[node.name], scale=None)


def between(graph: Graph, wanted: set[str], starts: set[str]) -> set[str]:
    """Return the nodes whose rules a sweep from ``starts`` down to ``wanted`` needs."""
    useful = graph.descendants(wanted)
    reached = graph.ancestors(starts)
    return {
        node.name
        for node in graph.nodes
        if node.name in reached and any(name in useful for name in node.inputs)
    }


def reverse(
    plan: Plan,
    saved: dict[str, Saved],
    seeds: dict[str, Tensor],
    wanted: set[str],
    fold: Fold,
    *,
    ends: bool = False,
) -> Flow:
    """Send the seeds (c of their nodes, one row per condition) down to the wanted nodes.

    A wanted node's c is complete when it is read; the sweep ends at the lowest wanted node and
    follows no branch that reaches none of them. With ``ends`` it goes no further from any wanted
    node, so that each is given only what comes past none of the others.
    """
    graph = plan.graph
    useful = graph.descendants(wanted)
    arrived = _Arrivals()
    for name, seed in seeds.items():
        arrived.add_coefficient(name, seed, fresh=False)
    flow = Flow()
    left = set(wanted)
    for node in reversed(graph.nodes):
        coefficient, own, relevance = arrived.take(node.name)
        if node.name in wanted:
            left.discard(node.name)
            if coefficient is not None:
                flow.coefficients[node.name] = coefficient
                own = False
            if relevance is not None:
                flow.relevances[node.name] = relevance
            if ends:
                continue
        if not left:
            break
        if node.name == graph.input or not any(name in useful for name in node.inputs):
            continue
        if coefficient is not None:
            _send(plan, saved, node, coefficient, own, fold, arrived)
        if relevance is not None:
            _pass_on(plan, saved[node.name], node, relevance, fold, arrived)
    return flow


def _send(
    plan: Plan,
    saved: dict[str, Saved],
    node: Node,
    coefficient: Tensor,
    own: bool,
    fold: Fold,
    arrived: _Arrivals,
) -> None:
    """Apply one rule to the c of a node and add the results to those of its inputs."""
    rule, each = plan.rules[node.name], saved[node.name]
    if each.scale is not None:
        coefficient = fold.scale(
            coefficient, each.scale, in_place=own, shared=each.shared, batch=node.batch
        )
        own = True
    results = rule.reverse(node, plan.weights[node.name], each, coefficient, fold)
    fresh = rule.returns == "new" or (own and rule.returns == "view")
    for name, result in zip(node.inputs, results, strict=True):
        if rule.terminal:
            arrived.add_relevance(name, result)
        else:
            arrived.add_coefficient(name, result, fresh=fresh)


def _pass_on(
    plan: Plan, saved: Saved, node: Node, relevance: Tensor, fold: Fold, arrived: _Arrivals
) -> None:
    """Hand R itself through a node between the image and the first layer."""
    rule = plan.rules[node.name]
    if rule.passes == "same":
        results: tuple[Tensor, ...] = (relevance,)
    else:
        results = rule.reverse(node, plan.weights[node.name], saved, relevance, fold)
    for name, result in zip(node.inputs, results, strict=True):
        arrived.add_relevance(name, result)


class _Arrivals:
    """Sums of what has arrived at each node so far, freed as soon as they are taken."""

    def __init__(self) -> None:
        self._coefficients: dict[str, tuple[Tensor, bool]] = {}
        self._relevances: dict[str, Tensor] = {}

    def add_coefficient(self, name: str, value: Tensor, *, fresh: bool) -> None:
        """Add to the c of a node; ``fresh`` values may be overwritten later."""
        if name not in self._coefficients:
            self._coefficients[name] = (value, fresh)
            return
        total, own = self._coefficients[name]
        self._coefficients[name] = (total.add_(value) if own else total + value, True)

    def add_relevance(self, name: str, value: Tensor) -> None:
        """Add to the R of a node."""
        total = self._relevances.get(name)
        self._relevances[name] = value if total is None else total + value

    def take(self, name: str) -> tuple[Tensor | None, bool, Tensor | None]:
        """Return c of a node, whether it may be overwritten, and R; forget them."""
        coefficient, own = self._coefficients.pop(name, (None, False))
        return coefficient, own, self._relevances.pop(name, None)


def one_hot(targets: Tensor, classes: int, like: Tensor) -> Tensor:
    """Return the seed at the logits: c = R / a is 1 at the target and 0 elsewhere."""
    return torch.nn.functional.one_hot(targets, classes).to(like)
