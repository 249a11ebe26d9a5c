"""Rules of everything without weights: structure, elementwise functions and pooling.

What is linear sends c down by its ordinary vector-Jacobian product. An elementwise function f
multiplies c by ``f(x) / x`` (its derivative at 0 where both vanish), which leaves R unchanged.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from auditor.relevance.fold import Fold
from auditor.relevance.graph import Node, Ref
from auditor.relevance.rules import Saved, Settings, Weights, empty, stabilise

SMALL = 1e-12


def unchanged(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Hand c on as it is, after the factor that ``prepare`` may have given."""
    return (coefficient,)


def reshape_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Give c the shape of the input."""
    return (coefficient.reshape(-1, *node.input_shapes[0][1:]),)


def sum_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Hand c to every summand (minus c to what is subtracted), summed where it was broadcast."""
    alpha = node.arguments["alpha"]
    second = -alpha if node.operation == "sub" else alpha
    results = []
    for name, shape in zip(node.inputs, node.input_shapes, strict=True):
        factor = 0
        if node.arguments["self"] == Ref(name):
            factor += 1
        if node.arguments["other"] == Ref(name):
            factor += second
        flow = coefficient if factor == 1 else coefficient * factor
        results.append(_unbroadcast(flow, node.shape, shape))
    return tuple(results)


def _unbroadcast(flow: Tensor, shape: tuple[int, ...], source: tuple[int, ...]) -> Tensor:
    """Sum over the axes along which an input of shape ``source`` was repeated to ``shape``."""
    if shape == source:
        return flow
    while flow.dim() > len(source):
        flow = flow.sum(0)
    for axis, (wide, narrow) in enumerate(zip(shape[-len(source) :], source, strict=True)):
        if narrow == 1 and wide != 1:
            flow = flow.sum(axis, keepdim=True)
    return flow


def one_input(node: Node) -> str | None:
    """Refuse products and quotients of two tensors that both depend on the image."""
    if len(node.inputs) > 1 or node.arguments["self"] == node.arguments["other"]:
        return "of two tensors that both depend on the image"
    if node.arguments["self"] != Ref(node.inputs[0]) and node.operation == "div":
        return "by a tensor that depends on the image"
    if node.shape != node.input_shapes[0]:
        return "with a constant that is larger than the tensor"
    return None


def same_batch(node: Node) -> str | None:
    """Refuse sums that repeat an image's tensor along the batch."""
    if any(len(shape) != len(node.shape) for shape in node.input_shapes):
        return "of tensors with different numbers of axes"
    return None


def factor_prepare(
    node: Node, weights: Weights, inputs: tuple[Tensor, ...], output: Tensor, settings: Settings
) -> Saved:
    """Keep the constant factor of a product or quotient."""
    values = node.arguments
    ones = inputs[0].new_ones(())
    if node.operation == "div":
        return Saved(ones / values["other"])
    constant = values["other"] if values["self"] == Ref(node.inputs[0]) else values["self"]
    return Saved(ones * constant)


def plain_quotient(node: Node) -> str | None:
    """Refuse what ``one_input`` refuses, and rounding division."""
    if node.arguments.get("rounding_mode") is not None:
        return "with rounding"
    return one_input(node)


def affine_prepare(
    node: Node, weights: Weights, inputs: tuple[Tensor, ...], output: Tensor, settings: Settings
) -> Saved:
    """Keep the scale of a batch norm that could not be folded."""
    return Saved(node.arguments["scale"])


def negative_prepare(
    node: Node, weights: Weights, inputs: tuple[Tensor, ...], output: Tensor, settings: Settings
) -> Saved:
    """Keep the factor -1."""
    return Saved(inputs[0].new_full((), -1.0))


def ratio_prepare(
    node: Node, weights: Weights, inputs: tuple[Tensor, ...], output: Tensor, settings: Settings
) -> Saved:
    """Keep ``f(x) / x``, and the derivative where x and f(x) vanish."""
    source = inputs[0]
    if node.operation == "relu":
        return Saved((source > 0).to(source.dtype))
    at_zero = node.call(_with_input(node, source.new_zeros(1)))
    if bool((at_zero.abs() > SMALL).any()):
        return Saved(output / stabilise(source, settings.epsilon))
    tiny = source.abs() <= SMALL
    ratio = output / torch.where(tiny, torch.ones_like(source), source)
    return Saved(torch.where(tiny, derivative(node, source.new_zeros(1)), ratio))


def derivative_prepare(
    node: Node, weights: Weights, inputs: tuple[Tensor, ...], output: Tensor, settings: Settings
) -> Saved:
    """Keep ``f'(x)``: gradient times input."""
    return Saved(derivative(node, inputs[0]))


def derivative(node: Node, source: Tensor) -> Tensor:
    """Return the derivative of an elementwise function at ``source``."""
    with torch.enable_grad():
        leaf = source.detach().requires_grad_()
        total = node.call(_with_input(node, leaf)).sum()
    return torch.autograd.grad(total, leaf)[0]


def _with_input(node: Node, value: Tensor) -> dict[str, Any]:
    return {node.inputs[0]: value}


def inputs_prepare(
    node: Node, weights: Weights, inputs: tuple[Tensor, ...], output: Tensor, settings: Settings
) -> Saved:
    """Keep the inputs: where the flow goes depends on them."""
    return Saved(None, inputs)


def native_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Return the vector-Jacobian product at the kept inputs (at zero where it is linear)."""
    rows = coefficient.shape[0]
    with torch.enable_grad():
        if saved.tensors:
            sources = [fold.gather(each) for each in saved.tensors]
        else:
            sources = [
                coefficient.new_zeros((rows * shape[0] // node.shape[0], *shape[1:]))
                for shape in node.input_shapes
            ]
        leaves = [source.detach().requires_grad_() for source in sources]
        output = node.call(dict(zip(node.inputs, leaves, strict=True)))
    return torch.autograd.grad(output, leaves, coefficient)


def max_pool_prepare(
    node: Node, weights: Weights, inputs: tuple[Tensor, ...], output: Tensor, settings: Settings
) -> Saved:
    """Keep the index of the winner of every window."""
    _, indices = torch.ops.aten.max_pool2d_with_indices(inputs[0], *_windows(node))
    return Saved(None, (indices,))


def max_pool_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Send c to the winner of every window."""
    shape = (coefficient.shape[0], *node.input_shapes[0][1:])
    like = empty(shape, coefficient, _memory_format(coefficient))
    indices = fold.gather(saved.tensors[0])
    return (
        torch.ops.aten.max_pool2d_with_indices_backward(
            coefficient, like, *_windows(node), indices
        ),
    )


def _windows(node: Node) -> tuple[Any, ...]:
    values = node.arguments
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    return tuple(values[name] for name in names)


def _memory_format(values: Tensor) -> torch.memory_format:
    if values.dim() == 4 and values.is_contiguous(memory_format=torch.channels_last):
        return torch.channels_last
    return torch.contiguous_format
