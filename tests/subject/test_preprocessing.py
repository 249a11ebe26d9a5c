"""Preprocessing against torchvision's own presets, against plain arithmetic, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from auditor.base.errors import ConfigError
from auditor.config.audit import PreprocessConfig
from auditor.subject.images import Unreadable
from auditor.subject.preprocessing import Preprocessing
from auditor.subject.presets import decide_preprocessing, shown_only, torchvision_preset
from tests.subject.small import noise

PRESET = torchvision_preset(torchvision.models.ResNet18_Weights.DEFAULT.transforms(), "ResNet18 V1")


def decide(preset: Preprocessing | None = None, sizes: Any = (), **keys: Any) -> Any:
    return decide_preprocessing(PreprocessConfig.model_validate(keys), preset, sizes)


@pytest.mark.parametrize("name", ["resnet18", "inception_v3", "efficientnet_b0", "swin_t"])
@pytest.mark.parametrize("size", [(300, 410), (500, 260)])
def test_presets_equal_torchvisions(name: str, size: tuple[int, int]) -> None:
    transforms = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    preset = torchvision_preset(transforms, name)
    picture = noise(*size)
    ours = preset.normalise(preset.frame(picture))
    assert torch.allclose(ours, transforms(picture), atol=1e-6)
    assert tuple(ours.shape[1:]) == preset.size


def test_every_torchvision_preset_is_understood() -> None:
    for name in torchvision.models.list_models(module=torchvision.models):
        for weights in torchvision.models.get_model_weights(name):
            preset = torchvision_preset(weights.transforms(), str(weights))
            decided, notes = decide(preset)
            assert (decided, notes) == (preset, ())


def test_caffe_style_inputs_equal_plain_arithmetic() -> None:
    chosen, _ = decide(
        PRESET, resize=(8, 8), mean=(104, 117, 123), std=(1, 1, 2), scale=255, channels="bgr"
    )
    picture = noise(8, 8)
    expected = np.asarray(picture).astype(np.float32)[..., ::-1] - [104, 117, 123]
    expected /= [1, 1, 2]
    result = chosen.normalise(chosen.frame(picture)).numpy()
    np.testing.assert_allclose(result, expected.transpose(2, 0, 1), atol=1e-6)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
        {"mean": (104, 117, 123), "std": (1, 1, 1), "scale": 255, "channels": "bgr"},
        {"mean": (127, 127, 127), "std": (128, 128, 128), "scale": 255},
    ],
)
def test_pictures_are_the_inverse(keys: dict[str, Any]) -> None:
    chosen, _ = decide(resize=(16, 16), **keys)
    picture = noise(16, 16)
    back = chosen.pictures(chosen.normalise(picture)[None])
    assert back.dtype == np.uint8
    assert np.array_equal(back[0], np.asarray(picture))


def test_pictures_are_clipped() -> None:
    chosen, _ = decide(resize=(2, 2))
    shown = chosen.pictures(torch.tensor([-1.0, 2.0, 0.5]).view(1, 3, 1, 1).expand(1, 3, 2, 2))
    assert shown[0, 0, 0].tolist() == [0, 255, 128]


@pytest.mark.parametrize(
    ("preset", "keys", "resize", "crop", "size"),
    [
        (PRESET, {}, 256, (224, 224), (224, 224)),
        (PRESET, {"resize": 224}, 224, (224, 224), (224, 224)),
        (PRESET, {"resize": 192}, 192, (192, 192), (192, 192)),
        (PRESET, {"resize": (96, 128)}, (96, 128), None, (96, 128)),
        (PRESET, {"crop": 200}, 256, (200, 200), (200, 200)),
        (None, {"resize": 64}, 64, (64, 64), (64, 64)),
        (None, {"crop": (32, 48)}, None, (32, 48), (32, 48)),
        (None, {"resize": 64, "crop": 56}, 64, (56, 56), (56, 56)),
    ],
)
def test_keys_override_single_entries(
    preset: Any, keys: Any, resize: Any, crop: Any, size: Any
) -> None:
    chosen, _ = decide(preset, **keys)
    assert (chosen.resize, chosen.crop, chosen.size) == (resize, crop, size)


def test_unknown_size_follows_the_data_or_224() -> None:
    chosen, notes = decide(None, [(28, 30)] * 3)
    assert (chosen.size, chosen.resize, chosen.crop) == ((28, 30), None, None)
    assert "all pictures are 28 x 30" in notes[0]
    for sizes in ([(28, 30), (30, 28)], [(4000, 3000)], []):
        chosen, notes = decide(None, sizes)
        assert (chosen.size, chosen.resize) == ((224, 224), 224)
        assert "the shorter side becomes 224" in notes[0]
    assert "pixels are used as they are" in notes[1]
    assert decide(None, resize=64, mean=(0, 0, 0), std=(1, 1, 1))[1] == ()


@pytest.mark.parametrize(
    ("preset", "keys", "message"),
    [
        (PRESET, {"scale": 255.0}, "preprocess.scale is 255.0 where preset of ResNet18 V1 has 1.0"),
        (PRESET, {"channels": "bgr"}, "give preprocess.mean and preprocess.std too"),
        (PRESET, {"crop": 300}, "preprocess.crop 300 x 300 is larger than preprocess.resize 256"),
        (None, {"resize": 0}, "pixels from 1; got 0"),
        (None, {"resize": 8, "std": (1, 0, 1)}, "every value must be above 0"),
    ],
)
def test_keys_that_cannot_be_meant_together(preset: Any, keys: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        decide(preset, **keys)


def test_pictures_that_do_not_fit_are_reasons() -> None:
    crop, _ = decide(None, crop=32)
    with pytest.raises(Unreadable, match="is 20 x 40 pixels, smaller than the crop of 32 x 32"):
        crop.frame(noise(20, 40))
    native, _ = decide(None, [(12, 12)])
    with pytest.raises(Unreadable, match="is 12 x 13 pixels where the model is given 12 x 12"):
        native.frame(noise(12, 13))
    with pytest.raises(Unreadable, match="would make more than 100,000,000 pixels"):
        PRESET.frame(Image.new("RGB", (1, 5000)))


def test_ready_inputs_only_say_how_to_show_them() -> None:
    chosen, notes = shown_only(PreprocessConfig(), PRESET, (5, 7))
    assert chosen.size == (5, 7)
    assert chosen.mean == PRESET.mean
    assert "pictures in the report assume mean [0.485" in notes[0]
    assert chosen.describe().startswith("The dataset hands over inputs of 5 x 7 pixels")
    with pytest.raises(ConfigError, match=r"preprocess.resize is 224, but the dataset"):
        shown_only(PreprocessConfig(resize=224), None, (5, 7))


def test_the_description_is_one_sentence_with_every_value() -> None:
    assert PRESET.describe() == (
        "Pictures are turned upright by their EXIF orientation, converted to RGB, resized to 256 "
        "pixels at the shorter side (bilinear, antialiased), cropped to the central 224 x 224 "
        "pixels, scaled to 0..1, in RGB order, minus (0.485, 0.456, 0.406), divided by "
        "(0.229, 0.224, 0.225) (preset of ResNet18 V1)."
    )


def test_neutral_input_has_the_right_size() -> None:
    chosen, _ = decide(None, resize=(6, 9))
    assert tuple(chosen.neutral().shape) == (1, 3, 6, 9)
    assert chosen.neutral().std() > 0.05
