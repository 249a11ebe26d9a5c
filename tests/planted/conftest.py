"""The trained net of these tests, made once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.planted.net import build, train
from tests.planted.pictures import planted
from tests.planted.world import World, detected, look


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A net trained on the planted pictures, and what the pass over new ones found."""
    torch.manual_seed(0)
    net = train(build(), planted(160, 0, split="train"), seed=0, steps=500)
    return look(net, planted(40, 1, split="val"))


@pytest.fixture(scope="session")
def detectors(world: World) -> np.ndarray:
    """What every channel of ``parts`` detects, see `detected`."""
    return detected(world.net)
