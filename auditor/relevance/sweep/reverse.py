"""Send relevance through the graph in reverse, for any number of conditions at once.

The sweep carries ``c = R / a``; below the terminal rule of a first layer it carries R.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, prod
from sys import maxsize

import torch
from torch import Tensor

from auditor.relevance.graph.graph import CAPTURED, Graph, Node
from auditor.relevance.rules.rule import Saved
from auditor.relevance.sweep.accumulate import Arrivals, Flow
from auditor.relevance.sweep.fold import Fold
from auditor.relevance.sweep.plan import Plan

NOTHING: Mapping[str, Tensor] = {}


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
    arrived = Arrivals()
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
    sweep: _Sweep, place: int, arrived: Arrivals, flow: Flow, fold: Fold, rows: range
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
    arrived: Arrivals,
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
    plan: Plan, saved: Saved, node: Node, relevance: Tensor, fold: Fold, arrived: Arrivals
) -> None:
    """Hand R itself through a node between the image and the first layer."""
    rule = plan.rules[node.name]
    if rule.passes == "same":
        results: tuple[Tensor, ...] = (relevance,)
    else:
        results = rule.reverse(node, plan.weights[node.name], saved, relevance, fold)
    for name, result in zip(node.inputs, results, strict=True):
        arrived.add_relevance(name, result)


def one_hot(targets: Tensor, classes: int, like: Tensor) -> Tensor:
    """Return the seed at the logits: c = R / a is 1 at the target and 0 elsewhere."""
    return torch.nn.functional.one_hot(targets, classes).to(like)
