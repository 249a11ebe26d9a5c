"""Slow twins of attention: one image and one head at a time, in loops, with R itself.

``q`` (L, d), ``k`` (S, d), ``v`` (S, e); ``mask`` (L, S) is added to the logits, -inf where a key
is hidden. ``R`` (L, e) is the relevance of the output.
"""

# ruff: noqa: N803 matrices keep the letters of their papers
from __future__ import annotations

import math

import torch
from torch import Tensor


def weights(q: Tensor, k: Tensor, scale: float, mask: Tensor) -> Tensor:
    """Return softmax(scale q k^T + mask), a row of zeros where every key is hidden."""
    A = torch.zeros(q.shape[0], k.shape[0], dtype=torch.float64)
    for i in range(q.shape[0]):
        logits = [scale * float(q[i] @ k[j]) + float(mask[i, j]) for j in range(k.shape[0])]
        powers = [math.exp(each) for each in logits]
        if sum(powers) > 0:
            A[i] = torch.tensor(powers, dtype=torch.float64) / sum(powers)
    return A


def held(A: Tensor, v: Tensor, R: Tensor) -> Tensor:
    """Return R of the values: each output shares out over the values that it averaged."""
    result = torch.zeros_like(v)
    for i in range(A.shape[0]):
        for e in range(v.shape[1]):
            z = A[i] * v[:, e]
            if float(z.abs().sum()) > 0:
                result[:, e] += z / z.sum() * R[i, e]
    return result


def of_weights(A: Tensor, v: Tensor, R: Tensor) -> Tensor:
    """Return R of the attention weights, before any halving."""
    result = torch.zeros_like(A)
    for i in range(A.shape[0]):
        for e in range(v.shape[1]):
            z = A[i] * v[:, e]
            if float(z.abs().sum()) > 0:
                result[i] += z / z.sum() * R[i, e]
    return result


def of_logits(x: Tensor, A: Tensor, R: Tensor) -> Tensor:
    """Return R of the logits x below a softmax: x_i (R_i - s_i sum_j R_j), 0 where hidden."""
    result = torch.zeros_like(A)
    for i in range(A.shape[0]):
        total = R[i].sum()
        for j in range(A.shape[1]):
            if float(A[i, j]) > 0:
                result[i, j] = x[i, j] * (R[i, j] - A[i, j] * total)
    return result


def of_queries_and_keys(
    q: Tensor, k: Tensor, scale: float, x: Tensor, R: Tensor
) -> tuple[Tensor, Tensor]:
    """Return R of queries and of keys, all of R to each: a mask in x takes its share of R."""
    queries, keys = torch.zeros_like(q), torch.zeros_like(k)
    for i in range(q.shape[0]):
        for j in range(k.shape[0]):
            if float(R[i, j]) == 0:
                continue
            part = scale * q[i] * k[j] / x[i, j] * R[i, j]
            queries[i] += part
            keys[j] += part
    return queries, keys


def live(
    q: Tensor, k: Tensor, v: Tensor, scale: float, mask: Tensor, R: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return R of queries, keys and values by AttnLRP: a half, a quarter each of what is left."""
    A = weights(q, k, scale, mask)
    x = scale * q @ k.T + mask
    logits = of_logits(x, A, of_weights(A, v, R) / 2)
    queries, keys = of_queries_and_keys(q, k, scale, x, logits)
    return queries / 2, keys / 2, held(A, v, R) / 2
