"""The outputs of a model with several labels for a picture: each label against its absence.

The last linear operation gets one output more, which is 0, and thresholds become part of its bias;
so what explains a label is what explained it before. See `auditor.records.several`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from auditor.base.errors import ModelError
from auditor.records.several import LEFT_OUT
from auditor.relevance.graph.graph import Graph, Node, Ref


def with_absence(graph: Graph, offsets: Sequence[float]) -> Graph:
    """Return the graph with each logit less its offset, and a last output that is 0.

    Raises:
        ModelError: there are not as many outputs as offsets.
    """
    last = graph[graph.output]
    count = last.shape[1] if len(last.shape) == 2 else 0
    if count != len(offsets):
        raise ModelError(
            f"the model has {count} outputs where {len(offsets)} labels have a threshold each."
        )
    node = last if _is_linear(last) else _appended(graph, last)
    weight, bias = node.arguments["weight"], node.arguments.get("bias")
    shift = weight.new_tensor(list(offsets))
    known = weight.new_zeros(count) if bias is None else bias
    changed = _with(
        node,
        torch.cat([weight, weight.new_zeros(1, weight.shape[1])]),
        torch.cat([known - shift, weight.new_zeros(1)]),
    )
    kept = tuple(each for each in graph.nodes if each.name != node.name)
    note = (
        "The model answers with a logit for each of several labels: each is explained by itself, "
        "against a last output of 0, which stands for the label's absence."
    )
    notes = (*graph.notes, note)
    return replace(graph, nodes=(*kept, changed), output=changed.name, notes=notes)


def about(graph: Graph, label: int) -> Graph:
    """Return a graph of `with_absence` in which only a label and its absence can be decided for."""
    node = graph[graph.output]
    weight, bias = node.arguments["weight"], node.arguments["bias"]
    others = [at for at in range(len(weight) - 1) if at != label]
    weight, bias = weight.clone(), bias.clone()
    weight[others], bias[others] = 0.0, LEFT_OUT
    changed = _with(node, weight, bias)
    return graph.having(changed if each.name == node.name else each for each in graph.nodes)


def _is_linear(node: Node) -> bool:
    flat = len(node.shape) == 2 and node.batch.axis == 0 and len(node.inputs) == 1
    return node.operation == "linear" and flat and isinstance(node.arguments.get("weight"), Tensor)


def _appended(graph: Graph, last: Node) -> Node:
    like = next(
        value
        for node in graph.nodes
        for value in node.arguments.values()
        if isinstance(value, Tensor) and value.is_floating_point()
    )
    unit = torch.eye(last.shape[1], dtype=like.dtype, device=like.device)
    return Node(
        name="labels", operation="linear", target=torch.ops.aten.linear.default,
        arguments={"input": Ref(last.name), "weight": unit, "bias": None},
        inputs=(last.name,), shape=last.shape, input_shapes=(last.shape,),
        input_batches=(last.batch,),
    )  # fmt: skip


def _with(node: Node, weight: Tensor, bias: Tensor) -> Node:
    arguments = {**node.arguments, "weight": weight, "bias": bias}
    return replace(node, arguments=arguments, shape=(node.shape[0], len(weight)))
