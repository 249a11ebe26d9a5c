"""Hold factors constant that only weigh the flow: gates, attention weights, statistics.

Relevance passes through what is weighted; the branch that computes the weight gets none
(CP-LRP, Ali et al. 2022, for attention and normalisation; Arras et al. 2019 for gates). Holding an
operand constant means that it is no longer among the ``inputs`` of its node.
"""

from __future__ import annotations

from dataclasses import replace

from auditor.relevance.graph.graph import Element, Graph, Node, Ref

SQUASHED = frozenset({"sigmoid", "hardsigmoid"})
SOFTMAX = frozenset({"softmax", "_softmax"})
STATISTICS = frozenset({
    "linalg_vector_norm", "norm", "var", "std", "var_mean", "std_mean", "rsqrt", "reciprocal",
})  # fmt: skip
CLIPPED = frozenset({"hardtanh", "relu6", "clamp"})
# What turns one gate into another: everything else turns a gate into an ordinary signal.
CARRIES = frozenset({
    "alias", "clone", "detach", "contiguous", "_to_copy", "type_as", "view", "expand", "repeat",
    "squeeze", "unsqueeze", "permute", "transpose", "slice", "select", "unbind", "split",
    "split_with_sizes", "cat", "stack", "pad", "constant_pad_nd", "add", "sub", "mul", "div",
    "neg", "pow", "sqrt", "reciprocal", "mean", "sum", "clamp", "clamp_min", "masked_fill",
    "linear", "conv1d", "conv2d", "matmul", "upsample_nearest2d", "upsample_bilinear2d",
})  # fmt: skip
PRODUCTS = frozenset({
    "mul", "matmul", "bmm", "mm", "einsum", "linear", "conv1d", "conv2d", "conv3d",
})  # fmt: skip


def hold(graph: Graph, *, attention: bool = True) -> Graph:
    """Return the graph with gates and divisors held constant.

    With ``attention``, attention weights (softmax) are held constant too; without it they are
    ordinary factors (AttnLRP).
    """
    strengths = gate_strengths(graph, attention=attention)
    return graph.having(_held(node, strengths, attention=attention) for node in graph.nodes)


def gate_strengths(graph: Graph, *, attention: bool = True) -> dict[str, int]:
    """Return 2 for a gate, 1 for what may be one (a clipped line), 0 for a signal."""
    strengths: dict[str, int] = {}
    for node in graph.nodes:
        strengths[node.name] = _strength(node, graph, strengths, attention=attention)
    return strengths


def _strength(node: Node, graph: Graph, strengths: dict[str, int], *, attention: bool) -> int:
    if not node.live or not node.inputs:
        return 0
    if node.operation in SQUASHED or (node.operation in STATISTICS and not is_mean(node)):
        return 2
    if node.operation in SOFTMAX:
        return 2 if attention else 0
    if node.operation in CLIPPED and _is_hard_sigmoid(node, graph):
        return 1
    if _is_reciprocal(node) or _is_step(node, graph):
        return 2
    if _is_softmax(node, graph):
        return 2 if attention else 0
    if node.operation in CARRIES:
        return min(strengths[name] for name in node.inputs)
    return 0


def is_mean(node: Node) -> bool:
    """Tell whether a node is the mean that comes with a variance or standard deviation."""
    named = node.operation in {"var_mean", "std_mean"}
    return named and isinstance(node.target, Element) and node.target.index == 1


def _is_hard_sigmoid(node: Node, graph: Graph) -> bool:
    """Recognise relu6(x + 3), the way hard gates are often written."""
    before = graph[node.inputs[0]]
    lower = node.arguments.get("min_val", node.arguments.get("min", 0))
    upper = node.arguments.get("max_val", node.arguments.get("max", 6))
    ends = isinstance(lower, (int, float)) and lower == 0 and isinstance(upper, (int, float))
    return ends and before.operation == "add" and len(before.inputs) == 1


def _is_reciprocal(node: Node) -> bool:
    """Recognise a number over a signal, and a negative power of one."""
    if node.operation == "pow":
        exponent = node.arguments["exponent"]
        return isinstance(exponent, (int, float)) and exponent < 0
    return node.operation == "div" and node.arguments["self"] != Ref(node.inputs[0])


def _is_step(node: Node, graph: Graph) -> bool:
    """Recognise 1 + erf(x) and 1 + tanh(x), the gates of GELU, and tanh(softplus(x)) of Mish."""
    before = graph[node.inputs[0]]
    if node.operation == "tanh":
        return before.operation == "softplus"
    alone = node.operation == "add" and len(node.inputs) == 1
    return alone and before.operation in {"erf", "tanh"} and 1 in _numbers(node)


def _numbers(node: Node) -> list[float]:
    operands = (node.arguments["self"], node.arguments["other"])
    return [each for each in operands if isinstance(each, (int, float))]


def _is_softmax(node: Node, graph: Graph) -> bool:
    """Recognise exp(x) over its own sum."""
    if node.operation != "div" or len(node.inputs) != 2:
        return False
    first, second = (graph[name] for name in node.inputs)
    return first.operation == "exp" and second.operation == "sum" and first.name in second.inputs


def _held(node: Node, strengths: dict[str, int], *, attention: bool) -> Node:
    if not node.live:
        return node
    if node.operation == "div" and len(node.inputs) == 2:
        (numerator,) = (name for name in node.inputs if node.arguments["self"] == Ref(name))
        return replace(node, inputs=(numerator,))
    if node.operation == "scaled_dot_product_attention":
        value = node.arguments["value"]
        if attention and isinstance(value, Ref) and value.name in node.inputs:
            return replace(node, inputs=(value.name,))
        return node
    if node.operation in PRODUCTS and len(node.inputs) == 2:
        first, second = node.inputs
        if strengths[first] > strengths[second]:
            return replace(node, inputs=(second,))
        if strengths[second] > strengths[first]:
            return replace(node, inputs=(first,))
    return node


def attends(graph: Graph) -> bool:
    """Tell whether the graph weighs values by attention."""
    strengths = gate_strengths(graph)
    return any(
        node.operation == "scaled_dot_product_attention"
        or (
            node.operation in {"matmul", "bmm", "einsum"}
            and len(node.inputs) == 2
            and len({strengths[name] > 0 for name in node.inputs}) == 2
        )
        for node in graph.nodes
        if node.live
    )
