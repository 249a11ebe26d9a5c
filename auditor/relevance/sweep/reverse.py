"""Send relevance through the graph in reverse, for any number of conditions at once.

The sweep carries ``c = R / a``; below the terminal rule of a first layer it carries R.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil, prod
from sys import maxsize
from typing import Any, NamedTuple

import torch
from torch import Tensor

from auditor.relevance.graph.graph import CAPTURED, Graph, Node
from auditor.relevance.rules.rule import Rule, Saved, Weights
from auditor.relevance.sweep.accumulate import Accumulator, Flow
from auditor.relevance.sweep.fold import Fold
from auditor.relevance.sweep.forward import prepared
from auditor.relevance.sweep.plan import Plan

NOTHING: Mapping[str, Tensor] = {}
ONE_IMAGE = Fold.one_each(1)


class Sent(NamedTuple):
    """What a node sends to one of its inputs: c, or R itself if ``terminal``."""

    to: str
    flow: Tensor
    terminal: bool


@dataclass(frozen=True, eq=False)
class Visit:
    """A node as the sweep passes it: the c and R that arrived there, and what it sends on.

    The tensors hold these values only while the observer runs.
    """

    node: Node
    coefficient: Tensor | None
    relevance: Tensor | None
    sent: tuple[Sent, ...]


Observer = Callable[[Visit], None]


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
    observe: Observer | None = None,
) -> Flow:
    """Send the seeds (c of their nodes, one row per condition) down to the wanted nodes.

    A wanted node's c is complete when it is read; the sweep ends at the lowest wanted node and
    follows no branch that reaches none of them. ``narrowed``: seeds of these nodes hold some
    channels only, those of the given indices; all others are zero. With ``ends`` it goes no
    further from any wanted node, so that each is given only what comes past none of the others.
    ``observe`` is called at every node that relevance reaches.
    """
    parts = reverse_in_parts(
        plan, saved, seeds, wanted, fold, narrowed=narrowed, ends=ends, observe=observe
    )
    ((_, flow),) = parts
    return flow


def observe_one_image(
    plan: Plan, values: Mapping[str, Any], target: int, observe: Observer
) -> None:
    """Send the logit ``target`` of one image down to its pixels; ``observe`` sees every node.

    ``values`` are those of all nodes: nothing is drawn together and nothing overwritten.
    """
    graph = plan.graph
    needed = between(graph, {graph.input}, {graph.output})
    saved = {name: prepared(plan, graph[name], values) for name in needed}
    logits = values[graph.output]
    seed = one_hot(torch.tensor([target], device=logits.device), logits.shape[1], logits)
    reverse(plan, saved, {graph.output: seed}, {graph.input}, ONE_IMAGE, observe=observe)


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
    observe: Observer | None = None,
) -> Iterator[tuple[range, Flow]]:
    """Yield what ``reverse`` returns for parts of the rows, in order.

    The rows go on in smaller parts from where c of one node takes more than ``limit`` bytes: deep
    layers, whose c is small and whose weights are large, run many rows at once, and the large
    maps near the image stay in the cache.
    """
    arrived = Accumulator()
    for name, seed in seeds.items():
        arrived.add_coefficient(name, seed, fresh=False)
    useful = plan.graph.descendants(wanted)
    sweep = _Sweep(
        plan, saved, frozenset(wanted), frozenset(useful), narrowed, limit, ends, observe
    )
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
    observe: Observer | None

    def together(self, node: Node, like: Tensor) -> int:
        """Return how many rows may pass a node at once."""
        if self.limit is None:
            return maxsize
        shapes = (node.shape, *node.input_shapes)
        row = max(prod(shape) for shape in shapes) // CAPTURED * like.element_size()
        return max(1, self.limit // row)


def _descend(
    sweep: _Sweep, start_at: int, arrived: Accumulator, flow: Flow, fold: Fold, rows: range
) -> Iterator[tuple[range, Flow]]:
    """Go on from a node for some rows; split them where they take too much memory."""
    graph = sweep.plan.graph
    left = sweep.wanted - flow.seen
    for position in range(start_at, -1, -1):
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
        coefficient, fresh, relevance = arrived.take(node.name)
        if node.name in left:
            left = left - {node.name}
            flow.seen.add(node.name)
            if coefficient is not None:
                flow.coefficients[node.name] = coefficient
                fresh = False
            if relevance is not None:
                flow.relevances[node.name] = relevance
            if sweep.ends:
                continue
        going_on = bool(left) and any(name in sweep.useful for name in node.inputs)
        _pass(sweep, node, (coefficient, fresh, relevance), fold, arrived, going_on=going_on)
        if not left:
            break
    yield rows, flow


def _pass(
    sweep: _Sweep,
    node: Node,
    here: tuple[Tensor | None, bool, Tensor | None],
    fold: Fold,
    arrived: Accumulator,
    *,
    going_on: bool,
) -> None:
    """Add what a node sends to what has arrived at its inputs."""
    coefficient, writable, relevance = here
    writable = writable and sweep.observe is None
    sent = tuple(_sent(sweep, node, coefficient, writable, relevance, fold)) if going_on else ()
    if sweep.observe is not None and not (coefficient is None and relevance is None):
        sweep.observe(Visit(node, coefficient, relevance, tuple(each for each, _ in sent)))
    for (to, flow, terminal), fresh in sent:
        arrived.add(to, flow, terminal=terminal, fresh=fresh)


def _sent(
    sweep: _Sweep,
    node: Node,
    coefficient: Tensor | None,
    writable: bool,
    relevance: Tensor | None,
    fold: Fold,
) -> Iterator[tuple[Sent, bool]]:
    """Yield what a node sends to its inputs, and whether that may be overwritten."""
    if coefficient is not None:
        rule, saved, weights = _at(sweep, node)
        results = apply_rule(rule, node, weights, saved, coefficient, fold, writable=writable)
        writable = writable or saved.scale is not None
        fresh = rule.returns == "new" or (writable and rule.returns == "view")
        for name, result in zip(node.inputs, results, strict=True):
            yield Sent(name, result, rule.terminal), fresh
    if relevance is not None:
        results = _handed_on(sweep.plan, sweep.saved[node.name], node, relevance, fold)
        for name, result in zip(node.inputs, results, strict=True):
            yield Sent(name, result, True), False


def _at(sweep: _Sweep, node: Node) -> tuple[Rule, Saved, Weights]:
    """Return the rule of a node with what it works on: of some channels, where few are wanted."""
    rule, saved = sweep.plan.rules[node.name], sweep.saved[node.name]
    weights = sweep.plan.weights[node.name]
    if node.name in sweep.narrowed:
        assert rule.narrow is not None
        weights, saved = rule.narrow(weights, saved, sweep.narrowed[node.name])
    return rule, saved, weights


def apply_rule(
    rule: Rule,
    node: Node,
    weights: Weights,
    saved: Saved,
    coefficient: Tensor,
    fold: Fold = ONE_IMAGE,
    *,
    writable: bool = False,
) -> tuple[Tensor, ...]:
    """Return what a rule hands to each input of its node; a ``writable`` c may be overwritten."""
    if saved.scale is not None:
        coefficient = fold.scale(
            coefficient, saved.scale, in_place=writable, shared=saved.shared, batch=node.batch
        )
    return rule.reverse(node, weights, saved, coefficient, fold)


def _handed_on(
    plan: Plan, saved: Saved, node: Node, relevance: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Return R itself as it goes through a node between the image and the first layer."""
    rule = plan.rules[node.name]
    if rule.passes == "same":
        return (relevance,)
    return rule.reverse(node, plan.weights[node.name], saved, relevance, fold)


def one_hot(targets: Tensor, classes: int, like: Tensor) -> Tensor:
    """Return the seed at the logits: c = R / a is 1 at the target and 0 elsewhere."""
    return torch.nn.functional.one_hot(targets, classes).to(like)
