"""Products: with a constant, with a gate that is held constant, and of two live tensors.

A gate is no input of its node (see `auditor.relevance.graph.held_factors`), so that all of the
relevance goes
to the other factor. Where both are live, each gets half (AttnLRP, Achtibat et al. 2024, eq. 14).
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from auditor.relevance.graph.graph import Node, Ref
from auditor.relevance.rules.operations import (
    gathered_others,
    native_reverse,
    rows_of,
    unbroadcast,
)
from auditor.relevance.rules.rule import Local, Saved, Weights
from auditor.relevance.sweep.fold import Fold


def factor_prepare(local: Local) -> Saved:
    """Keep the factor of a product or quotient with one live operand, of the output's shape."""
    node = local.node
    other = _second(node)
    value = local.values[other.name] if isinstance(other, Ref) else other
    factor = local.source.new_ones(()) * value
    if node.operation == "div":
        factor = 1 / factor
    shared = not isinstance(other, Ref) or node.others.get(other.name, node.batch) is None
    return Saved(factor, shared=shared)


def _second(node: Node) -> Any:
    """Return the operand beside the (first) live one; of a square, the same once more."""
    values = node.arguments
    first = values["self"] == Ref(node.inputs[0])
    return values["other"] if first else values["self"]


def scales(node: Node) -> bool:
    """Tell whether a product or quotient multiplies its one live operand element by element.

    A factor per image must have its images where the operand has them.
    """
    if len(node.inputs) != 1 or node.shape != node.input_shapes[0]:
        return False
    other = _second(node)
    if not isinstance(other, Ref):
        return True
    batch = node.others.get(other.name, node.batch)
    return batch is None or batch == node.batch


def halves_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Give each live factor an equal part of the relevance: half, where there are two."""
    parts = live_factors(node)
    return tuple(each / parts for each in native_reverse(node, weights, saved, coefficient, fold))


def live_factors(node: Node) -> int:
    """Count the live factors of a product, one that stands in it twice as two."""
    return sum(name in node.inputs for name in node.refers())


def is_product(node: Node) -> bool:
    """Tell whether an operation multiplies its live operands, none of which is a bias."""
    bias = node.arguments.get("bias")
    return not (isinstance(bias, Ref) and bias.name in node.inputs)


def matmul_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Send c through the transpose of the factor that is held constant."""
    names = ("self", "mat2") if "mat2" in node.arguments else ("self", "other")
    left, right = (node.arguments[name] for name in names)
    held = right if left == Ref(node.inputs[0]) else left
    if isinstance(held, Ref):
        held = gathered_others(node, saved, fold)[held.name]
    flow = coefficient @ held.mT if left == Ref(node.inputs[0]) else held.mT @ coefficient
    return (unbroadcast(flow, node, 0, rows_of(node, coefficient)),)


def is_plain_matmul(node: Node) -> bool:
    """Tell whether a matrix product has one live operand and no vectors."""
    constants = [each for each in node.arguments.values() if isinstance(each, Tensor)]
    vectors = any(each.dim() < 2 for each in constants) or len(node.input_shapes[0]) < 2
    return live_factors(node) == 1 and len(node.shape) >= 2 and not vectors
