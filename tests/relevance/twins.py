"""Slow twins: every rule of weighted layers written out with the full matrix of contributions.

They share no code with the engine. ``x`` (D,) is one image, ``W`` (M, D) the layer as a matrix,
``b`` (M,) its bias, ``R`` (M,) the relevance of its outputs; each returns R of the inputs (D,).
"""

# ruff: noqa: N803 matrices keep the letters of their papers
from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def matrix(layer: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> Tensor:
    """Return the matrix of a linear map, column by column."""
    size = math.prod(shape)
    columns = []
    for index in range(size):
        unit = torch.zeros(size, dtype=torch.float64)
        unit[index] = 1.0
        columns.append(layer(unit.reshape(1, *shape)).flatten())
    return torch.stack(columns, dim=1)


def distribute(contributions: Tensor, extra: Tensor, R: Tensor, epsilon: float) -> Tensor:
    """Share R_j out in proportion to ``z_ij / (sum_i z_ij + extra_j)``, output by output."""
    result = torch.zeros(contributions.shape[1], dtype=torch.float64)
    for j in range(contributions.shape[0]):
        total = float(contributions[j].sum() + extra[j])
        if total == 0:
            continue
        total += epsilon if total >= 0 else -epsilon
        result += contributions[j] / total * R[j]
    return result


def epsilon(x: Tensor, W: Tensor, b: Tensor, R: Tensor, eps: float) -> Tensor:
    return distribute(W * x, b, R, eps)


def z_plus(x: Tensor, W: Tensor, b: Tensor, R: Tensor, eps: float) -> Tensor:
    return distribute((W * x).clamp(min=0), b.clamp(min=0), R, eps)


def gamma(x: Tensor, W: Tensor, b: Tensor, R: Tensor, eps: float) -> Tensor:
    """Favour the contributions of the sign of each output (b is what the layer added to it)."""
    result = torch.zeros_like(x)
    z = W @ x + b
    for j in range(W.shape[0]):
        favour = (lambda v: v.clamp(min=0)) if z[j] > 0 else (lambda v: v.clamp(max=0))
        row, bias = (W * x)[j : j + 1], b[j : j + 1]
        shares = row + 0.25 * favour(row)
        result += distribute(shares, bias + 0.25 * favour(bias), R[j : j + 1], eps)
    return result


def alpha2_beta1(x: Tensor, W: Tensor, b: Tensor, R: Tensor, eps: float) -> Tensor:
    gains = distribute((W * x).clamp(min=0), b.clamp(min=0), R, eps)
    losses = distribute((W * x).clamp(max=0), b.clamp(max=0), R, eps)
    return 2 * gains - losses


def flat(x: Tensor, W: Tensor, b: Tensor, R: Tensor, eps: float) -> Tensor:
    reached = (W != 0).double()
    return distribute(reached, torch.zeros_like(b), R, 0.0)


def z_box(x: Tensor, W: Tensor, b: Tensor, R: Tensor, eps: float) -> Tensor:
    contributions = W * x - W.clamp(min=0) * -2.0 - W.clamp(max=0) * 3.0
    return distribute(contributions, torch.zeros_like(b), R, eps)


def gradient(x: Tensor, W: Tensor, b: Tensor, R: Tensor, eps: float) -> Tensor:
    c = R / (W @ x + b)
    return x * (W.T @ c)
