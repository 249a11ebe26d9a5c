"""Rewrite a captured graph so that fewer operations need a rule, without changing its output."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from auditor.relevance.graph.decompose import decompose
from auditor.relevance.graph.graph import Element, Graph, Node, Ref, mixes_images, prune
from auditor.relevance.rules.weighted import TRANSPOSED

BATCH_NORM = "_native_batch_norm_legit_no_training"
CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})
FOLDABLE = CONVOLUTIONS | {"linear"}
WEIGHTED = FOLDABLE | TRANSPOSED
SQUASHING = frozenset({"softmax", "_softmax", "log_softmax", "_log_softmax", "sigmoid"})
PICKS = frozenset({"select", "slice"})
KEEPS_LOGITS = frozenset({"view", "squeeze", "unsqueeze", "clone", "alias", "_to_copy"})


def canonise(graph: Graph) -> Graph:
    """Return the same function with batch norm folded where it can be, and plain reshapes."""
    return _fold_batch_norms(_simplify(graph))


def arrange(graph: Graph) -> Graph:
    """Note what stands beside each node, and store images' weights channels last, as images are."""
    nodes = []
    for node in graph.nodes:
        arguments = dict(node.arguments)
        if node.operation == "conv2d" and isinstance(arguments["weight"], Tensor):
            weight = arguments["weight"]
            arguments["weight"] = weight.contiguous(memory_format=torch.channels_last)
        beside = (graph[name] for name in dict.fromkeys(node.refers()) if name not in node.inputs)
        nodes.append(
            replace(
                node,
                arguments=arguments,
                input_shapes=tuple(graph[name].shape for name in node.inputs),
                input_batches=tuple(graph[name].batch for name in node.inputs),
                others={each.name: each.batch if each.per_image else None for each in beside},
                real=_real(node, graph),
            )
        )
    return graph.having(nodes)


def _real(node: Node, graph: Graph) -> Tensor | None:
    """Return where the input of a convolution is not zeros that a node before it padded."""
    if node.operation not in CONVOLUTIONS or len(node.inputs) != 1:
        return None
    before, weight = graph[node.inputs[0]], node.arguments["weight"]
    padded = before.operation in {"constant_pad_nd", "pad"} and len(before.inputs) == 1
    constant = before.arguments.get("mode", "constant") == "constant"
    if not (padded and constant and isinstance(weight, Tensor)) or before.arguments["value"]:
        return None
    ones: Tensor = weight.new_ones((1, *graph[before.inputs[0]].shape[1:]))
    return before.call({before.inputs[0]: ones})  # type: ignore[no-any-return]


def bare_logits(graph: Graph, *, sigmoid: bool | None = None) -> Graph:
    """Return the graph without a final softmax, or sigmoid of one logit: that is explained.

    ``sigmoid``: which of the two may stand there, None for a sigmoid where there is one logit.
    """
    wanted = _is_single(graph[graph.output]) if sigmoid is None else sigmoid
    after: list[Node] = []
    last = graph[graph.output]
    while last.operation in KEEPS_LOGITS | PICKS and len(last.inputs) == 1:
        after.append(last)
        last = graph[last.inputs[0]]
    found = last.operation == "sigmoid"
    if last.operation not in SQUASHING or found != wanted:
        return graph
    if (sigmoid or not found) and any(node.operation in PICKS for node in after):
        return graph  # one of several probabilities is no function of its own logit
    note = (
        f"The model ends with {last.operation.strip('_')}: the logits before it are explained "
        "and shown."
    )
    (before,) = last.inputs
    nodes = {node.name: node for node in graph.nodes}
    for node in after[-1:]:
        arguments = {
            key: Ref(before) if value == Ref(last.name) else value
            for key, value in node.arguments.items()
        }
        nodes[node.name] = replace(node, arguments=arguments, inputs=(before,))
    output = graph.output if after else before
    notes = (*graph.notes, note)
    return prune(replace(graph, nodes=tuple(nodes.values()), output=output, notes=notes))


def _is_single(node: Node) -> bool:
    """Tell whether a node has one value for each image."""
    return node.shape[1:] in ((), (1,))


def two_sided(graph: Graph) -> Graph:
    """Turn a single logit z into (-z/2, z/2): softmax gives what sigmoid gave, for both sides."""
    last = graph[graph.output]
    like = next(
        value
        for node in graph.nodes
        for value in node.arguments.values()
        if isinstance(value, Tensor) and value.is_floating_point()
    )
    column = Node(
        name="single_logit", operation="view", target=reshape,
        arguments={"self": Ref(last.name), "size": [-1, 1]}, inputs=(last.name,),
        shape=(last.shape[0], 1),
    )  # fmt: skip
    pair = Node(
        name="two_logits", operation="linear", target=torch.ops.aten.linear.default,
        arguments={
            "input": Ref(column.name), "weight": like.new_tensor([[-0.5], [0.5]]), "bias": None
        },
        inputs=(column.name,), shape=(last.shape[0], 2),
    )  # fmt: skip
    note = (
        "The model has a single logit z: it is shown as two, -z/2 for the negative and z/2 for the "
        "positive class, whose softmax is the sigmoid of z."
    )
    nodes, notes = (*graph.nodes, column, pair), (*graph.notes, note)
    return replace(graph, nodes=nodes, output=pair.name, notes=notes)


def affine(input: Tensor, scale: Tensor, shift: Tensor) -> Tensor:  # noqa: A002 the field's word
    """Return ``scale * input + shift``: batch norm in evaluation, which could not be folded."""
    return torch.addcmul(shift, input, scale)


def reshape(self: Tensor, size: list[int]) -> Tensor:
    """Reshape with the batch axis left open, so that it works at every batch size."""
    return self.reshape(size)


RESHAPES = frozenset({"view", "_unsafe_view", "reshape", "squeeze"})


def _simplify(graph: Graph) -> Graph:
    nodes: list[Node] = []
    for node in _decomposed(graph).nodes:
        if node.operation == BATCH_NORM and _is_affine(node):
            nodes.append(_as_affine(node))
        elif node.operation in RESHAPES and node.batch.axis < len(node.shape):
            size = node.batch.open(node.shape)
            arguments = {"self": node.arguments["self"], "size": size}
            nodes.append(replace(node, operation="view", target=reshape, arguments=arguments))
        elif node.operation == "expand" and node.live:
            arguments = {**node.arguments, "size": node.batch.open(node.shape)}
            nodes.append(replace(node, arguments=arguments))
        elif _pads_by_word(node):
            nodes.extend(_explicit_padding(node, graph))
        elif node.operation in {"matmul", "mm"} and _is_linear(node):
            nodes.append(_as_linear(node))
        elif node.operation == "instance_norm" and _is_affine(node):
            nodes.append(_as_affine(node))
        elif node.operation == "_native_batch_norm_legit" and node.live:
            nodes.append(_of_each_image(node))
        elif node.operation == "max_pool2d_with_indices" and _is_first(node):
            target = torch.ops.aten.max_pool2d.default
            nodes.append(replace(node, operation="max_pool2d", target=target))
        else:
            nodes.append(node)
    return prune(graph.having(nodes))


def _decomposed(graph: Graph) -> Graph:
    return graph.having(each for node in graph.nodes for each in decompose(node, graph))


def _is_affine(node: Node) -> bool:
    values = node.arguments
    if node.operation == BATCH_NORM and not _is_first(node):
        return False
    statistics = (values["running_mean"], values["running_var"])
    return all(isinstance(each, Tensor) for each in statistics) and all(
        values[name] is None or isinstance(values[name], Tensor) for name in ("weight", "bias")
    )


def _of_each_image(node: Node) -> Node:
    """Return an instance norm, captured as a batch norm of one image with the channels of all."""
    if node.batch.axis != 1 or node.shape[0] != 1:
        raise mixes_images("batch norm without running statistics", node.modules)
    return replace(node, operation="instance_norm") if _is_first(node) else node


def _is_linear(node: Node) -> bool:
    """Tell whether a matrix product is a linear layer: a constant matrix on the right."""
    right = node.arguments["mat2" if node.operation == "mm" else "other"]
    return isinstance(right, Tensor) and right.dim() == 2 and len(node.inputs) == 1


def _as_linear(node: Node) -> Node:
    values = node.arguments
    right = values["mat2" if node.operation == "mm" else "other"]
    arguments = {"input": values["self"], "weight": right.T.contiguous(), "bias": None}
    target = torch.ops.aten.linear.default
    return replace(node, operation="linear", target=target, arguments=arguments)


def _pads_by_word(node: Node) -> bool:
    return node.operation in CONVOLUTIONS and isinstance(node.arguments["padding"], str)


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
    target = getattr(torch.ops.aten, node.operation).default
    if all(total % 2 == 0 for total in totals):
        values["padding"] = [total // 2 for total in totals]
        return [replace(node, target=target, arguments=values)]
    source = graph[node.arguments["input"].name]
    edges = [edge for total in reversed(totals) for edge in (total // 2, total - total // 2)]
    spatial = zip(source.shape[2:], totals, strict=True)
    size = tuple(each + total for each, total in spatial)
    pad = Node(
        name=f"{node.name}_pad",
        operation="constant_pad_nd",
        target=torch.ops.aten.constant_pad_nd.default,
        arguments={"self": Ref(source.name), "pad": edges, "value": 0},
        inputs=node.inputs,
        shape=(*source.shape[:2], *size),
        modules=node.modules,
        live=node.live,
        batch=source.batch,
    )
    values.update(input=Ref(pad.name), padding=[0] * len(totals))
    return [
        pad,
        replace(node, target=target, arguments=values, inputs=(pad.name,) if node.live else ()),
    ]


def _fold_batch_norms(graph: Graph) -> Graph:
    """Fold each batch norm into the layer before it where it is that layer's only reader."""
    nodes = {node.name: node for node in graph.nodes}
    for node in graph.nodes:
        if node.operation != "batch_norm" or not node.live:
            continue
        before = nodes[node.inputs[0]]
        if before.operation not in FOLDABLE or len(graph.users[before.name]) != 1:
            continue
        if not all(
            each is None or isinstance(each, Tensor)
            for each in (before.arguments["weight"], before.arguments["bias"])
        ):
            continue
        if before.operation == "linear" and len(before.shape) != 2:
            continue
        modules = tuple(dict.fromkeys((*node.modules, *before.modules)))
        folded = _folded(before, node.arguments["scale"], node.arguments["shift"])
        # The folded layer takes the place and name of the norm, and answers to both modules.
        nodes[node.name] = replace(folded, name=node.name, modules=modules)
        del nodes[before.name]
    return graph.having(nodes.values())


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
