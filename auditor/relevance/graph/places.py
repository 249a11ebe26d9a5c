"""Follow places of the picture through a graph: where does every entry of every tensor lie?

The graph is run on coordinates in place of pixels. What moves values (a reshape, a roll, the
windows of Swin) moves their coordinates by the very same call; a convolution averages them; what
works entry by entry keeps them; attention gives every token the place of its query. What comes from
no pixel (a class token, a register), or from the whole picture (a pooled vector), has none: NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from auditor.relevance.graph.canonise import CONVOLUTIONS
from auditor.relevance.graph.graph import Graph, Node, Ref, evaluate

MOVING = frozenset({
    "view", "_unsafe_view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "permute",
    "transpose", "t", "expand", "repeat", "clone", "copy", "slice", "select", "unbind", "split",
    "split_with_sizes", "chunk", "cat", "stack", "roll", "flip", "index", "index_select", "alias",
    "detach", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "narrow", "movedim",
})  # fmt: skip
PADDING = frozenset({"constant_pad_nd", "pad"})
POOLING = frozenset({"max_pool2d", "max_pool2d_with_indices", "avg_pool2d"})
ADAPTIVE = frozenset({"adaptive_avg_pool2d", "_adaptive_avg_pool2d", "adaptive_max_pool2d"})
REDUCING = frozenset({"mean", "sum", "amax", "amin", "max", "var", "linalg_vector_norm"})
PRODUCTS = frozenset({"matmul", "bmm", "mm"})
MIXING = PRODUCTS | {"scaled_dot_product_attention", "einsum"}
# Coordinates of a sum that lie this far apart come from the picture as a whole.
APART = 0.5


@dataclass(frozen=True, eq=False)
class Places:
    """The place of every entry of every node that depends on the pixels, for two images.

    ``rows`` and ``columns``: coordinates from 0 to 1 of the picture's height and width, NaN for no
    place. ``mixing``: nodes whose entries depend on several places beyond a window.
    """

    rows: Mapping[str, Tensor]
    columns: Mapping[str, Tensor]
    mixing: frozenset[str]


def places(graph: Graph, names: set[str], device: torch.device) -> Places:
    """Follow the places of the picture to the named nodes, on the device of the model."""
    height, width = graph[graph.input].shape[2:]
    mixing: set[str] = set()
    rows = ((torch.arange(height, device=device) + 0.5) / height)[:, None].expand(height, width)
    columns = ((torch.arange(width, device=device) + 0.5) / width)[None].expand(height, width)
    coordinates = [_follow(graph, each, names, mixing) for each in (rows, columns)]
    return Places(coordinates[0], coordinates[1], frozenset(mixing))


def _follow(graph: Graph, plane: Tensor, names: set[str], mixing: set[str]) -> dict[str, Tensor]:
    values: dict[str, Any] = {graph.input: plane.expand(graph[graph.input].shape).contiguous()}

    def value(node: Node) -> Any:
        return values[node.name] if node.name == graph.input else _place(node, values, mixing)

    evaluate(graph, values, names, value)
    return {name: values[name] for name in names}


def _place(node: Node, values: Mapping[str, Any], mixing: set[str]) -> Any:
    """Return the coordinates of a node's entries; of what is no tensor of an image its value."""
    if not node.live:
        result = node.call(values)
        floating = isinstance(result, Tensor) and result.is_floating_point()
        return _nowhere(result.shape, result) if floating else result
    if node.operation in MOVING:
        return node.target(**{key: _moved(each, values) for key, each in node.arguments.items()})
    sources = [values[name] for name in node.inputs]
    if node.operation in MIXING:
        sides = [_moved(each, values) for each in node.arguments.values()]
        result = _mixed(node, [each for each in sides if isinstance(each, Tensor)])
    else:
        result = _computed(node, sources)
    known = any(bool(each.isfinite().any()) for each in sources)
    if node.operation in MIXING or (known and not bool(result.isfinite().any())):
        mixing.add(node.name)
    return result


def _nowhere(shape: Sequence[int], like: Tensor) -> Tensor:
    return torch.full(tuple(shape), torch.nan, device=like.device)


def _moved(value: Any, values: Mapping[str, Any]) -> Any:
    """Fill the arguments of what moves values; a constant that joins them has no place."""
    if isinstance(value, list):
        return [_moved(each, values) for each in value]
    if isinstance(value, Tensor) and value.is_floating_point():
        return _nowhere(value.shape, value)
    return values.get(value.name, value) if isinstance(value, Ref) else value


def _computed(node: Node, sources: list[Tensor]) -> Tensor:
    first, shape = sources[0], node.shape
    if node.operation in PADDING:
        return functional.pad(first, [int(each) for each in node.arguments["pad"]], value=torch.nan)
    if (node.operation in CONVOLUTIONS or node.operation in POOLING) and len(shape) == 4:
        return _windowed(node, first)
    if node.operation in ADAPTIVE and len(shape) == 4:
        return _unless_whole(functional.adaptive_avg_pool2d(first, shape[2:]))
    if node.operation.startswith("upsample") and len(shape) == 4:
        return functional.interpolate(first, shape[2:], mode="nearest")
    if node.operation in {"linear", "directions"}:
        axis = getattr(node.target, "axis", first.dim() - 1)  # that of directions
        return _together(first, [axis]).expand(shape)
    if node.operation in REDUCING:
        return _reduced(node, first)
    return _entrywise(sources, shape)


def _mixed(node: Node, sides: list[Tensor]) -> Tensor:
    """Return the place of what mixes tokens: attention leaves every token that of its query."""
    if node.operation == "scaled_dot_product_attention":
        return _together(sides[0], [sides[0].dim() - 1]).expand(node.shape)
    if node.operation in PRODUCTS:
        return _product(sides[0], sides[1], node.shape)
    return _nowhere(node.shape, sides[0])


def _windowed(node: Node, source: Tensor) -> Tensor:
    """Return the coordinates of the middle of each window of a convolution or a pooling.

    Where that lies in the padding they are continued. Where entries have no place, the mean of the
    others in the window stands for its middle.
    """
    mean = _together(source, [1])
    if bool(mean.isfinite().all()):
        for axis in (0, 1):
            mean = _middles(node, mean, axis)
        return _unless_whole(mean).expand(node.shape)
    total, count = (
        _window_sums(node, each) for each in (mean.nan_to_num(0.0), mean.isfinite().to(mean.dtype))
    )
    return _unless_whole(torch.where(count > 0, total / count, torch.nan)).expand(node.shape)


def _middles(node: Node, values: Tensor, axis: int) -> Tensor:
    """Return values (B, 1, h, w) at the middle of the windows along h (axis 0) or w (axis 1)."""
    asked, dim = node.arguments, axis + 2
    sizes = asked["weight"].shape[2:] if node.operation in CONVOLUTIONS else asked["kernel_size"]
    length = values.shape[dim]
    if length == 1:
        return values.expand([node.shape[dim] if at == dim else -1 for at in range(4)])
    reach = (_of_axis(sizes, axis) - 1) * _of_axis(asked.get("dilation", 1), axis) / 2
    stride = _of_axis(asked["stride"] or sizes, axis)
    starts = torch.arange(node.shape[dim], device=values.device) * stride
    middles = starts - _of_axis(asked["padding"], axis) + reach
    before = middles.floor().clamp(0, length - 2).long()
    part = (middles - before).reshape([-1, 1] if axis == 0 else [1, -1])
    first, second = (values.index_select(dim, before + step) for step in (0, 1))
    return first + part * (second - first)


def _of_axis(value: Any, axis: int) -> int:
    several = [value] if isinstance(value, int) else list(value)
    return int(several[axis % len(several)])


def _window_sums(node: Node, values: Tensor) -> Tensor:
    """Return sums over the windows of a node, all by the same factor."""
    asked = node.arguments
    if node.operation in CONVOLUTIONS:
        ones = values.new_ones((1, 1, *asked["weight"].shape[2:]))
        settings = {key: asked[key] for key in ("stride", "padding", "dilation")}
        return functional.conv2d(values, ones, **settings)
    stride, ceil = asked["stride"] or None, bool(asked["ceil_mode"])
    return functional.avg_pool2d(values, asked["kernel_size"], stride, asked["padding"], ceil)


def _unless_whole(coordinates: Tensor) -> Tensor:
    """Return no place where one position stands for the whole picture."""
    return (
        torch.full_like(coordinates, torch.nan)
        if coordinates.shape[2] * coordinates.shape[3] == 1
        else coordinates
    )


def _together(source: Tensor, axes: list[int]) -> Tensor:
    """Return the mean over axes, which stay with size 1; NaN where coordinates lie `APART`."""
    known = source.isfinite()
    low = torch.where(known, source, torch.inf).amin(axes, keepdim=True)
    high = torch.where(known, source, -torch.inf).amax(axes, keepdim=True)
    count = known.sum(axes, keepdim=True)
    mean = source.nan_to_num(0.0).sum(axes, keepdim=True) / count
    return torch.where((count > 0) & (high - low < APART), mean, torch.nan)


def _product(left: Tensor, right: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the place of the rows of the left side, or, without any, of the right's columns.

    Rows of attention are queries. Attention between channels has none: its values keep theirs.
    """
    rows = _together(left, [left.dim() - 1])
    if bool(rows.isfinite().any()):
        return rows.expand(shape)
    return _together(right, [right.dim() - 2]).expand(shape)


def _reduced(node: Node, source: Tensor) -> Tensor:
    asked = node.arguments.get("dim")
    every = list(range(source.dim()))
    axes = every if asked in (None, []) else asked if isinstance(asked, list) else [asked]
    axes = [int(axis) % source.dim() for axis in axes]
    reduced = _together(source, axes)
    if not node.arguments.get("keepdim"):
        reduced = reduced.reshape(
            [size for axis, size in enumerate(reduced.shape) if axis not in axes]
        )
    return reduced.expand(node.shape)


def _entrywise(sources: list[Tensor], shape: tuple[int, ...]) -> Tensor:
    """Return the place that the known sides of a sum or a product have, by their mean."""
    fitting = [each.expand(shape) for each in sources if _fits(each.shape, shape)]
    if not fitting:
        return _nowhere(shape, sources[0])
    return torch.stack(fitting).nanmean(0) if len(fitting) > 1 else fitting[0]


def _fits(shape: torch.Size, wanted: tuple[int, ...]) -> bool:
    if len(shape) > len(wanted):
        return False
    pairs = zip(reversed(shape), reversed(wanted), strict=False)
    return all(length in (1, size) for length, size in pairs)
