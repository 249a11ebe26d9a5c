"""Models of timm: building, preprocessing, weights, and every way it can go wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from auditor.base.errors import CheckpointError, ConfigError, ModelError, UnknownNameError
from auditor.config.audit import ModelConfig
from auditor.subject import Subject, load_subject
from auditor.subject.models import BuiltModel, build_model
from auditor.subject.outputs import name_outputs, read_answer
from auditor.subject.presets import timm_preset
from tests.subject.small import config, image_folder

REASON = "needs timm: pip install 'concept-auditor[timm]'"
SMALL = "mobilenetv4_conv_small"


@pytest.fixture(scope="module")
def timm() -> Any:
    return pytest.importorskip("timm", reason=REASON)


def settings(source: str, **keys: Any) -> ModelConfig:
    return ModelConfig.model_validate({"source": f"timm:{source}", **keys})


def build(base: Path, source: str, **keys: Any) -> BuiltModel:
    return build_model(settings(source, **keys), base)


def test_without_timm_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModelError, match=r"run pip install 'concept-auditor\[timm\]'"):
        build(tmp_path, SMALL)


@pytest.mark.parametrize(
    "name", [SMALL, "ghostnet_100", "convnextv2_atto", "xcit_nano_12_p16_224", "levit_128"]
)
def test_a_model_is_random_and_names_imagenet(timm: Any, tmp_path: Path, name: str) -> None:
    built = build(tmp_path, name)
    assert (built.source, built.weights) == (f"timm:{name}", "random")
    assert built.notes == ("no weights given: random initialisation",)
    assert built.preset is not None
    assert read_answer(built.model.eval(), built.preset.neutral())[1] == 1000
    names = name_outputs(settings(name), built, 1000, tmp_path).names
    assert names is not None
    assert names[1] == "goldfish"


@pytest.mark.parametrize("name", [SMALL, "regnetz_c16", "dm_nfnet_f0.dm_in1k", "cait_xxs24_224"])
def test_preprocessing_is_that_of_timms_evaluation(timm: Any, tmp_path: Path, name: str) -> None:
    built = build(tmp_path, name)
    assert built.preset is not None
    theirs = timm.data.create_transform(**timm.data.resolve_model_data_config(built.model))
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (300, 401, 3), dtype=np.uint8))
    assert torch.equal(theirs(picture), built.preset.normalise(built.preset.frame(picture)))


def test_a_model_of_one_channel_asks_for_its_mean(timm: Any, tmp_path: Path) -> None:
    image_folder(tmp_path / "photos", {"a": 1, "b": 1})
    keys = {"options": {"in_chans": 1, "num_classes": 2}}
    with pytest.raises(ConfigError, match=r"its mean and std no longer apply"):
        load_subject(config(f"timm:{SMALL}", model=keys), tmp_path)
    grey = {"mean": [0.5], "std": [0.25]}
    subject = load_subject(config(f"timm:{SMALL}", model=keys, preprocess=grey), tmp_path)
    assert subject.load([0]).shape[1] == 1


def test_preprocessing_that_timm_does_otherwise_is_said() -> None:
    data = {
        "input_size": (3, 96, 96),
        "crop_pct": 0.8,
        "crop_mode": "center",
        "interpolation": "bilinear",
        "mean": (0.5, 0.4, 0.3),
        "std": (0.1, 0.2, 0.3),
    }
    preset, notes = timm_preset(data, "net")
    assert (preset.resize, preset.crop, preset.size, notes) == (120, (96, 96), (96, 96), ())
    assert (preset.mean, preset.std) == ((0.5, 0.4, 0.3), (0.1, 0.2, 0.3))
    assert preset.interpolation == "bilinear"
    squashed, notes = timm_preset({**data, "crop_mode": "squash"}, "net")
    assert (squashed.resize, notes) == ((120, 120), ())
    padded, notes = timm_preset({**data, "crop_mode": "border"}, "net")
    assert padded.resize == (120, 120)
    assert "keeps the proportions of pictures for net" in notes[0]
    oblong, notes = timm_preset({**data, "input_size": (3, 48, 96)}, "net")
    assert oblong.resize == (60, 120)
    assert "keeps the proportions" in notes[0]
    smooth, notes = timm_preset({**data, "interpolation": "lanczos"}, "net")
    assert smooth.interpolation == "bicubic"
    assert "'lanczos'" in notes[0]


def test_options_go_to_the_builder(timm: Any, tmp_path: Path) -> None:
    built = build(tmp_path, "vit_tiny_patch16_224", options={"img_size": 64, "num_classes": 3})
    assert built.preset is not None
    assert built.preset.size == (64, 64)
    assert read_answer(built.model.eval(), built.preset.neutral())[1] == 3


def test_a_model_published_without_a_classifier_gets_one(timm: Any, tmp_path: Path) -> None:
    built = build(tmp_path, "vit_tiny_patch16_224.augreg_in21k", options={"num_classes": 7})
    assert built.preset is not None
    assert read_answer(built.model.eval(), built.preset.neutral())[1] == 7
    bare = build(tmp_path, "eva02_tiny_patch14_224")
    assert bare.notes[1] == "timm has no classifier for it: built with num_classes=1000"
    with pytest.raises(ModelError, match="without a classifier; name other weights"):
        build(tmp_path, "eva02_tiny_patch14_224?weights=pretrained")


def test_a_checkpoint_sets_the_number_of_outputs(timm: Any, tmp_path: Path) -> None:
    trained = timm.create_model(SMALL, num_classes=5)
    save_file(trained.state_dict(), tmp_path / "mine.safetensors")
    built = build(tmp_path, SMALL, weights="mine.safetensors")
    assert built.weights == "mine.safetensors"
    assert built.notes == ("the checkpoint has 5 outputs: built with num_classes=5",)
    for key, value in trained.state_dict().items():
        assert torch.equal(built.model.state_dict()[key], value)
    with pytest.raises(CheckpointError, match=r"set model.options \{num_classes: 5\}"):
        build(tmp_path, SMALL, weights="mine.safetensors", options={"num_classes": 3})
    with pytest.raises(CheckpointError, match="does not fit the model"):
        build(tmp_path, "ghostnet_100", weights="mine.safetensors")


def test_published_weights_come_through_timms_hub(
    timm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = timm.create_model(SMALL)
    asked: list[dict[str, Any]] = []

    def hub(*_: Any, **keys: Any) -> dict[str, torch.Tensor]:
        asked.append(keys)
        return dict(trained.state_dict())

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", hub)
    built = build(tmp_path, f"{SMALL}?weights=pretrained")
    assert built.weights.startswith("pretrained ")
    assert built.notes == ()
    assert torch.equal(
        built.model.state_dict()["classifier.weight"], trained.state_dict()["classifier.weight"]
    )
    assert asked[0]["weights_only"] is True
    build(tmp_path, SMALL)
    assert len(asked) == 1


def failing(error: Exception) -> Callable[..., Any]:
    def hub(*_: Any, **__: Any) -> Any:
        raise error

    return hub


def test_published_weights_that_cannot_be_had(
    timm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "timm.models._builder.load_state_dict_from_hf", failing(OSError("no network\nat all"))
    )
    with pytest.raises(ModelError, match=r"OSError: no network.*; give a local") as caught:
        build(tmp_path, f"{SMALL}?weights=pretrained")
    assert "\n" not in str(caught.value)


def test_names_and_options_that_do_not_exist(timm: Any, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"timm model 'resnet5o'. Did you mean 'resnet50"):
        build(tmp_path, "resnet5o")
    with pytest.raises(UnknownNameError, match=r"Known: swin_tiny_patch4_window7_224\."):
        build(tmp_path, "swin_tiny")
    with pytest.raises(UnknownNameError, match=r"maxvit_tiny_rw_224, .*maxvit_tiny_tf_224"):
        build(tmp_path, "maxvit_tiny")
    with pytest.raises(UnknownNameError, match=r"timm's resnet50 'a1_in2k'. Did you mean 'a1_in1k"):
        build(tmp_path, "resnet50.a1_in2k")
    with pytest.raises(UnknownNameError, match=r"'weight'.*Known: weights"):
        build(tmp_path, "resnet50?weight=pretrained")
    with pytest.raises(ConfigError, match=r"the weights 'DEFAULT'; write \?weights=pretrained"):
        build(tmp_path, "resnet50?weights=DEFAULT")
    with pytest.raises(ConfigError, match=r"write timm:NAME\?weights=pretrained"):
        build(tmp_path, SMALL, options={"pretrained": True})
    with pytest.raises(ModelError, match=rf"cannot build '{SMALL}' with model.options depht=3"):
        build(tmp_path, SMALL, options={"depht": 3})
    with pytest.raises(UnknownNameError, match="timm model ''"):
        build(tmp_path, "")


def test_folders_are_numbered_as_timm_numbers_them(timm: Any, tmp_path: Path) -> None:
    """The labels of ``timm:`` models are those that timm's own reader gives to the same folders."""
    from timm.data.readers.reader_image_folder import find_images_and_targets

    image_folder(tmp_path / "photos", {"class_10": 1, "class_2": 1, "Class_1": 1, "b": 1})
    own = config(f"timm:{SMALL}", model={"options": {"num_classes": 4}})
    subject = load_subject(own, tmp_path)
    pairs, _ = find_images_and_targets(str(tmp_path / "photos"))
    expected = {Path(path).parent.name: number for path, number in pairs}
    found = {path.split("/")[0]: int(n) for path, n in _rows(subject)}
    assert found == expected == {"b": 0, "Class_1": 1, "class_2": 2, "class_10": 3}
    assert subject.manifest.label_rule.startswith("by natural order")
    assert subject.matching.guess
    assert subject.matching.other is not None


def _rows(subject: Subject) -> Iterator[tuple[str, int]]:
    return zip(subject.manifest.paths, subject.manifest.labels, strict=True)
