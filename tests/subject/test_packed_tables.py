"""Pictures in the cells of Parquet files, and data sets that Hugging Face saved on disk."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor.base.errors import AuditorError, DataError
from auditor.config.audit import DataConfig
from auditor.records.accounting import OUTSIDE
from auditor.subject.arrow_files import GROUPS, Groups
from auditor.subject.collection import Collection
from auditor.subject.images import content_digest
from auditor.subject.sources import read_data
from auditor.subject.tars import NO_LABEL
from tests.subject import stores
from tests.subject.small import image_folder
from tests.subject.test_tars import png, samples, write_tar

arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra parquet)")
parquet = pytest.importorskip("pyarrow.parquet")

CLASSES = (
    b'{"info": {"features": {"image": {"_type": "Image"}, '
    b'"label": {"names": ["cat", "dog", "owl"], "_type": "ClassLabel"}}}}'
)
PICTURE = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    with stores.nothing_kept(tmp_path / "cache", monkeypatch):
        yield


def write(
    path: Path,
    labels: list[Any],
    *,
    classes: bool = True,
    start: int = 0,
    names: list[str | None] | None = None,
    rows: int = 2,
    **columns: list[Any],
) -> Path:
    names = names or [f"{start + at}.png" for at in range(len(labels))]
    pictures = [{"bytes": png(start + at), "path": name} for at, name in enumerate(names)]
    table = arrow.table({"image": arrow.array(pictures, PICTURE), "label": labels, **columns})
    if classes:
        table = table.replace_schema_metadata({b"huggingface": CLASSES})
    parquet.write_table(table, path, row_group_size=rows)
    return path


def read(folder: Path, source: str, **keys: object) -> Collection:
    return read_data(DataConfig.model_validate({"source": source, **keys}), folder)


def test_pictures_lie_in_cells_with_the_names_of_classes(tmp_path: Path) -> None:
    write(tmp_path / "val-0.parquet", [0, 1, 1, 0, 2])
    write(tmp_path / "val-1.parquet", [1, 0, 2], start=5)
    data = read(tmp_path, "val-*.parquet")
    assert data.paths == tuple(f"{at}.png" for at in range(8))
    assert data.labels == ("cat", "dog", "dog", "cat", "owl", "dog", "cat", "owl")
    assert data.names == ("cat", "dog", "owl")
    assert data.ordered
    for at in (7, 0, 4, 2):
        assert data.reader.digest(at) == content_digest(png(at))
        assert data.reader.size(at) == (12, 12)
    assert read(tmp_path, "val-{0..1}.parquet").paths == data.paths
    assert len(read(tmp_path, "val-1.parquet")) == 3


def test_names_that_tell_nothing_apart_are_numbers_of_rows(tmp_path: Path) -> None:
    write(tmp_path / "x.parquet", [0, 1], names=["a.png", "a.png"])
    assert read(tmp_path, "x.parquet").paths == ("row-000000", "row-000001")
    write(tmp_path / "x.parquet", [0, 1], names=["a.png", None])
    assert read(tmp_path, "x.parquet").paths == ("row-000000", "row-000001")


def test_labels_without_classes_and_further_columns(tmp_path: Path) -> None:
    write(tmp_path / "x.parquet", ["a", "b", "a", "b"], classes=False, site=["n", "s", "n", "s"])
    data = read(tmp_path, "x.parquet")
    assert data.labels == ("a", "b", "a", "b")
    assert data.metadata == {"site": ("n", "s", "n", "s")}
    write(tmp_path / "x.parquet", [3, 4, 3, 4], classes=False)
    data = read(tmp_path, "x.parquet")
    assert (data.labels, data.numbering) == (("3", "4", "3", "4"), "possible")


def test_rows_without_a_label_are_counted(tmp_path: Path) -> None:
    write(tmp_path / "x.parquet", [0, -1, None, 1])
    data = read(tmp_path, "x.parquet")
    assert data.paths == ("0.png", "3.png")
    assert data.excluded == {OUTSIDE: {NO_LABEL: 2}}
    assert data.reader.digest(1) == content_digest(png(3))


def test_binary_columns_hold_pictures_too(tmp_path: Path) -> None:
    table = arrow.table({"jpg": [png(0), png(1)], "label": ["a", "b"]})
    parquet.write_table(table, tmp_path / "x.parquet")
    assert read(tmp_path, "x.parquet").reader.digest(1) == content_digest(png(1))
    table = table.append_column("mask", table.column("jpg"))
    parquet.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(AuditorError, match="the columns jpg, mask may hold pictures"):
        read(tmp_path, "x.parquet")
    data = read(tmp_path, "x.parquet", columns={"path": "jpg"})
    assert data.paths == ("row-000000", "row-000001")


def test_a_table_of_paths_stays_one(tmp_path: Path) -> None:
    image_folder(tmp_path / "photos", {"cat": 2})
    table = arrow.table({"path": ["photos/cat/000.png"], "label": ["cat"], "thumb": [png()]})
    parquet.write_table(table, tmp_path / "x.parquet")
    assert read(tmp_path, "x.parquet").paths == ("photos/cat/000.png",)


def test_an_empty_cell_is_set_aside(tmp_path: Path) -> None:
    write(tmp_path / "x.parquet", [0, 1])
    pictures = [{"bytes": None, "path": "gone.png"}, None, {"bytes": b"", "path": "e.png"}]
    table = arrow.table({"image": arrow.array(pictures, PICTURE), "label": ["a", "a", "a"]})
    parquet.write_table(table, tmp_path / "x.parquet")
    data = read(tmp_path, "x.parquet")
    said = "unreadable: is not in the table, which only names its file"
    assert data.reader.digest(0) == said
    assert data.reader.digest(1) == said
    assert "is empty" in data.reader.digest(2)


def test_parquet_at_an_address_is_read_by_groups_of_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.base.addresses.PAUSES", (0.0, 0.0, 0.0))
    write(tmp_path / "x.parquet", [0, 1, 1, 0, 2])
    with stores.s3_server(monkeypatch, every=3) as bucket:
        address = stores.put(tmp_path / "x.parquet", f"{bucket}/val/x.parquet")
        for source in (address, f"{bucket}/val/*.parquet"):
            data = read(tmp_path, source)
            assert [data.reader.digest(at) for at in range(5)] == [
                content_digest(png(at)) for at in range(5)
            ]


@pytest.mark.parametrize(
    ("columns", "keys", "said"),
    [
        ({"label": ["a"], "file": ["x.png"]}, {}, "unknown column 'path' of x.parquet"),
        ({"image": [b"x"], "klass": [1]}, {}, "unknown column 'label' of x.parquet"),
        ({"image": [b"x"], "label": [""]}, {}, r"x.parquet, row 1: the label of .* is empty"),
    ],
)
def test_one_line_says_what_is_wrong(
    tmp_path: Path, columns: dict[str, Any], keys: dict[str, Any], said: str
) -> None:
    parquet.write_table(arrow.table(columns), tmp_path / "x.parquet")
    with pytest.raises(AuditorError, match=said) as refused:
        read(tmp_path, "x.parquet", **keys)
    assert "\n" not in str(refused.value)


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "v-0.parquet", [0, 1])
    write(tmp_path / "v-1.parquet", [0, 1], classes=False)
    with pytest.raises(DataError, match=r"v-1.parquet has other columns or classes than v-0.parq"):
        read(tmp_path, "v-*.parquet")
    parquet.write_table(arrow.table({"path": ["x"]}), tmp_path / "p-0.parquet")
    with pytest.raises(DataError, match=r"no column of p-0.parquet holds pictures .path."):
        read(tmp_path, "p-*.parquet")
    write(tmp_path / "x.parquet", [0, 3])
    with pytest.raises(DataError, match=r"the label of row 2 of x.parquet is 3, .* 0 to 2"):
        read(tmp_path, "x.parquet")
    write(tmp_path / "x.parquet", [-1, -1])
    with pytest.raises(DataError, match=r"no row of x.parquet has a label"):
        read(tmp_path, "x.parquet")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(DataError, match=r"cannot read x.parquet"):
        read(tmp_path, "x.parquet")


def test_a_file_that_gets_shorter_is_no_crash(tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", [0, 1, 1, 0])
    data = read(tmp_path, "x.parquet")
    path.write_bytes(path.read_bytes()[:200])
    assert data.reader.digest(3).startswith("unreadable: cannot be read (")
    path.unlink()
    assert data.reader.digest(3).startswith("unreadable: cannot be read (")


def test_groups_of_rows_are_kept_up_to_a_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "x.parquet", [0, 1, 1, 0, 1, 1])
    loaded: list[int] = []
    from auditor.subject import arrow_files

    plain = arrow_files._group

    def noted(file: Any, group: int, column: str) -> Any:
        loaded.append(group)
        return plain(file, group, column)

    monkeypatch.setattr(arrow_files, "_group", noted)
    groups = Groups(most=2 * len(png()) + 500)
    for group in (0, 0, 1, 0):
        groups.get(path, group, "image")
    assert loaded == [0, 1, 0]


def test_a_group_of_rows_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "x.parquet", [0, 1, 1, 0])
    data = read(tmp_path, "x.parquet")
    monkeypatch.setattr("auditor.subject.arrow_files.MOST_BYTES", 600)
    with pytest.raises(DataError, match=r"more than the 600 read at once; write .* smaller groups"):
        data.reader.digest(0)


@pytest.mark.parametrize("name", ["x.parquet", "one", "x.tar"])
def test_damaged_files_are_our_error_or_a_result(tmp_path: Path, saved: Path, name: str) -> None:
    write(tmp_path / "x.parquet", [0, 1, 1, 0], site=["n", "s", "n", "s"])
    write_tar(tmp_path / "x.tar", samples(4))
    file = next((saved / "one").glob("*.arrow")) if name == "one" else tmp_path / name
    whole = file.read_bytes()
    outcomes = set()
    for seed in range(12 if name == "one" else 100):
        rng = np.random.default_rng(seed)
        damaged = bytearray(whole)
        for at in rng.integers(0, len(damaged), rng.choice([1, 2, 5, 20])):
            damaged[at : at + 2] = rng.bytes(2)
        file.write_bytes(damaged[: len(damaged) - rng.integers(0, 400) * (seed % 5 == 0)])
        GROUPS.clear()
        try:
            data = read(tmp_path, name)
            for at in range(len(data)):
                data.reader.digest(at)
                data.reader.size(at)
            outcomes.add("result")
        except AuditorError:
            outcomes.add("error")
    assert outcomes == {"result", "error"}


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "x.parquet", [0, 1])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"pip install 'concept-auditor\[parquet\]'"):
        read(tmp_path, "x.parquet")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Return a folder with the data set ``one`` and, with two splits, ``both``."""
    reason = "datasets is not installed (the extra dev)"
    datasets = pytest.importorskip("datasets", reason=reason)
    datasets.disable_progress_bars()
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    )
    pictures = [{"bytes": png(at), "path": f"{at}.png"} for at in range(7)]
    one = datasets.Dataset.from_dict(
        {"image": pictures, "label": [0, 1, 0, 1, 0, 1, 1]}, features=features
    )
    one.save_to_disk(tmp_path / "one", num_shards=2)
    few = one.filter(lambda label: label == 1, input_columns="label")
    datasets.DatasetDict({"train": one, "validation": few}).save_to_disk(tmp_path / "both")
    return tmp_path


def test_a_data_set_saved_by_hugging_face_is_read(saved: Path) -> None:
    for source in ("hf-dataset:one", "one"):
        data = read(saved, source)
        assert data.paths == tuple(f"{at}.png" for at in range(7))
        assert data.labels == ("cat", "dog", "cat", "dog", "cat", "dog", "dog")
        assert data.names == ("cat", "dog")
        for at in (6, 0, 3):
            assert data.reader.digest(at) == content_digest(png(at))
    few = read(saved, "hf-dataset:both?split=validation")
    assert few.labels == ("dog",) * 4
    assert few.reader.digest(3) == content_digest(png(6))


def test_splits_are_named(saved: Path) -> None:
    for source in ("both", "hf-dataset:both"):
        with pytest.raises(AuditorError, match=r"holds the splits train, validation; name one"):
            read(saved, source)
    with pytest.raises(AuditorError, match="unknown split of 'both' 'test'"):
        read(saved, "hf-dataset:both?split=test")
    with pytest.raises(AuditorError, match="'one' holds no splits"):
        read(saved, "hf-dataset:one?split=test")
    with pytest.raises(AuditorError, match="unknown option"):
        read(saved, "hf-dataset:one?part=test")
    with pytest.raises(DataError, match="'nowhere' is no data set saved by"):
        read(saved, "hf-dataset:nowhere")


def test_a_saved_data_set_may_lie_at_an_address(saved: Path) -> None:
    stores.put(saved / "both", "memory://bucket/both")
    data = read(saved, "hf-dataset:memory://bucket/both?split=train")
    assert data.reader.digest(5) == content_digest(png(5))


def test_a_damaged_saved_data_set_is_refused(saved: Path) -> None:
    file = sorted((saved / "one").glob("*.arrow"))[1]
    whole = file.read_bytes()
    file.write_bytes(whole[:-8])
    with pytest.raises(DataError, match=f"{file.name} is cut short"):
        read(saved, "one")
    GROUPS.clear()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=file.name):
        read(saved, "one")
    (saved / "one" / "state.json").write_text('{"_data_files": [{"filename": "../x.arrow"}]}')
    with pytest.raises(DataError, match="names no files"):
        read(saved, "one")
    (saved / "one" / "state.json").write_text("{")
    with pytest.raises(DataError, match=r"the state.json of 'one' cannot be read"):
        read(saved, "one")
