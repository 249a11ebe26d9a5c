"""Rules without weights: against Jacobians, loops and the conservation of R."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditor.relevance.graph.capture import capture
from auditor.relevance.rules.composites import choose
from auditor.relevance.rules.rule import Settings
from auditor.relevance.sweep.fold import Fold
from auditor.relevance.sweep.forward import forward
from auditor.relevance.sweep.plan import plan
from auditor.relevance.sweep.reverse import between, reverse


class Plain(nn.Module):
    """A function as a module, flattened to logits."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x).flatten(1)


def coefficients(function: Callable[[Tensor], Tensor], x: Tensor, c: Tensor) -> Tensor:
    """Return c at the input for c at the flattened output, by the whole engine."""
    graph = capture(Plain(function), x[:1], x.device, scores="logits")
    planned = plan(graph, choose("auto", graph), Settings())
    graph, wanted = planned.graph, {graph.input}
    passed = forward(planned, x, wanted, between(graph, wanted, {graph.output}))
    fold = Fold.one_each(x.shape[0])
    flow = reverse(planned, passed.saved, {graph.output: c}, wanted, fold)
    return flow.coefficients[graph.input]


LINEAR: dict[str, Callable[[Tensor], Tensor]] = {
    "add": lambda x: x + 2 * x,
    "sub": lambda x: x - 0.5 * x.mean((2, 3), keepdim=True),
    "broadcast add": lambda x: x + x.mean(1, keepdim=True),
    "cat": lambda x: torch.cat([x[:, :1], 3 * x], 1),
    "slice": lambda x: x[:, 1:, ::2],
    "chunk": lambda x: torch.cat(list(reversed(x.chunk(2, 2))), 1),
    "permute": lambda x: x.permute(0, 2, 3, 1),
    "pad": lambda x: F.pad(x, (1, 2, 0, 1)),
    "mean": lambda x: x.mean((2, 3)),
    "sum": lambda x: x.sum(1),
    "avg pool": lambda x: F.avg_pool2d(x, 3, 2, 1),
    "adaptive": lambda x: F.adaptive_avg_pool2d(x, (3, 2)),
    "negative": lambda x: -x / 4,
    "nearest": lambda x: F.interpolate(x, scale_factor=2.0),
    "max pool": lambda x: F.max_pool2d(x, 3, 2, 1),
    "overlapping max pool": lambda x: F.max_pool2d(x, 3, 1, ceil_mode=True),
    "adaptive max": lambda x: F.adaptive_max_pool2d(x, 2),
    "global max": lambda x: x.amax((2, 3)),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_and_maximum_operations_are_the_jacobian(name: str) -> None:
    torch.manual_seed(3)
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    function = Plain(LINEAR[name])
    c = torch.randn_like(function(x))
    found = coefficients(LINEAR[name], x, c)
    for row in range(2):
        jacobian = torch.autograd.functional.jacobian(function, x[row : row + 1])
        assert isinstance(jacobian, Tensor)
        expected = torch.tensordot(c[row], jacobian[0, :, 0], dims=1)
        assert torch.allclose(found[row], expected, rtol=1e-10, atol=1e-12)


ELEMENTWISE: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu, "relu6": F.relu6, "hardtanh": F.hardtanh, "leaky relu": F.leaky_relu,
    "elu": F.elu, "gelu": F.gelu, "silu": F.silu, "hardswish": F.hardswish, "tanh": torch.tanh,
    "mish": F.mish,
}  # fmt: skip


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_functions_hand_relevance_on_unchanged(name: str) -> None:
    torch.manual_seed(4)
    x = 3 * torch.randn(2, 3, 4, 4, dtype=torch.float64)
    y = ELEMENTWISE[name](x)
    c = torch.randn_like(y)
    found = x * coefficients(ELEMENTWISE[name], x, c.flatten(1))
    assert torch.allclose(found, y * c, rtol=1e-10, atol=1e-12)


def test_sigmoid_hands_relevance_on_up_to_the_stabiliser() -> None:
    x = torch.linspace(-3, 3, 48, dtype=torch.float64).reshape(1, 3, 4, 4)
    found = x * coefficients(torch.sigmoid, x, torch.ones(1, 48, dtype=torch.float64))
    assert torch.allclose(found, torch.sigmoid(x), rtol=1e-4)


@pytest.mark.parametrize(("name", "slope"), [("silu", 0.5), ("tanh", 1.0), ("relu", 0.0)])
def test_the_factor_at_zero_is_the_derivative(name: str, slope: float) -> None:
    x = torch.zeros(1, 1, 2, 2, dtype=torch.float64)
    found = coefficients(ELEMENTWISE[name], x, torch.ones(1, 4, dtype=torch.float64))
    assert torch.allclose(found, torch.full_like(x, slope))
