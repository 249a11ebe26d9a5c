"""Rules of convolutional and linear layers: epsilon, z-plus and alpha-beta.

Sources: Bach et al. 2015 (epsilon, alpha-beta), Montavon et al. 2017 (z-plus).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from auditor.relevance.graph.graph import Node
from auditor.relevance.rules.rule import Local, Saved, Settings, Weights
from auditor.relevance.rules.weighted import (
    adjoint,
    bias_of,
    both_branches,
    forward_with,
    part,
    per_channel,
    share,
)
from auditor.relevance.sweep.fold import Fold

# Epsilon: R_i = sum_j x_i w_ij / (z_j + eps sign z_j) R_j.


def own_weights(node: Node, settings: Settings) -> Weights:
    """Return the weights as they are."""
    return (node.arguments["weight"],)


def epsilon_prepare(local: Local) -> Saved:
    """Keep ``z / (z + eps sign z)``, z without the bias where biases are excluded."""
    denominator = local.output
    if local.settings.bias == "exclude" and local.node.arguments["bias"] is not None:
        denominator = forward_with(local.node, local.source, local.weights[0], None)
    return Saved(share(local.output, denominator, local.settings.epsilon))


def linear_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Send c down by one weight matrix."""
    return (adjoint(node, weights[0], coefficient),)


def narrow(weights: Weights, saved: Saved, channels: Tensor) -> tuple[Weights, Saved]:
    """Return the weights of some outputs of a convolution, and the multiplier of these."""
    if saved.scale is not None and not saved.shared:
        saved = replace(saved, scale=saved.scale.index_select(1, channels))
    return tuple(each.index_select(0, channels) for each in weights), saved


# z-plus: only positive contributions, w > 0 on x > 0 and (signed inputs) w < 0 on x < 0.


def plus_weights(node: Node, settings: Settings) -> Weights:
    """Return W+."""
    return (node.arguments["weight"].clamp(min=0),)


def split_weights(node: Node, settings: Settings) -> Weights:
    """Return W+ and W-."""
    weight = node.arguments["weight"]
    return (weight.clamp(min=0), weight.clamp(max=0))


def plus_prepare(local: Local) -> Saved:
    """Keep ``z / (z+ + eps)`` for an input known to be non-negative, an output clipped at 0."""
    denominator = _positive_sum(local)
    return Saved(share(local.output, denominator, local.settings.epsilon, clipped=True))


def _positive_sum(local: Local) -> Tensor:
    bias = part(bias_of(local.node, local.settings), 1)
    return forward_with(local.node, local.source, local.weights[0], bias)


def plus_signed_prepare(local: Local) -> Saved:
    """Keep the multiplier and where the input is positive."""
    bias = part(bias_of(local.node, local.settings), 1)
    above, below = local.weights
    denominator = both_branches(local.node, (above, below), local.source, bias)
    return Saved(share(local.output, denominator, local.settings.epsilon), (local.source > 0,))


def signed_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Send c down by the first weights where the input is positive, else by the second."""
    positive = fold.gather(saved.tensors[0], node.input_batches[0])
    above = adjoint(node, weights[0], coefficient)
    below = adjoint(node, weights[1], coefficient)
    return (torch.where(positive, above, below),)


# Where an output is negative because nothing pushed it up, z-plus has nowhere to send relevance.
# Below a ReLU there is none; elsewhere the negative contributions take it: W^T c there.


def open_weights(node: Node, settings: Settings) -> Weights:
    """Return W+ and W."""
    return (*plus_weights(node, settings), node.arguments["weight"])


def open_signed_weights(node: Node, settings: Settings) -> Weights:
    """Return W+, W- and W."""
    return (*split_weights(node, settings), node.arguments["weight"])


def open_prepare(local: Local) -> Saved:
    """Keep the multiplier, and which outputs only negative contributions made."""
    scale = share(local.output, _positive_sum(local), local.settings.epsilon)
    return _opened(local, Saved(scale))


def open_signed_prepare(local: Local) -> Saved:
    """Keep the multiplier, which outputs those are, and where the input is positive."""
    return _opened(local, plus_signed_prepare(replace(local, weights=local.weights[:-1])))


def _opened(local: Local, saved: Saved) -> Saved:
    """Add 1 where an output is below its bias and got no multiplier, if there is one."""
    assert saved.scale is not None
    nothing = saved.scale == 0
    if not bool(nothing.any()):  # as good as always
        return saved
    bias: Tensor | None = local.node.arguments["bias"]
    rest = local.output if bias is None else local.output - per_channel(bias, local.node)
    alone = nothing & (rest < 0) & (local.output != 0)
    if not bool(alone.any()):
        return saved
    marks = alone.to(local.output.dtype)
    return replace(saved, scale=saved.scale + marks, tensors=(marks, *saved.tensors))


def open_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Send c down by z-plus, and by W where only negative contributions made the output."""
    signed = len(weights) == 3
    below = signed_reverse if signed else linear_reverse
    if len(saved.tensors) == int(signed):
        return below(node, weights[:-1], saved, coefficient, fold)
    marks, *rest = saved.tensors
    alone = fold.scale(coefficient, marks, in_place=False, batch=node.batch)
    ordinary = replace(saved, tensors=tuple(rest))
    (flow,) = below(node, weights[:-1], ordinary, coefficient - alone, fold)
    return (flow + adjoint(node, weights[-1], alone),)


def open_narrow(weights: Weights, saved: Saved, channels: Tensor) -> tuple[Weights, Saved]:
    """Return the weights of some outputs of a convolution, the multiplier and marks of these."""
    weights, saved = narrow(weights, saved, channels)
    if len(saved.tensors) > int(len(weights) == 3):
        marks, *rest = saved.tensors
        saved = replace(saved, tensors=(marks.index_select(1, channels), *rest))
    return weights, saved


# alpha2-beta1: R_i = 2 (z+_ij / z+_j) R_j - 1 (z-_ij / z-_j) R_j.

ALPHA, BETA = 2.0, 1.0  # their difference is 1, so that relevance is conserved


def alpha_beta_prepare(local: Local) -> Saved:
    """Keep alpha and beta times the multipliers of the positive and the negative part."""
    bias = bias_of(local.node, local.settings)
    positive, negative = local.weights
    above = both_branches(local.node, (positive, negative), local.source, part(bias, 1))
    below = both_branches(local.node, (negative, positive), local.source, part(bias, -1))
    alpha = ALPHA * share(local.output, above, local.settings.epsilon)
    beta = BETA * share(local.output, below, local.settings.epsilon)
    return Saved(None, (local.source > 0, alpha, beta))


def alpha_beta_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Send c down by W+ and W-, each to the inputs of its sign."""
    positive, alpha, beta = saved.tensors
    gains = fold.scale(coefficient, alpha, in_place=False, batch=node.batch)
    losses = fold.scale(coefficient, beta, in_place=False, batch=node.batch)
    above = adjoint(node, weights[0], gains) - adjoint(node, weights[1], losses)
    below = adjoint(node, weights[1], gains) - adjoint(node, weights[0], losses)
    return (torch.where(fold.gather(positive, node.input_batches[0]), above, below),)
