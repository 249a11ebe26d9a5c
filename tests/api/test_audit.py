"""``auditor.audit`` on objects, against the command line on files of the same content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
)
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2
from torchvision.transforms._presets import ImageClassification

import auditor
from auditor.api.performing import Performed, opening
from auditor.base.errors import AuditorError, ConfigError, DataError, LabelError, ModelError
from auditor.subject import given
from tests.api.objects import LEAN, NAMES, TRANSFORM, Textures, model


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> auditor.Run:
    out = tmp_path_factory.mktemp("objects")
    return auditor.audit(model(), Textures(transform=TRANSFORM), out=out, name="objects", **LEAN)


def test_a_dataset_is_audited_as_it_is_handed_over(run: auditor.Run) -> None:
    assert run.result.data.used == 15
    assert list(run.classes["class"]) == NAMES
    assert run.result.performance.accuracy.value > 0.9
    notes = " ".join(run.result.method.notes)
    assert "by its transforms" in notes
    assert "100% of the values of 15 tensors are whole steps of 8 bits" in notes
    assert "a copy in evaluation mode is audited" in notes
    assert (run.path / "report.html").exists()
    assert not (run.path / "report.pdf").exists()


@pytest.fixture
def opened_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an audit find its run folder and do no more."""

    def opened(*given: Any) -> Performed:
        with opening(*given) as begun:
            return Performed(begun.run.path, None, None)

    monkeypatch.setattr("auditor.api.auditing.perform", opened)


def test_the_same_objects_are_the_same_audit_and_changed_ones_are_not(
    run: auditor.Run, opened_only: None
) -> None:
    def again(net: nn.Module, data: Any) -> Path:
        return auditor.audit(net, data, out=run.path.parent, name="objects", **LEAN).path

    assert again(model(), Textures(transform=TRANSFORM)) == run.path
    changed = model()
    with torch.no_grad():
        changed[8].bias[0] += 0.125
    other_code = model()
    other_code[2] = nn.LeakyReLU(0.01)
    pixel = Textures(transform=TRANSFORM)
    shown = np.array(pixel.pictures[3])
    shown[0, 0, 0] ^= 1
    pixel.pictures[3] = Image.fromarray(shown)
    others = [
        again(changed, Textures(transform=TRANSFORM)),
        again(other_code, Textures(transform=TRANSFORM)),
        again(model(), pixel),
    ]
    assert len({run.path, *others}) == 4


def test_the_users_model_is_left_as_it_was(tmp_path: Path) -> None:
    net = model()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    given(net.double(), Textures(transform=TRANSFORM))
    assert all(module.training for module in net.modules())
    assert next(net.parameters()).dtype == torch.float64
    assert all(torch.equal(net.state_dict()[name].float(), before[name].float()) for name in before)


@pytest.mark.parametrize(
    ("data", "labels"),
    [
        ([(picture, "dog") for picture in Textures().pictures[:3]], ["dog"] * 3),
        ([{"image": p, "label": 1} for p in Textures().pictures[:3]], ["1"] * 3),
        (DataLoader(Textures(), batch_size=2, collate_fn=list), None),
        (Subset(Textures(), [0, 6, 14]), NAMES),
        (TensorDataset(torch.rand(3, 3, 8, 8), torch.tensor([2, 0, 1])), ["2", "0", "1"]),
        (TensorDataset(torch.rand(2, 3, 8, 8), torch.tensor([[1.0], [0.0]])), ["1", "0"]),
        (
            DataLoader(Textures(), sampler=SubsetRandomSampler([12, 1])),
            ["cat", "horse"],
        ),
    ],
    ids=["text", "mappings", "own_collate", "subset", "tensors", "floats", "sampler"],
)
def test_forms_of_data(data: Any, labels: list[str] | None) -> None:
    if labels is None:  # a collate function that gives no pictures and labels
        with pytest.raises(DataError, match="without a label"):
            given(model(), data)
        return
    assert list(given(model(), data).data.labels) == labels


def test_a_data_set_of_hugging_face() -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=NAMES)}
    )
    pictures = Textures(1).pictures
    held = datasets.Dataset.from_dict({"image": pictures, "label": [2, 0, 1]}, features=features)
    data = given(model(), held, TRANSFORM).data
    assert list(data.labels) == ["horse", "cat", "dog"]
    assert data.shape == (64, 64)
    assert torch.equal(data.reader.read(1, data.reader.digest(1)), TRANSFORM(pictures[1]))
    with pytest.raises(DataError, match="DatasetDict of train; give one of them"):
        given(model(), datasets.DatasetDict({"train": held}))


def test_transforms_that_come_with_weights_frame_whole_pictures() -> None:
    published = ImageClassification(crop_size=48, resize_size=56)
    found = given(model(), Textures(), published)
    assert found.model.preset is not None
    assert found.model.preset.size == (48, 48)
    assert found.data.shape is None  # pictures, which the audit frames itself


def test_pictures_of_a_folder_keep_their_paths(tmp_path: Path) -> None:
    for name, picture in zip(NAMES, Textures(1).pictures, strict=True):
        (tmp_path / name).mkdir()
        picture.save(tmp_path / name / "one.png")
    whole = ImageFolder(str(tmp_path), TRANSFORM)
    assert given(model(), whole).data.paths == ("cat/one.png", "dog/one.png", "horse/one.png")
    assert given(model(), Subset(whole, [2, 0])).data.paths == ("horse/one.png", "cat/one.png")
    other = ImageFolder(str(tmp_path), TRANSFORM, target_transform=lambda number: 2 - number)
    assert list(given(model(), other).data.labels) == ["horse", "dog", "cat"]


class Endless(IterableDataset):
    def __iter__(self) -> Any:
        yield from Textures()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (Endless(), "iterable dataset"),
        (DataLoader(Endless()), "iterable dataset"),
        ([torch.rand(3, 8, 8)], "item 0 of the data is a Tensor without a label"),
        (TensorDataset(torch.rand(3, 3, 8, 8)), "tuple of 1 without a label"),
        ([{"image": 1, "kind": 2}], "no 'label', only 'image', 'kind'"),
        ({"train": [], "test": []}, "train, test; give one of them"),
        ([], "is empty"),
        (7, "the data is a int"),
        ([(torch.rand(3, 8, 8), None)], "the label of item 0 of the data is None"),
        ([(torch.rand(3, 8, 8), torch.eye(3)[0])], "of shape (3,)"),
        ([(torch.rand(3, 8, 8), 1), (torch.rand(3, 8, 8), "b")], "give one kind"),
        ([(torch.rand(3, 8, 8) * 900 - 300, 1)], "no usual normalisation"),
        ("photos/val", "the data is a str; give a dataset"),
    ],
)
def test_data_that_cannot_be_audited_is_said_in_a_sentence(data: Any, said: str) -> None:
    with pytest.raises(DataError) as failure:
        given(model(), data)
    assert said in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("net", "said"),
    [
        (nn.Linear, "the class Linear, not a torch.nn.Module; call it"),
        ("resnet", "the model is str"),
        (nn.Linear(2, 2, device="meta"), "the device 'meta'"),
    ],
)
def test_models_that_cannot_be_audited(net: Any, said: str) -> None:
    with pytest.raises(ModelError, match=said.replace("(", r"\(")):
        given(net, Textures())


def test_labels_that_are_no_outputs(tmp_path: Path) -> None:
    data = [(TRANSFORM(picture), 7) for picture in Textures().pictures[:4]]
    with pytest.raises(LabelError, match="'7' is no output: the model's outputs are 0 to 2"):
        auditor.audit(model(), data, out=tmp_path, **LEAN)
    text = [(TRANSFORM(picture), "cow") for picture in Textures().pictures[:4]]
    with pytest.raises(LabelError, match="no label of the data is the name of an output"):
        auditor.audit(model(), text, classes=NAMES, out=tmp_path, **LEAN)


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ([0.5] * 3, [0.5] * 3),
        ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]),
        ([0.0] * 3, [1.0] * 3),
    ],
)
def test_how_tensors_were_normalised_is_told_by_their_values(
    mean: list[float], std: list[float]
) -> None:
    """Low contrast: by the ends of the range all of these could be meant."""
    pixels = torch.randint(100, 160, (6, 3, 16, 16)).float() / 255
    values = v2.functional.normalize(pixels, mean, std)
    found = given(model(), TensorDataset(values, torch.arange(6) % 3)).preprocess
    assert (found["mean"], found["std"], found["scale"]) == (mean, std, 1.0)


def test_mean_and_std_are_applied_to_pixels_and_taken_as_done_by_others() -> None:
    told = {"mean": [0.5] * 3, "std": [0.25] * 3}
    pixels = torch.rand(4, 3, 8, 8)
    of_pixels = given(model(), TensorDataset(pixels, torch.arange(4) % 3), told).data
    row = of_pixels.reader.digest(0)
    assert torch.allclose(of_pixels.reader.read(0, row), (pixels[0] - 0.5) / 0.25)
    assert "none of 4 tensors" in " ".join(of_pixels.notes)
    done = (pixels - 0.5) / 0.25
    of_inputs = given(model(), TensorDataset(done, torch.arange(4) % 3), told).data
    assert torch.equal(of_inputs.reader.read(0, of_inputs.reader.digest(0)), done[0])
    assert "4 of 4 tensors" in " ".join(of_inputs.notes)
    with pytest.raises(DataError, match="undoing the given mean and std"):
        given(model(), TensorDataset(done * 9, torch.arange(4) % 3), told)


def test_what_the_dataset_normalises_is_not_normalised_again() -> None:
    again = ImageClassification(crop_size=48, resize_size=56)
    with pytest.raises(DataError, match="normalised already"):
        given(model(), Textures(transform=TRANSFORM), again)
    pixels = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
    once = given(model(), Textures(transform=pixels), v2.Normalize([0.5] * 3, [0.5] * 3))
    assert once.preprocess["mean"] == [0.5] * 3


class Relabelled(Textures):
    """Corrects one label as it is read, and still lists the old one among the targets."""

    def __getitem__(self, at: int) -> tuple[Any, int]:
        picture, label = super().__getitem__(at)
        return picture, (2 if at == 1 else label)


def test_a_label_that_differs_from_the_listed_one_is_an_error() -> None:
    reader = given(model(), Relabelled(20)).data.reader
    reader.digest(0)
    with pytest.raises(DataError, match=r"item 1 .* label '2', but the dataset lists '0'"):
        reader.digest(1)


def test_a_batch_sampler_is_told_and_its_subset_is_kept() -> None:
    some = BatchSampler(SubsetRandomSampler([12, 1]), 2, drop_last=False)
    kept = given(model(), DataLoader(Textures(), batch_sampler=some)).data
    assert list(kept.labels) == ["cat", "horse"]
    own = given(model(), DataLoader(Textures(), batch_sampler=[[0, 1], [2]])).data
    assert "(list) is not asked" in " ".join(own.notes)


def test_runs_may_lie_at_an_address() -> None:
    with pytest.raises(ConfigError, match="give it as text"):
        auditor.audit(model(), Textures(transform=TRANSFORM), out=Path("s3://bucket/runs"), **LEAN)
    with pytest.raises(ConfigError, match="'http://bucket/runs' cannot be written"):
        auditor.audit(model(), Textures(transform=TRANSFORM), out="http://bucket/runs", **LEAN)
    address = "memory://notebook/runs"
    run = auditor.audit(model(), Textures(transform=TRANSFORM), out=address, **LEAN)
    again = auditor.open_run(f"{address}/{run.path.name}")
    assert again.path != run.path
    assert again.result == run.result


def test_a_loaders_own_collate_function_is_applied() -> None:
    def normalised(batch: list[Any]) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.stack([TRANSFORM(p) for p, _ in batch]), torch.tensor([y for _, y in batch])

    loader = DataLoader(Textures(), batch_size=4, collate_fn=normalised)
    data = given(model(), loader).data
    assert torch.equal(data.reader.read(0, data.reader.digest(0)), TRANSFORM(Textures()[0][0]))
    assert "collate" in " ".join(data.notes)


def test_random_transforms_are_refused(tmp_path: Path) -> None:
    shaky = v2.Compose([v2.RandomResizedCrop(64), TRANSFORM])
    with pytest.raises(AuditorError, match="random augmentation"):
        auditor.audit(model(), Textures(), preprocess=shaky, out=tmp_path, **LEAN)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"presett": "quick"}, "Did you mean 'preset'"),
        ({"audit": {"referencess": 3}}, "audit.references"),
        ({"model.weights": "x.pt"}, "model.weights cannot be set"),
        ({"executor": "processes"}, "unknown keyword"),
        ({"preprocess": 3}, "preprocess is a int"),
        ({"preprocess": {"mean": [0.4] * 3}}, "preprocess gives mean alone"),
        ({"preprocess": {"scale": 255}}, "preprocess gives scale alone"),
    ],
)
def test_settings_that_are_none(settings: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as failure:
        auditor.audit(model(), Textures(transform=TRANSFORM), out=tmp_path, **settings)
    assert said in str(failure.value)
