"""What heatmaps need of the relevance engine and of the data: the narrow side of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from torch import Tensor

Condition = int | tuple[int, ...]


# Rows -> their images (n, 3, H, W) as the model takes them: all, in this order, or an error.
Load = Callable[[Sequence[int]], Tensor]


class Explained(Protocol):
    """What explaining a batch gives, as far as it is used here."""

    @property
    def heatmap(self) -> Tensor | None:
        """Relevance at the input (B, H, W)."""


class HeatmapEngine(Protocol):
    """The part of the relevance engine that heatmaps need."""

    def explain(
        self,
        images: Tensor,
        targets: Tensor | None = None,
        *,
        layers: Sequence[str] = (),
        heatmap: bool = True,
    ) -> Explained:
        """Return relevance at the input of each image."""

    def conditional_heatmaps(
        self,
        images: Tensor,
        *,
        layer: str,
        concepts: Sequence[Condition],
        targets: Tensor | None = None,
    ) -> Tensor:
        """Return (K, B, H, W)."""

    def paired_heatmaps(
        self,
        images: Tensor,
        layer: str,
        samples: Sequence[int],
        concepts: Sequence[Condition],
        targets: Tensor | None = None,
        positions: Sequence[int | None] | None = None,
    ) -> Tensor:
        """Return (P, H, W)."""

    def activations(self, images: Tensor, layers: Sequence[str]) -> Mapping[str, Tensor]:
        """Return (B, C, h, w) of each layer."""
