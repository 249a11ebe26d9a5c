"""Several labels for each picture: how tables say them, and how they meet the outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auditor.base.errors import AuditorError
from auditor.config.audit import Config
from auditor.records.several import decided, masked
from auditor.shortcuts.split import halves
from auditor.subject import load_subject

MODEL = """
from torch import nn
def build(labels=3, end="none"):
    ends = {"none": [], "sigmoid": [nn.Sigmoid()], "softmax": [nn.Softmax(1)]}
    body = [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*body, nn.Linear(4, labels), *ends[end])
"""
TABLE = """path,age,a,b,c
0.png,31,1,0,-1
1.png,45,1,1,0
2.png,52,0,0,0
3.png,60,,0,1
"""


def laid_out(
    folder: Path, table: str, *, count: int = 4, model: dict | None = None, **data
) -> Config:
    rng = np.random.default_rng(0)
    for at in range(count):
        shown = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(shown).save(folder / f"{at}.png")
    (folder / "my_model.py").write_text(MODEL)
    (folder / "labels.csv").write_text(table)
    return Config.model_validate(
        {
            "version": 1,
            "model": {"source": "my_model.py:build", "classes": ["a", "b", "c"]} | (model or {}),
            "data": {"source": "labels.csv", "labels": "multi"} | data,
            "preprocess": {"resize": 16, "mean": [0.5] * 3, "std": [0.5] * 3, "scale": 1},
        }
    )


def refused(folder: Path, table: str, **changes) -> str:
    with pytest.raises(AuditorError) as error:
        load_subject(laid_out(folder, table, **changes), folder)
    return str(error.value)


def test_a_row_for_each_label_that_is_present(tmp_path: Path) -> None:
    manifest = load_subject(laid_out(tmp_path, TABLE), tmp_path).manifest
    assert manifest.classes == ("a", "b", "c", "label absent")
    assert manifest.paths == ("0.png", "1.png", "1.png [b]", "2.png", "3.png")
    assert manifest.labels.tolist() == [0, 0, 1, 3, 2]
    several = manifest.several
    assert several is not None
    assert several.picture.tolist() == [0, 1, 1, 2, 3]
    assert several.states[several.first].tolist() == [[1, 0, -1], [1, 1, 0], [0, 0, 0], [-1, 0, 1]]


@pytest.mark.parametrize(
    ("table", "data"),
    [
        ("path,findings\n0.png,a\n1.png,a|b\n2.png,No Finding\n3.png,c\n", {}),
        ("path,findings\n0.png,a\n1.png,b; a\n2.png,none\n3.png,c\n", {}),
        ('path,findings\n0.png,"[1, 0, 0]"\n1.png,"[1, 1, 0]"\n2.png,"[0,0,0]"\n3.png,0 0 1\n', {}),
    ],
)
def test_one_column_says_the_same(tmp_path: Path, table: str, data: dict) -> None:
    config = laid_out(tmp_path, table, columns={"label": "findings"}, **data)
    several = load_subject(config, tmp_path).manifest.several
    assert several is not None
    assert several.states[several.first].tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]]


def test_columns_of_0_and_1_are_recognised_and_said(tmp_path: Path) -> None:
    subject = load_subject(laid_out(tmp_path, TABLE, labels="auto"), tmp_path)
    assert subject.manifest.several is not None
    assert any("CHECK" in note and "3 columns of 0 and 1" in note for note in subject.notes)
    assert any("2 of 12 labels are uncertain" in note for note in subject.notes)


def test_one_hot_columns_are_one_class_unless_said(tmp_path: Path) -> None:
    table = "path,a,b,c\n0.png,1,0,0\n1.png,0,1,0\n2.png,0,0,1\n3.png,1,0,0\n"
    one = load_subject(laid_out(tmp_path, table, labels="auto"), tmp_path)
    assert one.manifest.several is None
    assert one.manifest.labels.tolist() == [0, 1, 2, 0]
    assert any("exactly one of which is 1" in note for note in one.notes)
    assert load_subject(laid_out(tmp_path, table), tmp_path).manifest.several is not None


def test_outputs_without_a_label_are_uncertain_and_columns_without_an_output_said(
    tmp_path: Path,
) -> None:
    subject = load_subject(laid_out(tmp_path, TABLE, model={"classes": ["a", "d", "c"]}), tmp_path)
    assert subject.manifest.several is not None
    assert set(subject.manifest.several.states[:, 1].tolist()) == {-1}
    notes = "\n".join(subject.notes)
    assert "not used: 'b'" in notes
    assert "not audited: 'd'" in notes


@pytest.mark.parametrize(
    ("table", "changes", "says"),
    [
        (TABLE.replace("45,1,1,0", "45,1,2,0"), {"columns": {"label": ["a", "b", "c"]}},
         "labels.csv:3: the label 'b' is '2'; write 1 (present), 0 (absent)"),
        (TABLE, {"columns": {"label": ["a", "b", "x"]}}, "unknown column 'x'"),
        (TABLE, {"columns": {"label": ["a", "b"]}, "model": {"classes": None}},
         "the data has 2 labels: 'a', 'b', and the model has 3 outputs"),
        (TABLE, {"columns": {"label": ["a", "b"]}, "labels": "name"}, "write data.labels: multi"),
        (TABLE, {"classes": ["a"]}, "name labels to audit by audit.classes"),
        (TABLE, {"model": {"threshold": {"x": 0.3}}}, "label in model.threshold"),
        ("path,findings\n0.png,a\n1.png,b\n2.png,c\n3.png,a\n", {"columns": {"label": "findings"}},
         "has one label in every row, and data.labels is multi"),
        ("path,findings\n0.png,a|z\n1.png,b\n2.png,c\n3.png,a\n",
         {"columns": {"label": "findings"}}, "'z'"),
        ("path,findings\n0.png,a|b\n1.png,\n2.png,c\n3.png,a\n", {"columns": {"label": "findings"}},
         "labels.csv:3: the labels are empty; write none"),
        ('path,v\n0.png,"[1,0,0]"\n1.png,"[1,0]"\n2.png,"[0,0,1]"\n3.png,"[0,0,0]"\n',
         {"columns": {"label": "v"}}, "has 2 numbers"),
        (TABLE + "0.png,31,0,0,0\n", {}, "of several labels: one row with all of them"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_sentence(
    tmp_path: Path, table: str, changes: dict, says: str
) -> None:
    said = refused(tmp_path, table, **changes)
    assert says in said
    assert "\n" not in said


def test_a_limit_draws_pictures_and_keeps_their_labels_together(tmp_path: Path) -> None:
    lines = [f"{at}.png,{int(at % 2 == 0)},{int(at % 3 == 0)},{int(at == 7)}" for at in range(30)]
    table = "\n".join(["path,a,b,c", *lines]) + "\n"
    manifest = load_subject(laid_out(tmp_path, table, count=30, limit=12), tmp_path).manifest
    several = manifest.several
    assert several is not None
    assert int(several.first.sum()) == 12
    assert (several.states[several.first, 2] == 1).sum() == 1
    half = halves(manifest, 0)
    for picture in np.unique(several.picture):
        assert len(set(half[several.picture == picture].tolist())) == 1


def test_decided_is_crossing_the_threshold_of_the_rows_own_label() -> None:
    logits = np.array([[1.0, -1.0, 2.0, 0.0], [-1.0, 3.0, -2.0, 0.0], [-1.0, -3.0, -2.0, 0.0]])
    assert decided(logits, np.array([0, 0, 3])).tolist() == [0, 3, 3]
    assert decided(logits, np.array([1, 3, 1])).tolist() == [3, 1, 3]
    for label in range(3):
        only = masked(logits, label)
        assert (only.argmax(axis=1) == label).tolist() == (logits[:, label] > 0).tolist()
        chance = np.exp(only[:, label]) / np.exp(only).sum(axis=1)
        np.testing.assert_allclose(chance, 1 / (1 + np.exp(-logits[:, label])))


DATA = """
import numpy as np
import torch
class Data(torch.utils.data.Dataset):
    classes = ["a", "b", "c"]
    def __len__(self):
        return 3
    def __getitem__(self, at):
        label = torch.tensor([[1.0, 0, float("nan")], [1, 1, 0], [0, VALUE, 0]][at])
        return np.full((16, 16, 3), 40 * at, dtype=np.uint8), label
def load():
    return Data()
"""


@pytest.mark.parametrize("value", ["0", "2"])
def test_a_dataset_gives_vectors(tmp_path: Path, value: str) -> None:
    (tmp_path / "my_data.py").write_text(DATA.replace("VALUE", value))
    config = laid_out(tmp_path, TABLE, source="my_data.py:load")
    if value == "2":
        with pytest.raises(AuditorError, match=r"the label of item 2 .* holds 2; its numbers"):
            load_subject(config, tmp_path)
        return
    several = load_subject(config, tmp_path).manifest.several
    assert several is not None
    assert several.states[several.first].tolist() == [[1, 0, -1], [1, 1, 0], [0, 0, 0]]
