"""Edit images: feathered masks, blending, and filling a hole from its surroundings."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor
from torch.nn import functional

from auditor.shortcuts.propose.windows import FEATHER


def distinct(
    masks: Bool[np.ndarray, "sample h w"],
) -> tuple[Bool[np.ndarray, "different h w"], Int[np.ndarray, "sample"]]:
    """Return the different masks, in the order of their pixels, and which of them each one is.

    As ``np.unique`` along the first axis, which compares pixel by pixel, on packed bits: at 224
    pixels in a hundredth of the time.
    """
    packed = np.packbits(masks.reshape(len(masks), -1), axis=1)
    rows = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, which = np.unique(rows, return_index=True, return_inverse=True)
    return masks[first], which.ravel()


def feathered(
    masks: Bool[Tensor, "sample h w"], pixels: int = FEATHER
) -> Float[Tensor, "sample 1 h w"]:
    """Return masks as weights: 0 outside, rising to 1 over ``pixels`` pixels inside.

    So nothing outside the outline that a reader sees is ever edited. The border of the picture is
    no edge of a mask. The middle of what is too thin to rise keeps 1: a line of one pixel is whole.
    """
    outside = (~masks).numpy()
    # Distance to the nearest pixel outside, in steps to any of eight neighbours, up to pixels + 1.
    depth = masks.numpy().astype(np.uint8)
    for _step in range(pixels):
        outside = _widened(outside)
        depth += ~outside
    middle = (depth == _widened(depth)) & (depth > 0)
    weights = np.where(middle, np.float32(1), depth / np.float32(pixels + 1))
    return torch.from_numpy(weights)[:, None]


def _widened(
    values: Shaped[np.ndarray, "sample h w"],
) -> Shaped[np.ndarray, "sample h w"]:
    """Return the largest value of every pixel and its eight neighbours."""
    down = values.copy()
    np.maximum(down[:, 1:], values[:, :-1], out=down[:, 1:])
    np.maximum(down[:, :-1], values[:, 1:], out=down[:, :-1])
    across = down.copy()
    np.maximum(across[..., 1:], down[..., :-1], out=across[..., 1:])
    np.maximum(across[..., :-1], down[..., 1:], out=across[..., :-1])
    return across


def blend(
    base: Float[Tensor, "sample channel h w"],
    content: Float[Tensor, "sample channel h w"],
    weights: Float[Tensor, "sample 1 h w"],
) -> Float[Tensor, "sample channel h w"]:
    """Return ``base`` with ``content`` where weights are 1: (1 - m) base + m content."""
    return torch.lerp(base, content, weights)


def inpainted(
    images: Float[Tensor, "sample channel h w"], masks: Bool[Tensor, "sample h w"]
) -> Float[Tensor, "sample channel h w"]:
    """Return images with the masks filled smoothly from around them.

    Push and pull: means of the known pixels over ever larger blocks, the coarser one used where
    the finer one knows nothing, blurred by the interpolation on the way back.
    """
    known = (~masks).float()[:, None]
    filled = _pull(images * known, known)
    return blend(images, filled, feathered(masks))


def _pull(
    total: Float[Tensor, "sample channel h w"], known: Float[Tensor, "sample 1 h w"]
) -> Float[Tensor, "sample channel h w"]:
    """Return means where anything is known; elsewhere those of blocks twice as large."""
    means = total / known.clamp_min(1e-6)
    height, width = total.shape[-2:]
    if min(height, width) < 2 or bool((known > 0).all()):
        return means
    coarse = _pull(
        functional.avg_pool2d(total, 2, ceil_mode=True),
        functional.avg_pool2d(known, 2, ceil_mode=True),
    )
    coarse = functional.interpolate(
        coarse, size=(height, width), mode="bilinear", align_corners=False
    )
    return torch.where(known > 0, means, coarse)
