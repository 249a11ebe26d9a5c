"""A model that takes one size of pictures only: found from the model, else asked for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from auditor.base.errors import ModelError
from auditor.subject.input_size import fitting
from auditor.subject.preprocessing import Preprocessing

ASSUMED = Preprocessing(size=(224, 224), resize=224, crop=(224, 224))
NOTES = ("preprocess.resize is not given: the shorter side becomes 224 pixels", "another")


def perceptron(side: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * side * side, 8), nn.ReLU(), nn.Linear(8, 2))


def flattening(side: int) -> nn.Sequential:
    """Convolutions whose feature maps are flattened: floor division forgives a few pixels."""
    pooled = side // 4
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(4 * pooled**2, 2)
    )


class Said(nn.Module):
    """Take the size that an attribute names, and no other."""

    def __init__(self, **said: object) -> None:
        super().__init__()
        self.head = nn.Linear(3, 2)
        for name, value in said.items():
            setattr(self, name, value)

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[2:] == (48, 40), f"input size {tuple(x.shape[2:])} does not match"
        return self.head(x.mean((2, 3)))


def test_a_size_that_runs_is_kept() -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert fitting(model, ASSUMED, NOTES) == (ASSUMED, NOTES)


def test_the_first_layer_of_a_perceptron_says_the_size() -> None:
    found, notes = fitting(perceptron(37), ASSUMED, NOTES)
    assert (found.size, found.resize, found.crop) == ((37, 37), 37, (37, 37))
    assert "its inputs are 37 x 37 (its layer '1' takes 4107 = 3 x 37²)" in notes[0]
    assert notes[1:] == ("another",)


@pytest.mark.parametrize(
    "said",
    [
        {"input_size": (3, 48, 40)},
        {"config": SimpleNamespace(image_size=[48, 40])},
        {"default_cfg": {"input_size": (3, 48, 40)}},
    ],
)
def test_the_model_names_its_size(said: dict[str, object]) -> None:
    found, notes = fitting(Said(**said), ASSUMED, NOTES)
    assert (found.size, found.resize, found.crop) == ((48, 40), (48, 40), None)
    assert "its inputs are 48 x 40 (its i" in notes[0]


def test_the_only_usual_size_that_runs_is_taken() -> None:
    found, notes = fitting(flattening(64), ASSUMED, NOTES)
    assert found.size == (64, 64)
    assert "the only usual size that it runs on" in notes[0]


def test_several_sizes_that_run_are_asked_for() -> None:
    assumed = Preprocessing(size=(90, 90), resize=90, crop=(90, 90))
    with pytest.raises(ModelError, match=r"90 x 90 .* runs on 224 and 227: set preprocess.resize"):
        fitting(flattening(224), assumed, NOTES)


def test_a_model_that_fails_for_another_reason_is_left_to_its_caller() -> None:
    one_channel = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert fitting(one_channel, ASSUMED, NOTES) == (ASSUMED, NOTES)
    assert torch.is_grad_enabled()
