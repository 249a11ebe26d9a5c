"""Models: torchvision by name, the user's factory, weights, and every way it can go wrong."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import nn

from auditor.base.errors import CheckpointError, ConfigError, ModelError, UnknownNameError
from auditor.config.audit import ModelConfig
from auditor.subject.models import MODEL_SOURCES, BuiltModel, build_model, resolve_device
from auditor.subject.outputs import name_outputs, prepare, read_answer
from tests.subject.small import tiny_net, write_factory


def build(base: Path, source: str, **keys: Any) -> BuiltModel:
    return build_model(ModelConfig.model_validate({"source": source, **keys}), base)


def test_torchvision_without_weights_is_random_and_says_so(tmp_path: Path) -> None:
    built = build(tmp_path, "torchvision:squeezenet1_1", options={"num_classes": 5})
    assert built.weights == "random"
    assert built.notes == ("no weights given: random initialisation",)
    assert built.preset is not None
    assert built.preset.size == (224, 224)
    assert read_answer(built.model.eval(), torch.zeros(1, 3, 64, 64))[1] == 5


def test_local_checkpoint_sets_the_number_of_outputs(tmp_path: Path) -> None:
    trained = torchvision.models.squeezenet1_1(num_classes=7)
    save_file(trained.state_dict(), tmp_path / "mine.safetensors")
    built = build(tmp_path, "torchvision:squeezenet1_1", weights="mine.safetensors")
    assert built.weights == "mine.safetensors"
    assert "built with num_classes=7" in built.notes[0]
    for key, value in trained.state_dict().items():
        assert torch.equal(built.model.state_dict()[key], value)
    with pytest.raises(CheckpointError, match=r"set model.options \{num_classes: 7\}"):
        build(
            tmp_path,
            "torchvision:squeezenet1_1",
            weights="mine.safetensors",
            options={"num_classes": 3},
        )


def test_named_weights_beside_a_file_choose_the_preset_only(tmp_path: Path) -> None:
    torch.save(torchvision.models.squeezenet1_1().state_dict(), tmp_path / "w.pt")
    built = build(
        tmp_path, "torchvision:squeezenet1_1?weights=SqueezeNet1_1_Weights.DEFAULT", weights="w.pt"
    )
    assert built.weights == "w.pt"
    assert built.preset is not None
    assert built.preset.origin == "preset of SqueezeNet1_1 IMAGENET1K_V1"


def test_a_preset_that_could_be_another_is_said(tmp_path: Path) -> None:
    torch.save(torchvision.models.mobilenet_v2(num_classes=3).state_dict(), tmp_path / "w.pt")
    built = build(tmp_path, "torchvision:mobilenet_v2", weights="w.pt")
    assert built.notes[0].startswith("the preprocessing is that of IMAGENET1K_V2; other published")
    named = build(tmp_path, "torchvision:mobilenet_v2?weights=IMAGENET1K_V1", weights="w.pt")
    assert named.preset is not None
    assert named.preset.resize == 256
    assert all("preprocessing" not in note for note in named.notes)


def test_weights_that_cannot_be_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(torch.hub, "urlopen", refuse)
    with pytest.raises(ModelError, match=r"give a local file as model.weights"):
        build(tmp_path, "torchvision:squeezenet1_1?weights=DEFAULT")
    assert capsys.readouterr().out == ""


def test_downloaded_weights_are_read_as_tensors_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = torchvision.models.SqueezeNet1_1_Weights.DEFAULT
    cached = tmp_path / "hub" / "checkpoints" / Path(weights.url).name
    cached.parent.mkdir(parents=True)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    trained = torchvision.models.squeezenet1_1()
    torch.save(trained.state_dict(), cached)
    built = build(tmp_path, "torchvision:squeezenet1_1?weights=DEFAULT")
    assert built.weights == "IMAGENET1K_V1"
    assert built.categories is not None
    assert built.categories[1] == "goldfish"
    torch.save(trained, cached)
    with pytest.raises(CheckpointError, match="plain tensors"):
        build(tmp_path, "torchvision:squeezenet1_1?weights=DEFAULT")


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("vit", r"'vit' is a folder with a config.json, .* hf:vit\."),
        ("my_net.py", r"is a file of Python: name its function, my_net.py:FUNCTION\."),
        ("net.pt", r"is a file of weights, which is given as model.weights"),
        ("resnet18", r"torchvision has a model of that name: torchvision:resnet18\."),
    ],
)
def test_a_source_without_its_scheme_is_told_how_it_is_written(
    tmp_path: Path, source: str, hint: str
) -> None:
    (tmp_path / "vit").mkdir()
    for name in ("vit/config.json", "my_net.py", "net.pt"):
        (tmp_path / name).touch()
    with pytest.raises(ConfigError, match=hint):
        build(tmp_path, source)


def test_names_that_do_not_exist(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'resnet18'"):
        build(tmp_path, "torchvision:resnet_18")
    with pytest.raises(UnknownNameError, match="IMAGENET1K_V1"):
        build(tmp_path, "torchvision:resnet18?weights=IMAGENET22K")
    with pytest.raises(UnknownNameError, match="'weigths'"):
        build(tmp_path, "torchvision:resnet18?weigths=DEFAULT")
    with pytest.raises(ConfigError, match=r"model.source is 'resnet18', .* Write torchvision:NAME"):
        build(tmp_path, "resnet18")
    for source in ("timn:resnet18", "no_such_module_here:x", "a_strangers.package:resnet18"):
        with pytest.raises(ConfigError, match=r"nor a module that is found here") as caught:
            build(tmp_path, source)
        assert "install" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"Did you mean 'timm'\?"):
        build(tmp_path, "timn:resnet18")
    with pytest.raises(ModelError, match=r"cannot build 'resnet18' with model.options depth=3"):
        build(tmp_path, "torchvision:resnet18", options={"depth": 3})


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_families_that_warn_about_initialisation_stay_silent(tmp_path: Path, name: str) -> None:
    options = {"init_weights": False, "num_classes": 3, "aux_logits": False}
    assert build(tmp_path, f"torchvision:{name}", options=options).weights == "random"


def test_factories_by_file_and_by_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_factory(tmp_path)
    built = build(tmp_path, "net.py:tiny", options={"outputs": 4})
    assert built.source == "net.py:tiny"
    assert built.notes == ("runs the code in net.py",)
    assert built.weights == "from the factory"
    write_factory(tmp_path, name="my_nets.py")
    built = build(tmp_path, "my_nets:tiny")
    assert built.notes == ("runs the code in the module my_nets",)
    assert isinstance(built.model, nn.Sequential)
    absolute = build(tmp_path, f"{tmp_path / 'net.py'}:tiny")
    assert absolute.source == "net.py:tiny"


def test_factory_with_a_checkpoint_in_a_wrapper(tmp_path: Path) -> None:
    write_factory(tmp_path)
    torch.manual_seed(5)
    trained = tiny_net()
    prefixed = {f"module.{key}": value for key, value in trained.state_dict().items()}
    torch.save({"state_dict": prefixed}, tmp_path / "last.ckpt")
    built = build(tmp_path, "net.py:tiny", weights="last.ckpt")
    assert torch.equal(built.model.state_dict()["5.weight"], trained.state_dict()["5.weight"])
    assert "the entry 'state_dict'" in built.notes[1]


METHODS = """
from torch import nn


class Net(nn.Module):
    @classmethod
    def from_name(cls, name):
        return nn.Linear(len(name), 2)
"""


def test_a_factory_may_be_a_method_of_a_class(tmp_path: Path) -> None:
    write_factory(tmp_path, METHODS)
    built = build(tmp_path, "net.py:Net.from_name", options={"name": "lite"})
    assert built.source == "net.py:Net.from_name"
    assert isinstance(built.model, nn.Linear)
    with pytest.raises(ModelError, match=r"'net.py:Net' defines no 'from_nam'. Did you mean 'from"):
        build(tmp_path, "net.py:Net.from_nam")
    with pytest.raises(ModelError, match=r"'net.py' defines no 'Nut'"):
        build(tmp_path, "net.py:Nut.from_name")


FAILING = """
import helper_beside


def fails():
    raise ValueError("wrong depth")


def not_a_model():
    return 3


constant = 5
"""


def test_mistakes_in_factories_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "helper_beside.py").write_text("")
    write_factory(tmp_path, FAILING, "bad.py")
    write_factory(tmp_path, "def broken(:\n", "syntax.py")
    write_factory(tmp_path, "import no_such_package_here\n", "needs.py")
    write_factory(tmp_path, "raise SystemExit(3)\n", "exits.py")
    for source, message in {
        "bad.py:fails": r"ValueError: wrong depth \(bad.py, line 6\)",
        "bad.py:not_a_model": r"returned a int; it must return a torch.nn.Module",
        "bad.py:constant": r"is a int, not a function",
        "bad.py:fials": r"defines no 'fials'. Did you mean 'fails'",
        "gone.py:tiny": r"the file 'gone.py' was not found",
        "syntax.py:broken": r"SyntaxError: .*\(syntax.py, line 1\)",
        "needs.py:x": r"ModuleNotFoundError: No module named 'no_such_package_here' \(needs.py",
        "exits.py:x": r"SystemExit: 3",
    }.items():
        with pytest.raises(ModelError, match=message) as caught:
            build(tmp_path, source)
        assert "\n" not in str(caught.value)


def test_imports_leave_the_search_path_as_it_was(tmp_path: Path) -> None:
    import sys

    before = list(sys.path)
    write_factory(tmp_path)
    build(tmp_path, "net.py:tiny")
    assert sys.path == before


def test_a_plugin_can_add_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODEL_SOURCES, "_entries", dict(MODEL_SOURCES._entries))

    @MODEL_SOURCES.register("zoo")
    def from_zoo(rest: str, config: ModelConfig, base: Path) -> BuiltModel:
        return BuiltModel(tiny_net(len(rest)), f"zoo:{rest}", "random")

    assert build(tmp_path, "zoo:abc").source == "zoo:abc"


def test_weights_that_are_not_finite_are_refused_by_name() -> None:
    cpu = torch.device("cpu")
    for bad in (float("nan"), float("inf")):
        model = tiny_net()
        with torch.no_grad():
            model[5].weight[0, 0] = bad
        with pytest.raises(ModelError, match=r"the parameter '5.weight' holds numbers"):
            prepare(model, cpu)
        model = tiny_net()
        model[1].running_var[0] = bad
        with pytest.raises(ModelError, match=r"the buffer '1.running_var'"):
            prepare(model, cpu)
    with pytest.raises(ModelError, match=r"the parameter 'weight' has no shape yet"):
        prepare(nn.LazyLinear(3), cpu)


def test_models_run_in_float32_and_evaluation_mode() -> None:
    model, notes = prepare(tiny_net().half(), torch.device("cpu"))
    assert next(model.parameters()).dtype == torch.float32
    assert not model.training
    assert notes == ("the weights are torch.float16; the audit computes in float32",)


class Answers(nn.Module):
    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, x: torch.Tensor) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"logits": 1}, "returns a dict without logits: logits is a int; return logits of shape"),
        (torch.zeros(1, 2, 7, 7), r"shape \(1, 2, 7, 7\), which cannot be logits \(one answer per"),
        (torch.zeros(2), r"shape \(2,\) for 1 picture; it must return one row"),
        (torch.zeros(3, 2), r"shape \(3, 2\) for 1 picture"),
        (torch.tensor(0.5), r"a tensor of shape \(\), which cannot be logits"),
        (torch.full((1, 2), float("nan")), "not finite"),
        (RuntimeError("mat1 and mat2"), r"fails on an input of 3 x 8 x 9: RuntimeError: mat1 and"),
    ],
)
def test_answers_must_be_logits(answer: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_answer(Answers(answer), torch.zeros(1, 3, 8, 9))


def test_a_part_of_the_result_and_a_single_logit_are_outputs() -> None:
    example = torch.zeros(1, 3, 8, 9)
    parts = {"logits": torch.zeros(1, 4), "features": torch.zeros(1, 9)}
    assert read_answer(Answers(parts), example)[1] == 4
    assert read_answer(Answers(parts), example, "features")[1] == 9
    assert read_answer(Answers(torch.zeros(1, 1)), example)[1] == 2
    assert read_answer(Answers(torch.zeros(1)), example)[1] == 2
    with pytest.raises(UnknownNameError, match=r"model output 'logit'. Did you mean 'logits'"):
        read_answer(Answers(parts), example, "logit")


def named(classes: Any, base: Path, count: int = 2, *, single: bool = False) -> Any:
    config = ModelConfig.model_validate({"source": "net.py:tiny", "classes": classes})
    return name_outputs(config, BuiltModel(tiny_net(), "x", "y"), count, base, single=single)


def test_output_names_from_the_config(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("\ufeffcat\n dog \n\n", encoding="utf-8")
    assert named(["cat", "dog"], tmp_path).names == ("cat", "dog")
    assert named("names.txt", tmp_path).names == ("cat", "dog")
    assert named(None, tmp_path).names is None
    for classes, message in {
        ("cat",): "names 1 outputs but the model has 2",
        ("cat", "cat"): "names 'cat' more than once",
    }.items():
        with pytest.raises(ConfigError, match=message):
            named(list(classes), tmp_path)
    assert named(None, tmp_path, single=True).named() == ("negative", "positive")
    assert named(["ok", "scratched"], tmp_path, single=True).names == ("ok", "scratched")
    with pytest.raises(ConfigError, match="its single logit stands for two"):
        named(["scratched"], tmp_path, single=True)
    with pytest.raises(ConfigError, match=r"model.classes 'gone.txt' cannot be read"):
        named("gone.txt", tmp_path)


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto").type == resolve_device("cpu").type == "cpu"
    for missing in ("cuda", "cuda:1", "mps"):
        with pytest.raises(ModelError, match=f"device is {missing} .*use auto or cpu"):
            resolve_device(missing)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("auto") == torch.device("cuda")
    assert resolve_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ModelError, match="has cuda:0, cuda:1; use one of them"):
        resolve_device("cuda:2")


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:-1", "cpu:0", "CUDA"])
def test_a_device_of_another_name_is_refused_by_name(device: str) -> None:
    with pytest.raises(ValidationError, match="give auto, cpu, cuda"):
        ModelConfig(source="a.py:b", device=device)
