"""Run the graph forward, keeping what the rules need, and in reverse for any number of conditions.

The reverse sweep carries ``c = R / a``; below the terminal rule of a first layer it carries R.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import ceil, prod
from sys import maxsize
from typing import Any

import torch
from torch import Tensor

from auditor.relevance.fold import Fold
from auditor.relevance.graph import CAPTURED, Graph, Node
from auditor.relevance.operations import windows_are_apart
from auditor.relevance.plan import Plan
from auditor.relevance.rule import Local, Saved

NOTHING: Mapping[str, Tensor] = {}


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
    seen: set[str] = field(default_factory=set)

    def narrow(self, graph: Graph, start: int, stop: int) -> Flow:
        """Return what arrived for some rows, as views."""

        def some(values: dict[str, Tensor]) -> dict[str, Tensor]:
            return {name: _rows(each, graph[name], start, stop) for name, each in values.items()}

        return Flow(some(self.coefficients), some(self.relevances), set(self.seen))


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
            elif rule.masks and windows_are_apart(node):
                _draw_into_mask(plan, saved, node, readable)
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
    if shared or scale.dim() == len(node.shape):
        own = before.scale.is_floating_point() and before.scale.shape == scale.shape
        own = own and not before.shared
        drawn = before.scale.mul_(scale) if own else before.scale * scale
        saved[node.inputs[0]] = replace(before, scale=drawn, shared=shared)
        saved[node.name] = replace(saved[node.name], scale=None)


def _draw_into_mask(plan: Plan, saved: dict[str, Saved], node: Node, readable: set[str]) -> None:
    """Multiply the factor of the node before a pooling into the mask of its winners."""
    source = node
    while _only_reader(plan.graph, source, readable):
        source = plan.graph[source.inputs[0]]
        before = saved.get(source.name)
        if before is None or before.shared:
            return
        if before.scale is not None:
            if before.scale.shape == saved[node.name].tensors[0].shape:
                saved[node.name].tensors[0].mul_(before.scale)
                saved[source.name] = replace(before, scale=None)
            return
        if not plan.rules[source.name].elementwise:
            return


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
    narrowed: Mapping[str, Tensor] = NOTHING,
    ends: bool = False,
) -> Flow:
    """Send the seeds (c of their nodes, one row per condition) down to the wanted nodes.

    A wanted node's c is complete when it is read; the sweep ends at the lowest wanted node and
    follows no branch that reaches none of them. ``narrowed``: seeds of these nodes hold some
    channels only, those of the given indices; all others are zero. With ``ends`` it goes no
    further from any wanted node, so that each is given only what comes past none of the others.
    """
    parts = reverse_in_parts(plan, saved, seeds, wanted, fold, narrowed=narrowed, ends=ends)
    ((_, flow),) = parts
    return flow


def reverse_in_parts(
    plan: Plan,
    saved: dict[str, Saved],
    seeds: dict[str, Tensor],
    wanted: set[str],
    fold: Fold,
    *,
    narrowed: Mapping[str, Tensor] = NOTHING,
    limit: int | None = None,
    ends: bool = False,
) -> Iterator[tuple[range, Flow]]:
    """Yield what ``reverse`` returns for parts of the rows, in order.

    The rows go on in smaller parts from where c of one node takes more than ``limit`` bytes: deep
    layers, whose c is small and whose weights are large, run many rows at once, and the large
    maps near the image stay in the cache.
    """
    arrived = _Arrivals()
    for name, seed in seeds.items():
        arrived.add_coefficient(name, seed, fresh=False)
    useful = plan.graph.descendants(wanted)
    sweep = _Sweep(plan, saved, frozenset(wanted), frozenset(useful), narrowed, limit, ends)
    rows = range(len(fold.samples))
    yield from _descend(sweep, len(plan.graph.nodes) - 1, arrived, Flow(), fold, rows)


@dataclass(frozen=True, eq=False)
class _Sweep:
    """What stays the same through one sweep."""

    plan: Plan
    saved: dict[str, Saved]
    wanted: frozenset[str]
    useful: frozenset[str]
    narrowed: Mapping[str, Tensor]
    limit: int | None
    ends: bool

    def together(self, node: Node, like: Tensor) -> int:
        """Return how many rows may pass a node at once."""
        if self.limit is None:
            return maxsize
        shapes = (node.shape, *node.input_shapes)
        row = max(prod(shape) for shape in shapes) // CAPTURED * like.element_size()
        return max(1, self.limit // row)


def _descend(
    sweep: _Sweep, place: int, arrived: _Arrivals, flow: Flow, fold: Fold, rows: range
) -> Iterator[tuple[range, Flow]]:
    """Go on from a node for some rows; split them where they take too much memory."""
    graph = sweep.plan.graph
    left = sweep.wanted - flow.seen
    for position in range(place, -1, -1):
        node = graph.nodes[position]
        waiting = arrived.waiting(node.name)
        if waiting is not None and len(rows) > sweep.together(node, waiting):
            parts = ceil(len(rows) / sweep.together(node, waiting))
            for part in range(parts):
                start, stop = (len(rows) * each // parts for each in (part, part + 1))
                yield from _descend(
                    sweep,
                    position,
                    arrived.narrow(graph, start, stop),
                    flow.narrow(graph, start, stop),
                    Fold(fold.samples[start:stop], fold.images),
                    rows[start:stop],
                )
            return
        coefficient, own, relevance = arrived.take(node.name)
        if node.name in left:
            left = left - {node.name}
            flow.seen.add(node.name)
            if coefficient is not None:
                flow.coefficients[node.name] = coefficient
                own = False
            if relevance is not None:
                flow.relevances[node.name] = relevance
            if sweep.ends:
                continue
        if not left:
            break
        if node.name == graph.input or not any(name in sweep.useful for name in node.inputs):
            continue
        if coefficient is not None:
            _send(sweep, node, coefficient, own, fold, arrived)
        if relevance is not None:
            _pass_on(sweep.plan, sweep.saved[node.name], node, relevance, fold, arrived)
    yield rows, flow


def _send(
    sweep: _Sweep,
    node: Node,
    coefficient: Tensor,
    own: bool,
    fold: Fold,
    arrived: _Arrivals,
) -> None:
    """Apply one rule to the c of a node and add the results to those of its inputs."""
    plan = sweep.plan
    rule, each, weights = plan.rules[node.name], sweep.saved[node.name], plan.weights[node.name]
    if node.name in sweep.narrowed:
        assert rule.narrow is not None
        weights, each = rule.narrow(weights, each, sweep.narrowed[node.name])
    if each.scale is not None:
        coefficient = fold.scale(
            coefficient, each.scale, in_place=own, shared=each.shared, batch=node.batch
        )
        own = True
    results = rule.reverse(node, weights, each, coefficient, fold)
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

    def waiting(self, name: str) -> Tensor | None:
        """Return what arrived at a node, without taking it."""
        if name in self._coefficients:
            return self._coefficients[name][0]
        return self._relevances.get(name)

    def narrow(self, graph: Graph, start: int, stop: int) -> _Arrivals:
        """Return what has arrived for some rows, as views."""
        part = _Arrivals()
        for name, (value, own) in self._coefficients.items():
            part._coefficients[name] = (_rows(value, graph[name], start, stop), own)
        for name, value in self._relevances.items():
            part._relevances[name] = _rows(value, graph[name], start, stop)
        return part

    def take(self, name: str) -> tuple[Tensor | None, bool, Tensor | None]:
        """Return c of a node, whether it may be overwritten, and R; forget them."""
        coefficient, own = self._coefficients.pop(name, (None, False))
        return coefficient, own, self._relevances.pop(name, None)


def _rows(values: Tensor, node: Node, start: int, stop: int) -> Tensor:
    times = node.batch.times
    return values.narrow(node.batch.axis, start * times, (stop - start) * times)


def one_hot(targets: Tensor, classes: int, like: Tensor) -> Tensor:
    """Return the seed at the logits: c = R / a is 1 at the target and 0 elsewhere."""
    return torch.nn.functional.one_hot(targets, classes).to(like)
