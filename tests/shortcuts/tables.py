"""Relevance tables with something planted in them, for the tests of proposals by concept."""

from __future__ import annotations

import numpy as np

from auditor.records.stages import LayerRelevance, Manifest, Samples
from auditor.shortcuts.propose.proposals import ClassView, ConceptTable, class_means
from auditor.shortcuts.split import discovery_split

SIZE = 48
CLASSES = ("red", "green", "blue", "grey")


def samples_of(
    labels: np.ndarray,
    *,
    prediction: np.ndarray | None = None,
    metadata: dict[str, tuple[str, ...]] | None = None,
) -> Samples:
    """Return samples whose predictions are the labels unless given."""
    predicted = labels if prediction is None else prediction
    count = len(labels)
    paths = tuple(f"{label}/{row}.png" for row, label in enumerate(labels))
    return Samples(
        manifest=Manifest(paths, labels, CLASSES, metadata or {}),
        valid=np.ones(count, bool),
        quarantine=(None,) * count,
        logits=3.0 * np.eye(len(CLASSES))[predicted],
        prediction=predicted,
        target=predicted,
        discovery=discovery_split(labels, 0),
    )


def layer_of(relevance: np.ndarray, activation: np.ndarray | None = None) -> LayerRelevance:
    """Return a layer of relevance, active where it is relevant unless given."""
    active = np.abs(relevance) if activation is None else activation
    peak = np.zeros(relevance.shape, dtype=np.int64)
    return LayerRelevance("conv", (4, 4), relevance, peak, active, True)


def view_of(samples: Samples, layer: LayerRelevance, output: int, *, seed: int = 0) -> ClassView:
    """Return a view of a class whose channel k has its heat in a square at column 4 k.

    The other pictures of the class have their heat spread evenly.
    """
    rows = samples.members(output)
    outputs = tuple(int(label) for label in np.unique(samples.labels))

    def heat_of(channels: tuple[int, ...]) -> np.ndarray:
        heat = np.zeros((len(rows), SIZE, SIZE), np.float32)
        for channel in channels:
            left = 4 * channel % (SIZE - 6)
            heat[:, 20:26, left : left + 6] += np.maximum(
                layer.relevance[rows, channel], 1e-3
            ).astype(np.float32)[:, None, None]
        return heat

    shape = (len(rows), SIZE, SIZE)
    return ClassView(
        output=output,
        heat=np.ones(shape, np.float32),
        pictures=np.zeros((*shape, 3), np.uint8),
        discovery=samples.discovery[rows],
        others=np.zeros((4, SIZE, SIZE, 3), np.uint8),
        layer="conv",
        concepts=(),
        concept_heats=list,
        table=ConceptTable(
            layer, samples, outputs, class_means(layer, samples, outputs), rows, heat_of
        ),
        seed=seed,
    )


def natural(labels: np.ndarray, seed: int, concepts: int = 12) -> np.ndarray:
    """Return relevance of classes that rest on all concepts, each class in its own proportions."""
    rng = np.random.default_rng(seed)
    base = rng.uniform(0.5, 1.5, (int(labels.max()) + 1, concepts))
    table: np.ndarray = base[labels] + rng.normal(0, 0.25, (len(labels), concepts))
    return table
