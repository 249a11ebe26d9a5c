"""Channels that were doubled are one subspace; others stay by themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from auditor.concepts.quality import concept_quality
from auditor.concepts.similarity import similarity_matrix
from auditor.concepts.subspaces import find_subspaces
from auditor.relevance.over_data.heatmaps import activation_products
from tests.planted.net import inputs_of
from tests.planted.pictures import NAMES
from tests.planted.surgery import rewired
from tests.planted.world import World, look


@pytest.mark.parametrize(
    "channels", [(0, 1, 2, 3, 4, 5, 0), (0, 1, 2, 3, 4, 5, 3, 0), (0, 1, 2, 3, 4, 5, 5, 5, 2)]
)
def test_doubled_channels_are_one_subspace(
    world: World, channels: tuple[int, ...], tmp_path: Path
) -> None:
    net = rewired(world.net, channels)
    images = inputs_of(world.pictures.images)
    with torch.no_grad():
        torch.testing.assert_close(net(images), world.net(images), rtol=1e-4, atol=1e-4)
    twice = look(net, world.pictures)
    compared = range(len(channels))
    similarity = similarity_matrix(
        *activation_products(
            twice.explainer, twice.subject.load, "parts", twice.references("parts"), compared
        )
    )
    same = np.equal.outer(channels, channels)
    assert similarity[same].min() > 0.95
    assert similarity[~same].max() < 0.7
    found = find_subspaces(
        "parts", compared, similarity, twice.layers["parts"], twice.samples, range(len(NAMES))
    )
    assert (np.equal.outer(found.cluster, found.cluster) == same).all()
    for concept, channel in enumerate(channels):
        quality = concept_quality(concept, [], found)
        assert quality.redundancy == channels.count(channel)
        alone = "No other compared concept" in quality.reading[2]
        assert alone == (channels.count(channel) == 1)
