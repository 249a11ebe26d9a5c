"""Models of Hugging Face: folders, adapters, timm's folders, and every way it can go wrong."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from auditor.base.errors import CheckpointError, ConfigError, ModelError, UnknownNameError
from auditor.config.audit import ModelConfig
from auditor.subject import load_subject
from auditor.subject.calling import ask_logits
from auditor.subject.models import BuiltModel, build_model
from tests.subject.small import config, image_folder

REASON = "needs transformers: pip install 'concept-auditor[hf]'"
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning:transformers")  # of peft's calls
NAMES = {0: "cat", 1: "dog", 2: "fox"}


@pytest.fixture(scope="module")
def hf() -> Any:
    return pytest.importorskip("transformers", reason=REASON)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_keys: object) -> None:
        raise AssertionError("asks the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def tiny(hf: Any, **keys: Any) -> nn.Module:
    torch.manual_seed(0)
    settings = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    settings |= {"intermediate_size": 32, "image_size": 16, "patch_size": 8, "id2label": NAMES}
    model: nn.Module = hf.ViTForImageClassification(hf.ViTConfig(**{**settings, **keys}))
    return model


def saved(hf: Any, folder: Path, *, inputs: bool = True, **keys: Any) -> Path:
    tiny(hf, **keys).save_pretrained(folder)
    if inputs:
        hf.ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)
    return folder


def build(base: Path, source: str, **keys: Any) -> BuiltModel:
    return build_model(ModelConfig.model_validate({"source": f"hf:{source}", **keys}), base)


def change(path: Path, **keys: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


def test_a_folder_is_loaded_with_its_names_inputs_and_weights(hf: Any, tmp_path: Path) -> None:
    saved(hf, tmp_path / "vit")
    built = build(tmp_path, "vit")
    assert (built.source, built.weights) == ("hf:vit", "model.safetensors")
    assert built.categories == ("cat", "dog", "fox")
    assert built.notes == ()
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 41, 3), np.uint8))
    assert built.preset is not None
    inputs = built.preset.normalise(built.preset.frame(picture))[None]
    theirs = hf.AutoImageProcessor.from_pretrained(tmp_path / "vit", backend="pil")(picture)
    assert torch.allclose(
        inputs, torch.as_tensor(np.asarray(theirs["pixel_values"])), rtol=0, atol=1e-5
    )
    assert torch.allclose(
        ask_logits(built.model.eval(), inputs, None),
        tiny(hf).eval()(pixel_values=inputs).logits,
    )


def test_a_subject_of_a_folder_answers_by_name(hf: Any, tmp_path: Path) -> None:
    saved(hf, tmp_path / "vit")
    image_folder(tmp_path / "photos", {"cat": 2, "fox": 2}, height=20, width=20)
    subject = load_subject(config("hf:vit"), tmp_path)
    assert subject.manifest.classes == ("cat", "dog", "fox")
    assert subject.manifest.labels.tolist() == [0, 0, 2, 2]
    assert subject.preprocessing.size == (16, 16)


@pytest.mark.parametrize(
    ("processor", "keys"),
    [
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 56}, "crop_pct": 0.875}),
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 384}}),
        ("EfficientNetImageProcessor", {"size": {"height": 60, "width": 60}, "crop_size": 50}),
        ("EfficientNetImageProcessor", {"rescale_factor": 1 / 127.5, "rescale_offset": True}),
        ("LevitImageProcessor", {"size": {"shortest_edge": 56}, "crop_size": 56}),
        ("MobileViTImageProcessor", {"size": {"shortest_edge": 70}, "crop_size": 64}),
        ("MobileNetV2ImageProcessor", {"size": {"shortest_edge": 70}, "crop_size": 64}),
        ("BeitImageProcessor", {"size": {"height": 64, "width": 64}, "do_center_crop": True,
                                "crop_size": 56}),
        ("CLIPImageProcessor", {"size": {"shortest_edge": 64}, "crop_size": 64}),
        ("DeiTImageProcessor", {}),
        ("ViTImageProcessor", {"do_rescale": False, "do_normalize": False}),
    ],
)  # fmt: skip
def test_inputs_are_those_of_the_library(
    hf: Any, tmp_path: Path, processor: str, keys: dict[str, Any]
) -> None:
    saved(hf, tmp_path / "vit", inputs=False)
    getattr(hf, processor)(**keys).save_pretrained(tmp_path / "vit")
    built = build(tmp_path, "vit")
    assert built.preset is not None, built.notes


def test_a_model_of_one_channel_is_given_grey(hf: Any, tmp_path: Path) -> None:
    saved(hf, tmp_path / "vit", num_channels=1)
    image_folder(tmp_path / "photos", {"cat": 1, "fox": 1}, height=20, width=20)
    subject = load_subject(config("hf:vit"), tmp_path)
    assert subject.load([0]).shape == (1, 1, 16, 16)
    assert subject.preprocessing.mean == (0.5,)


def test_an_image_processor_that_cannot_be_expressed_is_not_guessed(
    hf: Any, tmp_path: Path
) -> None:
    saved(hf, tmp_path / "vit", inputs=False)
    hf.PerceiverImageProcessor().save_pretrained(tmp_path / "vit")
    built = build(tmp_path, "vit")
    assert built.preset is None
    assert "set preprocess as in training" in built.notes[0]


def test_a_folder_without_inputs_says_so(hf: Any, tmp_path: Path) -> None:
    saved(hf, tmp_path / "vit", inputs=False)
    built = build(tmp_path, "vit")
    assert built.preset is None
    assert built.notes[0].startswith("'vit' holds no preprocessor_config.json")


def test_pickled_weights_are_read_as_plain_tensors_or_refused(hf: Any, tmp_path: Path) -> None:
    folder = saved(hf, tmp_path / "vit")
    (folder / "model.safetensors").unlink()
    torch.save(tiny(hf).state_dict(), folder / "pytorch_model.bin")
    assert build(tmp_path, "vit").weights == "pytorch_model.bin"
    torch.save({"weights": Path("/")}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError):
        build(tmp_path, "vit")
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(ModelError, match=r"holds no model.safetensors"):
        build(tmp_path, "vit")


def test_code_that_comes_with_a_model_is_never_run(hf: Any, tmp_path: Path) -> None:
    folder = saved(hf, tmp_path / "vit")
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    change(
        folder / "config.json",
        model_type="stranger",
        auto_map={"AutoConfig": "own.C", "AutoModelForImageClassification": "own.M"},
    )
    with pytest.raises(ModelError, match=r"needs Python code .* which is never run"):
        build(tmp_path, "vit")
    change(folder / "preprocessor_config.json", auto_map={"AutoImageProcessor": "own.P"})
    change(folder / "config.json", model_type="vit")
    build(tmp_path, "vit")
    assert not (tmp_path / "ran").exists()


def test_a_model_without_its_classifier_is_refused(hf: Any, tmp_path: Path) -> None:
    folder = saved(hf, tmp_path / "vit")
    tiny(hf).vit.save_pretrained(folder)
    with pytest.raises(ModelError, match=r"lack .* 'classifier.bias'.*no trained image classifier"):
        build(tmp_path, "vit")


def test_names_that_are_numbers_only_are_no_names(hf: Any, tmp_path: Path) -> None:
    saved(hf, tmp_path / "vit", id2label={0: "LABEL_0", 1: "LABEL_1"})
    assert build(tmp_path, "vit").categories is None


def test_errors_of_a_newcomer(hf: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"'empty' holds no config.json"):
        build(tmp_path, "empty")
    with pytest.raises(ConfigError, match=r"is no folder .* hf:OWNER/NAME"):
        build(tmp_path, "./not/there")
    folder = saved(hf, tmp_path / "vit")
    with pytest.raises(ConfigError, match=r"is a file; give the folder"):
        build(tmp_path, "vit/config.json")
    with pytest.raises(UnknownNameError, match=r"num_labels"):
        build(tmp_path, "vit", options={"num_labels": 3})
    change(folder / "config.json", quantization_config={"quant_method": "bitsandbytes"})
    with pytest.raises(ModelError, match=r"quantised"):
        build(tmp_path, "vit")
    change(folder / "config.json", model_type="newest")
    with pytest.raises(ModelError, match=r"model_type 'newest'"):
        build(tmp_path, "vit")
    (folder / "config.json").write_text("[")
    with pytest.raises(ModelError, match=r"config.json of 'vit' cannot be read"):
        build(tmp_path, "vit")


def test_a_name_of_the_hub_that_cannot_be_had_says_so(
    hf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    asked: dict[str, Any] = {}

    def fail(name: str, **keys: Any) -> str:
        asked.update(keys, name=name)
        raise OSError("no route")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(ModelError, match=r"'owner/net' is no folder here, and could not be had"):
        build(tmp_path, "owner/net@v1")
    assert (asked["name"], asked["revision"]) == ("owner/net", "v1")
    assert not any(pattern.endswith((".py", ".bin", "*")) for pattern in asked["allow_patterns"])


def test_without_the_extra_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vit").mkdir()
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModelError, match=r"run pip install 'concept-auditor\[hf\]'"):
        build(tmp_path, "vit")


def adapter(hf: Any, folder: Path, base: Path, **keys: Any) -> nn.Module:
    peft = pytest.importorskip("peft", reason=REASON)
    torch.manual_seed(1)
    model = hf.AutoModelForImageClassification.from_pretrained(
        base, num_labels=2, id2label={0: "a", 1: "b"}, ignore_mismatched_sizes=True
    )
    settings = {"target_modules": ["q_proj", "v_proj"], "modules_to_save": ["classifier"], "r": 2}
    tuned = peft.get_peft_model(model, peft.LoraConfig(**{**settings, **keys}))
    with torch.no_grad():
        for parameter in tuned.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter))
    tuned.save_pretrained(folder)
    whole: nn.Module = tuned.eval()
    return whole


def test_an_adapter_is_merged_into_its_base(hf: Any, tmp_path: Path) -> None:
    base = saved(hf, tmp_path / "base")
    tuned = adapter(hf, tmp_path / "tuned", base)
    built = build(tmp_path, "tuned")
    images = torch.randn(2, 3, 16, 16)
    found = ask_logits(built.model.eval(), images, None)
    assert torch.allclose(found, tuned(pixel_values=images).logits, atol=1e-5)
    assert built.notes[0] == "an adapter of PEFT (LORA) is merged into hf:base"
    assert not any("lora" in name for name, _ in built.model.named_modules())
    assert build(tmp_path, "tuned", options={"base": "base"}).weights == built.weights


def test_adapters_that_cannot_be_merged_are_refused(hf: Any, tmp_path: Path) -> None:
    base = saved(hf, tmp_path / "base")
    adapter(hf, tmp_path / "bare", base, modules_to_save=None)
    change(tmp_path / "bare" / "adapter_config.json", base_model_name_or_path="base")
    assert build(tmp_path, "bare").categories == ("cat", "dog", "fox")
    change(tmp_path / "bare" / "adapter_config.json", megatron_config={"a": 1})
    with pytest.raises(ModelError, match=r"needs code of its own"):
        build(tmp_path, "bare")
    change(
        tmp_path / "bare" / "adapter_config.json", megatron_config=None, peft_type="PREFIX_TUNING"
    )
    with pytest.raises(ModelError, match=r"kind PREFIX_TUNING"):
        build(tmp_path, "bare")
    adapter(hf, tmp_path / "other", base)
    (tmp_path / "other" / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no readable adapter_model.safetensors"):
        build(tmp_path, "other")


def test_a_folder_of_timm_is_loaded_with_its_names_and_inputs(hf: Any, tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    from safetensors.torch import save_file

    torch.manual_seed(0)
    model = timm.create_model("resnet10t", num_classes=2)
    folder = tmp_path / "net"
    folder.mkdir()
    save_file(model.state_dict(), folder / "model.safetensors")
    settings = {"input_size": [3, 64, 64], "crop_pct": 1.0, "mean": [0.1] * 3, "std": [0.2] * 3}
    (folder / "config.json").write_text(json.dumps({
        "architecture": "resnet10t", "num_classes": 2, "label_names": ["a", "b"],
        "pretrained_cfg": {**settings, "interpolation": "bicubic", "crop_mode": "center"},
    }))  # fmt: skip
    built = build(tmp_path, "net")
    assert built.categories == ("a", "b")
    assert built.preset is not None
    assert (built.preset.size, built.preset.mean) == ((64, 64), (0.1, 0.1, 0.1))
    images = torch.randn(1, 3, 64, 64)
    assert torch.equal(built.model.eval()(images), model.eval()(images))
