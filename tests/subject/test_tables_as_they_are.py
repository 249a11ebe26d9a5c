"""Excel, COCO, ImageNet's devkit, paths without suffix or folder: read as they are, and counted."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from scipy.io import savemat

from auditor.base.errors import AuditorError
from auditor.config.audit import DataConfig
from auditor.subject.collection import Collection
from auditor.subject.sources import read_data
from tests.subject.small import noise


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "img").mkdir()
    for number in range(4):
        noise(seed=number).save(tmp_path / "img" / f"{number}.png")
    return tmp_path


def read(folder: Path, source: str, **keys: Any) -> Collection:
    return read_data(DataConfig.model_validate({"source": source, **keys}), folder)


def all_readable(found: Collection) -> bool:
    return all(not found.reader.digest(row).startswith("unreadable") for row in range(len(found)))


def workbook(path: Path, **sheets: list[list[Any]]) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)


EXCEL = [
    ["path", "label", "site", "seen", None],
    ["img/0.png", 0, "north", datetime.datetime(2024, 1, 2)],
    [],
    ["img/1.png", 1.0, "south", None],
    ["img/2.png", 0, "north"],
    ["img/3.png", 1, "south", "", None],
    ["", None],
]


def test_a_sheet_of_excel_is_read(folder: Path) -> None:
    workbook(folder / "list.xlsx", Lists=[["what", "how"]], Data=EXCEL)
    found = read(folder, "list.xlsx")
    assert found.paths == tuple(f"img/{number}.png" for number in range(4))
    assert found.labels == ("0", "1", "0", "1")
    assert found.metadata == {"site": ("north", "south", "north", "south")}
    assert all_readable(found)
    assert found.notes[:2] == (
        "list.xlsx: read the sheet 'Data', one of 2",
        "list.xlsx: 1 rows of empty cells are left out",
    )
    assert read(folder, "list.xlsx", metadata=["seen"]).metadata["seen"][0] == "2024-01-02"


@pytest.mark.parametrize(
    ("sheets", "message"),
    [
        ({"A": EXCEL, "B": EXCEL}, "2 sheets, and 2 of them have .*'A', 'B'"),
        ({"A": [["x"]], "B": [["y"]]}, "2 sheets, and none of them have"),
        ({"A": [["path", "label"], ["img/0.png", None]]}, "list.xlsx, row 2: the label of"),
        ({"A": [["path", "label"], ["img/0.png", 1, 2]]}, "row 2: a cell beyond the 2 columns"),
        ({"A": [["path", "label"]]}, "a header but no rows"),
        ({"A": []}, "no sheet with cells"),
    ],
)
def test_sheets_that_cannot_be_used_are_named(
    folder: Path, sheets: dict[str, list[list[Any]]], message: str
) -> None:
    workbook(folder / "list.xlsx", **sheets)
    with pytest.raises(AuditorError, match=message):
        read(folder, "list.xlsx")


def test_a_damaged_workbook_is_an_error(folder: Path) -> None:
    (folder / "list.xlsx").write_bytes(b"PK\x03\x04 rest")
    with pytest.raises(AuditorError, match=r"cannot read list.xlsx as an Excel workbook"):
        read(folder, "list.xlsx")


ROWS = "path,label\n0,cat\n1,dog\n2,cat\n3,dog\n"


def test_paths_without_suffix_and_folder(folder: Path) -> None:
    (folder / "list.csv").write_text(ROWS.replace("\n3", "\n9"))
    found = read(folder, "list.csv")
    assert found.paths == ("0.png", "1.png", "2.png", "9")
    assert found.notes == (
        "list.csv: paths start from the folder 'img', which has 3 of 4 looked at",
        "list.csv: 3 paths have no suffix: '0' is read as '0.png'",
    )
    assert found.reader.digest(3) == "unreadable: does not exist"


def test_two_pictures_of_one_path_are_an_error(folder: Path) -> None:
    noise().save(folder / "img" / "1.jpg")
    (folder / "list.csv").write_text(ROWS)
    with pytest.raises(AuditorError, match=r"list.csv:3: the path '1' has no suffix, and 2 pic"):
        read(folder, "list.csv", root="img")


def test_two_folders_with_the_pictures_are_an_error(folder: Path) -> None:
    (folder / "thumbs").mkdir()
    for number in range(4):
        noise(seed=number).save(folder / "thumbs" / f"{number}.png")
    (folder / "list.csv").write_text(ROWS)
    with pytest.raises(AuditorError, match=r"several folders beside it .'img', 'thumbs'.; set"):
        read(folder, "list.csv")
    assert all_readable(read(folder, "list.csv", root="thumbs"))


@pytest.mark.parametrize("inside", [True, False])
def test_a_folder_of_pictures_with_its_table(folder: Path, inside: bool) -> None:
    where = folder / "img" if inside else folder
    (where / "labels.csv").write_text(ROWS.replace("path", "File Name").replace("label", "class"))
    found = read(where, str(where))
    assert found.labels == ("cat", "dog", "cat", "dog")
    assert all_readable(found)
    said = f"'{where.name}' has no class folders and is read by its table labels.csv"
    assert found.notes[0] == said
    assert "labels.csv: the column 'File Name' is taken for data.columns.path" in found.notes
    assert "labels.csv: the column 'class' is taken for data.columns.label" in found.notes
    (where / "more.csv").write_text(ROWS)
    with pytest.raises(AuditorError, match=r"2 tables .'labels.csv', 'more.csv'."):
        read(where, str(where))


def test_two_columns_with_usual_names_are_not_guessed(folder: Path) -> None:
    rows = "".join(f"img/{at}.png,img/{at}.png,cat\n" for at in range(4))
    (folder / "list.csv").write_text("image,file,label\n" + rows)
    with pytest.raises(AuditorError, match="unknown column 'path'"):
        read(folder, "list.csv")


COCO: dict[str, Any] = {
    "categories": [{"id": 7, "name": "dog"}, {"id": 3, "name": "zebra"}],
    "images": [{"id": n, "file_name": f"{n}.png", "site": "ab"[n % 2]} for n in range(4)],
    "annotations": [
        {"id": 1, "image_id": 0, "category_id": 7, "bbox": [1, 2, 3, 4.5]},
        {"id": 2, "image_id": 0, "category_id": 7, "bbox": [5, 6, 2, 2]},
        {"id": 3, "image_id": 1, "category_id": 3},
        {"id": 4, "image_id": 2, "category_id": 3},
        {"id": 5, "image_id": 2, "category_id": 7},
    ],
}


def test_a_file_of_coco_is_read(folder: Path) -> None:
    (folder / "annotations.json").write_text(json.dumps(COCO))
    found = read(folder, "annotations.json", columns={"box": "bbox"}, metadata=["site"])
    assert found.paths == ("0.png", "1.png")
    assert found.labels == ("dog", "zebra")
    assert (found.names, found.ordered) == (("zebra", "dog"), True)
    assert found.marks == ("1 2 3 4.5;5 6 2 2", "")
    assert found.metadata == {"site": ("a", "b")}
    assert found.excluded == {
        "": {"annotations of several categories": 1, "no annotation": 1},
    }
    assert all_readable(found)


def test_what_excel_hides_is_read_and_said(folder: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in EXCEL:
        sheet.append(row)
    sheet.auto_filter.ref = "A1:D6"
    sheet.row_dimensions[4].hidden = sheet.row_dimensions[6].hidden = True
    sheet.row_dimensions[3].hidden = True  # which is empty
    sheet.column_dimensions["C"].hidden = True
    book.create_sheet("Empty")
    sheet.sheet_state = "hidden"
    book.save(folder / "list.xlsx")
    found = read(folder, "list.xlsx")
    assert len(found.paths) == 4
    said = " ".join(found.notes)
    assert "list.xlsx: 2 of 4 rows are hidden in Excel, by a filter or by hand" in said
    assert "columns that are hidden in Excel are read too: site" in said
    assert "the sheet is hidden in Excel" in said
    workbook(folder / "list.xlsx", Data=EXCEL)
    assert "hidden" not in " ".join(read(folder, "list.xlsx").notes)


@pytest.mark.parametrize(
    ("part", "entry", "message"),
    [
        ("annotations", {"image_id": 0, "category_id": 9}, "annotations.0.: category_id 9 is none"),
        ("annotations", {"image_id": 8, "category_id": 3}, "1 images that are not listed .*: 8"),
        ("annotations", {"image_id": 0}, "annotations.0.: it needs category_id"),
        ("annotations", "x", 'annotations.0.: no object but "x"'),
        ("images", {"id": 0}, "annotations of 2 images that are not listed"),
        ("categories", {"id": 7, "name": ""}, "categories.0.: it needs name"),
    ],
)
def test_mistakes_in_files_of_coco_name_the_entry(
    folder: Path, part: str, entry: Any, message: str
) -> None:
    document = {**COCO, part: [entry]}
    (folder / "annotations.json").write_text(json.dumps(document))
    with pytest.raises(AuditorError, match=message):
        read(folder, "annotations.json")


@pytest.mark.parametrize(
    ("empty", "said"),
    [
        (["categories"], r"categories is empty, .* \(it holds 4 images, \d annotations\)"),
        (["annotations"], r"annotations is empty, .* \(it holds 4 images, 2 categories\)"),
        (["annotations", "categories"], "annotations and categories are empty, so that no image"),
        (["images", "annotations", "categories"], r"\(it holds nothing\)"),
    ],
)
def test_a_file_of_coco_without_classes_says_so(folder: Path, empty: list[str], said: str) -> None:
    (folder / "image_info.json").write_text(json.dumps(COCO | {key: [] for key in empty}))
    with pytest.raises(AuditorError, match=said):
        read(folder, "image_info.json")


def test_other_json_is_refused(folder: Path) -> None:
    (folder / "list.json").write_text('[{"path": "img/0.png"}]')
    with pytest.raises(AuditorError, match="not laid out as COCO's files are"):
        read(folder, "list.json")
    (folder / "list.json").write_text("{")
    with pytest.raises(AuditorError, match="is no valid JSON"):
        read(folder, "list.json")


WNIDS = ("n02119789", "n01440764", "n03047690")  # numbers 1, 2, 3: not in sorted order


@pytest.fixture
def imagenet(tmp_path: Path) -> Path:
    (tmp_path / "val").mkdir()
    for number in (1, 2, 4):
        noise(seed=number).save(tmp_path / "val" / f"ILSVRC2012_val_{number:08d}.JPEG")
    (tmp_path / "val" / "readme.txt").write_text("of ours")
    devkit = tmp_path / "ILSVRC2012_devkit_t12" / "data"
    devkit.mkdir(parents=True)
    (devkit / "ILSVRC2012_validation_ground_truth.txt").write_text("2\n1\n3\n3\n")
    kinds = [("ILSVRC2012_ID", float), ("WNID", object)]
    rows = [*enumerate(WNIDS, start=1), (1001, "n00001740")]
    savemat(devkit / "meta.mat", {"synsets": np.array(rows, dtype=kinds)})
    return tmp_path


def test_the_layout_of_imagenets_devkit(imagenet: Path) -> None:
    found = read(imagenet, "val")
    assert [path[-9:-5] for path in found.paths] == ["0001", "0002", "0004"]
    assert found.labels == ("n01440764", "n02119789", "n03047690")
    assert found.notes[0].endswith("numbers of 3 pictures became wnids by meta.mat")
    assert found.notes[1].endswith("1 of its pictures are not there")
    assert all_readable(found)
    truth = "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt"
    assert read(imagenet, truth, root="val").labels == found.labels
    with pytest.raises(AuditorError, match=r"set data.root to their folder"):
        read(imagenet, truth)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2\n1\n3\n", "ground_truth.txt:4: no line for the picture .*_00000004.* has 3 lines"),
        ("2\n1001\n3\n3\n", "ground_truth.txt:2: '1001' is no number of a class"),
        ("2\nx\n3\n3\n", "ground_truth.txt:2: 'x' is no number of a class"),
    ],
)
def test_mistakes_in_the_devkit_name_the_line(imagenet: Path, text: str, message: str) -> None:
    devkit = imagenet / "ILSVRC2012_devkit_t12" / "data"
    (devkit / "ILSVRC2012_validation_ground_truth.txt").write_text(text)
    with pytest.raises(AuditorError, match=message):
        read(imagenet, "val")


def test_the_devkit_without_its_numbers_is_an_error(imagenet: Path) -> None:
    (imagenet / "ILSVRC2012_devkit_t12" / "data" / "meta.mat").unlink()
    with pytest.raises(AuditorError, match="copy it there from"):
        read(imagenet, "val")


PLANTED = {
    "Pat.-Name": ("Jürgen Möller", "Ünal Öztürk"),
    "Nachname": ("Möller", "Öztürk"),
    "Geburtsdatum": ("12.03.1957", "01.04.1960"),
    "geb.": ("12.03.1957", "01.04.1960"),
    "Hausarzt": ("Weiß", "Krüger"),
    "Zuweiser": ("Weiß", "Krüger"),
    "Spalte 7": ("Dr. Weiß", "Prof. Dr. Krüger"),
    "Spalte 8": ("J. Möller", "Ü. Öztürk"),
    "Spalte 9": ("Möller, J.", "Öztürk, Ü."),
    "Spalte 10": ("Möller^Jürgen", "Öztürk^Ünal"),
    "Wohnort": ("Münster", "Köln"),
    "Versichertennummer": ("A123456780", "B123456780"),
    "Befundtext": ("Läsion links", "unauffällig"),
}


def test_names_of_a_hospitals_table_are_in_nothing_that_is_kept_or_said(folder: Path) -> None:
    columns: dict[str, tuple[str, str]] = {**PLANTED, "Gerät": ("Gerät A", "Gerät B")}
    columns |= {f"Wert {number}": ("0", "1") for number in range(14)}
    lines = [";".join(["Datei", "Diagnose", *columns])]
    assert len(columns) + 2 == 30
    for at in range(4):
        cells = [pair[at % 2] for pair in columns.values()]
        lines.append(";".join([f"img/{at}", ("gutartig", "bösartig")[at % 2], *cells]))
    (folder / "liste.csv").write_bytes("\r\n".join(lines).encode("cp1252"))
    found = read(folder, "liste.csv")
    assert found.labels == ("gutartig", "bösartig", "gutartig", "bösartig")
    assert found.metadata["Gerät"] == ("Gerät A", "Gerät B", "Gerät A", "Gerät B")
    assert set(found.metadata) == {"Gerät", *(f"Wert {number}" for number in range(14))}
    shown = repr(found.metadata) + " ".join(found.notes)
    for values in PLANTED.values():
        for value in values:
            assert value not in shown
            assert not any(word in shown for word in value.split() if len(word) > 4)
    (folder / "liste.csv").write_bytes("\r\n".join([*lines, lines[1] + ";x"]).encode("cp1252"))
    with pytest.raises(AuditorError, match=r"liste.csv:6: 31 cells") as caught:
        read(folder, "liste.csv")
    assert "Möller" not in str(caught.value)
    assert list(read_named(folder, lines).metadata) == ["Nachname"]


def read_named(folder: Path, lines: list[str]) -> Collection:
    (folder / "liste.csv").write_bytes("\r\n".join(lines).encode("cp1252"))
    return read(folder, "liste.csv", metadata=["Nachname"])


def wilds(folder: Path) -> None:
    """Write a table as WILDS has it: columns of its own names, a split, and groups."""
    rows = [(at, f"img/{at % 4}.png", at % 2, at % 3, (at // 2) % 2) for at in range(4)]
    lines = [",".join(map(str, row)) for row in rows]
    header = "img_id,img_filename,y,split,place\n"
    (folder / "metadata.csv").write_text(header + "\n".join(lines) + "\n")


def test_a_table_of_wilds_is_read_with_its_groups(folder: Path) -> None:
    wilds(folder)
    found = read(folder, "metadata.csv", groups=["place"])
    assert found.labels == ("0", "1", "0", "1")
    assert found.numbering == "possible"
    assert found.metadata["place"] == ("0", "0", "1", "1")
    said = "; ".join(found.notes)
    assert "'img_filename' is taken for data.columns.path" in said
    assert "'y' is taken for data.columns.label" in said
    assert (
        "CHECK: metadata.csv: rows of several splits are used, split = '0' (2), '1' (1), '2' (1)"
        in said
    )


def test_rows_are_chosen_and_the_others_counted(folder: Path) -> None:
    wilds(folder)
    found = read(folder, "metadata.csv", rows={"split": [0, "2"]})
    assert found.paths == ("img/0.png", "img/2.png", "img/3.png")
    assert found.excluded == {"1": {"in a row that data.rows does not ask for": 1}}
    assert "metadata.csv: of 4 rows those with split = '0' (2), '2' (1)" in found.notes
    assert not any("CHECK" in note for note in found.notes)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"rows": {"split": "test"}}, r"split = 'test'; it has '0' .2., '1' .1., '2' .1.\."),
        ({"rows": {"spilt": 1}}, r"unknown column 'spilt' of metadata.csv .set data.rows."),
        ({"rows": {"split": 1, "place": 1}}, "no row of metadata.csv has all that data.rows"),
        ({"groups": ["plaec"]}, r"unknown column 'plaec' of metadata.csv .set data.groups."),
    ],
)
def test_rows_and_groups_that_are_not_there_are_named(
    folder: Path, keys: dict[str, Any], message: str
) -> None:
    wilds(folder)
    with pytest.raises(AuditorError, match=message):
        read(folder, "metadata.csv", **keys)


@pytest.mark.parametrize("keys", [{"rows": {"split": 1}}, {"groups": ["place"]}])
def test_folders_have_no_rows_and_no_groups(folder: Path, keys: dict[str, Any]) -> None:
    with pytest.raises(AuditorError, match=r"data\.(rows takes rows|groups names 'place')"):
        read(folder, ".", **keys)
