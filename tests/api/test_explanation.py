"""What an explanation shows of itself in a notebook."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import auditor
from auditor.base.errors import ConfigError
from auditor.base.heatmaps import photograph
from tests.api.objects import TRANSFORM, Textures, model


@pytest.fixture(scope="module")
def found() -> auditor.Explanation:
    images = torch.stack([TRANSFORM(picture) for picture in Textures(1).pictures])
    return auditor.Explainer(model(), images[:1]).explain(images, layers=("4",))


def test_its_repr_is_one_line(found: auditor.Explanation) -> None:
    assert repr(found).startswith("<Explanation of 3 images; classes 0, 1, 2; layers 4; heatmaps ")
    assert "64 x 64" in repr(found)
    assert "\n" not in repr(found)


def test_a_heatmap_is_drawn_alone_and_over_its_picture(found: auditor.Explanation) -> None:
    picture = Textures(1).pictures[1]
    values = found.heatmap[1].numpy()
    alone = np.asarray(found.to_pil(index=1))
    assert np.array_equal(alone, auditor.heat(values))
    over = np.asarray(found.to_pil(picture, index=1))
    assert np.array_equal(over, auditor.overlay(np.asarray(picture), values))
    assert found.show(picture, index=1).size == (320, 320)
    strongest = np.unravel_index(values.argmax(), values.shape)
    assert alone[strongest][0] > alone[strongest][2]  # red speaks for the class
    weakest = np.unravel_index(values.argmin(), values.shape)
    assert values[weakest] < 0
    assert alone[weakest][2] > alone[weakest][0]


def test_pictures_come_in_the_usual_forms() -> None:
    picture = Textures(1).pictures[0]
    array = np.asarray(picture)
    tensor = torch.tensor(array).permute(2, 0, 1)
    for form in (picture, array, tensor, tensor / 255, array / 255):
        assert np.array_equal(photograph(form), array)
    assert photograph(Image.new("L", (4, 5))).shape == (5, 4, 3)
    for wrong, said in ((torch.zeros(1, 8, 8), "shape"), (TRANSFORM(picture), "before normal")):
        with pytest.raises(ConfigError, match=said):
            photograph(wrong)


def test_what_there_is_not_cannot_be_drawn(found: auditor.Explanation) -> None:
    with pytest.raises(ConfigError, match="there is no image 3"):
        found.to_pil(index=3)
    images = torch.stack([TRANSFORM(picture) for picture in Textures(1).pictures])
    plain = auditor.Explainer(model(), images[:1]).explain(images, layers=("4",), heatmap=False)
    with pytest.raises(ConfigError, match="heatmap=False"):
        plain.show()
