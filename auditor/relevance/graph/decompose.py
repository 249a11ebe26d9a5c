"""Write operations that do several things as several nodes, each of which has a rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from auditor.relevance.graph.graph import Batch, Graph, Node, Ref

aten = torch.ops.aten


def decompose(node: Node, graph: Graph) -> list[Node]:
    """Return the nodes that a node stands for, itself where it is simple; the last has its name."""
    decomposition = DECOMPOSITIONS.get(node.operation)
    if decomposition is None or not node.live:
        return [node]
    return decomposition(node, graph) or [node]


def _live(graph: Graph, *operands: Any) -> tuple[str, ...]:
    """Return the names of the live operands, each once."""
    names = (each.name for each in operands if isinstance(each, Ref))
    return tuple(dict.fromkeys(name for name in names if graph[name].live))


def _rewritten(
    node: Node, operation: str, target: Callable[..., Any], inputs: tuple[str, ...], **values: Any
) -> Node:
    return replace(node, operation=operation, target=target, arguments=values, inputs=inputs)


def _step(
    node: Node, suffix: str, operation: str, target: Any, inputs: tuple[str, ...], **values: Any
) -> Node:
    """Return a new node of the shape of another, before it."""
    step = _rewritten(node, operation, target, inputs, **values)
    return replace(step, name=f"{node.name}_{suffix}", live=bool(inputs))


def _sum(node: Node, graph: Graph, first: Any, second: Node, alpha: float) -> Node:
    kept = (*_live(graph, first), *([second.name] if second.live else []))
    other = Ref(second.name)
    return _rewritten(node, "add", aten.add.Tensor, kept, self=first, other=other, alpha=alpha)


def _addcmul(node: Node, graph: Graph) -> list[Node]:
    """Write ``self + value t1 t2`` as a product and a sum."""
    values = node.arguments
    factors = (values["tensor1"], values["tensor2"])
    names = _live(graph, *factors)
    product = _step(
        node, "product", "mul", aten.mul.Tensor, names, self=factors[0], other=factors[1]
    )
    shape = _broadcast_shape(factors, graph)
    axis = node.batch.axis - (len(node.shape) - len(shape))
    batch = replace(node.batch, axis=axis) if axis >= 0 else Batch()
    product = replace(product, shape=shape, batch=batch)
    return [product, _sum(node, graph, values["self"], product, values["value"])]


def _broadcast_shape(operands: tuple[Any, ...], graph: Graph) -> tuple[int, ...]:
    shapes = [graph[each.name].shape if isinstance(each, Ref) else each.shape for each in operands]
    return tuple(np.broadcast_shapes(*shapes))


def _rsub(node: Node, graph: Graph) -> list[Node]:
    """Write ``other - alpha self`` as a difference, or, with a number, a product and a sum."""
    values = node.arguments
    term, other, alpha = values["self"], values["other"], values["alpha"]
    if isinstance(other, (Ref, Tensor)):
        names = _live(graph, other, term)
        return [
            _rewritten(node, "sub", aten.sub.Tensor, names, self=other, other=term, alpha=alpha)
        ]
    names = _live(graph, term)
    scaled = _step(node, "negative", "mul", aten.mul.Tensor, names, self=term, other=-alpha)
    inputs = (scaled.name,)
    total = _rewritten(
        node, "add", aten.add.Tensor, inputs, self=Ref(scaled.name), other=other, alpha=1
    )
    return [scaled, total]


def _product_and_matrix(node: Node, graph: Graph) -> list[Node]:
    """Write ``beta self + alpha A B`` as a matrix product and a sum."""
    values = node.arguments
    term, beta, alpha = values["self"], values["beta"], values["alpha"]
    if node.operation == "addmm" and isinstance(values["mat2"], Tensor) and _is_bias(term):
        weight = (values["mat2"].T * alpha).contiguous()
        names = _live(graph, values["mat1"])
        linear = aten.linear.default
        return [
            _rewritten(
                node, "linear", linear, names, input=values["mat1"], weight=weight, bias=term * beta
            )
        ]
    if node.operation == "addmm":
        left, right, operation, target = values["mat1"], values["mat2"], "mm", aten.mm.default
    else:
        left, right = values["batch1"], values["batch2"]
        operation, target = "bmm", aten.bmm.default
    names = _live(graph, left, right)
    product = _step(node, "product", operation, target, names, self=left, mat2=right)
    if beta == 0:
        ref = Ref(product.name)
        return [
            product,
            _rewritten(node, "mul", aten.mul.Tensor, (product.name,), self=ref, other=alpha),
        ]
    if beta != 1 and not isinstance(term, Tensor):
        return []
    return [product, _sum(node, graph, term if beta == 1 else term * beta, product, alpha)]


def _is_bias(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() == 1


def _glu(node: Node, graph: Graph) -> list[Node]:
    """Write a gated linear unit as one half times the sigmoid of the other."""
    source = node.arguments["self"]
    dim = int(node.arguments["dim"]) % len(node.shape)
    size = node.shape[dim]
    value, squashed = (
        _step(
            node, suffix, "slice", aten.slice.Tensor, (source.name,),
            self=source, dim=dim, start=start, end=start + size, step=1,
        )
        for suffix, start in (("value", 0), ("logit", size))
    )  # fmt: skip
    gate = _step(
        node, "gate", "sigmoid", aten.sigmoid.default, (squashed.name,), self=Ref(squashed.name)
    )
    names = (value.name, gate.name)
    product = _rewritten(
        node, "mul", aten.mul.Tensor, names, self=Ref(value.name), other=Ref(gate.name)
    )
    return [value, squashed, gate, product]


def _copy(node: Node, graph: Graph) -> list[Node]:
    """Write a copy into another tensor as what is copied, repeated to that tensor's shape."""
    source = node.arguments["src"]
    size = node.batch.open(node.shape)
    names = _live(graph, source)
    copied = _rewritten(
        node, "expand", aten.expand.default, names, self=source, size=size, implicit=False
    )
    return [replace(copied, live=bool(names))]


def _type_as(node: Node, graph: Graph) -> list[Node]:
    """Give no relevance to an operand that only lends its type."""
    return [replace(node, inputs=_live(graph, node.arguments["self"]))]


def _fill(node: Node, graph: Graph) -> list[Node]:
    """Mark a tensor that is filled with a number as independent of the images."""
    if isinstance(node.arguments["value"], Ref):
        return []
    return [replace(node, inputs=(), live=False)]


def _in_order(node: Node, graph: Graph) -> list[Node]:
    """Put the operand in the order that it had in the model: here images lie channels last."""
    target = node.target

    def ordered(**arguments: Any) -> Any:
        return target(**{**arguments, "self": arguments["self"].contiguous()})

    return [replace(node, target=ordered)]


def _instance_norm(node: Node, graph: Graph) -> list[Node]:
    """Write an instance norm as a group norm with one channel in each group."""
    values = node.arguments
    if not values["use_input_stats"]:
        return []
    return [
        _rewritten(
            node, "group_norm", aten.group_norm.default, node.inputs, input=values["input"],
            num_groups=node.shape[1], weight=values["weight"], bias=values["bias"],
            eps=values["eps"], cudnn_enabled=True,
        )
    ]  # fmt: skip


def _attention(node: Node, graph: Graph) -> list[Node]:
    """Give queries, keys and values a node each, and shared heads their copies."""
    values = dict(node.arguments)
    steps: list[Node] = []
    heads = graph[values["query"].name].shape[-3:-2] if isinstance(values["query"], Ref) else ()
    if values.get("enable_gqa"):
        if not heads or not all(isinstance(values[each], Ref) for each in ("key", "value")):
            return []
        for role in ("key", "value"):
            before = graph[values[role].name]
            repeated = _step(
                before, f"{node.name}_{role}", "repeat_interleave",
                aten.repeat_interleave.self_int, (before.name,) if before.live else (),
                self=Ref(before.name), repeats=heads[0] // before.shape[-3],
                dim=len(before.shape) - 3, output_size=None,
            )  # fmt: skip
            shape = (*before.shape[:-3], heads[0], *before.shape[-2:])
            steps.append(replace(repeated, shape=shape, modules=node.modules))
            values[role] = Ref(repeated.name)
        values["enable_gqa"] = False
    seen: set[str] = set()
    for role in ("value", "query", "key"):
        if isinstance(values[role], Ref) and values[role].name in seen:
            before = graph[values[role].name]
            alias = _step(
                before, f"{node.name}_{role}", "alias", aten.alias.default,
                (before.name,) if before.live else (), self=Ref(before.name),
            )  # fmt: skip
            steps.append(replace(alias, modules=node.modules))
            values[role] = Ref(alias.name)
        elif isinstance(values[role], Ref):
            seen.add(values[role].name)
    if not steps:
        return []
    made = {step.name for step in steps if step.live}
    roles = ("query", "key", "value", "attn_mask")
    refs = [values[each].name for each in roles if isinstance(values[each], Ref)]
    inputs = tuple(
        dict.fromkeys(n for n in refs if n in made or (n in graph.by_name and graph[n].live))
    )
    return [*steps, replace(node, arguments=values, inputs=inputs)]


DECOMPOSITIONS: dict[str, Callable[[Node, Graph], list[Node]]] = {
    "addcmul": _addcmul,
    "rsub": _rsub,
    "addmm": _product_and_matrix,
    "baddbmm": _product_and_matrix,
    "glu": _glu,
    "copy": _copy,
    "fill": _fill,
    "type_as": _type_as,
    "instance_norm": _instance_norm,
    "as_strided": _in_order,
    "view_as_complex": _in_order,
    "scaled_dot_product_attention": _attention,
}
