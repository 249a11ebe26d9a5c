"""What the engine hands back of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d

from auditor.base.errors import ConfigError
from auditor.base.heatmaps import heat, overlay, photograph, upscale
from auditor.relevance.sweep.halving import joined


@dataclass(frozen=True, eq=False)
class Explanation:
    """Relevance of one batch, signed, in units of the explained logit.

    ``relevance`` and ``activation``: per layer (B, C, h, w); h = w = 1 for linear units. Their
    memory may be laid out channels last.
    ``heatmap``: (B, H, W), summed over the colour channels. ``conservation``: sum of the heatmap
    over the explained logit; what is missing from 1 went to biases and stabilisers.
    """

    logits: Tensor
    targets: Tensor
    relevance: dict[str, Tensor]
    activation: dict[str, Tensor]
    heatmap: Tensor | None
    conservation: Tensor | None

    def to_pil(self, image: Any = None, *, index: int = 0, side: int | None = None) -> Image.Image:
        """Return the heatmap of image ``index`` over its photograph, or alone.

        Red speaks for the explained class, blue against it. ``image``: the photograph, before any
        normalisation: a PIL image, a uint8 array (H, W, 3), or a tensor (3, H, W) of uint8 or from
        0 to 1. ``side`` enlarges the longer side to so many pixels.

        Raises:
            ConfigError: there is no heatmap, no such image, or ``image`` is no photograph.
        """
        if self.heatmap is None:
            raise ConfigError("the explanation has no heatmap: it was made with heatmap=False.")
        if not 0 <= index < len(self.heatmap):
            raise ConfigError(
                f"there is no image {index}: the explanation is of {len(self.heatmap)}."
            )
        values = self.heatmap[index].detach().cpu().float().numpy()
        photo = None if image is None else photograph(image)
        if photo is None:
            drawn = heat(values)
            return Image.fromarray(drawn if side is None else upscale(drawn, side))
        return Image.fromarray(overlay(photo if side is None else upscale(photo, side), values))

    def show(self, image: Any = None, *, index: int = 0, side: int = 320) -> Image.Image:
        """Return what `to_pil` does, enlarged to be looked at; a notebook displays it."""
        return self.to_pil(image, index=index, side=side)

    def __repr__(self) -> str:
        classes = ", ".join(str(int(target)) for target in self.targets[:8])
        more = ", ..." if len(self.targets) > 8 else ""
        parts = [f"{len(self.targets)} images", f"classes {classes}{more}"]
        if self.relevance:
            parts.append(f"layers {', '.join(self.relevance)}")
        if self.heatmap is not None:
            parts.append("heatmaps {} x {}".format(*self.heatmap.shape[1:]))
        if self.conservation is not None:
            low, high = float(self.conservation.min()), float(self.conservation.max())
            parts.append(f"conservation {low:.3f} to {high:.3f}")
        return f"<Explanation of {'; '.join(parts)}>"


@dataclass(frozen=True, eq=False)
class Totals:
    """What the table of a layer holds of a batch: one number per image and concept.

    ``relevance`` (B, C): summed over positions. ``peak`` (B, C): the flat position of the largest
    relevance, ``largest_relevance`` (B, C) that itself. ``activation`` (B, C): the largest,
    ``summed_activation`` (B, C) over positions. ``size``: of the feature map, h and w.
    """

    relevance: Tensor
    peak: Tensor
    activation: Tensor
    largest_relevance: Tensor
    summed_activation: Tensor
    size: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Statistics:
    """The totals of every layer of a batch, with its logits and the classes explained."""

    logits: Tensor
    targets: Tensor
    layers: dict[str, Totals]


def joined_explanations(parts: Sequence[Explanation]) -> Explanation:
    """Return the parts of a batch as one."""
    first = parts[0]
    if len(parts) == 1:
        return first
    heatmaps = [part.heatmap for part in parts if part.heatmap is not None]
    conservation = [part.conservation for part in parts if part.conservation is not None]
    return Explanation(
        joined([part.logits for part in parts]),
        joined([part.targets for part in parts]),
        {layer: joined([part.relevance[layer] for part in parts]) for layer in first.relevance},
        {layer: joined([part.activation[layer] for part in parts]) for layer in first.activation},
        joined(heatmaps) if heatmaps else None,
        joined(conservation) if conservation else None,
    )


def joined_statistics(parts: Sequence[Statistics]) -> Statistics:
    """Return the parts of a batch as one."""
    return Statistics(
        joined([part.logits for part in parts]),
        joined([part.targets for part in parts]),
        {
            layer: _joined_totals([part.layers[layer] for part in parts])
            for layer in parts[0].layers
        },
    )


def _joined_totals(parts: Sequence[Totals]) -> Totals:
    return Totals(
        joined([part.relevance for part in parts]),
        joined([part.peak for part in parts]),
        joined([part.activation for part in parts]),
        joined([part.largest_relevance for part in parts]),
        joined([part.summed_activation for part in parts]),
        parts[0].size,
    )


def totals(relevance: Tensor, activation: Tensor) -> Totals:
    """Sum and maximise (B, C, h, w) over positions."""
    size = (int(relevance.shape[2]), int(relevance.shape[3]))
    return Totals(
        relevance=relevance.sum((2, 3)),
        peak=peaks(relevance),
        activation=activation.amax((2, 3)),
        largest_relevance=relevance.amax((2, 3)),
        summed_activation=activation.sum((2, 3)),
        size=size,
    )


def peaks(relevance: Tensor) -> Tensor:
    """Return the flat position (B, C) of the first largest value of (B, C, h, w).

    By a pooling of one window, which unlike ``argmax`` vectorises where channels are last.
    """
    pooled = adaptive_max_pool2d(relevance, 1, return_indices=True)
    index: Tensor = pooled[1]
    return index[:, :, 0, 0]
