"""Checkpoints: what is understood, what is refused, and that nothing in a file ever runs."""

from __future__ import annotations

import argparse
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from auditor.errors import CheckpointError
from auditor.subject.checkpoints import compare, fit, load_into, read_state
from tests.subject.small import tiny_net


def state(outputs: int = 2) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return dict(tiny_net(outputs).state_dict())


def saved(path: Path, value: Any, **options: Any) -> Path:
    torch.save(value, path, **options)
    return path


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def test_safetensors_and_torch_files_come_back_unchanged(tmp_path: Path) -> None:
    save_file(state(), tmp_path / "w.safetensors")
    assert same(read_state(tmp_path / "w.safetensors")[0], state())
    assert same(read_state(saved(tmp_path / "w.pt", state()))[0], state())
    legacy = saved(tmp_path / "old.pth", OrderedDict(state()), _use_new_zipfile_serialization=False)
    assert same(read_state(legacy)[0], state())


@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict", "model", "net"])
def test_common_wrappers_are_taken_off_and_said(tmp_path: Path, wrapper: str) -> None:
    path = saved(tmp_path / "w.pt", {wrapper: state(), "epoch": 3, "optimizer": {"lr": 0.1}})
    found, notes = read_state(path)
    assert same(found, state())
    assert f"the entry '{wrapper}'" in notes[0]


def test_parsed_arguments_beside_the_weights_do_no_harm(tmp_path: Path) -> None:
    saved(tmp_path / "w.pt", {"state_dict": state(), "args": argparse.Namespace(lr=0.1)})
    found, notes = read_state(tmp_path / "w.pt")
    assert same(found, state())
    assert "state_dict, args" in notes[0]
    assert argparse.Namespace not in torch.serialization.get_safe_globals()


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module.model."])
def test_common_prefixes_are_taken_off(prefix: str) -> None:
    prefixed = {prefix + key: value for key, value in state().items()}
    assert same(fit(prefixed, tiny_net()), state())


def test_prefixes_of_the_model_itself_stay() -> None:
    model = nn.ModuleDict({"module": tiny_net()})
    own = dict(model.state_dict())
    assert set(fit(own, model)) == set(own)


def test_old_densenet_keys_are_renamed() -> None:
    old = {"features.denseblock1.denselayer2.norm.1.weight": torch.ones(1)}
    assert list(fit(old, tiny_net())) == ["features.denseblock1.denselayer2.norm1.weight"]


def test_loading_copies_every_tensor() -> None:
    torch.manual_seed(9)
    model = tiny_net()
    without_counter = {k: v for k, v in state().items() if not k.endswith("num_batches_tracked")}
    load_into(model, without_counter, "w.pt")
    assert all(
        torch.equal(model.state_dict()[key], without_counter[key]) for key in without_counter
    )


def test_every_kind_of_mismatch_is_listed() -> None:
    wrong = state()
    wrong["0.weight"] = torch.zeros(4, 1, 3, 3)
    wrong["extra.weight"] = wrong.pop("5.bias")
    with pytest.raises(CheckpointError) as caught:
        load_into(tiny_net(), wrong, "w.pt")
    message = str(caught.value)
    assert "the checkpoint 'w.pt' does not fit the model" in message
    assert "missing 1 (5.bias)" in message
    assert "unexpected 1 (extra.weight)" in message
    assert "0.weight: [4, 1, 3, 3] in the file, [4, 3, 3, 3] in the model" in message


def test_another_number_of_outputs_suggests_the_option() -> None:
    mismatch = compare(state(7), tiny_net(2))
    assert mismatch.head_size(2) == 7
    assert mismatch.head_size(1000) is None
    with pytest.raises(CheckpointError, match=r"set model.options \{num_classes: 7\}"):
        load_into(tiny_net(2), state(7), "w.pt")


class Toucher:
    """Touches a file when a pickle that holds it is loaded by an ordinary unpickler."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path(self.path),)


def nested_zip(path: Path, payload: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", payload)
        archive.writestr("archive/version", "3")
        archive.writestr("archive/byteorder", "little")


@pytest.mark.parametrize("variable", [None, "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"])
@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.bin", "w.safetensors"])
@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle", "nested", "crafted"])
def test_files_that_run_code_are_refused_and_do_not_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    name: str,
    variable: str | None,
) -> None:
    if variable:
        monkeypatch.setenv(variable, "1")
    canary, path = tmp_path / "canary", tmp_path / name
    evil = {"state_dict": state(), "hook": Toucher(canary)}
    if kind == "zip":
        torch.save(evil, path)
    elif kind == "legacy":
        torch.save(evil, path, _use_new_zipfile_serialization=False)
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(Toucher(canary)))
    elif kind == "nested":
        torch.save({"state_dict": {"a": {"b": [Toucher(canary)]}}}, path)
    else:
        nested_zip(path, pickle.dumps(Toucher(canary)))
    with pytest.raises(CheckpointError) as caught:
        read_state(path)
    assert not canary.exists()
    message = str(caught.value)
    assert "weights_only" not in message
    assert "\n" not in message


def test_the_canary_would_sing(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.pt", {"hook": Toucher(tmp_path / "canary")})
    torch.load(path, weights_only=False)
    assert (tmp_path / "canary").exists()


def test_whole_models_and_torchscript_are_refused(tmp_path: Path) -> None:
    whole = saved(tmp_path / "whole.pt", tiny_net())
    program = torch.export.export(tiny_net().eval(), (torch.zeros(1, 3, 8, 8),))
    torch.export.save(program, tmp_path / "exported.pt2")
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        archive.writestr("script/data.pkl", pickle.dumps({}))
        archive.writestr("script/constants.pkl", pickle.dumps(()))
        archive.writestr("script/code/__torch__.py", "x")
        archive.writestr("script/version", "3")
    for path in (whole, tmp_path / "exported.pt2", tmp_path / "script.pt"):
        with pytest.raises(CheckpointError, match=r"torch.save\(model.state_dict\(\)"):
            read_state(path)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, 2], "holds a list, not a state dict"),
        (torch.zeros(3), "holds a Tensor, not a state dict"),
        ({}, "no state dict that is known .its keys: nothing"),
        ({"epoch": 3, "weightz": {}}, "its keys: epoch, weightz"),
        (
            {"model": {"a": torch.ones(1)}, "net": {"a": torch.ones(1)}},
            "several state dicts .model",
        ),
    ],
)
def test_other_contents_are_explained(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        read_state(saved(tmp_path / "w.pt", value))


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"'none.pt' does not exist"):
        read_state(tmp_path / "none.pt")
    with pytest.raises(CheckpointError, match="is a folder"):
        read_state(tmp_path)
    for name in ("w.pt", "w.safetensors"):
        (tmp_path / name).write_bytes(b"\x00\xff" * 50)
        with pytest.raises(CheckpointError, match=name):
            read_state(tmp_path / name)
        (tmp_path / name).touch()
    whole = saved(tmp_path / "whole.pt", state()).read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"cut.pt"):
        read_state(tmp_path / "cut.pt")


def test_changed_safetensors_are_an_error_or_a_result(tmp_path: Path) -> None:
    save_file(state(), tmp_path / "w.safetensors")
    data = (tmp_path / "w.safetensors").read_bytes()
    path = tmp_path / "mutant.safetensors"
    generator = torch.Generator().manual_seed(0)
    refused = 0
    for _ in range(300):
        mutant = bytearray(data)
        where, value = torch.randint(0, 256, (2,), generator=generator).tolist()
        mutant[where] = value
        path.write_bytes(bytes(mutant))
        try:
            read_state(path)
        except CheckpointError:
            refused += 1
    assert refused > 100
