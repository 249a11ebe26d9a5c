"""Any model that runs, runs: shapes of users' models through the real command, and refusals.

The models are in ``users_models.py``; the data are textures of 32 x 32 pixels.
"""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from auditor.__main__ import run
from auditor.relevance.explainer import Explainer
from auditor.report.show.render import read_result
from tests.pipeline import users_models
from tests.pipeline.small import picture

pytestmark = pytest.mark.usefixtures("hasty")

# What runs, and what is said of it: words of the notes, "" for nothing in particular.
SHAPES: dict[str, str] = {
    "plain": "",
    "functional": "",
    "of_functions": "",
    "wrapped": "",
    "args": "",
    "args_and_kwargs": "",
    "named_argument": "",
    "dictionary": "",
    "pair": "",
    "compiled": "wrapped by compile: the model inside is audited",
    "data_parallel": "wrapped by DataParallel",
    "low_rank": "",
    "normalising": "",
    "normalising_v2": "",
    "cast": "computes part of its answer in bfloat16 (autocast). It is explained in float32",
    "frequencies": "",
    "each_image": "takes its pictures one by one: what it does with one of them was captured",
    "squeezing": "",
    "squeezed_logit": "The model has a single logit z",
    "counting": "",
    "changes_input": "",
    "checkpointed": "",
    "inferring": "",
    "half": "the weights are torch.float16; the audit computes in float32",
    "weight_norms": "",
    "spectral_norms": "",
    "in_training": "",
    "own_function": "",
    "lambdas": "",
    "perceptron": "",
    "tokens": "",
    "probabilities": "",
}
# As those, in other words: run with the slow tests.
SIBLINGS: dict[str, str] = {
    "ordered": "",
    "compiled_inside": "",
    "compiled_in_place": "",
    "data_parallel_inside": "",
    "compiled_data_parallel": "wrapped by compile and DataParallel",
    "averaged": "",
    "normalising_module": "",
    "whole_transform": "",
    "cast_in_part": "computes part of its answer in bfloat16 (autocast)",
    "cast_by_decorator": "computes part of its answer in bfloat16 (autocast)",
    "cast_for_cuda": "",
    "casts_itself": "computes part of its answer in float16",
    "amplitudes": "",
    "each_in_turn": "takes its pictures one by one",
    "filled": "takes its pictures one by one",
    "each_with_probabilities": "The model ends with softmax: the logits before it are explained",
    "each_prepared": "takes its pictures one by one",
    "fixed_batch": "",
    "checkpointed_reentrant": "",
    "without_gradients": "",
    "frozen_body": "",
    "patches": "",
    "nested": "",
    "unregistered": "",
    "encoder": "",
    "turned_over": "",
    "resizing": "",
    "log_probabilities": "",
    "single_logit": "The model has a single logit z",
    "single_probability": "The model has a single logit z",
    "brain_half": "the weights are torch.bfloat16",
    "double": "the weights are torch.float64",
    "channels_last": "",
    "frozen": "",
    "orthogonal": "",
    "synchronised": "",
    "pruned": "",
    "hooked": "",
    "traced_graph": "",
}
# What is refused, and the words that say why and where.
REFUSED: dict[str, str] = {
    "keyword_only": r"takes no picture as it is: wrap it in a factory",
    "two_inputs": r"missing 1 required positional argument: 'mask'; it needs more than a picture",
    "one_layer": r"nothing to audit: no layer lies between the picture and the logits",
    "adapting": r"keeps state between calls \(its buffer 'average' changes",
    "each_with_a_token": r"captured for batches of one size only",
    "mapped": r"captured for batches of one size only.* whole batches",
    "deciding": r"users_models.py, line \d+ \(`if features.mean\(\) > 0.1:`\) turns .*torch.where",
    "deciding_by_item": r"line \d+ \(`scale = float\(x.abs\(\).max\(\)\)`\) turns a value",
    "selecting": r"line \d+ \(`return .*\) makes a tensor whose size depends on the picture",
    "quantised": r"its part '8' is quantised \(Linear\)",
    "scripted": r"the model is a ScriptModule",
    "scripted_inside": r"its part 'model' is a ScriptModule",
    "leaving_by_numpy": r"users_models.py, line \d+ .* leaves torch \(numpy\)",
    "leaving_by_hook": r"users_models.py, line \d+ .* leaves torch \(numpy\).*remove the hook",
    "noisy": r"the model is random \(randn_like in users_models.py, line \d+",
    "on_gpu": r"users_models.py, line \d+\); it must run on one tensor of pictures, on any device",
    "mixing": r"'mean' in the model mixes the images of a batch",
    "without_statistics": r"batch norm without running statistics.* mixes the images",
    "whole_numbers": r"relevance cannot be followed to the picture: '\w+' turns its values into",
    "failing": r"no attribute 'bias_that_nobody_made' \(users_models.py, line \d+\)",
}
TWO_CLASSES = {"squeezed_logit", "single_logit", "single_probability"}
NAMES = ["across", "down", "slant"]
EACH = 20


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two classes and one of three, 20 pictures each."""
    folder = tmp_path_factory.mktemp("users")
    for count in (2, 3):
        rng = np.random.default_rng(2)
        for kind, name in enumerate(NAMES[:count]):
            (folder / str(count) / name).mkdir(parents=True)
            for index in range(EACH):
                texture = Image.fromarray(picture(kind, rng)[:32, :32])
                texture.save(folder / str(count) / name / f"{index:02d}.png")
    return folder


def asked(name: str, pictures: Path) -> list[str]:
    count = 2 if name in TWO_CLASSES else 3
    found = ["--model", f"{users_models.__file__}:{name}", "--data", str(pictures / str(count))]
    found += ["--set", f"model.classes=[{', '.join(NAMES[:count])}]"]
    return [*found, "--set", "model.output=0"] if name == "pair" else found


def checked(name: str, pictures: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert run(["check", *asked(name, pictures), "--images", "3", "--json", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert not err
    found: dict[str, Any] = json.loads(out)
    return found


def holds(found: dict[str, Any], said: str) -> None:
    """The captured program answers as the model does, and its relevance is accounted for."""
    assert found["forward_difference"] < 1e-5
    assert found["verdict"]["word"] in {"conserves", "absorbs", "creates"}
    assert found["layers"]
    assert found["pixels"] + sum(found["kept"].values()) == pytest.approx(1, abs=1e-6)
    assert all((each["additivity"] or 0) < 1e-4 for each in found["layers"])
    assert said in " ".join(found["notes"])


# Every third shape each time; all of them, as they take a second each, among the slow tests.
SOMETIMES = [
    name if place % 3 == 0 else pytest.param(name, marks=pytest.mark.slow)
    for place, name in enumerate(SHAPES)
]


@pytest.mark.parametrize("name", SOMETIMES)
def test_check_takes_it(name: str, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holds(checked(name, pictures, capsys), SHAPES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", SIBLINGS)
def test_check_takes_its_siblings(
    name: str, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    holds(checked(name, pictures, capsys), SIBLINGS[name])


@pytest.mark.parametrize("name", REFUSED)
def test_check_refuses_in_one_sentence(
    name: str, pictures: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The descriptors themselves are read: torch writes its pages past Python's stderr."""
    assert run(["check", *asked(name, pictures), "--quiet"]) == 3
    out, err = capfd.readouterr()
    assert not out
    (line,) = err.splitlines()
    assert line.startswith("auditor: ")
    assert re.search(REFUSED[name], line), line


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_a_quick_audit_takes_it(
    name: str, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", *asked(name, pictures), "--preset", "quick", "--out", str(tmp_path)]
    assert run([*arguments, "--set", "report.formats=[html]"]) == 0
    folder = Path(capsys.readouterr().out.strip().splitlines()[-1])
    assert SHAPES[name] in " ".join(read_result(folder).method.notes)


def made(name: str) -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = getattr(users_models, name)()
    return model


def plainly(name: str, images: Tensor) -> Tensor:
    """What torch alone makes of the images: no code of ours between."""
    model = made(name)
    model = getattr(model, "_orig_mod", model)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own
        leaf: Tensor = pytree.tree_leaves(model.float().eval()(images.clone()))[0]
    return leaf


def as_logits(found: Tensor, name: str) -> Tensor:
    if name in TWO_CLASSES:
        half = (torch.logit(found) if name == "single_probability" else found).reshape(-1, 1) / 2
        return torch.cat([-half, half], 1)
    return torch.log(found) if name in ("probabilities", "each_with_probabilities") else found


def centred(found: Tensor) -> Tensor:
    """Probabilities say logits up to a constant."""
    return found - found.mean(1, keepdim=True)


def state(model: nn.Module) -> list[object]:
    found: list[object] = []
    for name, module in model.named_modules():
        own = {key: value for key, value in vars(module).items() if not key.startswith("_")}
        found.append(
            (name, own, [len(each) for each in vars(module).values() if type(each) is dict])
        )
    for name, value in model.state_dict(keep_vars=True).items():
        found.append((name, id(value), value.data_ptr(), value.detach().float().numpy().tobytes()))
    return found


@pytest.mark.parametrize(
    "name",
    [
        *("cast", "counting", "changes_input", "squeezing", "weight_norms", "normalising"),
        *(pytest.param(each, marks=pytest.mark.slow) for each in [*SHAPES, *SIBLINGS]),
    ],
)
def test_what_is_captured_answers_as_torch_does_and_the_model_is_as_before(name: str) -> None:
    torch.manual_seed(3)
    images = torch.rand(4, 3, 32, 32)
    model = made(name).float()
    output = "0" if name == "pair" else None
    before = state(model)
    explainer = Explainer(model, images[:1].clone(), output=output)
    assert state(model) == before
    found = explainer.predict(images)
    if name == "casts_itself":  # torch itself refuses it with weights in float32
        return
    expected = as_logits(plainly(name, images).float(), name)
    if "probabilit" in name:
        found, expected = centred(found), centred(expected)
    tolerance = 2e-2 if name.startswith("cast") else 1e-5
    assert float((found - expected).abs().max()) < tolerance * float(expected.abs().max())
    alone = explainer.predict(images[2:3])
    assert torch.allclose(alone, found[2:3], atol=1e-4) or "probabilit" in name
