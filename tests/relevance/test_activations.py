"""Elementwise functions: R goes through unchanged, at and around zero too."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.relevance.rules.rule import Settings
from tests.relevance.twins_engine import Function, captured, fallbacks, images, planned

ZEROS = [0.0, -0.0, 1e-14, -1e-13]
NEAR = [1e-11, -1e-11, 1e-6, -1e-6, 1e-3, -1e-3]
FAR = [-7.0, -3.0, -1.2, -0.4, 0.3, 0.9, 2.5, 6.5]
VALUES = torch.tensor([ZEROS + NEAR + FAR], dtype=torch.float64)
SLOPES = torch.tensor([0.1, -0.3, 0.7], dtype=torch.float64)
BOUND = torch.tensor([-0.5, 0.0, -1.0], dtype=torch.float64).reshape(3, 1)

THROUGH_ZERO: dict[str, Function] = {
    "relu": F.relu,
    "relu6": F.relu6,
    "hardtanh": F.hardtanh,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "celu": lambda x: F.celu(x, 0.7),
    "gelu": F.gelu,
    "gelu by tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "hardswish": F.hardswish,
    "tanh": torch.tanh,
    "clamp": lambda x: x.clamp(-1.0, 2.0),
    "clamp_min": lambda x: x.clamp_min(-0.5),
    "clamp_max": lambda x: x.clamp_max(0.5),
    "clamp by a tensor": lambda x: torch.clamp(x, min=BOUND),
    "prelu": lambda x: F.prelu(x, SLOPES[:1]),
    "prelu of channels": lambda x: F.prelu(x, SLOPES),
    "rrelu": F.rrelu,
    "hardshrink": F.hardshrink,
    "tanhshrink": F.tanhshrink,
    "threshold": lambda x: F.threshold(x, 0.2, 0.0),
    "abs": torch.abs,
    "square": torch.square,
    "cube": lambda x: x**3,
    "softsign": F.softsign,
    "sin": torch.sin,
    "asinh": torch.asinh,
    "atan": torch.atan,
    "erf": torch.erf,
    "expm1": torch.expm1,
}
ROOTS: dict[str, Function] = {"sqrt": lambda x: x.abs().sqrt(), "power": lambda x: x.abs() ** 0.3}
SHIFTED: dict[str, Function] = {
    "sigmoid": torch.sigmoid,
    "hardsigmoid": F.hardsigmoid,
    "softplus": F.softplus,
    "logsigmoid": F.logsigmoid,
    "clamp above zero": lambda x: x.clamp(0.5, 2.0),
    "clamp below zero": lambda x: x.clamp(-2.0, -0.5),
    "threshold to a value": lambda x: F.threshold(x, 0.2, 0.7),
}


def image() -> Tensor:
    """Return one image (1, 3, 18): all the values in each channel."""
    return VALUES.expand(3, -1)[None].clone()


def through(
    functions: dict[str, Function], x: Tensor, composite: str, settings: Settings
) -> dict[str, Tensor]:
    """Return the factor on c at every value of x, function by function."""

    def joined(x: Tensor) -> Tensor:
        return torch.stack([function(x) for function in functions.values()], 1)

    made = planned(captured(joined, x), composite, settings)
    assert fallbacks(made) == set()
    found = {}
    for number, name in enumerate(functions):
        c = torch.zeros(1, len(functions), *x.shape[1:], dtype=torch.float64)
        c[:, number] = 1.0
        found[name] = made.c(x, c.flatten(1))
    return found


def slope(function: Function, x: Tensor) -> Tensor:
    """Return the derivative, by autograd on each value."""
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(function(leaf).sum(), leaf)[0]


def test_relevance_is_unchanged_where_the_function_goes_through_zero() -> None:
    x = image()
    zeros = len(ZEROS)
    for name, factor in through(THROUGH_ZERO, x, "epsilon", Settings()).items():
        y = THROUGH_ZERO[name](x)
        assert torch.isfinite(factor).all(), name
        found, expected = (x * factor)[..., zeros:], y[..., zeros:]
        assert torch.allclose(found, expected, rtol=1e-9, atol=1e-18), name
        at_zero = slope(THROUGH_ZERO[name], torch.zeros_like(x))
        assert torch.allclose(factor[..., :2], at_zero[..., :2], atol=1e-9), name


def test_roots_pass_nothing_at_zero_instead_of_infinity() -> None:
    x = image()
    for name, factor in through(ROOTS, x, "epsilon", Settings()).items():
        assert torch.isfinite(factor).all(), name
        assert torch.allclose((x * factor)[..., 4:], ROOTS[name](x)[..., 4:]), name


def test_relevance_is_unchanged_up_to_the_stabiliser_elsewhere() -> None:
    x = image()
    epsilon = 1e-6
    for name, factor in through(SHIFTED, x, "epsilon", Settings(epsilon=epsilon)).items():
        y = SHIFTED[name](x)
        sign = torch.where(x >= 0, 1.0, -1.0).double()
        expected = y * x / (x + epsilon * sign)
        assert torch.isfinite(factor).all(), name
        assert torch.allclose(x * factor, expected, rtol=1e-9, atol=1e-15), name


@pytest.mark.parametrize("functions", [THROUGH_ZERO, SHIFTED, ROOTS])
def test_the_gradient_composite_uses_the_derivative(functions: dict[str, Function]) -> None:
    x = images(1, 3, 7) + 0.01
    for name, factor in through(functions, x, "gradient-input", Settings()).items():
        assert torch.allclose(factor, slope(functions[name], x), rtol=1e-9), name
