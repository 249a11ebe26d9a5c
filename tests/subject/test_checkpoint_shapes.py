"""Checkpoints as trainers write them: each shape with its documented outcome.

A shape is loaded bit by bit, or refused in one sentence that says what to do.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import pathlib
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from auditor.base.errors import CheckpointError
from auditor.config.audit import ModelConfig
from auditor.subject.checkpoints import load_into, read_checkpoint
from tests.subject.small import tiny_net

State = dict[str, torch.Tensor]


def weights(outputs: int = 2, seed: int = 3) -> State:
    torch.manual_seed(seed)
    return {key: value.clone() for key, value in tiny_net(outputs).state_dict().items()}


S = weights()
OTHER = weights(seed=4)
ONE = torch.ones(2)


def under(prefix: str, state: State = S) -> State:
    return {prefix + key: value for key, value in state.items()}


def floats(change: Callable[[torch.Tensor], torch.Tensor]) -> State:
    return {k: change(v) if v.is_floating_point() else v for k, v in S.items()}


def without(*keys: str) -> State:
    return {key: value for key, value in S.items() if key not in keys}


def trained() -> dict[str, Any]:
    """Return what an optimiser keeps after a step."""
    model = tiny_net()
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.zeros(2, 3, 4, 4)).sum().backward()
    optimizer.step()
    return optimizer.state_dict()


def averaged() -> State:
    model = tiny_net()
    model.load_state_dict(S)
    return dict(AveragedModel(model).state_dict())


def load(folder: Path, saved: Any, model: nn.Module | None = None, **keys: Any) -> tuple[str, ...]:
    """Load what is saved into the model and check that it took exactly the weights ``S``."""
    model = model or tiny_net()
    torch.save(saved, folder / "w.pt")
    notes = load_into(model, read_checkpoint(folder / "w.pt", ModelConfig(source="m:f", **keys)))
    for value, wanted in zip(model.state_dict().values(), S.values(), strict=True):
        assert torch.equal(value, wanted)
    return notes


HYPER = {
    "lr": np.float64(0.1),
    "steps": np.int64(3),
    "best": np.bool_(True),
    "out": pathlib.PurePosixPath("/runs/x"),
    "home": pathlib.Path("data"),
    "args": argparse.Namespace(lr=0.1, data=pathlib.Path("data")),
    "history": collections.defaultdict(list, {"loss": [1.0, 2.0]}),
    "last": collections.deque([1.0], maxlen=3),
    "when": datetime.datetime(2024, 1, 1),
    "id": uuid.UUID(int=3),
    "rng": np.random.RandomState(0).get_state(),
    "counts": collections.Counter("aab"),
    "torch": torch.__version__,
    "classes": np.array(["a", "b"]),
    "kinds": {"set": {1, 2}, "slice": slice(3), "range": range(2), "frozen": frozenset({1})},
}

# Name -> what was saved, and what the notes have to say.
LOADED: dict[str, tuple[Any, tuple[str, ...]]] = {
    "plain": (S, ()),
    "ordered": (collections.OrderedDict(S), ()),
    "parameters": (
        {
            k: nn.Parameter(v, requires_grad=v.is_floating_point())
            for k, v in S.items()
            if v.is_floating_point()
        }
        | {k: v for k, v in S.items() if not v.is_floating_point()},
        (),
    ),
    "state_dict": ({"state_dict": S, "epoch": 3}, ("the entry 'state_dict'",)),
    "model_state": ({"model_state": S}, ("the entry 'model_state'",)),
    "model_state_dict with optimiser": (
        {"model_state_dict": S, "optimizer_state_dict": trained(), "loss": 0.1},
        ("the entry 'model_state_dict'",),
    ),
    "any name": ({"my_weights_v3": S}, ("the entry 'my_weights_v3'",)),
    "two levels": ({"checkpoint": {"model": S}}, ("the entry 'checkpoint.model'",)),
    "in a list": ([{"epoch": 1}, S], ("the entry '1'",)),
    "beside plain values": ({**S, "epoch": 3, "name": "x"}, ()),
    "DataParallel": (under("module."), ("begins with 'module.'",)),
    "compiled": (under("_orig_mod."), ("begins with '_orig_mod.'",)),
    "compiled DataParallel": (under("module._orig_mod."), ("begins with 'module._orig_mod.'",)),
    "a compiled part": ({k.replace("0.", "0._orig_mod.", 1): v for k, v in S.items()}, ()),
    "DataParallel of a part": ({k.replace("5.", "5.module.", 1): v for k, v in S.items()}, ()),
    "FSDP": ({f"_fsdp_wrapped_module.{k}": v for k, v in S.items()}, ("_fsdp",)),
    "Lightning": (
        {
            "state_dict": under("model."),
            "pytorch-lightning_version": "2",
            "callbacks": {},
            "optimizer_states": [trained()],
            "hyper_parameters": HYPER,
        },
        ("the entry 'state_dict' and in it what begins with 'model.'",),
    ),
    "Lightning, attribute net": ({"state_dict": under("net.")}, ("begins with 'net.'",)),
    "Lightning with a criterion": (
        {"state_dict": {**under("model."), "criterion.weight": ONE}},
        ("begins with 'model.'", "1 of the checkpoint's 10 tensors", "criterion (1)"),
    ),
    "Lightning with metrics": (
        {"state_dict": {**under("net."), "val_acc.tp": torch.tensor([3]), "loss.w": ONE}},
        ("2 of the checkpoint's 11 tensors", "val_acc (1)", "loss (1)"),
    ),
    "criterion beside a bare model": ({**S, "criterion.weight": ONE}, ("criterion (1)",)),
    "AveragedModel": (averaged(), ("begins with 'module.'", "n_averaged (1)")),
    "thop": (
        {**S, "total_ops": ONE, "0.total_ops": ONE, "0.total_params": ONE},
        ("3 of the checkpoint's 12",),
    ),
    "DeepSpeed": (
        {"module": S, "optimizer": None, "ds_version": "0.1", "dp_world_size": 2},
        ("the entry 'module'",),
    ),
    "DeepSpeed of DataParallel": ({"module": under("module.")}, ("the entry 'module'",)),
    "MONAI, ignite": ({"net": S, "opt": trained(), "trainer": {"epoch": 1}}, ("entry 'net'",)),
    "HF Trainer of a wrapped model": (under("model.classifier."), ("'model.classifier.'",)),
    "an equal moving average": ({"state_dict": S, "state_dict_ema": dict(S)}, ("'state_dict'",)),
    "modules as entries": (
        {"parts": {at: {k[2:]: v for k, v in S.items() if k[0] == at} for at in "015"}},
        ("the entry 'parts'",),
    ),
    "mixed with a backbone": ({**under("student."), "head.weight": ONE}, ("'student.'",)),
    "plain objects": ({"model": S, **HYPER}, ("the entry 'model'",)),
    "no counters": (without("1.num_batches_tracked"), ()),
    "float64": (floats(lambda v: v.double()), ("8 tensors of the checkpoint are float64",)),
    "keys that are numbers": ({"models": {0: S}}, ("the entry 'models.0'",)),
    "moments by name": ({"model": S, "optim": {"exp_avg": OTHER}}, ("the entry 'model'",)),
}


@pytest.mark.parametrize("name", LOADED)
def test_a_shape_that_is_loaded(tmp_path: Path, name: str) -> None:
    saved, said = LOADED[name]
    notes = load(tmp_path, saved)
    for words in said:
        assert any(words in note for note in notes), notes
    if not said:
        assert not notes


# Name -> what was saved, the config's keys, and what the error has to say.
REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "state_dict and its average": (
        {"state_dict": S, "state_dict_ema": OTHER},
        {},
        "model.entry: 'state_dict' or model.entry: 'state_dict_ema' (timm itself takes "
        "'state_dict_ema')",
    ),
    "model and model_ema": ({"model": S, "model_ema": OTHER}, {}, "model.entry: 'model_ema'"),
    "an average below a prefix": (
        {"model": S, "ema": under("module.", OTHER)}, {}, "or model.entry: 'ema'"
    ),
    "student and teacher": (
        {**under("student."), **under("teacher.", OTHER)},
        {},
        "model.prefix: 'student' or model.prefix: 'teacher'",
    ),
    "two queries": (
        {"state_dict": {**under("encoder_q."), **under("encoder_k.", OTHER)}},
        {},
        "model.prefix: 'encoder_q'",
    ),
    "no such entry": ({"model": S}, {"entry": "modle"}, "model.entry is 'modle'"),
    "no such prefix": (under("net."), {"prefix": "model"}, "model.prefix is 'model'"),
    "a layer more": ({**S, "6.weight": ONE}, {}, "unexpected 1 (6.weight)"),
    "a block more": ({**S, "5.attention.weight": ONE}, {}, "model.ignore"),
    "a layer less": (without("5.bias"), {}, "missing 1 (5.bias)"),
    "another width": ({**S, "0.bias": torch.ones(7)}, {}, "0.bias: [7] in the file, [4] in the"),
    "another head": (weights(7), {}, "set model.options {num_classes: 7}"),
    "another model": ({"a.weight": ONE, "b": ONE}, {}, "nothing that is called as in the model"),
    "only an optimiser": ({"optimizer": trained()}, {}, "holds no tensors"),
    "moments alone": ({"exp_avg": S}, {}, "holds no tensors"),
    "NumPy arrays": ({k: v.numpy() for k, v in S.items()}, {}, "holds NumPy arrays, not tensors"),
    "int8": (floats(lambda v: v.to(torch.int8)), {}, "int8 where the model has float32; the file"),
    "int64": (floats(lambda v: v.to(torch.int64)), {}, "is int64 where the model has float32"),
    "bool": (floats(lambda v: v > 0), {}, "is bool where the model has float32"),
    "complex": (floats(lambda v: v + 0j), {}, "is complex64 where the model has float32"),
    "float8": (floats(lambda v: v.to(torch.float8_e5m2)), {}, "float8_e5m2 where the model has"),
    "a float counter": ({**S, "1.num_batches_tracked": torch.tensor(1.0)}, {}, "has int64"),
    "sparse": ({**S, "5.weight": S["5.weight"].to_sparse()}, {}, "'5.weight' is sparse"),
    "meta": ({**S, "5.weight": S["5.weight"].to("meta")}, {}, "has a shape and no values"),
    "a whole model": (tiny_net(), {}, "'torch.nn.modules.container.Sequential' (a whole pickled"),
    "a tensor": (ONE, {}, "holds a Tensor, not a state dict"),
    "a text": ("weights", {}, "holds a str, not a state dict"),
    "nothing": ({}, {}, "holds no tensors (its keys: none)"),
    "one name twice": ({"a": {"b.0": ONE}, "a.b": {"0": ONE + 1}}, {}, "both called 'a.b.0'"),
    "a partial function": ({"model": S, "f": torch.relu}, {}, "holds more than tensors"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_shape_that_is_refused(tmp_path: Path, name: str) -> None:
    saved, keys, said = REFUSED[name]
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path, saved, **keys)
    message = str(caught.value)
    assert said in message
    assert "w.pt" in message
    assert "\n" not in message
    assert "weights_only" not in message


def test_there_are_forty_shapes() -> None:
    assert len(LOADED) + len(REFUSED) >= 40


@pytest.mark.parametrize(
    ("saved", "keys"),
    [
        ({"state_dict": OTHER, "state_dict_ema": S}, {"entry": "state_dict_ema"}),
        ({"a": {"model": S, "ema": OTHER}}, {"entry": "a.model"}),
        ({**under("student."), **under("teacher.", OTHER)}, {"prefix": "student."}),
        ({**under("student."), **under("teacher.", OTHER)}, {"prefix": "student"}),
        ({**S, **under("teacher.", OTHER)}, {"prefix": ""}),
        ({"x": under("q."), "y": under("q.", OTHER)}, {"entry": "x", "prefix": "q"}),
        ({**S, "6.weight": ONE}, {"ignore": ["6.*"]}),
    ],
)
def test_the_config_says_what_is_meant(tmp_path: Path, saved: Any, keys: dict[str, Any]) -> None:
    load(tmp_path, saved, **keys)


def test_what_the_config_lets_a_checkpoint_lack_is_said(tmp_path: Path) -> None:
    model = tiny_net()
    model.load_state_dict(S)
    notes = load(tmp_path, without("5.bias"), model, ignore=["5.b*"])
    assert "1 tensors of the model are not in the checkpoint" in notes[0]
    assert "5.bias" in notes[0]


def test_a_model_in_a_wrapper_of_the_users_own_takes_the_bare_weights(tmp_path: Path) -> None:
    load(tmp_path, S, nn.ModuleDict({"net": tiny_net()}))
    load(tmp_path, {"m": under("module.")}, nn.ModuleDict({"module": tiny_net()}))
    load(tmp_path, S, nn.DataParallel(tiny_net()))


def test_half_precision_is_converted_and_said(tmp_path: Path) -> None:
    for kind in (torch.float16, torch.bfloat16):
        halves = floats(lambda value, kind=kind: value.to(kind))
        torch.save(halves, tmp_path / "w.pt")
        model = tiny_net()
        checkpoint = read_checkpoint(tmp_path / "w.pt", ModelConfig(source="m:f"))
        name = str(kind).removeprefix("torch.")
        assert f"are {name} and were converted to float32" in load_into(model, checkpoint)[0]
        assert torch.equal(model.state_dict()["5.weight"], halves["5.weight"].float())


def test_quantised_and_nested_tensors_are_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantised = torch.quantize_per_tensor(S["5.weight"], 0.1, 0, torch.qint8)
        nested = torch.nested.nested_tensor([ONE, ONE])
        jagged = torch.nested.nested_tensor([ONE, ONE], layout=torch.jagged)
        for wrong, said in (
            (quantised, "is quantised"),
            (nested, "nested tensor"),
            (jagged, "nested"),
        ):
            with pytest.raises(CheckpointError, match=said):
                load(tmp_path, {**S, "5.weight": wrong})


class Tied(nn.Module):
    """Two names for one tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.second.weight = self.first.weight


def test_shared_tensors_may_be_saved_once_and_may_not_differ(tmp_path: Path) -> None:
    config = ModelConfig(source="m:f")
    state = dict(Tied().state_dict())
    for kept in ("first.weight", "second.weight"):
        other = {"first.weight", "second.weight"} - {kept}
        torch.save({k: v for k, v in state.items() if k not in other}, tmp_path / "w.pt")
        model = Tied()
        load_into(model, read_checkpoint(tmp_path / "w.pt", config))
        assert torch.equal(model.second.weight, state[kept])
    torch.save({**state, "second.weight": torch.zeros(3, 3)}, tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match="shares it with another tensor"):
        load_into(Tied(), read_checkpoint(tmp_path / "w.pt", config))


def test_layers_that_are_made_by_the_first_batch_take_the_shape_of_the_file(
    tmp_path: Path,
) -> None:
    model = nn.Sequential(nn.LazyLinear(2))
    torch.save({"0.weight": torch.ones(2, 5), "0.bias": torch.zeros(2)}, tmp_path / "w.pt")
    load_into(model, read_checkpoint(tmp_path / "w.pt", ModelConfig(source="m:f")))
    assert torch.equal(model[0].weight, torch.ones(2, 5))


def test_a_deeper_network_of_the_same_kind_is_no_match(tmp_path: Path) -> None:
    """A shallow network finds all of its tensors in a deep one of its kind, which is another."""
    deep = nn.ModuleDict({"blocks": nn.Sequential(*(nn.Linear(3, 3) for _ in range(4)))})
    shallow = nn.ModuleDict({"blocks": nn.Sequential(*(nn.Linear(3, 3) for _ in range(2)))})
    torch.save(deep.state_dict(), tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match=r"unexpected 4 \(blocks.2.weight"):
        load_into(shallow, read_checkpoint(tmp_path / "w.pt", ModelConfig(source="m:f")))
