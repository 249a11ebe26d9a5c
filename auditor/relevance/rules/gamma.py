"""The gamma rule: contributions of the sign of the output count (1 + gamma) times.

With z+ (z-) the sum of the positive (negative) contributions, an output z > 0 shares out its
relevance by ``z_ij + gamma z_ij+`` over ``z + gamma z+``, and z < 0 by ``z_ij + gamma z_ij-`` over
``z + gamma z-``: no denominator is smaller than the output that it divides.

As ``(w x)+ = (w x + |w| |x|) / 2`` and ``(w x)- = (w x - |w| |x|) / 2``, both signs take one
product with W and one with |W|: ``z_ij (1 + gamma / 2) + sign(z) gamma / 2 |z_ij|``.

Sources: Montavon et al. 2019 (non-negative inputs and outputs), Andéol et al. 2021 (any sign).
"""

from __future__ import annotations

import torch
from torch import Tensor

from auditor.relevance.graph.graph import Node
from auditor.relevance.rules.rule import Local, Saved, Settings, Weights
from auditor.relevance.rules.weighted import adjoint, forward_with, per_channel, stabilise
from auditor.relevance.sweep.fold import Fold


def gamma_weights(node: Node, settings: Settings) -> Weights:
    """Return (1 + gamma / 2) W and gamma / 2 |W|."""
    weight, half = node.arguments["weight"], settings.gamma / 2
    return (weight * (1 + half), weight.abs() * half)


def gamma_prepare(local: Local) -> Saved:
    """Keep the multiplier, the sign of the outputs, and that of the inputs where it is not known.

    The sign is that of what the denominators sum: without the bias where it is left out.
    """
    node, half = local.node, local.settings.gamma / 2
    bias: Tensor | None = node.arguments["bias"]
    total, size = local.output, None
    if bias is not None and local.settings.bias == "exclude":
        total = total - per_channel(bias, node)
    elif bias is not None:
        size = bias.abs() * half
    sign = torch.where(total >= 0, 1.0, -1.0).to(total.dtype)
    favoured = forward_with(node, local.source.abs(), local.weights[1], size)
    denominator = total * (1 + half) + sign * favoured
    multiplier = local.output / stabilise(denominator, local.settings.epsilon)
    return Saved(multiplier.masked_fill_(total == 0, 0.0), (sign,))


def gamma_signed_prepare(local: Local) -> Saved:
    """Keep the same, and the sign of the inputs."""
    saved = gamma_prepare(local)
    return Saved(saved.scale, (*saved.tensors, local.source.sign()))


def gamma_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Send c down by W, and by |W| with the sign of each output (and of each input)."""
    favoured = fold.scale(coefficient, saved.tensors[0], in_place=False, batch=node.batch)
    flow = adjoint(node, weights[1], favoured)
    if len(saved.tensors) > 1:
        flow = fold.scale(flow, saved.tensors[1], in_place=True, batch=node.input_batches[0])
    return (flow.add_(adjoint(node, weights[0], coefficient)),)
