"""A trained model with its pictures in memory, as the search and the baselines see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from auditor.causal.probe import Probe
from auditor.concepts.selection import leading_concepts
from auditor.concepts.statistics import concept_statistics
from auditor.demo.training import to_inputs
from auditor.records.stages import LayerRelevance, Manifest, Samples
from auditor.relevance.explainer import Explainer
from auditor.relevance.over_data.collect import PassPlan, merge, shards_of
from auditor.shortcuts.split import discovery_split
from auditor.subject import Quarantine, Usable
from tests.benchmarks.shortcuts.nets import features_of
from tests.benchmarks.shortcuts.train import to_pictures

CONCEPTS = 12


@dataclass(frozen=True, eq=False)
class InMemory:
    """Pictures in memory in the part of a subject that the pass and a probe need."""

    boxed = False
    model: nn.Module
    images: UInt8[np.ndarray, "sample height width 3"]
    manifest: Manifest

    def load(self, rows: Sequence[int]) -> Tensor:
        """Return the inputs of rows."""
        return to_inputs(self.images[list(rows)])

    def sift(self, rows: Sequence[int]) -> tuple[Usable, Quarantine]:
        """Return the inputs of rows, and that none is set aside."""
        return Usable(tuple(rows), self.load(rows)), {}

    def pictures(self, inputs: Tensor) -> UInt8[np.ndarray, "sample height width 3"]:
        """Return inputs as pictures."""
        return to_pictures(inputs)

    def inputs(self, pictures: UInt8[np.ndarray, "sample height width 3"]) -> Tensor:
        """Return pictures as inputs."""
        return to_inputs(pictures)

    def objects(self, rows: Sequence[int]) -> None:
        """Return masks of the objects: there are none."""

    def size(self, row: int) -> tuple[int, int]:
        """Return the size of a picture: the same for all."""
        return self.images.shape[1], self.images.shape[2]


@dataclass(frozen=True, eq=False)
class Audited:
    """What the stages before the search give it, and what the baselines need.

    ``layer`` is the last concept layer; ``features`` what the model's last linear layer sees;
    ``heatmaps`` explain the label's logit of every picture, at the input.
    """

    subject: InMemory
    probe: Probe
    samples: Samples
    layer: LayerRelevance
    leading: Mapping[int, tuple[str, tuple[int, ...]]]
    features: Float[np.ndarray, "sample feature"]
    heatmaps: Float[np.ndarray, "sample height width"]

    @property
    def outputs(self) -> list[int]:
        """Number the classes."""
        return list(range(len(self.samples.manifest.classes)))

    def members(self, output: int) -> Int[np.ndarray, "member"]:
        """Return the rows that the search calls members of a class."""
        return self.samples.members(output)


def audit(
    model: nn.Module,
    images: UInt8[np.ndarray, "sample height width 3"],
    labels: Int[np.ndarray, "sample"],
    classes: tuple[str, ...],
    seed: int,
) -> Audited:
    """Run the stages that come before the search, with the pipeline's own functions."""
    paths = tuple(f"{classes[label]}/{row:05d}.png" for row, label in enumerate(labels))
    subject: Any = InMemory(model, images, Manifest(paths, labels, classes))
    explainer = Explainer(model, subject.load([0]))
    name = explainer.automatic_layers()[-1]
    plan = PassPlan((name,), "predicted", 32, 1 << 20)
    samples, layers = merge(
        shards_of(explainer, subject, plan),
        subject.manifest,
        plan,
        discovery_split(labels, seed),
        [explainer.cuts(name)],
    )
    outputs = list(range(len(classes)))
    statistics = concept_statistics(samples, layers[0], outputs, seed=seed)
    leading = leading_concepts(statistics, CONCEPTS)
    return Audited(
        subject=subject,
        probe=Probe(explainer, subject),
        samples=samples,
        layer=layers[0],
        leading={output: (name, tuple(leading.get(output, ()))) for output in outputs},
        features=_features(model, images),
        heatmaps=_heatmaps(explainer, images, labels),
    )


def _features(model: nn.Module, images: np.ndarray) -> Float[np.ndarray, "sample feature"]:
    with torch.no_grad():
        parts = [features_of(model, batch) for batch in torch.split(to_inputs(images), 256)]
    features: np.ndarray = torch.cat(parts).numpy()
    return features


def _heatmaps(
    explainer: Explainer, images: np.ndarray, labels: np.ndarray
) -> Float[np.ndarray, "sample height width"]:
    parts = []
    for start in range(0, len(images), 32):
        rows = slice(start, start + 32)
        found = explainer.explain(to_inputs(images[rows]), torch.from_numpy(labels[rows]))
        assert found.heatmap is not None
        parts.append(found.heatmap.numpy())
    return np.concatenate(parts)
