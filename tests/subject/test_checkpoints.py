"""Checkpoints: what is understood, what is refused, and that nothing in a file ever runs."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pickle
import socket
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from auditor.base.errors import CheckpointError
from auditor.config.audit import ModelConfig
from auditor.subject.checkpoint_names import current_name
from auditor.subject.checkpoints import fit, load_into, of_state, read_checkpoint
from auditor.subject.stand_ins import STAND_INS, Ignored, IgnoredList, NumpyArray
from tests.subject.small import tiny_net


def state(outputs: int = 2) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return dict(tiny_net(outputs).state_dict())


def saved(path: Path, value: Any, **options: Any) -> Path:
    torch.save(value, path, **options)
    return path


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def read(path: Path) -> dict[str, torch.Tensor]:
    return dict(read_checkpoint(path, ModelConfig(source="m:f")).tensors)


def test_safetensors_and_torch_files_come_back_unchanged(tmp_path: Path) -> None:
    save_file(state(), tmp_path / "w.safetensors")
    assert same(read(tmp_path / "w.safetensors"), state())
    assert same(read(saved(tmp_path / "w.pt", state())), state())
    legacy = saved(tmp_path / "old.pth", OrderedDict(state()), _use_new_zipfile_serialization=False)
    assert same(read(legacy), state())


def test_the_content_says_what_a_file_is_and_not_its_name(tmp_path: Path) -> None:
    save_file(state(), tmp_path / "pytorch_model.bin")
    assert same(read(tmp_path / "pytorch_model.bin"), state())
    assert same(read(saved(tmp_path / "w.safetensors", state())), state())


def test_what_stands_in_for_other_objects_is_forgotten_afterwards(tmp_path: Path) -> None:
    read(saved(tmp_path / "w.pt", {"state_dict": state(), "args": argparse.Namespace(lr=0.1)}))
    assert not set(STAND_INS) & set(torch.serialization.get_safe_globals())


def test_old_densenet_keys_are_renamed() -> None:
    old = "features.denseblock1.denselayer2.norm.1.weight"
    assert current_name(old) == "features.denseblock1.denselayer2.norm1.weight"


def test_every_kind_of_mismatch_is_listed(tmp_path: Path) -> None:
    wrong = state()
    wrong["0.weight"] = torch.zeros(4, 1, 3, 3)
    wrong["5.extra"] = wrong.pop("5.bias")
    checkpoint = of_state(wrong, "w.pt")
    with pytest.raises(CheckpointError) as caught:
        load_into(tiny_net(), checkpoint)
    message = str(caught.value)
    assert "the checkpoint 'w.pt' does not fit the model" in message
    assert "missing 1 (5.bias)" in message
    assert "unexpected 1 (5.extra)" in message
    assert "0.weight: [4, 1, 3, 3] in the file, [4, 3, 3, 3] in the model" in message


def test_another_number_of_outputs_suggests_the_option() -> None:
    mismatch = fit(of_state(state(7), "w.pt"), tiny_net(2)).mismatch
    assert mismatch.head_size(2) == 7
    assert mismatch.head_size(1000) is None
    with pytest.raises(CheckpointError, match=r"set model.options \{num_classes: 7\}"):
        load_into(tiny_net(2), of_state(state(7), "w.pt"))


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
        read(path)
    assert not canary.exists()
    message = str(caught.value)
    assert "weights_only" not in message
    assert "\n" not in message


def test_the_canary_would_sing(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.pt", {"hook": Toucher(tmp_path / "canary")})
    torch.load(path, weights_only=False)
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (b"cposix\nsystem\n(S'x'\ntR.", "posix.system"),
        (b"cbuiltins\neval\n(S'x'\ntR.", "builtins.eval"),
        (b"csubprocess\nPopen\n.", "subprocess.Popen"),
        (b"cnumpy\nfromfile\n.", "numpy.fromfile"),
        (b"cpathlib\nPath.touch\n.", "pathlib.Path.touch"),
        (b"cargparse\nFileType\n.", "argparse.FileType"),
        (b"cx\x1b]0;y\n::error::z\n.", r"x\u001b]0;y.::error::z"),
    ],
)
def test_a_refusal_names_what_stopped_it(tmp_path: Path, payload: bytes, named: str) -> None:
    nested_zip(tmp_path / "w.pt", b"\x80\x02" + payload)
    with pytest.raises(CheckpointError) as caught:
        read(tmp_path / "w.pt")
    assert f"'{named}'" in str(caught.value)
    assert "save_model(model, 'weights.safetensors')" in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_stand_in_does_nothing_whatever_it_is_given(tmp_path: Path) -> None:
    """What is allowed beside the weights is never the class itself, nor its state taken over."""
    allowed = {kind for kind, _ in STAND_INS if isinstance(kind, type)}
    assert allowed == {Ignored, IgnoredList, NumpyArray, OrderedDict}
    for stand_in in (Ignored, IgnoredList, NumpyArray):
        made = stand_in("rm", b"x")
        made.__setstate__({"__class__": 1, "path": "x"})
        assert vars(made) == {}
    # argparse.Namespace() built with a state that would replace its attributes.
    nested_zip(
        tmp_path / "w.pt", b"\x80\x02cargparse\nNamespace\n)\x81}X\x01\x00\x00\x00ai\x01\x00sb."
    )
    with pytest.raises(CheckpointError):
        read(tmp_path / "w.pt")


def test_whole_models_and_other_programs_are_refused_by_name(tmp_path: Path) -> None:
    saved(tmp_path / "whole.pt", tiny_net())
    program = torch.export.export(tiny_net().eval(), (torch.zeros(1, 3, 8, 8),))
    torch.export.save(program, tmp_path / "exported.pt2")
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        archive.writestr("script/data.pkl", pickle.dumps({}))
        archive.writestr("script/constants.pkl", pickle.dumps(()))
        archive.writestr("script/code/__torch__.py", "x")
        archive.writestr("script/version", "3")
    np.savez(tmp_path / "arrays.npz", a=np.ones(3))
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        archive.writestr("archive/data/0", bytes(2**24))
    for name, said in (
        ("whole.pt", "a whole pickled model"),
        ("exported.pt2", "an exported program"),
        ("script.pt", "a program in TorchScript"),
        ("arrays.npz", "an archive of NumPy arrays"),
        ("bomb.pt", "would unpack to far more"),
    ):
        with pytest.raises(CheckpointError, match=said) as caught:
            read(tmp_path / name)
        assert "torch.save(model.state_dict()" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "git lfs pull"),
        (b"<!DOCTYPE html><html>404", "is a web page"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "is an HDF5 file"),
        (b"\x1f\x8b\x08" + bytes(99), "compressed with gzip"),
        (bytes(99), "is damaged"),
        (b"hello world, this is a text file", "is damaged"),
    ],
)
@pytest.mark.parametrize("name", ["w.pt", "w.ckpt", "w.safetensors"])
def test_files_that_are_something_else(
    tmp_path: Path, content: bytes, said: str, name: str
) -> None:
    (tmp_path / name).write_bytes(content)
    if name.endswith("safetensors"):
        said = said.replace("is damaged", "not a readable safetensors file")
    with pytest.raises(CheckpointError, match=said):
        read(tmp_path / name)


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    (tmp_path / "link.pt").symlink_to(tmp_path / "pipe.pt")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.pt"))
        (tmp_path / "loop.pt").symlink_to(tmp_path / "loop.pt")
        (tmp_path / "dir").mkdir()
        (tmp_path / "dir" / "model.safetensors").touch()
        for path, said in (
            (tmp_path / "pipe.pt", "is a named pipe"),
            (tmp_path / "link.pt", "is a named pipe"),
            (tmp_path / "s.pt", "is a socket"),
            (tmp_path / "loop.pt", "cannot be read"),
            (tmp_path / "dir", "is a folder; it holds model.safetensors: give one of them"),
            (tmp_path / "none.pt", "does not exist"),
            (tmp_path / ("x" * 300), "cannot be read"),
            (Path("/dev/zero"), "is a device"),
            (tmp_path / "model.safetensors.index.json", "is the list of a checkpoint in several"),
        ):
            if path.name.endswith("index.json"):
                path.write_text('{"weight_map": {}}')
            with pytest.raises(CheckpointError, match=said) as caught:
                read(path)
            assert str(tmp_path) not in str(caught.value)


def test_one_part_of_several_is_called_that() -> None:
    part = of_state({"0.weight": state()["0.weight"]}, "model-00001-of-00003.safetensors")
    with pytest.raises(CheckpointError, match="one part of a checkpoint in several files"):
        load_into(tiny_net(), part)


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"'none.pt' does not exist"):
        read(tmp_path / "none.pt")
    with pytest.raises(CheckpointError, match="is a folder"):
        read(tmp_path)
    for name in ("w.pt", "w.safetensors"):
        (tmp_path / name).write_bytes(b"\x00\xff" * 50)
        with pytest.raises(CheckpointError, match=name):
            read(tmp_path / name)
        (tmp_path / name).touch()
    whole = saved(tmp_path / "whole.pt", state()).read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"cut.pt"):
        read(tmp_path / "cut.pt")


def mutants(path: Path, folder: Path, count: int, *, most: int) -> int:
    """Read a file with one to four bytes among the first ``most`` changed; return refusals."""
    data = path.read_bytes()
    mutated = folder / f"mutant{path.suffix}"
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(count):
        mutant = bytearray(data)
        for where in generator.integers(0, min(most, len(data)), generator.integers(1, 5)):
            mutant[where] = generator.integers(256)
        mutated.write_bytes(bytes(mutant))
        try:
            load_into(tiny_net(), read_checkpoint(mutated, ModelConfig(source="m:f")))
        except CheckpointError:
            refused += 1
    return refused


def test_changed_files_are_an_error_or_a_result(tmp_path: Path) -> None:
    save_file(state(), tmp_path / "w.safetensors")
    assert mutants(tmp_path / "w.safetensors", tmp_path, 300, most=500) > 100
    legacy = saved(tmp_path / "w.pt", state(), _use_new_zipfile_serialization=False)
    assert mutants(legacy, tmp_path, 100, most=2000) > 30


@pytest.mark.slow
def test_very_many_changed_files_are_an_error_or_a_result(tmp_path: Path) -> None:
    save_file(state(), tmp_path / "w.safetensors")
    assert mutants(tmp_path / "w.safetensors", tmp_path, 20_000, most=2000) > 100
    for name, new in (("new.pt", True), ("old.pt", False)):
        path = saved(tmp_path / name, state(), _use_new_zipfile_serialization=new)
        assert mutants(path, tmp_path, 3000, most=4000) > 30


@pytest.mark.parametrize(
    "header",
    [
        b"{}", b"[]", b"null", b"1", b'"a"', b"{", b"[" * 5000, b'{"a":' * 3000, b"\xff\xfe{}",
        b'{"a":1}', b'{"a":null}', b'{"a":[]}', b'{"a":{}}', b'{"__metadata__":1}',
        b'{"__metadata__":{"a":1}}', b'{"__metadata__":{"a":"b"}}', b'{"a":1,"a":2}',
        *(
            json.dumps({"a": entry}).encode()
            for entry in (
                {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]},
                {"dtype": "F8_E8M0", "shape": [8], "data_offsets": [0, 8]},
                {"dtype": "F6_E2M3", "shape": [8], "data_offsets": [0, 6]},
                {"dtype": "C64", "shape": [1], "data_offsets": [0, 8]},
                {"dtype": "F32", "shape": [-1], "data_offsets": [0, 8]},
                {"dtype": "F32", "shape": [2**63], "data_offsets": [0, 8]},
                {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 8]},
                {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 8]},
                {"dtype": "F32", "shape": "x", "data_offsets": [0, 8]},
                {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]},
                {"dtype": "F32", "shape": [2], "data_offsets": [0, 10**30]},
                {"dtype": "F32", "shape": [2], "data_offsets": [0]},
                {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
                {"dtype": None, "shape": None, "data_offsets": None},
                {"dtype": "BOOL", "shape": [8], "data_offsets": [0, 8]},
                {"dtype": "F32", "shape": [0, 2], "data_offsets": [0, 0]},
                {"dtype": "F32", "shape": [1] * 100 + [2], "data_offsets": [0, 8]},
            )
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("length", [None, 0, 2**63, 2**64 - 1, 7])
def test_every_safetensors_header_is_an_error_or_a_result(
    tmp_path: Path, header: bytes, length: int | None
) -> None:
    size = len(header) if length is None else length
    path = tmp_path / "w.safetensors"
    path.write_bytes(size.to_bytes(8, "little") + header + bytes(8))
    with contextlib.suppress(CheckpointError):
        load_into(tiny_net(), read_checkpoint(path, ModelConfig(source="m:f")))
