"""The gamma rule: contributions of the sign of the output count (1 + gamma) times.

With z+ (z-) the sum of the positive (negative) contributions, an output z > 0 shares out its
relevance by ``z_ij + gamma z_ij+`` over ``z + gamma z+``, and z < 0 by ``z_ij + gamma z_ij-`` over
``z + gamma z-``: no denominator is smaller than the output that it divides.

Sources: Montavon et al. 2019 (non-negative inputs and outputs), Andéol et al. 2021 (any sign).
"""

from __future__ import annotations

import torch
from torch import Tensor

from auditor.relevance.fold import Fold
from auditor.relevance.graph import Node
from auditor.relevance.rule import Local, Saved, Settings, Weights
from auditor.relevance.weighted import (
    adjoint,
    bias_of,
    both_branches,
    forward_with,
    per_channel,
    share,
)


def gamma_weights(node: Node, settings: Settings) -> Weights:
    """Return W + gamma W+ and W + gamma W-."""
    weight = node.arguments["weight"]
    return (
        weight + settings.gamma * weight.clamp(min=0),
        weight + settings.gamma * weight.clamp(max=0),
    )


def gamma_prepare(local: Local) -> Saved:
    """Keep the multipliers of positive and negative outputs; the input is non-negative."""
    bias = _biases(local)
    above = forward_with(local.node, local.source, local.weights[0], bias[0])
    below = forward_with(local.node, local.source, local.weights[1], bias[1])
    return Saved(None, _multipliers(local, above, below))


def gamma_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Send c down by the weights that favour the sign of each output."""
    raised, lowered = _by_sign(node, saved, coefficient, fold)
    return (adjoint(node, weights[0], raised) + adjoint(node, weights[1], lowered),)


def gamma_signed_prepare(local: Local) -> Saved:
    """Keep the multipliers of positive and negative outputs, and where the input is positive."""
    bias = _biases(local)
    more, less = local.weights
    above = both_branches(local.node, (more, less), local.source, bias[0])
    below = both_branches(local.node, (less, more), local.source, bias[1])
    return Saved(None, (*_multipliers(local, above, below), local.source > 0))


def gamma_signed_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Send c down by the weights that favour the sign of each output, for inputs of each sign."""
    raised, lowered = _by_sign(node, saved, coefficient, fold)
    above = adjoint(node, weights[0], raised) + adjoint(node, weights[1], lowered)
    below = adjoint(node, weights[1], raised) + adjoint(node, weights[0], lowered)
    return (torch.where(fold.gather(saved.tensors[2], node.input_batches[0]), above, below),)


def _biases(local: Local) -> tuple[Tensor | None, Tensor | None]:
    bias = bias_of(local.node, local.settings)
    if bias is None:
        return None, None
    gamma = local.settings.gamma
    return bias + gamma * bias.clamp(min=0), bias + gamma * bias.clamp(max=0)


def _multipliers(local: Local, above: Tensor, below: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``z / (z + gamma z+)`` where z > 0 and ``z / (z + gamma z-)`` where z < 0, else 0.

    The sign is that of what the denominators sum: without the bias where it is left out.
    """
    total = local.output
    bias: Tensor | None = local.node.arguments["bias"]
    if bias is not None and local.settings.bias == "exclude":
        total = total - per_channel(bias, local.node)
    zero = torch.zeros_like(total)
    epsilon = local.settings.epsilon
    return (
        torch.where(total > 0, share(local.output, above, epsilon), zero),
        torch.where(total < 0, share(local.output, below, epsilon), zero),
    )


def _by_sign(node: Node, saved: Saved, coefficient: Tensor, fold: Fold) -> tuple[Tensor, Tensor]:
    return (
        fold.scale(coefficient, saved.tensors[0], in_place=False, batch=node.batch),
        fold.scale(coefficient, saved.tensors[1], in_place=False, batch=node.batch),
    )
