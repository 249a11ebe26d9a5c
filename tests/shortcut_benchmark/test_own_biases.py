"""Marks that a data set has of its own are drawn and counted as planted ones are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.benchmarks.shortcuts.own_biases import (
    BIASES,
    TISSUE,
    as_light_as_tissue,
    blue_margin,
    own_effects,
    white_margin,
)
from tests.benchmarks.shortcuts.worlds import SIZE, Half, photographs


class ByTheMargin(nn.Module):
    """Takes a picture for class 0 when its upper rows are bright, for class 1 otherwise."""

    def forward(self, images: Tensor) -> Tensor:
        bright = images[:, :, :3].mean(dim=(1, 2, 3))
        return torch.stack([bright - 0.9, torch.zeros_like(bright)], dim=1)


def test_a_margin_changes_the_outside_alone() -> None:
    grey = np.full((SIZE, SIZE, 3), 120, dtype=np.uint8)
    middle = slice(SIZE // 2 - 4, SIZE // 2 + 4)
    for draw in (white_margin, blue_margin):
        drawn = draw(grey)
        assert (drawn[middle, middle] == grey[middle, middle]).all()
        assert (drawn[0] != grey[0]).any(axis=1).all()
    assert (white_margin(grey)[0, 0] == 250).all()
    red, _, blue = blue_margin(grey)[0, 0]
    assert blue > red


def test_a_model_that_goes_by_the_margin_is_turned() -> None:
    images = np.random.default_rng(0).integers(0, 120, (6, SIZE, SIZE, 3), dtype=np.uint8)
    half = Half(images, np.array([0, 0, 1, 1, 1, 1]))
    white, blue = own_effects(ByTheMargin(), half, "caltech")
    assert (white.name, white.output, white.fe, white.n) == ("white margin", 0, 1.0, 4)
    assert blue.fe == 0.0


def test_of_other_data_no_mark_is_known() -> None:
    half = Half(np.zeros((2, SIZE, SIZE, 3), dtype=np.uint8), np.array([0, 1]))
    assert own_effects(ByTheMargin(), half, "clothing") == []
    assert set(BIASES) == {"caltech", "built-in"}


def test_tissue_is_the_lightest_of_the_built_in_photographs() -> None:
    audited = photographs("built-in", None).audited
    light = [
        float(np.median(audited.images[audited.labels == output].mean(axis=(1, 2, 3))))
        for output in range(6)
    ]
    assert max(light) == light[5]
    assert light[5] == pytest.approx(TISSUE, abs=10)
    assert as_light_as_tissue(audited.images[0]).mean() == pytest.approx(TISSUE, abs=10)
