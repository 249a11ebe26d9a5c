"""Tables: path, label and metadata; every error names file, line and value."""

from __future__ import annotations

import builtins
import re
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from auditor.base.errors import ConfigError, DataError
from auditor.config.audit import DataConfig
from auditor.subject.images import Unreadable
from auditor.subject.tables import read_table
from tests.subject.small import noise


def read(path: Path, text: str | None = None, **keys: Any) -> Any:
    if text is not None:
        path.write_text(text, encoding="utf-8")
    return read_table(path, DataConfig.model_validate({"source": path.name, **keys}))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "img").mkdir()
    for number in range(3):
        noise(seed=number).save(tmp_path / "img" / f"{number}.png")
    return tmp_path / "list.csv"


GOOD = (
    "path,label,camera,site\r\n"
    "img/0.png,cat,A,north\r\n"
    'img/1.png,dog,"B, old",\r\n'
    "./img/../img/2.png,cat,A,south\r\n"
)


def test_columns_become_labels_and_metadata(table: Path) -> None:
    found = read(table, GOOD)
    assert found.paths == ("img/0.png", "img/1.png", "img/2.png")
    assert found.labels == ("cat", "dog", "cat")
    assert found.names == ("cat", "dog")
    assert found.metadata == {"camera": ("A", "B, old", "A")}
    assert found.notes == (
        "list.csv: columns kept as metadata: camera",
        "list.csv: columns left out: site (values that do not repeat); data.metadata names those "
        "to keep",
    )
    assert found.reader.read(2, found.reader.digest(2)).size == (12, 12)


def test_some_metadata_and_other_column_names(table: Path) -> None:
    text = GOOD.replace("path,label", "file,kind")
    found = read(table, text, columns={"path": "file", "label": "kind"}, metadata=["site"])
    assert list(found.metadata) == ["site"]


def test_parquet_gives_what_csv_gives(table: Path) -> None:
    pytest.importorskip("pyarrow")
    csv = read(table, GOOD)
    frame = pd.read_csv(table)
    path = table.with_suffix(".parquet")
    frame.to_parquet(path)
    parquet = read(path)
    assert (parquet.paths, parquet.labels, parquet.metadata) == (
        csv.paths,
        csv.labels,
        csv.metadata,
    )


def test_numbers_in_parquet_are_whole(table: Path) -> None:
    pytest.importorskip("pyarrow")
    path = table.with_suffix(".parquet")
    pd.DataFrame(
        {"path": ["img/0.png", "img/1.png"], "label": [0, 1], "age": [1.0, None]}
    ).to_parquet(path)
    found = read(path, metadata=["age"])
    assert found.labels == ("0", "1")
    assert found.numbering == "possible"
    assert found.metadata == {"age": ("1", "")}


def test_parquet_without_pyarrow_names_the_extra(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **keys: Any) -> Any:
        if name == "pyarrow":
            raise ImportError(name)
        return real(name, *rest, **keys)

    monkeypatch.setattr(builtins, "__import__", without)
    path = table.with_suffix(".parquet")
    path.write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"pip install 'concept-auditor\[parquet\]'"):
        read(path)


def test_damaged_parquet_is_an_error(table: Path) -> None:
    pytest.importorskip("pyarrow")
    path = table.with_suffix(".parquet")
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError, match=r"cannot read list.parquet"):
        read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "list.csv is empty; it needs a header"),
        ("path,label\n", "has a header but no rows"),
        ("path,label,path\n", "list.csv:1: the column 'path' occurs twice"),
        ("path,label\nimg/0.png\n", "list.csv:2: 1 cells where the header has 2"),
        ("path,label\nimg/0.png,cat\n\n,dog\n", "list.csv:4: the path is empty"),
        ("path,label\nimg/0.png, \n", "list.csv:2: the label of 'img/0.png' is empty"),
        (
            "path,label\nimg/0.png,cat\nimg/../img/0.png,dog\n",
            "list.csv:3: the path 'img/0.png' is also in list.csv:2",
        ),
        ("path,label\n../secret.png,cat\n", "list.csv:2: the path '../secret.png' is outside"),
        ("path,label\n/etc/passwd,cat\n", "list.csv:2: the path '/etc/passwd' is outside"),
        ("path,label\nimg/..,cat\n", "list.csv:2: the path 'img/..' is the folder"),
        ("path,label\na\0b,cat\n", "list.csv:2: "),
        ('path,label\n"img/0.png,cat\n', "list.csv:2: not valid CSV"),
    ],
)
def test_mistakes_name_file_line_and_value(table: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(table, text)
    assert message in str(caught.value)


def test_line_numbers_count_lines_not_rows(table: Path) -> None:
    text = 'path,label,note\nimg/0.png,cat,"two\nlines"\nimg/1.png,,x\n'
    with pytest.raises(DataError, match=r"list.csv:4: the label of 'img/1.png'"):
        read(table, text)


def test_unknown_columns_are_named(table: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"'lable'.*data.columns.label.*data.columns.label: label"
    ):
        read(table, GOOD, columns={"label": "lable"})
    with pytest.raises(ConfigError, match=r"'weather'.*data.metadata.*path, label, camera, site"):
        read(table, GOOD, metadata=["weather"])


def test_absolute_paths_inside_become_relative(table: Path) -> None:
    found = read(table, f"path,label\n{table.parent.resolve() / 'img' / '0.png'},cat\n")
    assert found.paths == ("img/0.png",)


def test_missing_pictures_are_reasons_not_crashes(table: Path) -> None:
    found = read(table, "path,label\nimg/9.png,cat\n")
    assert found.reader.digest(0) == "unreadable: does not exist"
    with pytest.raises(Unreadable, match="does not exist"):
        found.reader.read(0, found.reader.digest(0))


def test_columns_of_few_values_are_kept_and_private_ones_are_not(table: Path) -> None:
    header = "path,label,camera,PatientName,who,born,age,note,mail,kind_of_site,always,dob,reading"
    lines = [header]
    for number in range(40):
        (table.parent / "img" / f"{number}.png").write_bytes(b"x")
        lines.append(
            f"img/{number}.png,cat,{'AB'[number % 2]},x{number % 2},"
            f"{['Ann Lee', 'Bo Day'][number % 2]},"
            f"{1950 + number % 2}-01-02,{number},{'seen twice and once by night ' * 2},"
            f"{'ab'[number % 2]}@host.org,{['north', 'south', ''][number % 3]},1,"
            f"{number % 2},{'none' if number < 25 else f'odd {number}'}"
        )
    found = read(table, "\n".join(lines) + "\n")
    assert list(found.metadata) == ["camera", "kind_of_site", "always"]
    left = found.notes[-1]
    for said in (
        "PatientName, born, note, mail, dob (by their name personal data or text)",
        "who (by their look names of people)",
        "age (more than 20 different values)",
        "reading (values that do not repeat)",
    ):
        assert said in left
    asked = read(table, metadata=["PatientName", "age"])
    assert list(asked.metadata) == ["PatientName", "age"]


def test_columns_are_known_by_their_values_too(table: Path) -> None:
    values = {
        "a": ("DOE^JOHN", "ROE^JANE"),
        "b": ("Smith, John", "Müller, Eva"),
        "c": ("12.03.1957", "1.4.60"),
        "d": ("19570312", "19600401"),
        "e": ("ann@x.org", "bo@y.org"),
        "f": ("a lesion that was seen at the left hand", "nothing"),
        "g": ("left", "right"),
    }
    rows = [",".join(["path", "label", *values])]
    for number in range(8):
        cells = [f'"{pair[number % 2]}"' for pair in values.values()]
        rows.append(",".join([f"img/{number}.png", "cat", *cells]))
    assert list(read(table, "\n".join(rows)).metadata) == ["g"]


def test_links_and_paths_out_of_the_folder(table: Path, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-beside.png"
    noise(seed=9).save(outside)
    (table.parent / "img" / "link.png").symlink_to(outside)
    with pytest.raises(DataError, match=r"list.csv:2: .*leads out.*data.allow_outside: true"):
        read(table, "path,label\nimg/link.png,cat\n")
    with pytest.raises(DataError, match=r"list.csv:2: .*outside the folder of the table"):
        read(table, f"path,label\n{outside},cat\n")
    found = read(
        table, f"path,label\nimg/link.png,cat\n{outside},cat\n../x.png,dog\n", allow_outside=True
    )
    assert found.paths[0] == "img/link.png"
    assert re.fullmatch(rf"outside/[0-9a-f]{{8}}/{outside.name}", found.paths[1])
    assert not any(str(tmp_path) in path for path in found.paths)
    assert found.reader.digest(1) == found.reader.digest(0)
    inside = table.parent / "img" / "inside.png"
    inside.symlink_to(table.parent / "img" / "0.png")
    assert read(table, "path,label\nimg/inside.png,cat\n").paths == ("img/inside.png",)


def test_names_of_macs_are_found(table: Path) -> None:
    composed, apart = "caf\u00e9.png", "cafe\u0301.png"
    noise().save(table.parent / "img" / apart)
    found = read(table, f"path,label\nimg/{composed},cat\n")
    if not (table.parent / "img" / composed).is_file():
        assert found.paths == (f"img/{apart}",)
        assert "1 paths are spelled" in found.notes[0]


def test_a_long_table_is_read_in_moderate_time(table: Path) -> None:
    rows = "".join(
        f"img/{number}.png,{'ab'[number % 2]},{number % 3}\n" for number in range(20_000)
    )
    started = time.perf_counter()
    assert len(read(table, "path,label,site\n" + rows)) == 20_000
    assert time.perf_counter() - started < 60


def test_pictures_in_cells_of_parquet_are_no_paths(table: Path) -> None:
    pytest.importorskip("pyarrow")
    path = table.with_suffix(".parquet")
    picture = noise(40, 40)
    pd.DataFrame({"path": [{"bytes": picture.tobytes(), "path": "x"}], "label": [0]}).to_parquet(
        path
    )
    with pytest.raises(DataError, match=r"list.parquet, row 1: .*is no path.*dataset factory"):
        read(path)
