"""Terminal rules: for the first layer, they return the relevance R of its input instead of c.

Sources: Lapuschkin et al. 2019 (flat), Montavon et al. 2017 (w-square, z-box).
"""

from __future__ import annotations

import torch
from torch import Tensor

from auditor.relevance.graph.graph import Node
from auditor.relevance.rules.rule import Local, Saved, Settings, Weights
from auditor.relevance.rules.weighted import adjoint, forward_with, share
from auditor.relevance.sweep.fold import Fold


def flat_weights(node: Node, settings: Settings) -> Weights:
    """Return the box filter: ones, one input and one output channel per group."""
    weight = node.arguments["weight"]
    if node.operation == "linear":
        return (weight.new_ones(1, weight.shape[1]),)
    groups = node.arguments["groups"]
    return (weight.new_ones(groups, 1, *weight.shape[2:]),)


def flat_prepare(local: Local) -> Saved:
    """Keep ``z / n``: n is how many inputs, padding apart, an output position sees."""
    node, source = local.node, local.source[:1]
    if node.operation == "linear":
        seen = source.new_full((), float(source.shape[-1]))
    else:
        groups = node.arguments["groups"]
        per_group = source.shape[1] // groups
        ones = _ones(node, source)[:, :groups]
        counts = forward_with(node, ones, local.weights[0], None)[:, :1]
        seen = counts * per_group
    return Saved(share(local.output, seen.expand_as(local.output), 0.0))


def _ones(node: Node, source: Tensor) -> Tensor:
    """Return 1 for every value of an image that is no padding."""
    return torch.ones_like(source) if node.real is None else node.real.to(source)


def flat_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Spread the relevance of each output position evenly over the inputs that it sees."""
    trailing = node.input_shapes[0][1:]
    rows = coefficient.shape[0]
    if node.operation == "linear":
        return (coefficient.sum(-1, keepdim=True).expand(*coefficient.shape[:-1], trailing[-1]),)
    groups = node.arguments["groups"]
    summed = coefficient.reshape(rows, groups, -1, *coefficient.shape[2:]).sum(2)
    spread = adjoint(node, weights[0], summed)
    per_group = trailing[0] // groups
    grouped = spread.unsqueeze(2).expand(rows, groups, per_group, *trailing[1:])
    return (grouped.reshape(rows, *trailing),)


def box_weights(node: Node, settings: Settings) -> Weights:
    """Return W, W+ and W-."""
    weight = node.arguments["weight"]
    return (weight, weight.clamp(min=0), weight.clamp(max=0))


def box_prepare(local: Local) -> Saved:
    """Keep ``z / (W x - W+ low - W- high)``, the input and its bounds."""
    node, weights, source = local.node, local.weights, local.source
    if local.settings.box is None or source.dim() != 4:
        axes = tuple(range(2, source.dim()))
        low = source.amin(axes, keepdim=True) if axes else source.clamp(max=0)
        high = source.amax(axes, keepdim=True) if axes else source.clamp(min=0)
    else:
        low, high = (each.to(source) for each in local.settings.box)
    ones = _ones(node, source[:1])
    low, high = low * ones.expand_as(source), high * ones.expand_as(source)
    denominator = (
        forward_with(node, source, weights[0], None)
        - forward_with(node, low, weights[1], None)
        - forward_with(node, high, weights[2], None)
    )
    return Saved(share(local.output, denominator, local.settings.epsilon), (source, low, high))


def box_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Return ``x W^T g - low W+^T g - high W-^T g``."""
    source, low, high = (fold.gather(each) for each in saved.tensors)
    relevance = source * adjoint(node, weights[0], coefficient)
    relevance = relevance - low * adjoint(node, weights[1], coefficient)
    return (relevance - high * adjoint(node, weights[2], coefficient),)


def square_weights(node: Node, settings: Settings) -> Weights:
    """Return the squared weights."""
    return (node.arguments["weight"].square(),)


def square_prepare(local: Local) -> Saved:
    """Keep ``z / sum_i w_ij^2``, padding apart."""
    ones = _ones(local.node, local.source[:1])
    total = forward_with(local.node, ones, local.weights[0], None)
    return Saved(share(local.output, total.expand_as(local.output), 0.0))


def square_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Share out the relevance of each output in proportion to its squared weights."""
    return (adjoint(node, weights[0], coefficient),)
