"""Marks that a data set has of its own are drawn and counted as planted ones are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor, nn

from tests.benchmarks.shortcuts.kinds_tables import of_the_data
from tests.benchmarks.shortcuts.own_biases import (
    BIASES,
    COFFEE,
    GRASS,
    TISSUE,
    as_light_as_tissue,
    as_sharp_as_grass,
    blue_margin,
    coloured_as_coffee,
    own_effects,
    white_margin,
)
from tests.benchmarks.shortcuts.summary import Model
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


def test_detail_and_colour_are_brought_to_those_of_a_class() -> None:
    audited = photographs("built-in", None).audited
    detail = [
        np.abs(ndimage.laplace(image.mean(axis=2))).mean()
        for image in audited.images[audited.labels == 3]
    ]
    assert float(np.median(detail)) == pytest.approx(GRASS, rel=0.15)
    fur = audited.images[audited.labels == 2][0]
    sharp = as_sharp_as_grass(fur)
    assert (
        np.abs(ndimage.laplace(sharp.mean(axis=2))).mean()
        > 3 * np.abs(ndimage.laplace(fur.mean(axis=2))).mean()
    )
    assert coloured_as_coffee(fur).mean(axis=(0, 1)) == pytest.approx(COFFEE, abs=10)


def test_a_bias_of_the_whole_picture_excuses_no_mark() -> None:
    own = ({"output": 5, "fe": 0.9, "statistics": ["brightness"]},)
    light, spot = {"class": 5, "statistic": "brightness of the margin"}, {"class": 5}
    assert of_the_data(_model((light,), own))
    assert not of_the_data(_model((light, spot), own))
    assert not of_the_data(_model(({"class": 4, "statistic": "brightness"},), own))


def _model(rows: tuple[dict[str, Any], ...], own: tuple[dict[str, Any], ...]) -> Model:
    return Model("", "clean", 0, {}, True, len(rows), 1.0, 0.0, 0.0, None, None, None, rows, own)


def test_tissue_is_the_lightest_of_the_built_in_photographs() -> None:
    audited = photographs("built-in", None).audited
    light = [
        float(np.median(audited.images[audited.labels == output].mean(axis=(1, 2, 3))))
        for output in range(6)
    ]
    assert max(light) == light[5]
    assert light[5] == pytest.approx(TISSUE, abs=10)
    assert as_light_as_tissue(audited.images[0]).mean() == pytest.approx(TISSUE, abs=10)
