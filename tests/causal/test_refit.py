"""A last layer that is fitted anew is the optimum that another solver finds on its own terms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from torch import nn

from auditor.causal.fold import Site
from auditor.causal.refit import refitted

CLASSES, CHANNELS, PICTURES = 3, 4, 60


def lesson() -> tuple[np.ndarray, np.ndarray]:
    """Return features of unlike means and spreads, and labels that follow them loosely."""
    rng = np.random.default_rng(0)
    labels = rng.integers(CLASSES, size=PICTURES)
    features = rng.normal(size=(PICTURES, CHANNELS)) + np.eye(CLASSES, CHANNELS)[labels]
    return features * [1, 5, 0.2, 1] + [3, -10, 0, 1], labels


def head_of(*, bias: bool) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(CHANNELS, CLASSES, bias=bias)).double()


def optimum(before: np.ndarray, wide: np.ndarray, labels: np.ndarray, pull: float) -> np.ndarray:
    """Return the change of the logits that BFGS finds in the layer's own weights."""
    truth = np.eye(CLASSES)[labels]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        moved = wide @ flat.reshape(-1, CLASSES)
        logits = before + moved
        value = -(truth * log_softmax(logits, axis=1)).sum() / len(truth)
        slope = (softmax(logits, axis=1) - truth) / len(truth) + pull * moved / moved.size
        return value + pull / 2 * (moved**2).mean(), (wide.T @ slope).ravel()

    start = np.zeros(wide.shape[1] * CLASSES)
    found = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 5000})
    return wide @ found.x.reshape(-1, CLASSES)


@pytest.mark.parametrize("pull", [0.01, 0.1, 10.0])
@pytest.mark.parametrize("bias", [True, False])
def test_the_fit_is_the_optimum_of_its_loss(bias: bool, pull: float) -> None:
    features, labels = lesson()
    model = head_of(bias=bias)
    inputs = torch.from_numpy(features)
    with torch.no_grad():
        before = model(inputs).numpy()
        mended = refitted(model, Site(("0",)), inputs.float(), torch.from_numpy(labels), pull)
        after = mended(inputs.float().double()).numpy()
        np.testing.assert_array_equal(model(inputs).numpy(), before)
    wide = np.concatenate([features, np.ones((PICTURES, 1))], axis=1) if bias else features
    moved = optimum(before, wide, labels, pull)
    assert np.abs(moved).max() > 0.1
    np.testing.assert_allclose(after - before, moved, atol=2e-3 * np.abs(moved).max())


def test_a_stronger_pull_leaves_the_layer_nearer_to_what_it_was() -> None:
    features, labels = lesson()
    model, inputs = head_of(bias=True), torch.from_numpy(features)
    changes = []
    for pull in (0.01, 1.0, 1e4):
        mended = refitted(model, Site(("0",)), inputs, torch.from_numpy(labels), pull)
        with torch.no_grad():
            changes.append(float((mended(inputs) - model(inputs)).abs().mean()))
    assert changes[0] > 2 * changes[1] > 20 * changes[2]
