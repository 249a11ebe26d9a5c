"""The last linear operation of a model, and what it reads: the penultimate layer."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from auditor.relevance.graph.graph import Graph, Node

# They change no value between the last linear operation and the logits.
SAME_VALUES = frozenset({"view", "_unsafe_view", "reshape", "squeeze", "flatten", "clone"})


@dataclass(frozen=True, eq=False)
class LastLinear:
    """Logits as ``features @ weight.T + bias``; ``source`` is the node whose values are read."""

    source: str
    weight: Tensor
    bias: Tensor

    def logits(self, features: Tensor) -> Tensor:
        """Return the logits (B, K) of features (B, D)."""
        return features @ self.weight.T + self.bias


def last_linear(graph: Graph) -> LastLinear | None:
    """Return the last linear operation, None where the logits do not come straight from one."""
    node = graph[graph.output]
    while node.operation in SAME_VALUES and len(node.inputs) == 1:
        node = graph[node.inputs[0]]
    if node.operation != "linear" or len(node.inputs) != 1:
        return None
    weight, bias = node.arguments.get("weight"), node.arguments.get("bias")
    if not isinstance(weight, Tensor) or not _flat(node):
        return None
    bias = bias if isinstance(bias, Tensor) else weight.new_zeros(len(weight))
    return LastLinear(node.inputs[0], weight.detach().double(), bias.detach().double())


def _flat(node: Node) -> bool:
    """Say whether the operation reads one vector for each image."""
    return len(node.input_shapes[0]) == 2 and node.input_batches[0].axis == 0
