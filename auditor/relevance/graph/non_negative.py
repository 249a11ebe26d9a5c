"""Work out from the graph alone which tensors can never be negative."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from auditor.relevance.graph.graph import Graph, Node, Ref

ALWAYS = frozenset({"relu", "relu6", "sigmoid", "hardsigmoid", "softplus", "exp", "softmax"})
BY_INPUTS = frozenset({
    "clone", "alias", "detach", "_to_copy", "contiguous", "view", "squeeze", "unsqueeze",
    "split", "split_with_sizes", "slice", "select", "permute", "transpose",
    "mean", "sum", "avg_pool1d", "avg_pool2d", "adaptive_avg_pool1d", "adaptive_avg_pool2d",
    "_adaptive_avg_pool2d", "upsample_nearest2d", "upsample_bilinear2d", "max_pool2d",
    "adaptive_max_pool2d", "amax", "leaky_relu", "elu", "gelu", "silu", "hardswish", "mish",
    "tanh",
})  # fmt: skip


def non_negative(graph: Graph) -> frozenset[str]:
    """Return the names of the nodes whose values are known to be at least 0."""
    known: set[str] = set()
    for node in graph.nodes:
        if _is_non_negative(node, known):
            known.add(node.name)
    return frozenset(known)


def _is_non_negative(node: Node, known: set[str]) -> bool:
    values = node.arguments
    inputs_are = bool(node.inputs) and all(name in known for name in node.inputs)
    if node.operation in {"hardtanh", "clamp", "clamp_min"} and not _may_be_raised(values):
        return False
    if node.operation in {"cat", "stack"}:
        return all(_is_positive(each, known) for each in values["tensors"])
    if node.operation in ALWAYS:
        return True
    if node.operation == "hardtanh":
        return inputs_are or float(values["min_val"]) >= 0
    if node.operation in {"clamp", "clamp_min"}:
        return inputs_are or (isinstance(values["min"], (int, float)) and values["min"] >= 0)
    if node.operation == "add":
        return inputs_are and len(node.inputs) == 2 and float(values["alpha"]) >= 0
    if node.operation in {"pad", "constant_pad_nd"}:
        return inputs_are and float(values.get("value") or 0) >= 0
    return inputs_are and node.operation in BY_INPUTS


def _may_be_raised(values: Mapping[str, Any]) -> bool:
    """Tell whether a clipping function has no upper bound below zero."""
    upper = values.get("max", values.get("max_val"))
    return upper is None or (isinstance(upper, (int, float)) and upper >= 0)


def _is_positive(value: Any, known: set[str]) -> bool:
    if isinstance(value, Tensor):
        return bool((value >= 0).all())
    return isinstance(value, Ref) and value.name in known
