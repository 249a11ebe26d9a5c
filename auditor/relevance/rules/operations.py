"""Rules of everything without weights: structure, elementwise functions and pooling.

What is linear sends c down by its ordinary vector-Jacobian product. An elementwise function f
multiplies c by ``f(x) / x`` (its derivative at 0 where both vanish), which leaves R unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from auditor.relevance.graph.graph import Node, Ref
from auditor.relevance.rules.rule import Local, Saved, Weights
from auditor.relevance.rules.weighted import empty, stabilise
from auditor.relevance.sweep.fold import Fold, runs

SMALL = 1e-12  # below, f(x) / x is rounding: the derivative stands for it
PRECISION = "precision of the input"


def unchanged(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Hand c on as it is, after the factor that ``prepare`` may have given."""
    return (coefficient,)


def cast_prepare(local: Local) -> Saved:
    """Keep in which precision the input is."""
    return Saved(others={PRECISION: local.source.dtype})


def cast_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Hand c on in the precision of the input: what lies below computes in it."""
    assert saved.others is not None
    precision = saved.others[PRECISION]
    if coefficient.is_complex() and not precision.is_complex:
        coefficient = coefficient.real
    return (coefficient.to(precision),)


def reshape_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Give c the shape of the input."""
    return (coefficient.reshape(node.input_batches[0].open(node.input_shapes[0])),)


def sum_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Hand c to every summand (minus c to what is subtracted), summed where it was broadcast."""
    alpha = node.arguments["alpha"]
    second = -alpha if node.operation == "sub" else alpha
    results = []
    for index, name in enumerate(node.inputs):
        factor = 0
        if node.arguments["self"] == Ref(name):
            factor += 1
        if node.arguments["other"] == Ref(name):
            factor += second
        flow = coefficient if factor == 1 else coefficient * factor
        results.append(unbroadcast(flow, node, index, rows_of(node, coefficient)))
    return tuple(results)


def unbroadcast(flow: Tensor, node: Node, index: int, rows: int) -> Tensor:
    """Sum over the axes along which an input was repeated, for so many images."""
    shape = torch.Size(node.input_rows(index, rows))
    return flow if flow.shape == shape else flow.sum_to_size(shape)


def rows_of(node: Node, values: Tensor) -> int:
    """Return how many images the rows of a node's c stand for."""
    return values.shape[node.batch.axis] // node.batch.times


def permute_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Put the axes back."""
    axes = len(node.shape)
    if node.operation == "permute":
        order = [axis % axes for axis in node.arguments["dims"]]
        return (coefficient.permute([order.index(axis) for axis in range(axes)]),)
    return (coefficient.transpose(node.arguments["dim0"], node.arguments["dim1"]),)


def affine_prepare(local: Local) -> Saved:
    """Keep the scale of a batch norm that could not be folded."""
    return Saved(local.node.arguments["scale"], shared=True)


def negative_prepare(local: Local) -> Saved:
    """Keep the factor -1."""
    return Saved(local.source.new_full((), -1.0), shared=True)


def ratio_prepare(local: Local) -> Saved:
    """Keep ``f(x) / x``, and the derivative where x and f(x) vanish."""
    node, source, output = local.node, local.source, local.output
    if node.operation == "relu":
        return Saved(source > 0)
    if node.operation == "hardtanh" and node.arguments.get("min_val", -1.0) == 0.0:
        # x / x up to the upper limit, limit / x above: as below, in one division.
        least = max(SMALL, torch.finfo(source.dtype).tiny)
        return Saved(output / source.clamp(min=least))
    zero = _zero(local)
    at_zero = _at(local, zero)
    if bool((at_zero.abs() > SMALL).any()):
        return Saved(output / stabilise(source, local.settings.epsilon))
    tiny = source.abs() <= SMALL
    ratio = output / torch.where(tiny, torch.ones_like(source), source)
    slope = derivative(local, zero)
    slope = torch.where(slope.isfinite(), slope, torch.zeros_like(slope))  # of a root: infinite
    return Saved(torch.where(tiny, slope, ratio))


def _zero(local: Local) -> Tensor:
    """Return 0 in as many values as an elementwise function has sets of parameters."""
    sizes = [
        value.shape
        for key, value in local.node.arguments.items()
        if isinstance(value, Tensor) and key != "weight"
    ]
    shape = list(np.broadcast_shapes((1,), *sizes))
    weight = local.node.arguments.get("weight")
    if isinstance(weight, Tensor) and weight.numel() > 1:  # of prelu: one for each channel
        shape = [1, weight.numel(), *([1] * (local.source.dim() - 2))]
    return local.source.new_zeros(shape)


def derivative_prepare(local: Local) -> Saved:
    """Keep ``f'(x)``: gradient times input."""
    return Saved(derivative(local, local.source))


def derivative(local: Local, source: Tensor) -> Tensor:
    """Return the derivative of an elementwise function at ``source``."""
    with torch.enable_grad():
        leaf = source.detach().requires_grad_()
        total = _at(local, leaf).sum()
    return torch.autograd.grad(total, leaf)[0]


def _at(local: Local, value: Tensor) -> Tensor:
    result: Tensor = local.node.call({**local.values, local.node.inputs[0]: value})
    return result


def others_of(local: Local) -> Mapping[str, Any]:
    """Return the operands that no relevance flows to, by name."""
    return {name: local.values[name] for name in local.node.others}


def structure_prepare(local: Local) -> Saved:
    """Keep what stands beside the inputs: the operation is linear in them."""
    return Saved(others=others_of(local))


def native_prepare(local: Local) -> Saved:
    """Keep the inputs too: where the flow goes depends on them."""
    return Saved(None, local.inputs, others=others_of(local))


def native_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Return the vector-Jacobian product at the kept inputs (at zero where it is linear)."""
    rows = rows_of(node, coefficient)
    if saved.tensors:
        pairs = zip(saved.tensors, node.input_batches, strict=True)
        sources = [fold.gather(each, batch) for each, batch in pairs]
    else:
        shapes = [node.input_rows(index, rows) for index in range(len(node.inputs))]
        sources = [coefficient.new_zeros(shape) for shape in shapes]
    with torch.enable_grad():
        leaves = [source.detach().requires_grad_() for source in sources]
        operands = dict(zip(node.inputs, leaves, strict=True))
        output = node.call({**gathered_others(node, saved, fold), **operands})
    flows = torch.autograd.grad(output, leaves, coefficient, materialize_grads=True)
    return tuple(flows)


def gathered_others(node: Node, saved: Saved, fold: Fold) -> dict[str, Any]:
    """Return the kept operands beside the inputs, for every row."""
    gathered: dict[str, Any] = {}
    for name, value in (saved.others or {}).items():
        batch = node.others[name]
        if isinstance(value, Tensor):
            gathered[name] = value if batch is None else fold.gather(value, batch)
        else:  # a multiple of the number of images
            gathered[name] = value * len(fold.samples) // fold.images
    return gathered


def max_pool_prepare(local: Local) -> Saved:
    """Keep the winner of every window: as a mask where windows are apart, else its index."""
    windows = _windows(local.node)
    output, indices = torch.ops.aten.max_pool2d_with_indices(local.source, *windows)
    if not windows_are_apart(local.node):
        return Saved(None, (indices,))
    ones = torch.ones_like(output)
    mask = torch.ops.aten.max_pool2d_with_indices_backward(ones, local.source, *windows, indices)
    return Saved(None, (mask,))


def windows_are_apart(node: Node) -> bool:
    """Tell whether the windows of a pooling cover every input exactly once."""
    sizes = zip(node.shape[-2:], node.input_shapes[0][-2:], strict=True)
    (kernel, stride, padding, dilation) = (
        _pair(node.arguments[name]) for name in ("kernel_size", "stride", "padding", "dilation")
    )
    stride = stride or kernel
    covers = all(out * step == size for (out, size), step in zip(sizes, stride, strict=True))
    return covers and kernel == stride and set(padding) == {0} and set(dilation) == {1}


def _pair(values: list[int] | int) -> list[int]:
    several = [values] if isinstance(values, int) else list(values)
    return several * 2 if len(several) == 1 else several


def max_pool_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Send c to the winner of every window."""
    (kept,) = saved.tensors
    layout = _memory_format(kept)
    shape = node.input_rows(0, rows_of(node, coefficient))
    result = empty(shape, coefficient, layout)
    times = node.batch.times
    rows = [sample * times + each for sample in fold.samples for each in range(times)]
    if windows_are_apart(node):
        windows = _in_windows(result, node)
        spread = coefficient.unsqueeze(-1).unsqueeze(-3)
        winners = _in_windows(kept, node)
        for start, stop, image in runs(rows):
            torch.mul(spread[start:stop], winners[image : image + 1], out=windows[start:stop])
        return (result,)
    coefficient = coefficient.contiguous(memory_format=layout)
    for row, image in enumerate(rows):  # the indices of an image exist once
        torch.ops.aten.max_pool2d_with_indices_backward.grad_input(
            coefficient[row : row + 1], result[row : row + 1], *_windows(node),
            kept[image : image + 1], grad_input=result[row : row + 1],
        )  # fmt: skip
    return (result,)


def _in_windows(values: Tensor, node: Node) -> Tensor:
    """Return a view (..., rows, kernel, columns, kernel) of the input of a pooling."""
    down, across = node.shape[-2:]
    before, (height, width) = values.shape[:-2], values.shape[-2:]
    return values.view(*before, down, height // down, across, width // across)


def _windows(node: Node) -> tuple[Any, ...]:
    values = node.arguments
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    return tuple(values[name] for name in names)


def _memory_format(values: Tensor) -> torch.memory_format:
    if values.dim() == 4 and values.is_contiguous(memory_format=torch.channels_last):
        return torch.channels_last
    return torch.contiguous_format
