"""Find the axis of each tensor that holds concepts: channels, or the embedding of tokens."""

from __future__ import annotations

from torch import Tensor

from auditor.relevance.graph.canonise import CONVOLUTIONS
from auditor.relevance.graph.graph import Graph, Node
from auditor.relevance.rules.weighted import TRANSPOSED

FIRST = CONVOLUTIONS | TRANSPOSED | {"batch_norm", "group_norm", "instance_norm", "input"}
LAST = frozenset({"linear", "layer_norm"})
ORDERLY = frozenset({
    "add", "sub", "mul", "cat", "split", "split_with_sizes", "slice", "relu", "silu", "gelu",
    "hardswish", "hardtanh", "mean", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "clone",
})  # fmt: skip


def channel_axes(graph: Graph) -> dict[str, int | None]:
    """Return the channel axis of every node, None where the graph does not tell."""
    axes: dict[str, int | None] = {}
    for node in graph.nodes:
        axes[node.name] = _axis(node, graph, axes)
    for node in reversed(graph.nodes):
        if node.live and axes[node.name] is None:
            axes[node.name] = _axis_for_readers(node, graph, axes)
    return axes


def _axis_for_readers(node: Node, graph: Graph, axes: dict[str, int | None]) -> int | None:
    """Return the axis that the readers of a node take for channels: after a shuffle, say."""
    for user in (graph[name] for name in graph.users[node.name] if node.name in graph[name].inputs):
        if user.operation in FIRST:
            return 1
        if user.operation in LAST:
            return len(node.shape) - 1
        same = len(user.shape) == len(node.shape) and user.operation in ORDERLY
        if same and axes[user.name] is not None:
            return axes[user.name]
    return None


def _axis(node: Node, graph: Graph, axes: dict[str, int | None]) -> int | None:
    if node.operation in FIRST:
        return 1
    if node.operation in LAST:
        return len(node.shape) - 1
    if not node.live or not node.inputs:
        return None
    source = next((name for name in node.inputs if axes[name] is not None), node.inputs[0])
    axis = axes[source]
    if axis is None:
        return None
    shape = graph[source].shape
    if node.operation == "permute":
        dims = [dim % len(shape) for dim in node.arguments["dims"]]
        return int(dims.index(axis))
    if node.operation == "transpose":
        first, second = (int(node.arguments[name]) % len(shape) for name in ("dim0", "dim1"))
        return {first: second, second: first}.get(axis, axis)
    return _moved(node.shape, shape, axis)


def _moved(shape: tuple[int, ...], source: tuple[int, ...], axis: int) -> int | None:
    """Follow an axis through an operation that keeps the order of what it keeps.

    The axis is found by what stands before it, or, when it is the last one, at the end.
    """
    if len(shape) == len(source):
        same_elsewhere = sum(a == b for a, b in zip(shape, source, strict=True))
        kept = shape[axis] == source[axis] or same_elsewhere == len(shape) - 1
        return axis if kept else None
    if axis == len(source) - 1 and shape[-1] == source[-1]:
        return len(shape) - 1
    if shape[: axis + 1] == source[: axis + 1]:
        return axis
    return None


def as_maps(values: Tensor, node: Node, axis: int) -> Tensor:
    """Return a tensor of the node as (B, C, h, w), a view where possible.

    Units get h = w = 1, and tokens h = 1. More than two axes of positions become two.
    """
    moved = values.movedim((node.batch.axis, axis), (0, 1))
    if moved.dim() == 2:
        return moved[:, :, None, None]
    if moved.dim() == 3:
        return moved.unsqueeze(2)
    return moved if moved.dim() == 4 else moved.flatten(2, -2)


def positions(values: Tensor, node: Node, axis: int) -> Tensor:
    """Return a tensor of the node as (B, C, positions...): a view, so that it can be written."""
    return values.movedim((node.batch.axis, axis), (0, 1))
