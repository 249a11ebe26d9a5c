"""Run functions through the whole engine, with any number of rows per image, beside matrices.

A matrix here is what c goes through: one row per output, one column per pixel of one image. It
is made from the outside, column by column, and shares no code with the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from auditor.relevance.graph.capture import capture
from auditor.relevance.graph.graph import Graph
from auditor.relevance.rules.composites import choose
from auditor.relevance.rules.rule import Settings, Signed
from auditor.relevance.sweep.accumulate import Flow
from auditor.relevance.sweep.fold import Fold
from auditor.relevance.sweep.forward import forward
from auditor.relevance.sweep.plan import Plan, plan
from auditor.relevance.sweep.reverse import between, reverse

Function = Callable[[Tensor], Tensor]
Frozen = Callable[[Tensor, Tensor], Tensor]  # of a pixel vector, with what is held from an image
ROWS = (0, 0, 2, 1, 1, 1)  # which of three images each row explains
EXACT = Settings(epsilon=0.0)


class Plain(nn.Module):
    """A function as a module, flattened to logits."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x).flatten(1)


@dataclass(frozen=True, eq=False)
class Made:
    """A planned function: its rules, and c or R at the input for c at its output."""

    plan: Plan

    def rules(self, operation: str) -> set[str]:
        """Return the names of the rules that run at an operation."""
        rules = self.plan.rules
        nodes = (node for node in self.plan.graph.nodes if node.operation == operation)
        return {rules[node.name].name for node in nodes if node.name in rules}

    def c(self, x: Tensor, c: Tensor, rows: tuple[int, ...] | None = None) -> Tensor:
        """Return c at the input; row p of ``c`` explains image ``rows[p]`` of x."""
        return self._flow(x, c, rows).coefficients[self.plan.graph.input]

    def relevance(self, x: Tensor, c: Tensor, rows: tuple[int, ...] | None = None) -> Tensor:
        """Return R at the input, with what terminal rules sent there."""
        flow = self._flow(x, c, rows)
        own = x if rows is None else x[list(rows)]
        name = self.plan.graph.input
        result = flow.relevances.get(name, torch.zeros_like(own))
        return result + own * flow.coefficients.get(name, torch.zeros_like(own))

    def _flow(self, x: Tensor, c: Tensor, rows: tuple[int, ...] | None) -> Flow:
        graph, wanted = self.plan.graph, {self.plan.graph.input}
        passed = forward(self.plan, x, wanted, between(graph, wanted, {graph.output}))
        fold = Fold.one_each(x.shape[0]) if rows is None else Fold(rows, x.shape[0])
        return reverse(self.plan, passed.saved, {graph.output: c}, wanted, fold)


def captured(function: Function, x: Tensor) -> Graph:
    """Capture a function of images like x."""
    return capture(Plain(function).eval(), x[:1], x.device, scores="logits")


def planned(
    graph: Graph,
    composite: str | Mapping[str, Any] = "epsilon",
    settings: Settings = EXACT,
    signed: Signed = "known",
) -> Made:
    """Plan a captured function."""
    return Made(plan(graph, choose(composite, graph), settings, signed=signed))


def make(function: Function, x: Tensor, composite: str = "epsilon") -> Made:
    """Capture and plan a function of images like x."""
    return planned(captured(function, x), composite)


def images(count: int, *shape: int, seed: int = 0) -> Tensor:
    """Return random images in float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *shape, dtype=torch.float64, generator=generator)


def jacobian(function: Function, image: Tensor) -> Tensor:
    """Return the Jacobian (outputs, inputs) of a function at one image (1, ...)."""
    found = torch.autograd.functional.jacobian(Plain(function), image)
    assert isinstance(found, Tensor)
    return found.reshape(-1, image.numel())


def columns(frozen: Frozen, image: Tensor) -> Tensor:
    """Return the matrix (outputs, inputs) of a map that is affine in its first argument."""
    start = frozen(torch.zeros_like(image), image).flatten()
    found = []
    for index in range(image.numel()):
        unit = torch.zeros_like(image)
        unit.view(-1)[index] = 1.0
        found.append(frozen(unit, image).flatten() - start)
    return torch.stack(found, 1)


def check_matrices(
    functions: Mapping[str, Function],
    matrix: Callable[[str, Tensor], Tensor],
    x: Tensor,
    composite: str = "epsilon",
) -> Made:
    """Check c below each function, at one row and at several rows per image.

    ``matrix`` returns that of one function (by name) at one image. All functions are captured at
    once, since that takes the time.
    """

    def joined(x: Tensor) -> Tensor:
        return torch.cat([function(x).flatten(1) for function in functions.values()], 1)

    made = make(joined, x, composite)
    sizes = [function(x[:1]).numel() for function in functions.values()]
    for name, stop, size in zip(functions, torch.tensor(sizes).cumsum(0), sizes, strict=True):
        each = [matrix(name, image) for image in x.split(1)]
        for rows in (tuple(range(x.shape[0])), ROWS):
            c = torch.zeros(len(rows), sum(sizes), dtype=torch.float64)
            own = images(len(rows), size, seed=5)
            c[:, stop - size : stop] = own
            found = made.c(x, c, None if len(rows) == x.shape[0] else rows)
            for row, image in enumerate(rows):
                expected = own[row] @ each[image]
                message = f"{name}, row {row} of {len(rows)}"
                assert torch.allclose(found[row].flatten(), expected, rtol=1e-8, atol=1e-10), (
                    message
                )
    return made


def check_jacobians(functions: Mapping[str, Function], x: Tensor) -> Made:
    """Check c below each function against its Jacobian at each image by itself."""
    return check_matrices(functions, lambda name, image: jacobian(functions[name], image), x)


def check_frozen(
    pairs: Mapping[str, tuple[Function, Frozen]], x: Tensor, composite: str = "epsilon"
) -> Made:
    """Check c below each function against the matrix of its frozen twin."""
    functions = {name: pair[0] for name, pair in pairs.items()}
    return check_matrices(functions, lambda name, at: columns(pairs[name][1], at), x, composite)


def fallbacks(made: Made) -> set[str]:
    """Return the operations on the way of relevance that have no rule of their own."""
    graph, rules = made.plan.graph, made.plan.rules
    reached = graph.ancestors({graph.output}) & set(rules)
    return {
        node.operation for node in graph.nodes if node.name in reached and rules[node.name].fallback
    }
