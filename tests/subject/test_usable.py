"""Nothing usable is an error that names the first reason and the cause of most; counts add up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from auditor.base.errors import DataError, IntegrityError, StoppedError
from auditor.records.accounting import BEYOND_LIMIT, ClassCount, accounts, lost_share
from auditor.records.stages import Manifest, Samples
from auditor.subject import Subject, load_subject
from auditor.subject.folders import NOT_AN_IMAGE, OTHER_FORMAT, UNKNOWN_KIND
from auditor.subject.selection import OTHER_CLASS
from auditor.subject.usable import first_and_cause, nothing_usable
from tests.subject.small import config, image_folder, noise, write_factory

PHOTOSHOP = b"8BPS\0\1" + b"\0" * 16
Rewrite = Callable[[str], str]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    write_factory(tmp_path)
    image_folder(tmp_path / "photos", {"cat": 3, "dog": 3})
    return tmp_path


def with_table(base: Path, rewrite: Rewrite, place: str = "photos") -> Path:
    """Write a table whose paths are those of the pictures, changed."""
    lines = ["path,label"]
    for label in ("cat", "dog"):
        lines += [f'"{rewrite(f"{label}/{number:03d}.png")}",{label}' for number in range(3)]
    (base / place).mkdir(exist_ok=True)
    (base / place / "list.csv").write_text("\n".join(lines) + "\n")
    return base


@pytest.mark.parametrize(
    ("rewrite", "place", "cause"),
    [
        (lambda path: path[:-4] + ".jpg", "photos", r"another suffix.*'cat/000\.png' is there"),
        (lambda path: f"b'PNG{path[4:7]}{path[0]}'", "photos", "hold the pictures themselves"),
        (lambda path: f"data/val/{path}", "photos", r"begin with 'data/val'.*data\.root"),
        (lambda path: path, ".", r"start from the folder 'deep/photos'.*data\.root"),
        (lambda path: f"no/{path[:3]}/{path[4:]}x", "photos", r"do not exist: .*data\.root"),
    ],
)
def test_the_cause_of_most_is_found_in_the_data(
    base: Path, rewrite: Rewrite, place: str, cause: str
) -> None:
    with_table(base, rewrite, place)
    if place == ".":
        (base / "deep").mkdir()
        (base / "photos").rename(base / "deep" / "photos")
    source = "list.csv" if place == "." else f"{place}/list.csv"
    with pytest.raises(DataError, match=rf"none of the 6 pictures.*The first: '.*{cause}"):
        load_subject(config(data=source), base)


def sifted(subject: Subject) -> str:
    """Return the error that the pass would raise."""
    _, quarantine = subject.sift(range(len(subject.manifest)))
    return str(nothing_usable(subject.manifest.paths, quarantine, subject.reader))


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"<!DOCTYPE html><title>Sign in</title>", "web pages"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "git lfs pull"),
        (b"\x93NUMPY\x01\0", "dataset factory"),
    ],
)
def test_what_the_files_are_instead_is_said(base: Path, content: bytes, cause: str) -> None:
    for path in (base / "photos").rglob("*.png"):
        path.write_bytes(content)
    assert cause in sifted(load_subject(config(), base))


def test_empty_and_missing_files_and_small_pictures(base: Path) -> None:
    for path in (base / "photos").rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="6 of 6 are empty files: download"):
        load_subject(config(), base)
    for path in (base / "photos").rglob("*.png"):
        noise(5, 5).save(path)
    said = sifted(load_subject(config(preprocess={"crop": 12}), base))
    assert "6 of 6 are smaller than the crop: set preprocess.resize" in said


def test_a_cause_that_explains_few_is_not_named(base: Path) -> None:
    files = sorted((base / "photos").rglob("*.png"))
    subject = load_subject(config(), base)
    for path, content in zip(
        files, (b"<html>", b"%PDF", PHOTOSHOP, b"PK\x03\x04", b"a", b"b"), strict=True
    ):
        path.write_bytes(content)
    reasons = dict.fromkeys(range(6), "is odd")
    said = first_and_cause(subject.manifest.paths, reasons, subject.reader)
    assert said == "The first: 'cat/000.png' is odd."


def test_a_dataset_of_which_nothing_can_be_used(base: Path) -> None:
    (base / "sets.py").write_text(
        "class Lazy:\n"
        "    targets = [0, 1, 0]\n"
        "    def __len__(self):\n"
        "        return 3\n"
        "    def __getitem__(self, at):\n"
        "        raise OSError('no such bucket')\n"
    )
    with pytest.raises(DataError, match=r"none of the 3 pictures.*3 of 3 fail in the dataset's"):
        load_subject(config(data="sets.py:Lazy"), base)


def test_a_dataset_that_changes_or_fails_later_stops_the_audit(base: Path) -> None:
    (base / "sets.py").write_text(
        "import os, torch\n"
        "class Moving:\n"
        "    targets = [0, 1, 0]\n"
        "    def __len__(self):\n"
        "        return 3\n"
        "    def __getitem__(self, at):\n"
        "        if at == 1 and os.path.exists('" + str(base / "gone") + "'):\n"
        "            raise OSError('connection reset')\n"
        "        level = 2 if at == 2 and os.path.exists('" + str(base / "other") + "') else 1\n"
        "        return torch.full((3, 8, 8), level / 4), self.targets[at]\n"
    )
    subject = load_subject(config(data="sets.py:Moving"), base)
    (base / "gone").touch()
    with pytest.raises(StoppedError, match=r"'item-000001' could be read.*connection reset"):
        subject.load([0, 1])
    with pytest.raises(StoppedError, match="connection reset"):
        subject.sift([0, 1, 2])
    (base / "gone").unlink()
    (base / "other").touch()
    with pytest.raises(DataError, match=r"'item-000002' differs from when.*not repeatable"):
        subject.sift([0, 1, 2])
    assert len(subject.load([0, 1])) == 2


def lost(base: Path, names: list[str], folder: str, content: bytes = PHOTOSHOP) -> None:
    (base / "photos" / folder).mkdir(exist_ok=True)
    for name in names:
        (base / "photos" / folder / name).write_bytes(content)


def account_of(subject: Subject, valid: list[bool] | None = None) -> dict[str, ClassCount]:
    """Return the accounts after a pass that used all rows, or those that are valid."""
    count = len(subject.manifest)
    used = np.ones(count, bool) if valid is None else np.array(valid)
    samples = Samples(
        manifest=subject.manifest,
        valid=used,
        quarantine=tuple(None if each else "broken" for each in used),
        logits=np.zeros((count, 2), np.float32),
        prediction=np.zeros(count, np.int64),
        target=np.zeros(count, np.int64),
        discovery=np.zeros(count, bool),
    )
    found = accounts(samples)
    assert all(each.found == each.used + sum(each.set_aside.values()) for each in found)
    return {each.name: each for each in found}


def test_a_class_of_another_format_is_found_and_lost(base: Path) -> None:
    lost(base, [f"{number}.psd" for number in range(6)], "bird")
    lost(base, ["a.npy", "b.npy"], "mouse", b"\x93NUMPY\0")
    lost(base, ["notes.txt"], "cat", b"text")
    lost(base, ["000.mask", "Thumbs.db"], "cat", b"\0\1")  # one beside its picture, one no one's
    (base / "photos" / "empty" / "deeper").mkdir(parents=True)
    subject = load_subject(config(model={"options": {"outputs": 5}}), base)
    found = account_of(subject)
    assert found["bird"].losses == {OTHER_FORMAT: 6}
    assert found["mouse"].losses == {UNKNOWN_KIND: 2}
    assert (found["bird"].share, found["bird"].used) == (1, 0)
    cat = next(each for name, each in found.items() if each.set_aside.get(NOT_AN_IMAGE))
    assert (cat.set_aside[NOT_AN_IMAGE], cat.losses, cat.share) == (3, {}, 0)
    assert lost_share(found.values()) == pytest.approx(8 / 14)
    assert "1 class folders hold no pictures: empty" in subject.notes
    assert f"class 'bird': all 6 pictures are set aside (6 x {OTHER_FORMAT})" in subject.notes


def test_what_was_not_asked_for_is_no_loss(base: Path) -> None:
    lost(base, [f"{number}.psd" for number in range(6)], "bird")
    keys = {"classes": ["cat"], "limit": 2}
    model = {"options": {"outputs": 3}, "classes": ["bird", "cat", "dog"]}
    found = account_of(load_subject(config(model=model, data_keys=keys), base))
    assert found["cat"].set_aside == {BEYOND_LIMIT: 1}
    assert found[""].set_aside == {OTHER_CLASS: 9}
    assert lost_share(found.values()) == 0
    with pytest.raises(DataError, match=r"all that was found of bird is set aside \(6 x"):
        load_subject(config(model=model, data_keys={"classes": ["bird"]}), base)


def test_of_a_sample_the_share_is_what_the_sample_tells(base: Path) -> None:
    lost(base, ["a.psd"], "cat")
    subject = load_subject(config(data_keys={"limit": 4}), base)
    cat = account_of(subject, [True, False, True, True])["cat"]
    assert cat.losses == {"broken": 1, OTHER_FORMAT: 1}
    assert cat.share == pytest.approx(1 - 3 / 4 * 1 / 2)


def test_counts_that_contradict_each_other_stop_the_audit() -> None:
    manifest = Manifest(("a", "b"), np.array([0, 1]), ("x", "y"), found={"x": 2, "y": 1})
    samples = Samples(
        manifest=manifest,
        valid=np.ones(2, bool),
        quarantine=(None, None),
        logits=np.zeros((2, 2), np.float32),
        prediction=np.zeros(2, np.int64),
        target=np.zeros(2, np.int64),
        discovery=np.zeros(2, bool),
    )
    with pytest.raises(IntegrityError, match="of 'x' 2 were found, but 1 are used and 0 set aside"):
        accounts(samples)
