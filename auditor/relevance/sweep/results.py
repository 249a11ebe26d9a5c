"""What the engine hands back of a batch."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d


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
