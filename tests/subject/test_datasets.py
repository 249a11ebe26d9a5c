"""Datasets of the user's own: what they may return and how their failures read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from auditor.base.errors import DataError
from auditor.config.audit import DataConfig
from auditor.subject.datasets import read_dataset, to_item
from auditor.subject.images import Unreadable
from tests.subject.small import noise, write_factory

CODE = """
import numpy as np
from PIL import Image
from torch.utils.data import ConcatDataset, Subset


class Numbers:
    classes = ["zebra", "ant"]

    def __init__(self, count, bad=-1):
        self.count, self.bad = count, bad

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index == self.bad:
            raise ValueError("cannot read this one")
        return np.full((6, 6, 3), index, np.uint8), index % 2


def build(count=4, bad=-1):
    return Numbers(count, bad)


def unnamed():
    dataset = Numbers(4)
    dataset.classes = None
    return dataset


def numbered(numbers):
    dataset = Numbers(4)
    dataset.class_to_idx = numbers
    return dataset


def listed(targets):
    dataset = Numbers(4, bad=2)
    dataset.targets = targets
    return dataset


def restless():
    class Restless(Numbers):
        def __getitem__(self, index):
            return np.random.default_rng().integers(0, 256, (6, 6, 3)).astype(np.uint8), 0

    return Restless(2)


def pairs(item):
    return [item] * 2


def ready():
    return [(np.ones((3, 5, 7), np.float32), 1), (np.zeros((3, 5, 7), np.float32), 0)]


def part():
    return Subset(Subset(Numbers(6), [1, 2, 3, 4]), [2, 0, 1])


def joined(classes=("zebra", "ant")):
    other = Numbers(2)
    other.classes = classes
    return ConcatDataset([Numbers(2), other])


def nothing():
    return 7


def broken():
    raise KeyError("no such split")
"""


def read(tmp_path: Path, name: str, **options: Any) -> Any:
    write_factory(tmp_path, CODE, "sets.py")
    settings = DataConfig.model_validate({"source": f"sets.py:{name}", "options": options})
    return read_dataset(settings, tmp_path)


def test_items_are_numbered_and_named_by_the_classes(tmp_path: Path) -> None:
    found = read(tmp_path, "build")
    assert found.paths == ("item-000000", "item-000001", "item-000002", "item-000003")
    assert found.labels == ("zebra", "ant", "zebra", "ant")
    assert found.names == ("zebra", "ant")
    assert found.ordered
    assert found.notes == ("runs the code in sets.py",)
    assert np.asarray(found.reader.read(3, found.reader.digest(3))).max() == 3


def test_without_classes_labels_are_numbers(tmp_path: Path) -> None:
    found = read(tmp_path, "unnamed")
    assert found.labels == ("0", "1", "0", "1")
    assert found.numbering == "certain"


def test_wrapped_datasets_keep_their_classes(tmp_path: Path) -> None:
    assert read(tmp_path, "part").labels == ("ant", "ant", "zebra")
    assert read(tmp_path, "joined").names == ("zebra", "ant")
    assert read(tmp_path, "joined").labels == ("zebra", "ant", "zebra", "ant")


def test_items_that_fail_before_their_label_are_counted(tmp_path: Path) -> None:
    found = read(tmp_path, "build", bad=1)
    assert found.paths == ("item-000000", "item-000002", "item-000003")
    assert sum(found.excluded[""].values()) == 1
    assert np.asarray(found.reader.read(1, found.reader.digest(1))).max() == 2


def test_targets_give_labels_without_reading(tmp_path: Path) -> None:
    found = read(tmp_path, "listed", targets=[0, 1, 1, 0])
    assert found.labels == ("zebra", "ant", "ant", "zebra")
    with pytest.raises(Unreadable, match=r"ValueError: cannot read this one \(sets.py, line 18\)"):
        found.reader.read(2, found.reader.digest(2))


def test_datasets_that_change_are_noticed(tmp_path: Path) -> None:
    found = read(tmp_path, "restless")
    with pytest.raises(Unreadable, match="not repeatable"):
        found.reader.read(0, found.reader.digest(0))


def test_ready_inputs_have_a_shape(tmp_path: Path) -> None:
    found = read(tmp_path, "ready")
    assert found.shape == (5, 7)
    assert found.reader.read(0, found.reader.digest(0)).shape == (3, 5, 7)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nothing", {}, "returned a int; it must return a dataset"),
        ("build", {"count": 0}, "is empty"),
        ("build", {"size": 3}, "TypeError"),
        ("broken", {}, r"KeyError: 'no such split' \(sets.py, line \d+\)"),
        ("bild", {}, "Did you mean 'build'"),
        ("pairs", {"item": "x"}, "items must be"),
        ("pairs", {"item": [0, "cat"]}, "labels are integers"),
        ("pairs", {"item": [0, True]}, "labels are integers"),
        ("listed", {"targets": [0, 1, 2, 0]}, "is 2, but its classes are 0 to 1"),
        ("joined", {"classes": ["ant", "zebra"]}, "name their classes differently"),
        ("joined", {"classes": None}, "name their classes differently .zebra, ant; no names"),
        ("numbered", {"numbers": {"ant": 0, "zebra": 1}}, "'zebra' is 0 in its classes and 1 in"),
    ],
)
def test_mistakes_are_one_sentence(
    tmp_path: Path, name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, name, **options)


def test_every_kind_of_picture_is_the_same_picture() -> None:
    picture = noise(5, 7)
    array = np.asarray(picture)
    for value in (
        picture,
        array,
        array.transpose(2, 0, 1),
        torch.from_numpy(array.copy()).permute(2, 0, 1),
    ):
        item = to_item(value)
        assert isinstance(item, Image.Image)
        assert np.array_equal(np.asarray(item), array)
    assert np.asarray(to_item(array[..., 0])).shape == (5, 7, 3)


@pytest.mark.parametrize(
    "value", [None, "x.png", torch.zeros(17, 5, 7), torch.zeros(3, 5, 7, dtype=torch.int64)]
)
def test_other_kinds_are_reasons(value: object) -> None:
    with pytest.raises(Unreadable, match="expected a PIL image"):
        to_item(value)


def test_inputs_that_are_not_finite_are_reasons() -> None:
    with pytest.raises(Unreadable, match="not finite"):
        to_item(torch.full((3, 2, 2), float("nan")))
