"""Norms: their statistics held constant, against the matrix of the norm with frozen statistics."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.relevance.twins_engine import (
    Frozen,
    Function,
    check_frozen,
    check_jacobians,
    fallbacks,
    images,
    make,
)

X = images(3, 4, 3, 3)
WEIGHT, BIAS = images(4, seed=1), images(4, seed=2)
MAP_WEIGHT, MAP_BIAS = images(3, 3, seed=1), images(3, 3, seed=2)
EPS = 1e-3
Pairs = dict[str, tuple[Function, Frozen]]


def per_channel(values: Tensor) -> Tensor:
    return values.reshape(-1, 1, 1)


def centred(u: Tensor, s: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return u without its mean, over the standard deviation of s, loop by loop over s."""
    variance = ((s - s.mean(axes, keepdim=True)) ** 2).mean(axes, keepdim=True)
    return (u - u.mean(axes, keepdim=True)) / torch.sqrt(variance + EPS)


def grouped(u: Tensor, s: Tensor, groups: int) -> Tensor:
    """Normalise the channels in groups, one after the other."""
    parts = zip(u.chunk(groups, 1), s.chunk(groups, 1), strict=True)
    return torch.cat([centred(a, b, (1, 2, 3)) for a, b in parts], 1)


def rms(s: Tensor, axis: int) -> Tensor:
    return torch.sqrt((s * s).mean(axis, keepdim=True) + EPS)


def last(x: Tensor) -> Tensor:
    """Return the channels last."""
    return x.movedim(1, -1)


def windows(x: Tensor) -> Tensor:
    """Return (B * 3, 4, 1, 3): every row of the image as one window."""
    return x.transpose(1, 2).reshape(-1, 4, 1, 3)


BUILT_IN: Pairs = {
    "layer norm": (
        lambda x: F.layer_norm(last(x), (4,), eps=EPS),
        lambda u, s: centred(last(u), last(s), (3,)),
    ),
    "layer norm with weights": (
        lambda x: F.layer_norm(last(x), (4,), WEIGHT, BIAS, EPS),
        lambda u, s: centred(last(u), last(s), (3,)) * WEIGHT,
    ),
    "layer norm of maps": (
        lambda x: F.layer_norm(x, (3, 3), MAP_WEIGHT, MAP_BIAS, EPS),
        lambda u, s: centred(u, s, (2, 3)) * MAP_WEIGHT,
    ),
    "layer norm of everything": (
        lambda x: F.layer_norm(x, (4, 3, 3), eps=EPS),
        lambda u, s: centred(u, s, (1, 2, 3)),
    ),
    "layer norm, sequence first": (
        lambda x: (
            F.layer_norm(x.flatten(2).permute(2, 0, 1).reshape(-1, 4), (4,), WEIGHT, BIAS, EPS)
            .reshape(9, -1, 4)
            .transpose(0, 1)
        ),
        lambda u, s: centred(last(u), last(s), (3,)) * WEIGHT,
    ),
    "group norm": (
        lambda x: F.group_norm(x, 2, WEIGHT, BIAS, EPS),
        lambda u, s: grouped(u, s, 2) * per_channel(WEIGHT),
    ),
    "group norm of one group": (
        lambda x: F.group_norm(x, 1, eps=EPS),
        lambda u, s: grouped(u, s, 1),
    ),
    "group norm of windows": (
        lambda x: F.group_norm(windows(x), 2, WEIGHT, BIAS, EPS).reshape(-1, 3, 4, 3),
        lambda u, s: torch.stack(
            [
                grouped(u[:, :, i : i + 1], s[:, :, i : i + 1], 2) * per_channel(WEIGHT)
                for i in range(3)
            ],
            1,
        ),
    ),
    "instance norm": (
        lambda x: F.instance_norm(x, eps=EPS),
        lambda u, s: centred(u, s, (2, 3)),
    ),
    "instance norm with weights": (
        lambda x: F.instance_norm(x, weight=WEIGHT, bias=BIAS, eps=EPS),
        lambda u, s: centred(u, s, (2, 3)) * per_channel(WEIGHT),
    ),
    "instance norm 1-D": (
        lambda x: F.instance_norm(x.flatten(2), eps=EPS),
        lambda u, s: centred(u, s, (2, 3)),
    ),
    "RMS norm": (
        lambda x: F.rms_norm(last(x), (4,), WEIGHT, EPS),
        lambda u, s: last(u) / rms(last(s), 3) * WEIGHT,
    ),
    "RMS norm of maps": (
        lambda x: F.rms_norm(x, (3, 3)),
        lambda u, s: u / torch.sqrt((s * s).mean((2, 3), keepdim=True)),
    ),
}
BY_HAND: Pairs = {
    "RMS by rsqrt": (
        lambda x: x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + EPS),
        lambda u, s: u / rms(s, 1),
    ),
    "RMS by a power": (
        lambda x: (x.pow(2).mean(1, keepdim=True) + EPS).pow(-0.5) * x,
        lambda u, s: u / rms(s, 1),
    ),
    "RMS by a root": (
        lambda x: x / torch.sqrt((x * x).mean(1, keepdim=True) + EPS) * per_channel(WEIGHT),
        lambda u, s: u / rms(s, 1) * per_channel(WEIGHT),
    ),
    "RMS by a reciprocal": (
        lambda x: x * (1 / torch.sqrt((x * x).mean(1, keepdim=True) + EPS)),
        lambda u, s: u / rms(s, 1),
    ),
    "layer norm by a root": (
        lambda x: (
            (x - x.mean(1, keepdim=True)) / torch.sqrt(x.var(1, keepdim=True, unbiased=False) + EPS)
        ),
        lambda u, s: centred(u, s, (1,)),
    ),
    "layer norm by var_mean": (
        lambda x: _by_var_mean(x),
        lambda u, s: centred(u, s, (1,)),
    ),
    "normalize": (
        lambda x: F.normalize(x, dim=1),
        lambda u, s: u / torch.sqrt((s * s).sum(1, keepdim=True)),
    ),
    "global response norm": (
        lambda x: _global_response(x, x.norm(p=2, dim=(2, 3), keepdim=True)),
        lambda u, s: _global_response(u, torch.sqrt((s * s).sum((2, 3), keepdim=True))),
    ),
    "local response norm": (
        lambda x: F.local_response_norm(x, 2, alpha=0.5, beta=0.75, k=1.0),
        lambda u, s: _local_response(u, s),
    ),
}


def _by_var_mean(x: Tensor) -> Tensor:
    variance, mean = torch.var_mean(x, 1, keepdim=True, unbiased=False)
    return (x - mean) * torch.rsqrt(variance + EPS)


def _global_response(x: Tensor, norm: Tensor) -> Tensor:
    """Scale x by the norm of each channel's map over the mean norm, as in ConvNeXt v2."""
    share = norm / (norm.mean(1, keepdim=True) + EPS)
    return x + per_channel(BIAS) + per_channel(WEIGHT) * (x * share)


def _local_response(u: Tensor, s: Tensor) -> Tensor:
    """Divide each channel by a power of its own and the channel before's mean square."""
    before = torch.cat([torch.zeros_like(s[:, :1]), s[:, :-1]], 1)
    return u / (1 + 0.5 * (s * s + before * before) / 2) ** 0.75


def test_built_in_norms_are_their_frozen_matrix() -> None:
    for composite in ("epsilon", "attnlrp"):
        made = check_frozen(BUILT_IN, X, composite)
        assert fallbacks(made) == set()


def test_norms_written_by_hand_are_their_frozen_matrix() -> None:
    made = check_frozen(BY_HAND, X)
    assert fallbacks(made) == set()
    # What only computes a statistic gets no relevance, and so is nothing to warn of.
    assert made.plan.rules["rsqrt"].fallback


def test_a_batch_norm_that_cannot_be_folded_is_affine() -> None:
    norms = {"2-D": nn.BatchNorm2d(4), "1-D": nn.BatchNorm1d(4), "3-D": nn.BatchNorm3d(4)}
    for norm in norms.values():
        norm.double().eval()
        for number, values in enumerate(norm.state_dict().values()):
            if values.is_floating_point():
                values.copy_(images(4, seed=number).abs() + 0.1)
    functions: dict[str, Function] = {
        "after relu": lambda x: norms["2-D"](x.relu()),
        "1-D": lambda x: norms["1-D"](x.flatten(2)),
        "3-D": lambda x: norms["3-D"](x[:, :, None]),
    }
    made = check_jacobians(functions, X)
    assert made.rules("batch_norm") == {"affine"}
    plain = make(lambda x: F.instance_norm(x, BIAS, WEIGHT.abs(), use_input_stats=False), X)
    assert plain.rules("batch_norm") == {"affine"}
