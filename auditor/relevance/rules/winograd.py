"""Convolve 3 x 3 with stride 1 in a quarter of the multiplications: Winograd's F(4 x 4, 3 x 3).

An output tile of 4 x 4 is ``A^T [(G w G^T) * (B^T x B)] A`` of an input tile of 6 x 6. Summed over
channels, that is 36 matrix products per group of tiles. Source: Lavin and Gray 2016, section 4.
The groups are small enough for the cache; their buffers are used again.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from math import ceil

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

TILE, SIDE = 4, 6
FEWEST_CHANNELS = (64, 128)  # of the narrower and the wider side
FEWEST_TILES = 32  # below, reading the transformed weights takes longer than it saves
GROUP = 96  # tiles: enough rows for a matrix product, few enough for the cache

INPUT = (
    (4.0, 0.0, -5.0, 0.0, 1.0, 0.0), (0.0, -4.0, -4.0, 1.0, 1.0, 0.0),
    (0.0, 4.0, -4.0, -1.0, 1.0, 0.0), (0.0, -2.0, -1.0, 2.0, 1.0, 0.0),
    (0.0, 2.0, -1.0, -2.0, 1.0, 0.0), (0.0, 4.0, 0.0, -5.0, 0.0, 1.0),
)  # fmt: skip
WEIGHT = (
    (1 / 4, 0.0, 0.0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0.0, 0.0, 1.0),
)  # fmt: skip
OUTPUT = (
    (1.0, 1.0, 1.0, 1.0, 1.0, 0.0), (0.0, 1.0, -1.0, 2.0, -2.0, 0.0),
    (0.0, 1.0, 1.0, 4.0, 4.0, 0.0), (0.0, 1.0, -1.0, 8.0, -8.0, 1.0),
)  # fmt: skip

# Transformed weights by weight: once per model, and forgotten with it.
_transformed: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def pays(rows: int, size: tuple[int, int], channels: tuple[int, int]) -> bool:
    """Tell whether the transforms cost less than they save, on a processor with caches."""
    tiles = rows * ceil(size[0] / TILE) * ceil(size[1] / TILE)
    wide = min(channels) >= FEWEST_CHANNELS[0] and max(channels) >= FEWEST_CHANNELS[1]
    return wide and tiles >= FEWEST_TILES


def adjoint(weight: Tensor, coefficient: Tensor, padding: tuple[int, int]) -> Tensor:
    """Return ``W^T c`` of a 3 x 3 convolution of stride 1: c convolved with the flipped weight.

    ``weight`` (C_out, C_in, 3, 3); ``coefficient`` (rows, C_out, h, w); channels last both.
    """
    if weight not in _transformed:
        _transformed[weight] = transform(weight.flip(2, 3).transpose(0, 1))
    return convolve(coefficient, _transformed[weight], (2 - padding[0], 2 - padding[1]))


def transform(weight: Tensor) -> Tensor:
    """Return ``G w G^T`` as (36, C_in, C_out) of a weight (C_out, C_in, 3, 3)."""
    matrix = torch.tensor(WEIGHT, dtype=torch.float64, device=weight.device)
    turned = torch.einsum("ik,ockl,jl->ijco", matrix, weight.double(), matrix)
    return turned.flatten(0, 1).to(weight.dtype).contiguous()


@cache
def _matrices(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return the transforms of input and output tiles, both axes of a tile at once."""
    inward = torch.tensor(INPUT, dtype=torch.float64)
    outward = torch.tensor(OUTPUT, dtype=torch.float64)
    return torch.kron(inward, inward).to(dtype), torch.kron(outward, outward).to(dtype)


def convolve(images: Tensor, transformed: Tensor, padding: tuple[int, int]) -> Tensor:
    """Return the convolution (n, C_out, h', w') of images (n, C_in, h, w), channels last."""
    count, _, height, width = images.shape
    size = (height + 2 * padding[0] - 2, width + 2 * padding[1] - 2)
    down, across = ceil(size[0] / TILE), ceil(size[1] / TILE)
    result = images.new_empty((count, *size, transformed.shape[2]))
    source = images.permute(0, 2, 3, 1)
    work = _Buffers(images)
    together = max(1, GROUP // (down * across))
    parts = min(down, max(1, round(down * across / GROUP)))
    cuts = [round(part * down / parts) for part in range(parts + 1)]
    for first in range(0, count, together):
        some = source[first : first + together]
        for top, bottom in pairwise(cuts):
            padded = work.padded(some, (top, bottom, across), padding)
            tiles = _convolved(padded, (bottom - top, across), transformed, work)
            rows = slice(TILE * top, min(TILE * bottom, size[0]))
            _place(tiles, result[first : first + together, rows])
    return result.permute(0, 3, 1, 2)


def _convolved(
    padded: Tensor, grid: tuple[int, int], transformed: Tensor, work: _Buffers
) -> Tensor:
    """Return the output tiles (4, 4, n, down, across, C_out) of padded rows (n, y, x, C_in)."""
    count, _, _, channels = padded.shape
    inward, outward = _matrices(padded.dtype)
    image, row, column, _ = padded.stride()
    shape = (SIDE, SIDE, count, *grid, channels)
    strides = (row, column, image, TILE * row, TILE * column, 1)
    tiles = work.of("tiles", shape)
    tiles.copy_(padded.as_strided(shape, strides))
    number = count * grid[0] * grid[1]
    turned = work.of("turned", (SIDE * SIDE, number * channels))
    torch.mm(inward, tiles.view(SIDE * SIDE, -1), out=turned)
    summed = work.of("summed", (SIDE * SIDE, number, transformed.shape[2]))
    torch.bmm(turned.view(SIDE * SIDE, number, channels), transformed, out=summed)
    final = work.of("final", (TILE * TILE, number * transformed.shape[2]))
    torch.mm(outward, summed.view(SIDE * SIDE, -1), out=final)
    return final.view(TILE, TILE, count, *grid, -1)


def _place(tiles: Tensor, result: Tensor) -> None:
    """Write tiles (4, 4, n, down, across, C) to rows (n, y, x, C), cut off at the border."""
    _, _, count, down, across, channels = tiles.shape
    ordered = tiles.permute(2, 3, 0, 4, 1, 5)
    if result.shape[1:3] == (TILE * down, TILE * across):
        result.view(count, down, TILE, across, TILE, channels).copy_(ordered)
    else:
        whole = ordered.reshape(count, TILE * down, TILE * across, channels)
        result.copy_(whole[:, : result.shape[1], : result.shape[2]])


class _Buffers:
    """Memory that the groups of tiles of one convolution share."""

    def __init__(self, like: Tensor) -> None:
        self._like = like
        self._held: dict[str, Tensor] = {}

    def of(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Return memory of a shape, not initialised."""
        number = 1
        for size in shape:
            number *= size
        held = self._held.get(name)
        if held is None or held.numel() < number:
            held = self._held[name] = self._like.new_empty(number)
        return held[:number].view(shape)

    def padded(
        self, images: Tensor, grid: tuple[int, int, int], padding: tuple[int, int]
    ) -> Tensor:
        """Return the rows (n, y, x, C) that tile rows ``grid[0]`` to ``grid[1]`` see, padded."""
        top, bottom, across = grid
        count, height, width, channels = images.shape
        rows = TILE * (bottom - top) + SIDE - TILE
        columns = TILE * across + SIDE - TILE
        start = TILE * top - padding[0]
        first, last = max(start, 0), min(start + rows, height)
        left, right = padding[1], min(padding[1] + width, columns)
        result = self.of("padded", (count, rows, columns, channels))
        result[:, : first - start].zero_()
        result[:, last - start :].zero_()
        inside = result[:, first - start : last - start]
        inside[:, :, :left].zero_()
        inside[:, :, right:].zero_()
        inside[:, :, left:right] = images[:, first:last, : right - left]
        return result
