from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from auditor.base.errors import IntegrityError
from auditor.records.part import Crop, Picture
from auditor.records.stages import LayerRelevance, Manifest, Samples
from auditor.run.codec import load_record, pictures_in, save_record
from auditor.run.folder import RunFolder, digest_of, open_run
from auditor.run.manifest import read_manifest
from auditor.run.storage import write_atomic


def layer() -> LayerRelevance:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    return LayerRelevance("a.b", (4, 5), values, values.astype(np.int32), values, True)


def run_in(folder: Path, key: str = "k" * 64) -> RunFolder:
    return open_run(folder, "My audit", key, created="2026-01-02T03:04:05Z", facts={"argv": []})


def test_records_survive_the_disk(tmp_path: Path) -> None:
    manifest = Manifest(
        ("a/b.jpg",), np.array([1]), ("x", "y"), {"site": ("N",)}, {"": {"late": 2}}
    )
    samples = Samples(
        manifest=manifest,
        valid=np.array([True]),
        quarantine=(None,),
        logits=np.zeros((1, 2), np.float32),
        prediction=np.array([0]),
        target=np.array([0]),
        discovery=np.array([False]),
    )
    save_record(tmp_path, (samples, (layer(),), {3: (1, 2)}))
    read, layers, mapping = load_record(tmp_path)
    assert read.manifest.metadata == {"site": ("N",)}
    assert read.manifest.excluded == {"": {"late": 2}}
    assert mapping == {3: (1, 2)}
    assert layers[0].size == (4, 5)
    assert layers[0].cuts is True
    np.testing.assert_array_equal(layers[0].relevance, layer().relevance)
    assert isinstance(layers[0].relevance, np.memmap)


def test_parts_of_the_result_survive_the_disk_and_their_pictures_belong_to_the_stage(
    tmp_path: Path,
) -> None:
    shown = Picture(file="a.jpg", alt="a", width=2, height=1)
    crop = Crop(sample="x", label="y", prediction="z", score=0.5, crop=shown, full=shown)
    value = {3: (crop, np.array([1.0]))}
    assert list(pictures_in(value)) == ["a.jpg", "a.jpg"]
    save_record(tmp_path, value)
    back = load_record(tmp_path)
    assert back[3][0] == crop
    np.testing.assert_array_equal(back[3][1], [1.0])


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "auditor.records.stages:np",
        "auditor.run.storage:locked",
        "auditor.nothing:Samples",
    ],
)
def test_only_records_of_this_package_are_made_from_a_file(tmp_path: Path, name: str) -> None:
    save_record(tmp_path, layer())
    text = (tmp_path / "record.json").read_text()
    (tmp_path / "record.json").write_text(
        text.replace("auditor.records.stages:LayerRelevance", name)
    )
    with pytest.raises(IntegrityError, match="does not know"):
        load_record(tmp_path)


@pytest.mark.parametrize("name", ["record.json", "r.relevance.npy"])
def test_a_stage_that_is_not_there_whole_is_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "relevance"
    folder.mkdir()
    save_record(folder, layer())
    (folder / name).unlink()
    with pytest.raises(IntegrityError, match=rf"'relevance' is not there whole \({name}.*--repair"):
        load_record(folder)


def test_a_record_of_another_version_is_refused(tmp_path: Path) -> None:
    save_record(tmp_path, 3)
    text = (tmp_path / "record.json").read_text()
    (tmp_path / "record.json").write_text(text.replace('"version": 2', '"version": 1'))
    with pytest.raises(IntegrityError, match="format"):
        load_record(tmp_path)


def test_nan_never_reaches_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        save_record(tmp_path, {"share": float("nan")})


def test_once_makes_a_stage_once(tmp_path: Path) -> None:
    run, calls = run_in(tmp_path), []

    def make() -> LayerRelevance:
        calls.append(1)
        return layer()

    run.once("stage", {"a": 1}, make)
    again = run.once("stage", {"a": 1}, make)
    assert len(calls) == 1
    np.testing.assert_array_equal(again.relevance, layer().relevance)
    run.once("stage", {"a": 2}, make)
    assert len(calls) == 2


def test_once_makes_a_damaged_stage_again(tmp_path: Path) -> None:
    run, calls = run_in(tmp_path), []

    def make() -> LayerRelevance:
        calls.append(1)
        return layer()

    run.once("stage", {}, make)
    file = next((run.path / "stages" / "stage").glob("*relevance.npy"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    again = run.once("stage", {}, make)
    assert len(calls) == 2
    np.testing.assert_array_equal(again.relevance, layer().relevance)


def test_the_same_key_continues_the_same_folder(tmp_path: Path) -> None:
    first = run_in(tmp_path)
    second = open_run(tmp_path, "My audit", "k" * 64, created="2027-01-01T00:00:00Z", facts={})
    assert second == first
    assert first.path.name == "My-audit-20260102T030405Z-kkkkkkkk"
    assert run_in(tmp_path, "j" * 64).path != first.path


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="not a run"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(IntegrityError, match="format"):
        read_manifest(tmp_path)


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def broken(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(Exception, match="No space left"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_digest_does_not_depend_on_order() -> None:
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})
