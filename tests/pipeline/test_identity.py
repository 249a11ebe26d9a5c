"""The same audit and no other goes on in a run's folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import torch
from PIL import Image
from pydantic import BaseModel, TypeAdapter, ValidationError

from auditor.base.progress import Progress
from auditor.config.audit import Config, parse_config
from auditor.pipeline import device_class as devices
from auditor.pipeline import identity as identities
from auditor.pipeline.identity import identity_of
from auditor.pipeline.opening import audited_layers, make_explainer, open_audit
from auditor.run.folder import RunFolder, digest_of
from auditor.run.manifest import read_manifest
from auditor.subject import load_subject
from tests.subject.small import image_folder

NET = """
import torch
from torch import nn
from layers_of_net import Act, scale

class Net(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.act, self.last = Act(), nn.Linear(4, outputs)
        self.register_buffer("table", torch.tensor(1.0), persistent=False)

    def forward(self, x):
        x = self.act(self.first(x))
        x = x + self.act(self.second(x))
        return self.last(x.amax((2, 3))) * scale() * self.table

def build(outputs=2):
    return Net(outputs)
"""
LAYERS = """
from torch.nn import ReLU as Act

def scale():
    return 1.0
"""
TABLE = "path,label,site,mask\n" + "".join(
    f"photos/{name}/{number:03d}.png,{name},{site},masks/{name}/{number:03d}.png\n"
    for name in ("cat", "dog")
    for number, site in enumerate(("north", "south"))
)
DOCUMENT: dict[str, Any] = {
    "project": {"name": "pets"},
    "model": {
        "source": "net.py:build", "device": "cpu", "classes": "names.txt", "weights": "w.pt"
    },
    "data": {"source": "list.csv", "columns": {"mask": "mask"}},
    "preprocess": {"resize": 8, "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
}  # fmt: skip


def write(folder: Path) -> Path:
    image_folder(folder / "photos", {"cat": 2, "dog": 2})
    for name in ("cat", "dog"):
        (folder / "masks" / name).mkdir(parents=True)
        for number in range(2):
            mask = Image.new("L", (12, 12))
            mask.paste(255, (2, 2, 8, 8))
            mask.save(folder / "masks" / name / f"{number:03d}.png")
    (folder / "net.py").write_text(NET)
    (folder / "layers_of_net.py").write_text(LAYERS)
    (folder / "names.txt").write_text("cat\ndog\n")
    (folder / "list.csv").write_text(TABLE)
    torch.save({"model": state(folder)}, folder / "w.pt")
    return folder


def state(folder: Path) -> dict[str, torch.Tensor]:
    shape = {"first": (4, 3, 3, 3), "second": (4, 4, 3, 3), "last": (2, 4)}
    generator = torch.Generator().manual_seed(1)
    found = {}
    for name, size in shape.items():
        found[f"{name}.weight"] = torch.randn(size, generator=generator)
        found[f"{name}.bias"] = torch.randn(size[:1], generator=generator)
    return found


def identity(folder: Path, *, base: Path | None = None, **changes: dict[str, Any]) -> dict:
    document = {name: {**DOCUMENT.get(name, {}), **changes.get(name, {})} for name in
                {**DOCUMENT, **changes}}  # fmt: skip
    config = parse_config(document)
    sys.modules.pop("layers_of_net", None)  # each command is a process of its own
    subject = load_subject(config, base or folder)
    explainer = make_explainer(config, subject)
    return identity_of(config, subject, explainer, audited_layers(config, explainer))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield write(tmp_path / "here")
    sys.modules.pop("layers_of_net", None)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return identity(write(tmp_path_factory.mktemp("plain") / "here"))


def replaced(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        times = (folder / name).stat()
        (folder / name).write_text(text.replace(old, new, 1))
        os.utime(folder / name, ns=(times.st_atime_ns, times.st_mtime_ns))  # times do not count

    return change


def one_weight(folder: Path) -> None:
    changed = state(folder)
    changed["last.bias"][0] = changed["last.bias"][0] + 1e-6
    torch.save({"model": changed}, folder / "w.pt")


def a_pixel(folder: Path) -> None:
    picture = Image.open(folder / "photos" / "cat" / "000.png").convert("RGB")
    picture.putpixel((0, 0), (1, 2, 3))
    picture.save(folder / "photos" / "cat" / "000.png")


def a_mask(folder: Path) -> None:
    Image.new("L", (12, 12), 255).save(folder / "masks" / "cat" / "000.png")


CHANGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "an inverted output": ("model", replaced("net.py", "return self.last", "return -self.last")),
    "a residual dropped": ("model", replaced("net.py", "x = x + self", "x = self")),
    "another pooling": ("model", replaced("net.py", "amax", "mean")),
    "a buffer": ("model", replaced("net.py", "tensor(1.0)", "tensor(1.5)")),
    "a module that is imported": ("model", replaced("layers_of_net.py", "ReLU", "GELU")),
    "a constant of it": ("model", replaced("layers_of_net.py", "1.0", "2.0")),
    "a weight": ("model", one_weight),
    "names of classes": ("data", replaced("names.txt", "cat\ndog", "dog\ncat")),
    "a picture": ("data", a_pixel),
    "a mask": ("data", a_mask),
    "a label": ("data", replaced("list.csv", "cat/000.png,cat", "cat/000.png,dog")),
    "metadata": ("data", replaced("list.csv", "north", "south")),
    "the name of a column": ("data", replaced("list.csv", "site", "camera")),
    "the order of rows": ("data", replaced(
        "list.csv", TABLE, "\n".join([TABLE.split("\n")[0], *TABLE.split("\n")[4:0:-1], ""])
    )),
    "a row less": ("data", replaced("list.csv", TABLE, "\n".join(TABLE.split("\n")[:4]) + "\n")),
}  # fmt: skip


# The quick tests try a few of them; all take ten seconds.
FEW = ("an inverted output", "a module that is imported", "a picture", "a mask")


@pytest.mark.parametrize(
    "name",
    [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in CHANGES],
)
def test_each_input_that_changes_gives_another_identity(
    name: str, folder: Path, plain: dict[str, Any]
) -> None:
    part, change = CHANGES[name]
    change(folder)
    found = identity(folder)
    changed = {each for each in plain if found[each] != plain[each]}
    assert part in changed
    assert changed <= {part, "layers"}  # other code may have other layers


@pytest.mark.slow
def test_a_file_that_is_found_and_not_used_is_part_of_it(folder: Path) -> None:
    keys = {"data": {"source": "photos", "columns": {}}}
    before = identity(folder, **keys)
    (folder / "photos" / "cat" / "notes.txt").write_text("not a picture")
    after = identity(folder, **keys)
    assert before["data"] != after["data"]


@pytest.mark.slow
def test_presets_that_are_in_no_config_are_part_of_it(folder: Path, plain: dict) -> None:
    changed = identity(folder, preprocess={"interpolation": "nearest"})
    assert changed["preprocessing"] != plain["preprocessing"]
    assert identity(folder, preprocess={"std": [0.2, 0.25, 0.25]})["preprocessing"] not in (
        plain["preprocessing"], changed["preprocessing"]
    )  # fmt: skip


def test_what_is_not_read_gives_the_same_identity(folder: Path, plain: dict[str, Any]) -> None:
    replaced("net.py", "import torch\n", "# a comment\nimport torch\n\n")(folder)
    replaced("layers_of_net.py", "def scale", '"""A docstring."""\n\n\ndef scale')(folder)
    for path in folder.rglob("*.p*"):
        os.utime(path, (1, 1))
    assert identity(folder) == plain
    moved = folder.rename(folder.parent / "there")
    (moved / "net.py").rename(moved / "model.py")
    (moved / "w.pt").rename(moved / "weights.pt")
    (moved / "list.csv").rename(moved / "table.csv")
    places = {
        "model": {
            "source": f"{moved}/model.py:build",
            "weights": str(moved / "weights.pt"),
            "classes": str(moved / "names.txt"),
        },
        "data": {"source": str(moved / "table.csv")},
        "report": {"formats": ["html"], "title": "Another title"},
        "targets": {"accuracy": ">= 0.5"},
        "policy": {},
    }
    assert identity(moved, base=folder.parent, **places) == plain


# Keys that say where something lies, which is digested itself, who does the work, or what is made
# of the evidence.
NO_EVIDENCE = {
    "run", "version", "model.source", "model.weights", "model.classes", "data.source", "data.masks",
    "audit.units", "audit.names_model", "audit.names_vocabulary",
}  # fmt: skip
MADE_OF_IT = {"report", "project", "targets", "policy", "completion"}
CANDIDATES: list[Any] = [
    True, False, 7, 0.5, 0.25, 2.5, "another", "nearest", ["another"], [["cat", "dog"]], {"key": 2},
    [3, 4], [0.1, 0.2, 0.3],
]  # fmt: skip


def literals(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
        yield from ([each] for each in get_args(annotation))
    for each in get_args(annotation):
        if not isinstance(each, str):
            yield from literals(each)


def another(annotation: Any, value: Any) -> Any:
    """Return a value that a key may have, other than the one it has."""
    for candidate in (*literals(annotation), *CANDIDATES):
        try:
            found = TypeAdapter(annotation).validate_python(candidate, strict=False)
        except ValidationError:
            continue
        if found != value:
            return found
    raise AssertionError(f"no other value for {annotation}")


def changed_configs(config: BaseModel, prefix: str = "") -> Iterator[tuple[str, BaseModel]]:
    """Yield every key with the config in which it alone is another."""
    for key, info in type(config).model_fields.items():
        name, value = f"{prefix}{key}", getattr(config, key)
        if name in NO_EVIDENCE | MADE_OF_IT:
            continue
        if isinstance(value, BaseModel):
            for inner, changed in changed_configs(value, f"{name}."):
                yield inner, config.model_copy(update={key: changed})
        elif name == "audit.composite":
            for other in ("epsilon", {"base": "auto", "layers": {"0*": "zplus"}}):
                audit = {**config.model_dump(mode="json"), "composite": other}
                yield name, type(config).model_validate(audit)
        else:
            yield name, config.model_copy(update={key: another(info.annotation, value)})


def test_every_key_of_the_config_that_computes_is_part_of_it() -> None:
    config = parse_config(DOCUMENT | {"model": {"source": "net.py:build"}})
    plain = digest_of(identities._configured(config))
    found = [
        (name, digest_of(identities._configured(changed)))
        for name, changed in changed_configs(config)
    ]
    assert len(found) > 50
    assert not [name for name, digest in found if digest == plain]
    listed = config.model_copy(update={"model": config.model.model_copy(update={"classes": ["a"]})})
    assert digest_of(identities._configured(listed)) != plain


@pytest.mark.parametrize("name", [*identities.COMPUTING])
def test_every_package_that_computes_is_part_of_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = identities.versions()
    known = identities.importlib.metadata.version

    def version(asked: str) -> str:
        return "99" if asked == name else known(asked)

    monkeypatch.setattr(identities.importlib.metadata, "version", version)
    assert identities.versions() == before | {name: "99"}


def test_python_the_decoders_and_the_program_are_part_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = identities.versions()
    monkeypatch.setattr(identities.platform, "python_version_tuple", lambda: ("3", "99", "1"))
    monkeypatch.setattr(identities.features, "version", lambda name: "98")
    monkeypatch.setattr(identities.auditor, "__version__", "97")
    after = identities.versions()
    assert (after["python"], after["jpg"], after["concept-auditor"]) == ("3.99", "98", "97")
    assert after["numpy"] == before["numpy"]


def test_the_class_of_the_device_is_what_chooses_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    found = devices.device_class(cpu)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    assert devices.device_class(cpu) == found
    torch.set_num_threads(before)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "ANOTHER")
    assert devices.device_class(cpu) == found | {"CPU": "ANOTHER"}
    monkeypatch.undo()
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    assert devices.device_class(cpu) == found | {"MKL_CBWR": "COMPATIBLE"}
    monkeypatch.undo()
    monkeypatch.setattr(devices, "threadpool_info", lambda: [{"architecture": "Zen"}, {"a": "b"}])
    assert devices.device_class(cpu) == found | {"BLAS": "Zen"}
    monkeypatch.undo()
    monkeypatch.setattr(torch, "are_deterministic_algorithms_enabled", lambda: True)
    assert devices.device_class(cpu) == found | {"algorithms": "deterministic"}
    monkeypatch.undo()
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A GPU")
    gpu = devices.device_class(torch.device("cuda"))
    assert gpu["GPU"] == "A GPU"
    assert {"CUDA", "cuDNN", *found} < set(gpu)


class Said(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


IDENTITY: dict[str, Any] = {
    "config": "c", "layers": ["a"], "model": "m", "preprocessing": "p",
    "data": "d", "versions": {"torch": "2.10", "numpy": "2.0"},
    "device": {"machine": "x86_64", "CPU": "AVX512", "BLAS": "SkylakeX"},
}  # fmt: skip
OTHER_CPU = {"device": IDENTITY["device"] | {"CPU": "AVX2", "BLAS": "Haswell"}}


def opened(out: Path, hour: int, **changes: Any) -> tuple[RunFolder, list[str]]:
    said = Said()
    config: Config = parse_config(DOCUMENT)
    created = f"2026-01-02T{hour:02d}:00:00Z"
    run = open_audit(config, IDENTITY | changes, out, created, [], said)
    return run, said.lines


def test_a_run_of_another_machine_is_not_gone_on_with_and_it_is_said_why(tmp_path: Path) -> None:
    first, said = opened(tmp_path, 1)
    assert not said
    assert read_manifest(first.path)["identity"] == IDENTITY
    second, said = opened(tmp_path, 2, **OTHER_CPU)
    assert second.path != first.path
    assert said == [
        f"{first.path} was begun on another machine (BLAS: SkylakeX -> Haswell; CPU: AVX512 -> "
        "AVX2): starting anew"
    ]
    again, said = opened(tmp_path, 3)
    assert (again.path, said) == (first.path, [])
    gpu = IDENTITY["device"] | {"GPU": "A GPU", "CUDA": "13.0"}
    _, said = opened(tmp_path, 4, device=gpu, versions={"torch": "2.14", "numpy": "2.0"})
    assert "torch: 2.10 -> 2.14" in said[0]
    assert "CUDA: none -> 13.0; GPU: none -> A GPU" in said[0]


def test_only_what_could_have_been_gone_on_with_is_spoken_of(tmp_path: Path) -> None:
    first, _ = opened(tmp_path, 1)
    _, said = opened(tmp_path, 2, model="other", data="other")
    assert said == [
        f"{first.path} was begun with other weights or other code of the model and on other data: "
        "starting anew"
    ]
    for path in tmp_path.glob("*/"):
        RunFolder(path, "", "").write({}, status="audited")
    assert opened(tmp_path, 3, model="a third")[1] == []
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{")
    _, said = opened(tmp_path / "elsewhere", 4, **OTHER_CPU)
    assert not said


def test_a_finished_run_of_another_machine_is_named_too(tmp_path: Path) -> None:
    run, _ = opened(tmp_path, 1)
    run.write({}, status="audited")
    assert "on another machine" in opened(tmp_path, 2, **OTHER_CPU)[1][0]
