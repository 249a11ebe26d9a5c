"""The side of zennit-crp: what it is compared with, run as its documentation has it."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

with warnings.catch_warnings():
    # zennit-crp imports modules that warn about their own future.
    warnings.simplefilter("ignore")
    from crp.attribution import CondAttribution
    from crp.concepts import ChannelConcept
    from crp.visualization import FeatureVisualization
    from zennit.composites import EpsilonPlusFlat
    from zennit.torchvision import ResNetCanonizer, VGGCanonizer

from tests.relevance.test_parity import fused

CANONIZERS = {"vgg16": VGGCanonizer, "resnet18": ResNetCanonizer}


def composite(name: str) -> Any:
    """Return its default composite for the model."""
    return EpsilonPlusFlat(canonizers=[CANONIZERS[name]()])


def attribution(model: nn.Module) -> Any:
    """Return its attributor on a copy of the model with batch norm folded."""
    return CondAttribution(fused(model))


def heatmaps(
    attributor: Any, name: str, x: Tensor, layer: str, concepts: Sequence[int], target: int,
    batch: int,
) -> Tensor:  # fmt: skip
    """Return the conditional heatmaps (K, H, W) of one image by ``generate``."""
    data = x.clone().requires_grad_()
    conditions = [{"y": [target], layer: [concept]} for concept in concepts]
    parts = attributor.generate(data, conditions, composite(name), batch_size=batch, verbose=False)
    return torch.cat([part.heatmap.detach() for part in parts])


def visualisation(
    attributor: Any, images: Tensor, targets: Tensor, layers: Sequence[str], folder: Path
) -> Any:
    """Return its analysis of a data set."""
    concept = ChannelConcept()
    data = TensorDataset(images, targets)
    chosen = [(image, int(target)) for image, target in data]
    return FeatureVisualization(
        attributor, chosen, dict.fromkeys(layers, concept), path=str(folder), device="cpu"
    )


def analyse(visualisation: Any, name: str, count: int, batch: int) -> None:
    """Run its pass over the data: maximisation and statistics per class, saved to disk."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        visualisation.run(composite(name), 0, count, batch)


def references(
    visualisation: Any, name: str, layer: str, concepts: Sequence[int], count: int, batch: int
) -> None:
    """Compute the heatmaps of the reference samples of each concept, by its own loop."""
    visualisation.get_max_reference(
        list(concepts), layer, "relevance", (0, count), composite=composite(name),
        plot_fn=None, batch_size=batch,
    )  # fmt: skip
