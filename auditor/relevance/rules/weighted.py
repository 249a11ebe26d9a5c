"""What the rules of convolutional and linear layers share: their forward, adjoint, denominators."""

from __future__ import annotations

import torch
from torch import Tensor

from auditor.relevance.graph.graph import Node
from auditor.relevance.rules.rule import Settings

TRANSPOSED = frozenset({"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})


def stabilise(denominator: Tensor, epsilon: float) -> Tensor:
    """Move the denominator away from zero by epsilon, zero itself upwards."""
    sign = torch.where(denominator >= 0, 1.0, -1.0).to(denominator.dtype)
    return denominator + epsilon * sign


def share(output: Tensor, denominator: Tensor, epsilon: float, *, clipped: bool = False) -> Tensor:
    """Return ``z / denominator``, 0 where nothing flowed in: the multiplier m of METHOD.md.

    ``clipped``: no c arrives where z is not positive, so that m need not be 0 there.
    """
    stable = torch.copysign(denominator.new_tensor(epsilon), denominator).add_(denominator)
    ratio = torch.div(output, stable, out=stable)
    if clipped and epsilon > 0:
        return ratio
    nothing = denominator == 0
    return ratio.masked_fill_(nothing, 0.0) if bool(nothing.any()) else ratio


def forward_with(node: Node, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # noqa: A002 the field's word
    """Run the layer with other weights."""
    return node.target(**{**node.arguments, "input": input, "weight": weight, "bias": bias})  # type: ignore[no-any-return]


def adjoint(node: Node, weight: Tensor, coefficient: Tensor) -> Tensor:
    """Return ``W^T c``, shaped like the input: the transposed convolution or linear layer."""
    if node.operation == "linear":
        return coefficient @ weight
    values = node.arguments
    transposed = node.operation in TRANSPOSED
    channels = weight.shape[0] if transposed else weight.shape[1] * values["groups"]
    spatial = weight.dim() - 2
    size = node.input_shapes[0][-spatial:]
    layout = torch.channels_last if spatial == 2 else torch.contiguous_format
    coefficient = coefficient.contiguous(memory_format=layout)
    # Only the shape and the memory layout of the input matter; its values are never read.
    like = empty((coefficient.shape[0], channels, *size), coefficient, layout)
    extra = _per_axis(values["output_padding"], spatial) if transposed else [0] * spatial
    gradient, _, _ = torch.ops.aten.convolution_backward(
        coefficient, like, weight, None, _per_axis(values["stride"], spatial),
        _per_axis(values["padding"], spatial), _per_axis(values["dilation"], spatial),
        transposed, extra, values["groups"], [True, False, False],
    )  # fmt: skip
    return gradient  # type: ignore[no-any-return]


def is_convolution(node: Node) -> bool:
    """Tell whether the first axis of a layer's weight is the channel axis of its output."""
    known = node.operation in {"conv1d", "conv2d", "conv3d"}
    return known and node.arguments["groups"] == 1 and node.batch.axis == 0


def empty(shape: tuple[int, ...], like: Tensor, layout: torch.memory_format) -> Tensor:
    """Return memory of the type and place of ``like``, not initialised."""
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=layout)


def _per_axis(values: list[int], axes: int) -> list[int]:
    return list(values) * axes if len(values) == 1 else list(values)


def bias_of(node: Node, settings: Settings) -> Tensor | None:
    """Return the bias where it belongs to the denominators."""
    bias: Tensor | None = node.arguments["bias"]
    return bias if settings.bias == "absorb" else None


def per_channel(values: Tensor, node: Node) -> Tensor:
    """Shape a bias to add to the output of its layer."""
    if node.operation == "linear":
        return values
    return values.reshape(-1, *([1] * (len(node.shape) - 2)))


def part(values: Tensor | None, sign: int) -> Tensor | None:
    """Return the positive (+1) or the negative (-1) part of a tensor."""
    if values is None:
        return None
    return values.clamp(min=0) if sign > 0 else values.clamp(max=0)


def both_branches(
    node: Node, weights: tuple[Tensor, Tensor], source: Tensor, bias: Tensor | None
) -> Tensor:
    """Return ``V x+ + U x- + b`` for the pair of weights (V, U)."""
    above = forward_with(node, source.clamp(min=0), weights[0], bias)
    return above + forward_with(node, source.clamp(max=0), weights[1], None)
