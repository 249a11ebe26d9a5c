"""The narrow side of model and data that the causal tests need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from auditor.relevance.explainer import Explainer
from auditor.subject import Subject

# Values of a batch of images at once: keeps the memory of a pass the same for every image size. On
# a CPU small batches stay in its cache. Measured with the memory that the command keeps, MobileNet
# v2 at 224 pixels on one thread: 13.9 ms an image with 8 at once, 11.2 with 16, 11.0 with 32; and
# without that memory 14.8, 14.0 and 21.6.
PIXELS_AT_ONCE = 64 * 3 * 224 * 224
PIXELS_ON_CPU = 16 * 3 * 224 * 224
EXPLAINED_AT_ONCE = 16
Rows = Sequence[int] | Int[np.ndarray, "row"]


@dataclass(frozen=True, eq=False)
class Probe:
    """A model under test: inputs, logits, heatmaps and pictures of rows of the data."""

    explainer: Explainer
    subject: Subject

    def inputs(self, rows: Rows) -> Float[Tensor, "sample channel h w"]:
        """Return the inputs of rows, all of them and in this order, on the CPU."""
        return self.subject.load([int(row) for row in rows]).cpu()

    def objects(self, rows: Rows) -> Float[np.ndarray, "sample h w"] | None:
        """Return the user's masks of the objects (1 inside, NaN: none for this row), or None."""
        masks: Float[np.ndarray, "sample h w"] | None = self.subject.objects(
            [int(row) for row in rows]
        )
        return masks

    def predict(
        self, images: Float[Tensor, "sample channel h w"]
    ) -> Float[np.ndarray, "sample output"]:
        """Return the logits of inputs."""
        if len(images) == 0:
            return np.zeros((0, self.explainer.classes), dtype=np.float32)
        most = PIXELS_ON_CPU if self.explainer.device.type == "cpu" else PIXELS_AT_ONCE
        step = int(min(256, max(1, most // images[0].numel())))
        parts = [
            self.explainer.predict(images[start : start + step]).cpu()
            for start in range(0, len(images), step)
        ]
        return _array(torch.cat(parts))

    def from_pictures(
        self, pictures: UInt8[np.ndarray, "sample h w 3"]
    ) -> Float[Tensor, "sample channel h w"]:
        """Return RGB pictures as inputs, on the CPU."""
        return self.subject.inputs(pictures)

    def sizes(self, rows: Sequence[int]) -> list[tuple[int, int]]:
        """Return (height, width) of the files of rows."""
        return [self.subject.size(int(row)) for row in rows]

    def heatmaps(
        self, images: Float[Tensor, "sample channel h w"], output: int
    ) -> Float[np.ndarray, "sample h w"]:
        """Return the relevance of every pixel for ``output``."""
        parts = []
        for start in range(0, len(images), EXPLAINED_AT_ONCE):
            batch = images[start : start + EXPLAINED_AT_ONCE]
            targets = torch.full((len(batch),), output)
            heatmap = self.explainer.explain(batch, targets).heatmap
            assert heatmap is not None
            parts.append(heatmap.cpu())
        return _array(torch.cat(parts))

    def concept_heatmaps(
        self,
        images: Float[Tensor, "sample channel h w"],
        output: int,
        layer: str,
        concepts: Sequence[int | tuple[int, ...]],
    ) -> Float[np.ndarray, "concept sample h w"]:
        """Return the conditional heatmap of every concept, or set of them, for ``output``."""
        parts = []
        for start in range(0, len(images), EXPLAINED_AT_ONCE):
            batch = images[start : start + EXPLAINED_AT_ONCE]
            targets = torch.full((len(batch),), output)
            maps = self.explainer.conditional_heatmaps(batch, layer, list(concepts), targets)
            parts.append(maps.cpu())
        return _array(torch.cat(parts, dim=1))

    def pictures(
        self, images: Float[Tensor, "sample channel h w"]
    ) -> UInt8[np.ndarray, "sample h w 3"]:
        """Return inputs as RGB pictures."""
        shown: np.ndarray = self.subject.pictures(images)
        return shown


def _array(values: Tensor) -> np.ndarray:
    array: np.ndarray = values.detach().float().numpy()
    return array
