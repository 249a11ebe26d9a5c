"""Operations that move, repeat, average or choose values: against Jacobians, image by image."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.base.errors import CaptureError
from auditor.relevance.graph.graph import Batch
from tests.relevance.twins_engine import (
    EXACT,
    ROWS,
    Function,
    captured,
    check_jacobians,
    columns,
    fallbacks,
    images,
    planned,
)

X = images(3, 4, 6, 6)
PLACES = torch.tensor([2, 0, 1, 1])
MASK = images(6, 6, seed=3) > 0
TOKEN = images(1, 1, 4, seed=2)
MATRIX = images(6, 6, seed=1)
GRID = images(1, 3, 3, 2, seed=4).tanh()


def tokens(x: Tensor) -> Tensor:
    """Return (B, 36, 4)."""
    return x.flatten(2).transpose(1, 2)


def sequence_first(x: Tensor) -> Tensor:
    """Return (36, B, 4)."""
    return x.flatten(2).permute(2, 0, 1)


def windows(x: Tensor) -> Tensor:
    """Return (B * 4, 9, 4): four windows of 3 x 3."""
    parts = x.reshape(-1, 4, 2, 3, 2, 3)
    return parts.permute(0, 2, 4, 3, 5, 1).reshape(-1, 9, 4)


def repeated_index(x: Tensor) -> Tensor:
    return PLACES.reshape(1, 4, 1, 1).expand(x.shape[0], 4, 6, 6)


def assigned(x: Tensor) -> Tensor:
    """Write into parts of a copy."""
    y = x.clone()
    y[:, 1] = 2 * x[:, 0]
    y[:, :, ::2] *= 3
    y[:, 2] = 1.5
    return y


JOINS: dict[str, Function] = {
    "cat with constants": lambda x: torch.cat([TOKEN.expand(x.shape[0], -1, -1), tokens(x)], 1),
    "stack": lambda x: torch.stack([x, 2 * x.flip(1)], 2),
    "split": lambda x: torch.cat(x.split([1, 3], 1)[::-1], 1),
    "chunk": lambda x: x.chunk(3, 2)[1],
    "tensor_split": lambda x: x.tensor_split(4, 2)[1],
    "unbind": lambda x: x.unbind(2)[3] * 2 + x.unbind(3)[1],
    "slice": lambda x: x[:, 1:, ::2, -3:],
    "select": lambda x: x[:, 1] + x[:, :, 2].mean(1, keepdim=True),
    "slice_scatter": lambda x: torch.slice_scatter(x, 2 * x[:, 1:3], 1, 0, 2),
    "select_scatter": lambda x: torch.select_scatter(x, 2 * x[:, 1], 1, 0),
    "assignment": assigned,
    "add of another rank": lambda x: (x.transpose(0, 1)[0] + x.transpose(0, 1)).transpose(0, 1),
}
INDICES: dict[str, Function] = {
    "index": lambda x: x[:, PLACES],
    "two indices": lambda x: x[:, :, PLACES, PLACES],
    "index_select": lambda x: x.index_select(1, PLACES),
    "gather": lambda x: x.gather(1, repeated_index(x)),
    "scatter_add": lambda x: torch.zeros_like(x).scatter_add(1, repeated_index(x), x),
    "diagonal": lambda x: x.diagonal(0, 2, 3),
    "tril": lambda x: x.tril() + 2 * x.triu(1),
    "masked_fill": lambda x: x.masked_fill(MASK, -2.0),
    "where": lambda x: torch.where(MASK, x, 2 * x.flip(1)),
    "where by image": lambda x: torch.where(x > 0, x, 0.3 * x.flip(1)),
    "im2col": lambda x: F.unfold(x, 3, padding=1, stride=2),
    "col2im": lambda x: F.fold(F.unfold(x, 3, padding=1, stride=2), (6, 6), 3, 1, 1, 2),
    "unfold": lambda x: x.unfold(2, 3, 2),
    "pixel shuffle": lambda x: F.pixel_shuffle(x, 2),
    "pixel unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "channel shuffle": lambda x: F.channel_shuffle(x, 2),
}
REPEATS: dict[str, Function] = {
    "expand": lambda x: x[:, :1].expand(-1, 5, -1, -1),
    "expand to another rank": lambda x: x.mean((2, 3)).expand(3, -1, -1).transpose(0, 1),
    "repeat": lambda x: x.repeat(1, 2, 1, 3),
    "tile": lambda x: x.tile(1, 2, 1, 1),
    "repeat_interleave": lambda x: x.repeat_interleave(2, 1),
    "roll": lambda x: x.roll((1, -2), (2, 3)),
    "flip": lambda x: x.flip(2, 3),
    "rot90": lambda x: torch.rot90(x, 1, (2, 3)),
    "pad": lambda x: F.pad(x, (-1, 2, 0, 1), value=3.0),
    "reflect": lambda x: F.pad(x, (1, 2, 0, 1), mode="reflect"),
    "replicate": lambda x: F.pad(x, (1, 2, 0, 1), mode="replicate"),
    "circular": lambda x: F.pad(x, (1, 2, 0, 1), mode="circular"),
    "reflect 1-D": lambda x: F.pad(x.flatten(2), (1, 2), mode="reflect"),
    "replicate 3-D": lambda x: F.pad(x[:, :, None], (1, 2, 0, 0, 0, 0), mode="replicate"),
    "movedim": lambda x: x.movedim(1, 3),
    "type of another": lambda x: (2 * x).type_as(x.flip(1)),
    "squeeze": lambda x: x[:, :1].squeeze(1) + x[:, 1:2].squeeze(),
}
RESIZED: dict[str, Function] = {
    "nearest": lambda x: F.interpolate(x, scale_factor=1.5),
    "nearest-exact": lambda x: F.interpolate(x, size=(9, 4), mode="nearest-exact"),
    "bilinear": lambda x: F.interpolate(x, size=(9, 4), mode="bilinear"),
    "corners": lambda x: F.interpolate(x, size=(9, 4), mode="bilinear", align_corners=True),
    "bicubic": lambda x: F.interpolate(x, size=(9, 4), mode="bicubic"),
    "antialiased": lambda x: F.interpolate(x, size=(3, 4), mode="bicubic", antialias=True),
    "area": lambda x: F.interpolate(x, size=(3, 4), mode="area"),
    "linear": lambda x: F.interpolate(x.flatten(2), size=7, mode="linear"),
    "nearest-exact 1-D": lambda x: F.interpolate(x.flatten(2), size=7, mode="nearest-exact"),
    "trilinear": lambda x: F.interpolate(x[:, None], size=(3, 4, 5), mode="trilinear"),
    "grid": lambda x: F.grid_sample(x, GRID.expand(x.shape[0], -1, -1, -1), align_corners=False),
    "average 1-D": lambda x: F.avg_pool1d(x.flatten(2), 3, 2),
    "average 3-D": lambda x: F.avg_pool3d(x[:, None], 2),
    "average without padding": lambda x: F.avg_pool2d(x, 3, 2, 1, True, False),
    "adaptive 1-D": lambda x: F.adaptive_avg_pool1d(x.flatten(2), 5),
    "adaptive 3-D": lambda x: F.adaptive_avg_pool3d(x[:, None], 2),
    "mean": lambda x: x.mean((1, 3)),
    "cumsum": lambda x: x.cumsum(2),
}
CHOICES: dict[str, Function] = {
    "amax": lambda x: x.amax((2, 3)) + 0.5 * x.amin((2, 3)),
    "max": lambda x: x.max(1)[0] - x.min(2)[0][:, :1],
    "topk": lambda x: x.flatten(2).topk(3, 2)[0],
    "sort": lambda x: x.sort(1)[0],
    "median": lambda x: x.flatten(2).median(2)[0] + x.flatten(2).kthvalue(2, 2)[0],
    "maximum": lambda x: torch.maximum(x, 0.7 * x.flip(1)),
    "minimum": lambda x: torch.minimum(x, 0.7 * x.flip(1)),
    "max pool 1-D": lambda x: F.max_pool1d(x.flatten(2), 3, 2),
    "max pool 3-D": lambda x: F.max_pool3d(x[:, None], 2),
    "adaptive max 1-D": lambda x: F.adaptive_max_pool1d(x.flatten(2), 5),
    "adaptive max 3-D": lambda x: F.adaptive_max_pool3d(x[:, None], 2),
}
LINEAR: dict[str, Function] = {
    "reversed difference": lambda x: 1 - x,
    "difference": lambda x: torch.rsub(x, x.flip(1), alpha=2) + torch.sub(x, x.flip(1), alpha=0.5),
    "sum with itself": lambda x: torch.add(x, x, alpha=0.5),
    "addcmul": lambda x: torch.addcmul(x, MATRIX, x.flip(1), value=0.3),
    "addcmul of another rank": lambda x: torch.addcmul(
        x.transpose(0, 1), MATRIX, x.mean(1), value=0.3
    ).transpose(0, 1),
    "lerp": lambda x: torch.lerp(x, x.flip(1), 0.3),
    "matrix on the left": lambda x: MATRIX @ x,
    "vector": lambda x: x @ MATRIX[0],
    "einsum": lambda x: torch.einsum("bchw,cd->bdhw", x, MATRIX[:4, :5]),
    "tensordot": lambda x: torch.tensordot(x, MATRIX[:4], dims=([1], [0])),
    "addmm": lambda x: torch.addmm(
        MATRIX[0], x.mean(1).reshape(-1, 6), MATRIX, beta=0.5, alpha=2
    ).reshape(x.shape[0], -1),
    "baddbmm": lambda x: torch.baddbmm(
        MATRIX[None], x[:, 0], MATRIX[None].expand(x.shape[0], -1, -1), beta=0, alpha=2
    ),
    "outer product": lambda x: x.mean((2, 3))[:, :, None] * MATRIX[0],
    "division": lambda x: x / (1 + MATRIX[:4, :1, None].abs()),
}
BATCHES: dict[str, Function] = {
    "sequence first": lambda x: sequence_first(x).relu().transpose(0, 1),
    "merged sequence first": lambda x: (
        (sequence_first(x).reshape(-1, 4) @ MATRIX[:4, :4])
        .relu()
        .reshape(36, -1, 4)
        .transpose(0, 1)
    ),
    "merged tokens": lambda x: tokens(x).reshape(-1, 4).relu().reshape(-1, 36, 4),
    "windows": lambda x: (windows(x).relu() @ MATRIX[:4, :4]).relu().reshape(-1, 4, 9, 4),
    "windows shifted": lambda x: windows(x.roll((1, 1), (2, 3))).amax(1).reshape(-1, 4, 4),
    "two views in one batch": lambda x: (
        torch.cat([x, 2 * x.flip(3)], 0).relu().reshape(2, -1, 144).mean(0)
    ),
}
GROUPS: dict[str, Mapping[str, Function]] = {
    "joins": JOINS,
    "indices": INDICES,
    "repeats": REPEATS,
    "resized": RESIZED,
    "choices": CHOICES,
    "linear": LINEAR,
    "batches": BATCHES,
}


@pytest.mark.parametrize("group", GROUPS)
def test_each_operation_is_its_jacobian_for_every_row(group: str) -> None:
    made = check_jacobians(GROUPS[group], X)
    assert fallbacks(made) == set()


def test_rows_of_merged_batches_are_told_apart() -> None:
    graph = captured(BATCHES["merged sequence first"], X)
    batches = {node.operation: node.batch for node in graph.nodes if node.batch.times > 1}
    assert batches["linear"] == Batch(0, 36, 36)
    graph = captured(BATCHES["merged tokens"], X)
    assert {node.batch for node in graph.nodes if node.batch.times > 1} == {Batch(0, 36, 1)}
    graph = captured(BATCHES["two views in one batch"], X)
    assert {node.batch for node in graph.nodes if node.batch.times > 1} == {Batch(0, 2, 2)}


def test_merged_rows_of_tokens_are_no_dense_layer() -> None:
    made = planned(captured(BATCHES["merged tokens"], X), "attn-cp-gamma", EXACT)
    layer = planned(captured(BATCHES["merged sequence first"], X), "attn-cp-gamma", EXACT)
    assert made.rules("relu") == {"f(x)/x"}
    assert layer.rules("linear") == {"gamma (signed input)"}


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x - x.mean(0),
        lambda x: x / x.sum(),
        lambda x: F.batch_norm(x, None, None, training=True),
    ],
)
def test_a_model_that_mixes_images_is_refused(function: Function) -> None:
    with pytest.raises(CaptureError, match="mixes the images of a batch"):
        captured(function, X)


def test_a_column_by_column_matrix_is_the_jacobian_of_what_is_linear() -> None:
    function = LINEAR["lerp"]
    expected = torch.autograd.functional.jacobian(function, X[:1])
    assert isinstance(expected, Tensor)
    found = columns(lambda u, _: function(u), X[:1])
    assert torch.allclose(found, expected.reshape(found.shape))
    assert len(ROWS) > X.shape[0]
