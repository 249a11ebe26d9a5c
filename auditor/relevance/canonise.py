"""Rewrite a captured graph so that fewer operations need a rule, without changing its output."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from auditor.relevance.graph import Element, Graph, Node, Ref, prune

BATCH_NORM = "_native_batch_norm_legit_no_training"
CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})
WEIGHTED = CONVOLUTIONS | {"linear"}


def canonise(graph: Graph) -> Graph:
    """Return the same function with batch norm folded where it can be, and plain reshapes."""
    return _lay_out(_fold_batch_norms(_simplify(graph)))


def _lay_out(graph: Graph) -> Graph:
    """Note the shapes of the inputs, and store images' weights channels last, as images are."""
    nodes = []
    for node in graph.nodes:
        arguments = dict(node.arguments)
        if node.operation == "conv2d" and isinstance(arguments["weight"], Tensor):
            weight = arguments["weight"]
            arguments["weight"] = weight.contiguous(memory_format=torch.channels_last)
        shapes = tuple(graph[name].shape for name in node.inputs)
        nodes.append(replace(node, arguments=arguments, input_shapes=shapes))
    return Graph(tuple(nodes), graph.input, graph.output)


def affine(input: Tensor, scale: Tensor, shift: Tensor) -> Tensor:  # noqa: A002 the field's word
    """Return ``scale * input + shift``: batch norm in evaluation, which could not be folded."""
    return torch.addcmul(shift, input, scale)


def reshape(self: Tensor, size: list[int]) -> Tensor:
    """Reshape with the batch axis left open, so that it works at every batch size."""
    return self.reshape(size)


def _simplify(graph: Graph) -> Graph:
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.operation == BATCH_NORM:
            nodes.append(_as_affine(node))
        elif node.operation in {"view", "_unsafe_view", "reshape"} and node.live:
            size = [-1, *node.shape[1:]]
            arguments = {"self": node.arguments["self"], "size": size}
            nodes.append(replace(node, operation="view", target=reshape, arguments=arguments))
        elif node.operation == "conv2d" and isinstance(node.arguments["padding"], str):
            nodes.extend(_explicit_padding(node, graph))
        elif node.operation == "max_pool2d_with_indices" and _is_first(node):
            target = torch.ops.aten.max_pool2d.default
            nodes.append(replace(node, operation="max_pool2d", target=target))
        else:
            nodes.append(node)
    return prune(Graph(tuple(nodes), graph.input, graph.output))


def _is_first(node: Node) -> bool:
    """Tell whether a node is the first element of a tuple: the values, not the indices."""
    return isinstance(node.target, Element) and node.target.index == 0


def _as_affine(node: Node) -> Node:
    """Write evaluation batch norm as one scale and one shift per channel (in float64)."""
    values = node.arguments
    mean, variance = values["running_mean"], values["running_var"]
    scale = (variance.double() + values["eps"]).rsqrt()
    if values["weight"] is not None:
        scale = scale * values["weight"].double()
    shift = -mean.double() * scale
    if values["bias"] is not None:
        shift = shift + values["bias"].double()
    per_channel = (1, -1, *([1] * (len(node.shape) - 2)))
    arguments: dict[str, Any] = {
        "input": values["input"],
        "scale": scale.reshape(per_channel).to(mean.dtype),
        "shift": shift.reshape(per_channel).to(mean.dtype),
    }
    return replace(node, operation="batch_norm", target=affine, arguments=arguments)


def _explicit_padding(node: Node, graph: Graph) -> list[Node]:
    """Replace padding='same' or 'valid' by numbers; an uneven 'same' becomes a pad of its own."""
    values = dict(node.arguments)
    kernel = values["weight"].shape[2:]
    totals = [
        dilation * (size - 1) if values["padding"] == "same" else 0
        for size, dilation in zip(kernel, values["dilation"] * len(kernel), strict=False)
    ]
    target = torch.ops.aten.conv2d.default
    if all(total % 2 == 0 for total in totals):
        values["padding"] = [total // 2 for total in totals]
        return [replace(node, target=target, arguments=values)]
    source = graph[node.inputs[0]]
    edges = [edge for total in reversed(totals) for edge in (total // 2, total - total // 2)]
    height, width = source.shape[2] + totals[0], source.shape[3] + totals[1]
    pad = Node(
        name=f"{node.name}_pad",
        operation="constant_pad_nd",
        target=torch.ops.aten.constant_pad_nd.default,
        arguments={"self": Ref(source.name), "pad": edges, "value": 0},
        inputs=(source.name,),
        shape=(*source.shape[:2], height, width),
        modules=node.modules,
    )
    values.update(input=Ref(pad.name), padding=[0] * len(totals))
    return [pad, replace(node, target=target, arguments=values, inputs=(pad.name,))]


def _fold_batch_norms(graph: Graph) -> Graph:
    """Fold each batch norm into the layer before it where it is that layer's only reader."""
    nodes = {node.name: node for node in graph.nodes}
    for node in graph.nodes:
        if node.operation != "batch_norm":
            continue
        before = nodes[node.inputs[0]]
        if before.operation not in WEIGHTED or len(graph.users[before.name]) != 1:
            continue
        if before.operation == "linear" and len(before.shape) != 2:
            continue
        modules = tuple(dict.fromkeys((*node.modules, *before.modules)))
        folded = _folded(before, node.arguments["scale"], node.arguments["shift"])
        # The folded layer takes the place and name of the norm, and answers to both modules.
        nodes[node.name] = replace(folded, name=node.name, modules=modules)
        del nodes[before.name]
    return Graph(tuple(nodes.values()), graph.input, graph.output)


def _folded(layer: Node, scale: Tensor, shift: Tensor) -> Node:
    """Return the layer with ``W * scale`` and ``b * scale + shift``."""
    values = dict(layer.arguments)
    weight, bias = values["weight"], values["bias"]
    factor, offset = scale.flatten().double(), shift.flatten().double()
    if bias is not None:
        offset = offset + bias.double() * factor
    rows = factor.reshape(-1, *([1] * (weight.dim() - 1)))
    values["weight"] = (weight.double() * rows).to(weight.dtype)
    values["bias"] = offset.to(weight.dtype)
    return replace(layer, arguments=values)
