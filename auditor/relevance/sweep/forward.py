"""Run the graph forward, keeping what the rules need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from auditor.relevance.graph.graph import Graph, Node, evaluate
from auditor.relevance.rules.operations import windows_are_apart
from auditor.relevance.rules.rule import Local, Saved
from auditor.relevance.sweep.plan import Plan


@dataclass(frozen=True, eq=False)
class Forward:
    """What one forward pass over a batch left: logits, kept activations, multipliers."""

    logits: Tensor
    activations: dict[str, Tensor]
    saved: dict[str, Saved]


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


def prepared(plan: Plan, node: Node, values: Mapping[str, Any]) -> Saved:
    """Return what the rule of a node keeps of the values of a batch."""
    weights = plan.weights[node.name]
    local = Local(node, weights, values, values[node.name], plan.settings)
    return plan.rules[node.name].prepare(local)


def _walk(
    graph: Graph,
    images: Tensor,
    keep: set[str],
    plan: Plan | None,
    prepare: set[str],
    readable: set[str],
) -> tuple[dict[str, Any], dict[str, Saved]]:
    values: dict[str, Any] = {graph.input: images}
    saved: dict[str, Saved] = {}

    def value(node: Node) -> Any:
        values[node.name] = images if node.name == graph.input else node.call(values)
        if plan is not None and node.name in prepare:
            rule = plan.rules[node.name]
            saved[node.name] = prepared(plan, node, values)
            if rule.elementwise and _only_reader(graph, node, readable):
                _draw_together(saved, node)
            elif rule.masks and windows_are_apart(node):
                _draw_into_mask(plan, saved, node, readable)
        return values[node.name]

    return evaluate(graph, values, keep, value), saved


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
        writable = before.scale.is_floating_point() and before.scale.shape == scale.shape
        writable = writable and not before.shared
        drawn = before.scale.mul_(scale) if writable else before.scale * scale
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
