"""Take parts away from pictures, or channels away from a layer, and read the logit.

Pixel flipping: Samek et al. 2017; both orders and the area between their curves: Blücher et al.
2024, Achtibat et al. 2024. Concept flipping: Achtibat et al. 2023.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.transforms.functional import gaussian_blur

BATCH = 16


def blurred(images: Tensor) -> Tensor:
    """Return the pictures blurred with a deviation of 1/16 of their side: what parts become."""
    sigma = images.shape[-1] / 16
    kernel = 2 * int(2.5 * sigma) + 1
    return gaussian_blur(images, [kernel, kernel], [sigma, sigma])


def averaged(images: Tensor) -> Tensor:
    """Return pictures of one colour, the mean over the pixels of all pictures."""
    return images.mean((0, 2, 3), keepdim=True).expand_as(images)


BASELINES = {"blur": blurred, "mean": averaged}


def patch_scores(heatmaps: Tensor, patch: int) -> Tensor:
    """Return the relevance (B, P) of every patch of ``patch`` x ``patch`` pixels, summed."""
    pooled = nn.functional.avg_pool2d(heatmaps[:, None], patch) * patch**2
    return pooled.flatten(1)


def ranks(scores: Tensor) -> Tensor:
    """Return the place of every column in its row, 0 for the largest score."""
    return scores.argsort(dim=1, descending=True, stable=True).argsort(dim=1)


def steps(parts: int, count: int) -> list[int]:
    """Return how many of ``parts`` are gone at each of ``count`` steps after the start."""
    return [round(parts * step / count) for step in range(count + 1)]


@dataclass(frozen=True, eq=False)
class Flipper:
    """A model with its pictures, and every curve that was already read: equal orders cost once.

    ``targets``: (N,) the class whose logit is read. ``known`` holds the curves by picture, layer
    ('' for pixels) and order.
    """

    model: nn.Module
    images: Tensor
    baseline: Tensor
    targets: Tensor
    patch: int
    known: dict[tuple[int, str, bytes], Tensor] = field(default_factory=dict)

    def pixel_curves(self, scores: Tensor, count: int) -> Tensor:
        """Return the logit (N, count + 1) while patches go, largest score (N, P) first."""
        height, width = (side // self.patch for side in self.images.shape[-2:])

        def gone_from(rows: Tensor, order: Tensor, gone: int) -> Tensor:
            mask = (order < gone).to(self.images.dtype).reshape(-1, 1, height, width)
            mask = nn.functional.interpolate(mask, scale_factor=float(self.patch), mode="nearest")
            mixed = torch.lerp(self.images[rows], self.baseline[rows], mask)
            return logits_of(self.model, mixed, self.targets[rows])

        return self._curves("", scores, count, gone_from)

    def concept_curves(self, layer: str, scores: Tensor, count: int) -> Tensor:
        """Return the logit (N, count + 1) while channels become zero, largest (N, C) first."""

        def gone_from(rows: Tensor, order: Tensor, gone: int) -> Tensor:
            with scaled(self.model, layer, (order >= gone).to(self.images.dtype)):
                return logits_of(self.model, self.images[rows], self.targets[rows])

        return self._curves(layer, scores, count, gone_from)

    def _curves(
        self, layer: str, scores: Tensor, count: int, read: Callable[[Tensor, Tensor, int], Tensor]
    ) -> Tensor:
        order = ranks(scores)
        keys = [(row, f"{layer}/{count}", each.numpy().tobytes()) for row, each in enumerate(order)]
        new = [row for row, key in enumerate(keys) if key not in self.known]
        for start in range(0, len(new), BATCH):
            rows = torch.tensor(new[start : start + BATCH])
            columns = [read(rows, order[rows], gone) for gone in steps(order.shape[1], count)]
            for row, curve in zip(rows.tolist(), torch.stack(columns, 1), strict=True):
                self.known[keys[row]] = curve
        return torch.stack([self.known[key] for key in keys])


def logits_of(model: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """Return the logit (B,) of every picture's target."""
    with torch.inference_mode():
        logits = model(images.contiguous(memory_format=torch.channels_last))
    return logits.gather(1, targets[:, None])[:, 0].clone()  # type: ignore[no-any-return]


def area(curves: Tensor) -> Tensor:
    """Return the mean height (B,) of curves over equal steps, by the trapezoid rule."""
    return torch.trapezoid(curves, dim=1) / (curves.shape[1] - 1)


@contextmanager
def scaled(model: nn.Module, layer: str, factors: Tensor) -> Iterator[None]:
    """Multiply the output of a layer by ``factors`` (B, C) along its channels, while open."""

    def replace(output: Tensor) -> Tensor:
        shape = [1] * output.dim()
        shape[0], shape[channel_axis(output, factors.shape[1])] = factors.shape
        return output * factors.reshape(shape)

    with hooked(model, layer, replace):
        yield


@contextmanager
def hooked(model: nn.Module, layer: str, replace: Any) -> Iterator[None]:
    """Run ``replace`` on the output of one call of a module: 'relu@1' is its second call."""
    name, _, turn = layer.partition("@")
    calls = 0

    def hook(_module: nn.Module, _inputs: Sequence[Any], output: Tensor) -> Tensor | None:
        nonlocal calls
        calls += 1
        result: Tensor | None = replace(output) if calls - 1 == int(turn or 0) else None
        return result

    handle = model.get_submodule(name).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def channel_axis(output: Tensor, channels: int) -> int:
    """Return the axis of the channels: 1 for images and units, the last for tokens."""
    axes = [axis for axis in (1, output.dim() - 1) if output.shape[axis] == channels]
    if not axes or (len(axes) == 2 and output.dim() == 3):
        raise ValueError(f"no single axis of {tuple(output.shape)} has {channels} channels")
    return axes[0]
