"""What the composites are compared with: gradient x input, Integrated Gradients, chance, centre.

Written on the model itself by autograd: nothing here uses the relevance engine.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.benchmarks.flipping import channel_axis, hooked


def gradient_input(model: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """Return gradient x input (B, H, W), summed over colours."""
    return (gradient(model, images, targets) * images).sum(1)


def integrated_gradients(
    model: nn.Module, images: Tensor, baseline: Tensor, targets: Tensor, *, points: int = 32
) -> Tensor:
    """Return Integrated Gradients (B, H, W) on the straight line from ``baseline``.

    Sundararajan et al. 2017, equation 1, by the midpoint rule; with many points it sums to the
    logit of the picture less that of the baseline.
    """
    total = torch.zeros_like(images)
    for point in range(points):
        share = (point + 0.5) / points
        total += gradient(model, torch.lerp(baseline, images, share), targets)
    return ((images - baseline) * total / points).sum(1)


def gradient(model: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """Return the gradient of the target logits with respect to the pictures."""
    leaf = images.detach().clone().requires_grad_()
    explained = model(leaf).gather(1, targets[:, None]).sum()
    return torch.autograd.grad(explained, leaf)[0]


def layer_scores(
    model: nn.Module, images: Tensor, targets: Tensor, layer: str, channels: int
) -> tuple[Tensor, Tensor]:
    """Return gradient x activation and activation (B, C) of a layer, summed over positions."""
    kept: list[Tensor] = []

    def keep(output: Tensor) -> Tensor:
        kept.append(output if output.requires_grad else output.requires_grad_())
        return kept[0]

    with hooked(model, layer, keep):
        explained = model(images).gather(1, targets[:, None]).sum()
    (slope,) = torch.autograd.grad(explained, kept[0])
    axis = channel_axis(kept[0], channels)
    others = [each for each in range(1, slope.dim()) if each != axis]
    value = kept[0].detach()
    product = slope * value
    if not others:
        return product, value
    return product.sum(others), value.sum(others)


def centre(images: Tensor) -> Tensor:
    """Return a map (B, H, W) that is highest in the middle: what knowing photographers gives."""
    height, width = images.shape[-2:]
    y = torch.linspace(-1, 1, height)[:, None] ** 2
    x = torch.linspace(-1, 1, width)[None] ** 2
    return -(x + y).expand(len(images), height, width).contiguous()
