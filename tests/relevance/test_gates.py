"""Products: gates held constant, halves of two signals, divisors, against frozen matrices."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.relevance.twins_engine import (
    Frozen,
    Function,
    check_frozen,
    check_matrices,
    columns,
    fallbacks,
    images,
    make,
)

X = images(3, 4, 3, 3)
FIRST, SECOND = images(4, 4, 1, 1, seed=1), images(4, 4, 1, 1, seed=2)
BIAS = images(4, seed=3)
MATRIX = images(3, 3, seed=4)
Pairs = dict[str, tuple[Function, Frozen]]


def excited(x: Tensor) -> Tensor:
    """Return the logits of a squeeze-and-excitation gate (B, 4, 1, 1)."""
    hidden = F.relu(F.conv2d(x.mean((2, 3), keepdim=True), FIRST))
    return F.conv2d(hidden, SECOND, BIAS)


def conv(x: Tensor) -> Tensor:
    return F.conv2d(x, FIRST)


def shares(z: Tensor) -> Tensor:
    return z / z.sum(1, keepdim=True)


def sigmoid(z: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-z))


def hard(z: Tensor) -> Tensor:
    return torch.minimum(torch.maximum(z + 3, torch.zeros_like(z)), torch.full_like(z, 6.0)) / 6


GATES: Pairs = {
    "sigmoid": (lambda x: x * excited(x).sigmoid(), lambda u, s: u * sigmoid(excited(s))),
    "gate first": (lambda x: excited(x).sigmoid() * x, lambda u, s: u * sigmoid(excited(s))),
    "in place": (
        lambda x: conv(x).mul_(excited(x).sigmoid()),
        lambda u, s: conv(u) * sigmoid(excited(s)),
    ),
    "expanded": (
        lambda x: x * excited(x).sigmoid().expand_as(x),
        lambda u, s: u * sigmoid(excited(s)),
    ),
    "hardsigmoid": (
        lambda x: x * F.hardsigmoid(excited(x)),
        lambda u, s: u * hard(excited(s)),
    ),
    "relu6": (lambda x: x * (F.relu6(excited(x) + 3) / 6), lambda u, s: u * hard(excited(s))),
    "relu6, gate first": (
        lambda x: (F.relu6(excited(x) + 3) / 6) * x,
        lambda u, s: u * hard(excited(s)),
    ),
    "relu6, divided last": (
        lambda x: x * F.relu6(excited(x) + 3) / 6,
        lambda u, s: u * hard(excited(s)),
    ),
    "hardtanh": (
        lambda x: x * F.hardtanh(excited(x) + 3, 0.0, 6.0) / 6,
        lambda u, s: u * hard(excited(s)),
    ),
    "clamp": (
        lambda x: x * ((excited(x) + 3).clamp(0, 6) / 6),
        lambda u, s: u * hard(excited(s)),
    ),
    "one minus": (
        lambda x: x * (1 - excited(x).sigmoid()),
        lambda u, s: u * (1 - sigmoid(excited(s))),
    ),
    "softmax over channels": (
        lambda x: x * excited(x).softmax(1),
        lambda u, s: u * torch.exp(excited(s)) / torch.exp(excited(s)).sum(1, keepdim=True),
    ),
    "softmax by hand": (
        lambda x: x * shares(torch.exp(excited(x))),
        lambda u, s: u * excited(s).softmax(1),
    ),
    "gated linear unit": (
        lambda x: F.glu(conv(x), 1),
        lambda u, s: conv(u)[:, :2] * sigmoid(conv(s)[:, 2:]),
    ),
    "spatial": (
        lambda x: x * conv(x)[:, :1].sigmoid(),
        lambda u, s: u * sigmoid(conv(s)[:, :1]),
    ),
    "convolution with gated weights": (
        lambda x: torch.einsum("bchw,bcd->bdhw", x, excited(x).flatten(1).sigmoid()[:, :, None]),
        lambda u, s: (u * sigmoid(excited(s))).sum(1, keepdim=True),
    ),
}
ACTIVATIONS: Pairs = {
    "silu": (lambda x: x * x.sigmoid(), lambda u, s: u * sigmoid(s)),
    "hardswish": (lambda x: x * F.relu6(x + 3) / 6, lambda u, s: u * hard(s)),
    "gelu": (
        lambda x: 0.5 * x * (1 + torch.erf(x / 2**0.5)),
        lambda u, s: u * torch.special.ndtr(s),
    ),
    "gelu by tanh": (
        lambda x: 0.5 * x * (1 + torch.tanh(0.8 * (x + 0.045 * x**3))),
        lambda u, s: u * sigmoid(1.6 * (s + 0.045 * s**3)),
    ),
    "mish": (lambda x: x * F.softplus(x).tanh(), lambda u, s: u * torch.log1p(s.exp()).tanh()),
    "square": (lambda x: x * x, lambda u, s: u * s),
    "square by a power": (lambda x: x**2, lambda u, s: u * s),
    "first power": (lambda x: x**1.0, lambda u, s: u),
    "divisor": (lambda x: x / (1 + x.flip(1).abs()), lambda u, s: u / (1 + s.flip(1).abs())),
    "softsign": (F.softsign, lambda u, s: u / (1 + s.abs())),
}
HALVES: Pairs = {
    "product": (lambda x: x * conv(x), lambda u, s: (u * conv(s) + s * conv(u)) / 2),
    "swiglu": (
        lambda x: F.silu(conv(x)) * x,
        lambda u, s: (F.silu(conv(s)) * u + s * sigmoid(conv(s)) * conv(u)) / 2,
    ),
    "broadcast product": (
        lambda x: x * conv(x).mean((2, 3), keepdim=True),
        lambda u, s: (
            (u * conv(s).mean((2, 3), keepdim=True) + s * conv(u).mean((2, 3), keepdim=True)) / 2
        ),
    ),
    "two gates": (
        lambda x: (x * x) * (x.relu() * 2),
        lambda u, s: ((u * s) * (s.relu() * 2) + (s * s) * (u * (s > 0)) * 2) / 2,
    ),
    "matrix product with itself": (lambda x: x @ x, lambda u, s: (u @ s + s @ u) / 2),
    "einsum with itself": (
        lambda x: torch.einsum("bcij,bcjk->bcik", x, x),
        lambda u, s: (u @ s + s @ u) / 2,
    ),
    "einsum of three": (
        lambda x: torch.einsum("bcij,bcjk,bckl->bcil", x, x.flip(1), conv(x)),
        lambda u, s: (
            (u @ s.flip(1) @ conv(s) + s @ u.flip(1) @ conv(s) + s @ s.flip(1) @ conv(u)) / 3
        ),
    ),
    "einsum with a constant": (
        lambda x: torch.einsum("bcij,jk,bckl->bcil", x, MATRIX, x.flip(1)),
        lambda u, s: (u @ MATRIX @ s.flip(1) + s @ MATRIX @ u.flip(1)) / 2,
    ),
    "weights of the image": (
        lambda x: F.conv2d(
            x.reshape(1, -1, 3, 3), conv(x).reshape(-1, 1, 3, 3), groups=4 * x.shape[0]
        ).reshape(x.shape[0], 4),
        lambda u, s: ((u * conv(s)).sum((2, 3)) + (s * conv(u)).sum((2, 3))) / 2,
    ),
}


def test_gates_are_held_constant() -> None:
    for composite in ("epsilon", "attn-cp-gamma"):
        pairs = GATES if composite == "epsilon" else {"sigmoid": GATES["sigmoid"]}
        made = check_frozen(pairs, X, composite)
        assert fallbacks(made) == set()
        assert "half to each factor" not in made.rules("mul")


def test_activations_written_as_products_are_the_activation() -> None:
    made = check_frozen(ACTIVATIONS, X)
    assert fallbacks(made) == set()


def test_two_signals_get_half_each_and_three_a_third() -> None:
    made = check_frozen(HALVES, X)
    assert fallbacks(made) == set()


def test_relevance_of_products_without_biases_is_conserved() -> None:
    for name in ("product", "swiglu", "matrix product with itself", "einsum of three"):
        function = HALVES[name][0]
        c = images(3, function(X)[0].numel(), seed=7)
        found = make(function, X).relevance(X, c)
        expected = (function(X).flatten(1) * c).sum(1)
        assert torch.allclose(found.sum((1, 2, 3)), expected, rtol=1e-10), name


def test_a_gradient_composite_holds_nothing() -> None:
    pairs = {**GATES, **ACTIVATIONS, **HALVES}
    del pairs["in place"]  # writes into what the next function reads
    functions = {name: pair[0] for name, pair in pairs.items()}

    def gradient(name: str, image: Tensor) -> Tensor:
        found = torch.autograd.functional.jacobian(functions[name], image)
        assert isinstance(found, Tensor)
        return found.reshape(-1, image.numel())

    check_matrices(functions, gradient, X, "gradient-input")


def test_a_frozen_matrix_is_no_gradient() -> None:
    function, frozen = GATES["sigmoid"]
    gradient = torch.autograd.functional.jacobian(function, X[:1])
    assert isinstance(gradient, Tensor)
    held = columns(frozen, X[:1])
    assert float((gradient.reshape(held.shape) - held).norm() / held.norm()) > 0.1
