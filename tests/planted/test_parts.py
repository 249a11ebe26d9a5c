"""The planted net itself: what decides is known and measured without relevance."""

from __future__ import annotations

import numpy as np
import torch

from tests.planted.net import inputs_of
from tests.planted.pictures import KINDS, NAMES, PAIRS, without
from tests.planted.world import World


def test_every_channel_detects_its_kind(world: World, detectors: np.ndarray) -> None:
    assert (world.samples.prediction == world.samples.labels).mean() > 0.95
    assert detectors.argmax(axis=1).tolist() == list(range(len(KINDS)))
    own = np.diagonal(detectors)
    others = np.where(np.eye(len(KINDS)), -np.inf, detectors).max(axis=1)
    assert (own > 2 * others).all()


def test_every_class_needs_its_patches(world: World) -> None:
    for output, name in enumerate(NAMES):
        rows = world.samples.members(output)[:16]
        for kind in KINDS:
            holding = [int(row) for row in rows if kind in world.pictures.boxes[row]]
            assert bool(holding) == (kind in PAIRS.get(name, ("stars", "retina")))
            if holding:
                covered = np.stack([without(world.pictures, row, kind) for row in holding])
                with torch.no_grad():
                    score = world.net(inputs_of(covered))[:, output].mean()
                assert score < world.samples.logits[holding, output].mean() - 1
                assert score < 0
