"""Find the operation where NaN or infinity first appears, forward or on the way back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from auditor.relevance.graph.graph import Node
from auditor.relevance.sweep.forward import run
from auditor.relevance.sweep.numerics import exact
from auditor.relevance.sweep.plan import Plan
from auditor.relevance.sweep.reverse import Visit, observe_one_image

Values = Mapping[str, Any]


@dataclass(frozen=True)
class NonFinite:
    """Where a value that is not finite first appears.

    ``direction``: 'forward' in the activations, 'reverse' in the relevance. ``constant`` names the
    argument of the operation that holds the value itself ('weight'), '' where a computation made
    it. ``node`` is the image's own where the input was not finite.
    """

    value: Literal["NaN", "infinity"]
    direction: Literal["forward", "reverse"]
    node: str
    operation: str
    module: str
    constant: str = ""

    @property
    def sentence(self) -> str:
        """Describe it in words, without a full stop."""
        if self.operation == "input":
            return f"the image itself holds {self.value}"
        where = f"'{self.operation}'" + (f" of module '{self.module}'" if self.module else "")
        where += f" (node {self.node})"
        if self.constant:
            return f"the {self.constant} of {where} holds {self.value}"
        if self.direction == "reverse":
            return f"the logits are finite, but the relevance becomes {self.value} at {where}"
        return f"{self.value} first appears at {where}"


def first_non_finite(
    plan: Plan, images: Tensor, targets: Tensor | None = None
) -> tuple[NonFinite | None, ...]:
    """Return, for every image (B, 3, H, W), where a value is first not finite; None for nowhere.

    ``targets`` (B,): the classes that are explained, None for the predicted ones.
    """
    problems: list[NonFinite | None] = []
    with exact(images.device):
        for index in range(images.shape[0]):
            values = run(plan.graph, images[index : index + 1], plan.graph.by_name)
            logits = values[plan.graph.output]
            if not _is_finite(logits):
                problems.append(_origin(plan, values, plan.graph.output))
                continue
            chosen = int(logits.argmax()) if targets is None else int(targets[index])
            problems.append(_reverse(plan, values, chosen))
    return tuple(problems)


def _is_finite(value: Any) -> bool:
    return not isinstance(value, Tensor) or bool(value.isfinite().all())


def _kind(value: Tensor) -> Literal["NaN", "infinity"]:
    return "NaN" if bool(value.isnan().any()) else "infinity"


def _origin(plan: Plan, values: Values, start: str) -> NonFinite:
    """Follow a value that is not finite back to the first node whose own operands are finite.

    NaN is followed to NaN where there is some: infinity may be meant, as in masks.
    """
    graph = plan.graph
    order = {node.name: index for index, node in enumerate(graph.nodes)}
    waiting, seen = [start], {start}
    origins: list[str] = []
    while waiting:
        name = waiting.pop()
        causes = _causes(graph[name], values)
        if not causes:
            origins.append(name)
        for cause in causes:
            if cause not in seen:
                seen.add(cause)
                waiting.append(cause)
    first = graph[min(origins, key=order.__getitem__)]
    for argument, constant in _constants(first.arguments):
        if not _is_finite(constant):
            return _at(first, constant, "forward", argument)
    return _at(first, values[first.name], "forward")


def _causes(node: Node, values: Values) -> list[str]:
    """Return the operands that are not finite: those with NaN, if there are any."""
    names = [name for name in dict.fromkeys(node.refers()) if not _is_finite(values[name])]
    with_nan = [name for name in names if _kind(values[name]) == "NaN"]
    if bool(values[node.name].isnan().any()) and with_nan:
        return with_nan
    return names


def _constants(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """Yield the floating constants of a node with the name of their argument."""
    for name, value in arguments.items():
        for each in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(each, Tensor) and each.is_floating_point():
                yield name, each


def _reverse(plan: Plan, values: Values, target: int) -> NonFinite | None:
    """Sweep back and return where a rule first makes something that is not finite of what is.

    A value that only the way back reads may be infinite although the logits are finite.
    """
    problems: list[NonFinite] = []

    def observe(visit: Visit) -> None:
        problem = None if problems else _problem(plan, values, visit)
        if problem is not None:
            problems.append(problem)

    observe_one_image(plan, values, target, observe)
    return problems[0] if problems else None


def _problem(plan: Plan, values: Values, visit: Visit) -> NonFinite | None:
    node = visit.node
    if visit.coefficient is not None:
        relevance = values[node.name] * visit.coefficient
        if not _is_finite(relevance):
            if not _is_finite(values[node.name]):
                return _origin(plan, values, node.name)
            return _at(node, relevance, "reverse")
    flows = (sent.flow for sent in visit.sent if not _is_finite(sent.flow))
    return next((_at(node, flow, "reverse") for flow in flows), None)


def _at(
    node: Node, value: Tensor, direction: Literal["forward", "reverse"], constant: str = ""
) -> NonFinite:
    return NonFinite(_kind(value), direction, node.name, node.operation, node.module, constant)
