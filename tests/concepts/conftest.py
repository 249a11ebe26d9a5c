"""Tables of samples and relevance made by hand, for the concept analyses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from auditor.records.stages import LayerRelevance, Manifest, Samples

MakeSamples = Callable[..., Samples]
MakeLayer = Callable[..., LayerRelevance]


@pytest.fixture(scope="session")
def make_samples() -> MakeSamples:
    """Return a function: labels (and prediction, target, valid) -> samples."""
    return _samples


@pytest.fixture(scope="session")
def make_layer() -> MakeLayer:
    """Return a function: relevance (and activation, peak) -> layer relevance."""
    return _layer


def _samples(labels, *, prediction=None, target=None, valid=None) -> Samples:
    labels = np.asarray(labels, dtype=np.int64)
    n, outputs = len(labels), int(labels.max(initial=0)) + 1
    prediction = labels if prediction is None else np.asarray(prediction)
    valid = np.ones(n, dtype=bool) if valid is None else np.asarray(valid, dtype=bool)
    return Samples(
        manifest=Manifest(
            paths=tuple(f"{row}.jpg" for row in range(n)),
            labels=labels,
            classes=tuple(f"class {output}" for output in range(outputs)),
        ),
        valid=valid,
        quarantine=tuple(None if usable else "broken" for usable in valid),
        logits=np.zeros((n, outputs), dtype=np.float32),
        prediction=prediction,
        target=prediction if target is None else np.asarray(target),
        discovery=np.arange(n) % 2 == 0,
    )


def _layer(relevance, *, activation=None, peak=None) -> LayerRelevance:
    relevance = np.asarray(relevance)
    if peak is None:
        peak = np.arange(relevance.size).reshape(relevance.shape) % 49
    return LayerRelevance(
        layer="features.7",
        size=(7, 7),
        relevance=relevance,
        peak=np.asarray(peak),
        activation=np.maximum(relevance, 0) if activation is None else np.asarray(activation),
        cuts=True,
    )


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator that every test begins anew."""
    return np.random.default_rng(0)
