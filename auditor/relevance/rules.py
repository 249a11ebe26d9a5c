"""The form of a relevance rule, and the rules of convolutional and linear layers.

The reverse sweep carries ``c = R / a`` (relevance over activation). A rule works in three steps:
``weights`` once per model, ``prepare`` once per image, ``reverse`` once per image and condition.
``prepare`` may hand back a ``scale``: an elementwise factor on c at the output of the operation,
which the sweep applies before it calls ``reverse``.

Sources: Bach et al. 2015 (epsilon, alpha-beta), Montavon et al. 2017 (z-plus, z-box), Montavon et
al. 2019 (gamma), Lapuschkin et al. 2019 (flat).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from auditor.relevance.fold import Fold
from auditor.relevance.graph import Node

Bias = Literal["absorb", "exclude"]


@dataclass(frozen=True)
class Settings:
    """What all rules of an explainer share.

    ``epsilon`` is added to every denominator, away from zero. ``bias``: 'absorb' keeps the biases
    in the denominators, which take their share of the relevance; 'exclude' leaves them out.
    ``box`` are the lowest and highest values of a pixel after preprocessing, (1, 3, 1, 1) each.
    """

    epsilon: float = 1e-6
    bias: Bias = "absorb"
    box: tuple[Tensor, Tensor] | None = None


Weights = tuple[Tensor, ...]


@dataclass(frozen=True)
class Saved:
    """What a rule keeps of the forward pass for one batch, all of it per image."""

    scale: Tensor | None = None
    tensors: tuple[Tensor, ...] = ()


Prepare = Callable[[Node, Weights, tuple[Tensor, ...], Tensor, Settings], Saved]
Reverse = Callable[[Node, Weights, Saved, Tensor, Fold], tuple[Tensor, ...]]


def no_weights(node: Node) -> Weights:
    """Return nothing: the rule has no weights of its own."""
    return ()


def nothing_saved(
    node: Node, weights: Weights, inputs: tuple[Tensor, ...], output: Tensor, settings: Settings
) -> Saved:
    """Keep nothing of the forward pass."""
    return Saved()


def always(node: Node) -> str | None:
    """Accept every use of the operation."""
    return None


@dataclass(frozen=True)
class Rule:
    """One relevance rule: a row of the table of operations.

    ``refuses`` says why a certain use of the operation has no rule, or returns None. ``passes``:
    how relevance R itself, instead of c, goes through, below the terminal rule of the first
    layer: unchanged ('same') or by ``reverse`` ('reverse'); None where it cannot. ``returns``:
    what ``reverse`` hands back is 'new' (the sweep may overwrite it), a single 'view' of c (it may
    if it may overwrite c) or 'shared'. ``terminal``: ``reverse`` returns R itself.
    """

    name: str
    reverse: Reverse
    prepare: Prepare = nothing_saved
    weights: Callable[[Node], Weights] = no_weights
    refuses: Callable[[Node], str | None] = always
    passes: Literal["same", "reverse"] | None = None
    elementwise: bool = False
    returns: Literal["new", "view", "shared"] = "shared"
    terminal: bool = False


def stabilise(denominator: Tensor, epsilon: float) -> Tensor:
    """Move the denominator away from zero by epsilon, zero itself upwards."""
    sign = torch.where(denominator >= 0, 1.0, -1.0).to(denominator.dtype)
    return denominator + epsilon * sign


def share(output: Tensor, denominator: Tensor, epsilon: float) -> Tensor:
    """Return ``z / denominator``, 0 where nothing flowed in: the multiplier m of METHOD.md."""
    ratio = output / stabilise(denominator, epsilon)
    return torch.where(denominator == 0, torch.zeros_like(ratio), ratio)


def forward_with(node: Node, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # noqa: A002
    """Run the layer with other weights."""
    return node.target(**{**node.arguments, "input": input, "weight": weight, "bias": bias})  # type: ignore[no-any-return]


def adjoint(node: Node, weight: Tensor, coefficient: Tensor) -> Tensor:
    """Return ``W^T c``, shaped like the input: the transposed convolution or linear layer."""
    if node.operation == "linear":
        return coefficient @ weight
    values = node.arguments
    channels = weight.shape[1] * values["groups"]
    spatial = weight.dim() - 2
    size = node.input_shapes[0][-spatial:]
    layout = torch.channels_last if spatial == 2 else torch.contiguous_format
    coefficient = coefficient.contiguous(memory_format=layout)
    # Only the shape and the memory layout of the input matter; its values are never read.
    like = empty((coefficient.shape[0], channels, *size), coefficient, layout)
    gradient, _, _ = torch.ops.aten.convolution_backward(
        coefficient, like, weight, None, _per_axis(values["stride"], spatial),
        _per_axis(values["padding"], spatial), _per_axis(values["dilation"], spatial),
        False, [0] * spatial, values["groups"], [True, False, False],
    )  # fmt: skip
    return gradient  # type: ignore[no-any-return]


def empty(shape: tuple[int, ...], like: Tensor, layout: torch.memory_format) -> Tensor:
    """Return memory of the type and place of ``like``, not initialised."""
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=layout)


def _per_axis(values: list[int], axes: int) -> list[int]:
    return list(values) * axes if len(values) == 1 else list(values)


def bias_of(node: Node, settings: Settings) -> Tensor | None:
    """Return the bias where it belongs to the denominators."""
    bias: Tensor | None = node.arguments["bias"]
    return bias if settings.bias == "absorb" else None


def part(values: Tensor | None, sign: int) -> Tensor | None:
    """Return the positive (+1) or the negative (-1) part of a tensor."""
    if values is None:
        return None
    return values.clamp(min=0) if sign > 0 else values.clamp(max=0)


# Epsilon: R_i = sum_j x_i w_ij / (z_j + eps sign z_j) R_j.


def epsilon_weights(node: Node) -> Weights:
    """Return the weights as they are."""
    return (node.arguments["weight"],)


def epsilon_prepare(
    node: Node, weights: Weights, inputs: tuple[Tensor, ...], output: Tensor, settings: Settings
) -> Saved:
    """Keep ``z / (z + eps sign z)``, z without the bias where biases are excluded."""
    denominator = output
    if settings.bias == "exclude" and node.arguments["bias"] is not None:
        denominator = forward_with(node, inputs[0], weights[0], None)
    return Saved(share(output, denominator, settings.epsilon))


def linear_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Send c down by one weight matrix."""
    return (adjoint(node, weights[0], coefficient),)


# Gamma: W + gamma W+ in place of W; for signed inputs every positive contribution is favoured.

GAMMA = 0.25


def gamma_weights(node: Node) -> Weights:
    """Return W + gamma W+, and W + gamma W- for negative inputs."""
    weight = node.arguments["weight"]
    return (weight + GAMMA * weight.clamp(min=0), weight + GAMMA * weight.clamp(max=0))


def gamma_prepare(
    node: Node, weights: Weights, inputs: tuple[Tensor, ...], output: Tensor, settings: Settings
) -> Saved:
    """Keep ``z / (z + gamma z+)`` for an input that is known to be non-negative."""
    bias = bias_of(node, settings)
    raised = None if bias is None else bias + GAMMA * bias.clamp(min=0)
    denominator = forward_with(node, inputs[0], weights[0], raised)
    return Saved(share(output, denominator, settings.epsilon))


def gamma_signed_prepare(
    node: Node, weights: Weights, inputs: tuple[Tensor, ...], output: Tensor, settings: Settings
) -> Saved:
    """Keep the multiplier and where the input is positive."""
    bias = bias_of(node, settings)
    raised = None if bias is None else bias + GAMMA * bias.clamp(min=0)
    denominator = both_branches(node, weights, inputs[0], raised)
    return Saved(share(output, denominator, settings.epsilon), (inputs[0] > 0,))


# z-plus: only positive contributions, w > 0 on x > 0 and (signed inputs) w < 0 on x < 0.


def plus_weights(node: Node) -> Weights:
    """Return W+."""
    return (node.arguments["weight"].clamp(min=0),)


def split_weights(node: Node) -> Weights:
    """Return W+ and W-."""
    weight = node.arguments["weight"]
    return (weight.clamp(min=0), weight.clamp(max=0))


def plus_prepare(
    node: Node, weights: Weights, inputs: tuple[Tensor, ...], output: Tensor, settings: Settings
) -> Saved:
    """Keep ``z / (z+ + eps)`` for an input that is known to be non-negative."""
    bias = part(bias_of(node, settings), 1)
    denominator = forward_with(node, inputs[0], weights[0], bias)
    return Saved(share(output, denominator, settings.epsilon))


def both_branches(node: Node, weights: Weights, source: Tensor, bias: Tensor | None) -> Tensor:
    """Return ``V x+ + U x- + b`` for the pair of weights (V, U)."""
    above = forward_with(node, source.clamp(min=0), weights[0], bias)
    return above + forward_with(node, source.clamp(max=0), weights[1], None)


def plus_signed_prepare(
    node: Node, weights: Weights, inputs: tuple[Tensor, ...], output: Tensor, settings: Settings
) -> Saved:
    """Keep the multiplier and where the input is positive."""
    bias = part(bias_of(node, settings), 1)
    denominator = both_branches(node, weights, inputs[0], bias)
    return Saved(share(output, denominator, settings.epsilon), (inputs[0] > 0,))


def signed_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Send c down by the first weights where the input is positive, else by the second."""
    positive = saved.tensors[0]
    above = adjoint(node, weights[0], coefficient)
    below = adjoint(node, weights[1], coefficient)
    return (torch.where(fold.gather(positive), above, below),)


# alpha2-beta1: R_i = 2 (z+_ij / z+_j) R_j - 1 (z-_ij / z-_j) R_j.

ALPHA, BETA = 2.0, 1.0


def alpha_beta_prepare(
    node: Node, weights: Weights, inputs: tuple[Tensor, ...], output: Tensor, settings: Settings
) -> Saved:
    """Keep alpha and beta times the multipliers of the positive and the negative part."""
    bias = bias_of(node, settings)
    flipped = (weights[1], weights[0])
    above = both_branches(node, weights, inputs[0], part(bias, 1))
    below = both_branches(node, flipped, inputs[0], part(bias, -1))
    alpha = ALPHA * share(output, above, settings.epsilon)
    beta = BETA * share(output, below, settings.epsilon)
    return Saved(None, (inputs[0] > 0, alpha, beta))


def alpha_beta_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Send c down by W+ and W-, each to the inputs of its sign."""
    positive, alpha, beta = saved.tensors
    gains = fold.scale(coefficient, alpha, in_place=False)
    losses = fold.scale(coefficient, beta, in_place=False)
    above = adjoint(node, weights[0], gains) - adjoint(node, weights[1], losses)
    below = adjoint(node, weights[1], gains) - adjoint(node, weights[0], losses)
    return (torch.where(fold.gather(positive), above, below),)
