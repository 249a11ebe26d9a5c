"""Run one function or module through the whole engine, with any number of rows per image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from auditor.relevance.capture import capture
from auditor.relevance.composites import choose
from auditor.relevance.fold import Fold
from auditor.relevance.plan import Plan, plan
from auditor.relevance.propagate import between, forward, reverse
from auditor.relevance.rule import Settings, Signed

ROWS = (0, 0, 2, 1, 1, 1)  # which of three images each row explains


class Plain(nn.Module):
    """A function as a module, flattened to logits."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x).flatten(1)


@dataclass(frozen=True, eq=False)
class Made:
    """A planned function: its rules, and c or R at the input for c at its output."""

    plan: Plan

    @property
    def rules(self) -> dict[str, str]:
        """Return the rule that ran at each operation (the last one of several)."""
        nodes = self.plan.graph.nodes
        return {
            n.operation: self.plan.rules[n.name].name for n in nodes if n.name in self.plan.rules
        }

    @property
    def fallbacks(self) -> set[str]:
        """Return the operations without a rule of their own."""
        nodes = self.plan.graph.nodes
        rules = self.plan.rules
        return {n.operation for n in nodes if n.name in rules and rules[n.name].fallback}

    def c(self, x: Tensor, c: Tensor, rows: tuple[int, ...] | None = None) -> Tensor:
        """Return c at the input; row p of ``c`` explains image ``rows[p]`` of x."""
        flow = self._flow(x, c, rows)
        found = flow.coefficients.get(self.plan.graph.input)
        return found if found is not None else torch.zeros(c.shape[0], *x.shape[1:])

    def relevance(self, x: Tensor, c: Tensor, rows: tuple[int, ...] | None = None) -> Tensor:
        """Return R at the input, with what terminal rules sent there."""
        flow = self._flow(x, c, rows)
        own = x if rows is None else x[list(rows)]
        name = self.plan.graph.input
        result = torch.zeros_like(own)
        if name in flow.coefficients:
            result = result + own * flow.coefficients[name]
        return result + flow.relevances[name] if name in flow.relevances else result

    def _flow(self, x: Tensor, c: Tensor, rows: tuple[int, ...] | None) -> Any:
        graph, wanted = self.plan.graph, {self.plan.graph.input}
        passed = forward(self.plan, x, wanted, between(graph, wanted, {graph.output}))
        fold = Fold.one_each(x.shape[0]) if rows is None else Fold(rows, x.shape[0])
        return reverse(self.plan, passed.saved, {graph.output: c}, wanted, fold)


def make(
    function: Callable[[Tensor], Tensor],
    x: Tensor,
    composite: str | Mapping[str, Any] = "auto",
    settings: Settings | None = None,
    signed: Signed = "known",
) -> Made:
    """Capture and plan a function of images like x."""
    graph = capture(Plain(function).eval(), x[:1], x.device)
    own = settings or Settings(epsilon=1e-9)
    return Made(plan(graph, choose(composite, graph), own, signed=signed))


def jacobian(function: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    """Return the Jacobian (outputs, inputs) of a function at one image (1, ...)."""
    found = torch.autograd.functional.jacobian(Plain(function), image)
    assert isinstance(found, Tensor)
    return found.reshape(-1, image.numel())


def images(count: int, *shape: int, seed: int = 0) -> Tensor:
    """Return random images in float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *shape, dtype=torch.float64, generator=generator)


def check_jacobian(
    function: Callable[[Tensor], Tensor], x: Tensor, composite: str = "auto"
) -> Made:
    """Check c against the Jacobian of each image by itself, at one and at several rows each."""
    made = make(function, x, composite)
    columns = Plain(function)(x[:1]).shape[1]
    for rows in (None, ROWS):
        samples = tuple(range(x.shape[0])) if rows is None else rows
        c = images(len(samples), columns, seed=5)
        found = made.c(x, c, rows)
        for row, image in enumerate(samples):
            expected = c[row] @ jacobian(function, x[image : image + 1])
            assert torch.allclose(found[row].flatten(), expected, rtol=1e-9, atol=1e-11), row
    return made
