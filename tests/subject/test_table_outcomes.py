"""Tables as people have them, each with its one outcome: read, read with a note, or an error."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from auditor.base.errors import AuditorError
from auditor.config.audit import DataConfig
from auditor.subject.collection import Collection
from auditor.subject.sources import read_data
from tests.subject.small import noise

ROWS = "img/0.png,cat\nimg/1.png,dog\nimg/2.png,cat\n"
PLAIN = "path,label\n" + ROWS
PATHS = ("img/0.png", "img/1.png", "img/2.png")
LABELS = ("cat", "dog", "cat")


@dataclass(frozen=True)
class Case:
    """A table; what it gives, or the message of its error; ``note`` is a part of what is said."""

    content: str | bytes
    error: str = ""
    note: str = ""
    name: str = "list.csv"
    keys: dict[str, Any] = field(default_factory=dict)
    paths: tuple[str, ...] = PATHS
    labels: tuple[str, ...] = LABELS


CAFE = "path,label\nimg/0.png,café\nimg/1.png,Größe\nimg/2.png,café\n"
KOSHKA = "path,label\nimg/0.png,кошка\nimg/1.png,собака\nimg/2.png,кошка\n"
NEKO = "path,label\nimg/0.png,猫です\nimg/1.png,犬です\nimg/2.png,猫です\n"
WESTERN = ("café", "Größe", "café")

READ = {
    "plain": Case(PLAIN),
    "empty lines before": Case("\n\r\n" + PLAIN),
    "semicolons": Case(PLAIN.replace(",", ";"), note="separated by semicolons"),
    "tabs in a .csv": Case(PLAIN.replace(",", "\t"), note="separated by tabs"),
    "tabs in a .tsv": Case(PLAIN.replace(",", "\t"), name="list.tsv"),
    "commas in a .tsv": Case(PLAIN, name="list.tsv", note="separated by commas"),
    "numbers below zero": Case(
        PLAIN.replace("dog", "-1").replace("cat", "1"), labels=("1", "-1", "1")
    ),
    "Excel's first line in quotes": Case(
        '"sep=;"\r' + PLAIN.replace(",", ";"), note="by semicolons"
    ),
    "bars": Case(PLAIN.replace(",", "|"), note="separated by |"),
    "bars, said": Case(PLAIN.replace(",", "|"), keys={"separator": "|"}),
    "Excel's first line": Case("sep=;\r\n" + PLAIN.replace(",", ";"), note="by semicolons"),
    "more commas than semicolons": Case(
        'path;label;what\nimg/0.png;cat;"a,b,c,d"\nimg/1.png;dog;"a,b,c,d"\nimg/2.png;cat;"a,b,c,d"\n',
        note="separated by semicolons",
    ),
    "UTF-8 with a mark": Case(b"\xef\xbb\xbf" + CAFE.encode(), labels=WESTERN),
    "UTF-16 with a mark": Case(CAFE.encode("utf-16"), labels=WESTERN, note="UTF-16"),
    "UTF-32 with a mark": Case(CAFE.encode("utf-32"), labels=WESTERN, note="UTF-32"),
    "UTF-16 without": Case(CAFE.encode("utf-16-le"), labels=WESTERN, note="UTF-16-LE"),
    "UTF-16 the other way": Case(CAFE.encode("utf-16-be"), labels=WESTERN, note="UTF-16-BE"),
    "cp1252": Case(CAFE.encode("cp1252"), labels=WESTERN, note="read as cp1252 (Windows)"),
    "cp1251, said": Case(
        KOSHKA.encode("cp1251"), keys={"encoding": "cp1251"}, labels=("кошка", "собака", "кошка")
    ),
    "line ends of old Macs": Case(PLAIN.replace("\n", "\r")),
    "line ends of Windows": Case(PLAIN.replace("\n", "\r\n")),
    "quotes after a space": Case(
        'path, label\n"img/0.png", "cat"\n"img/1.png", "dog"\n"img/2.png", "cat"\n',
        note="quotes after a space",
    ),
    "single quotes": Case(
        "path,label\n'img/0.png',cat\n'img/1.png',dog\n'img/2.png',cat\n",
        note="3 paths are spelled",
    ),
    "backslashes": Case(PLAIN.replace("/", "\\"), note="3 paths are spelled in another way"),
    "percent signs": Case(PLAIN.replace("/0", "%2F0"), note="1 paths are spelled"),
    "spaces around": Case("path , label\n img/0.png , cat\nimg/1.png,dog \nimg/2.png,  cat\n"),
    "empty cells at the end": Case(PLAIN.replace("\n", ",,\n")),
    "an unnamed number of the row": Case(
        ",path,label\n0,img/0.png,cat\n1,img/1.png,dog\n2,img/2.png,cat\n"
    ),
    "empty rows": Case(PLAIN + "\n,\n,\n", note="2 rows of empty cells are left out"),
    "a row twice": Case(PLAIN + "img/0.png,cat\n", note="1 rows repeat a picture"),
    "a file under two spellings": Case(PLAIN + "./img/../img/0.png,cat\n", note="1 rows repeat"),
    "whole numbers with a point": Case(
        "path,label\nimg/0.png,0.0\nimg/1.png,1.0\nimg/2.png,0.0\n",
        labels=("0", "1", "0"),
        note="3 labels are numbers such as '0.0'",
    ),
    "a class called nan, said": Case(
        PLAIN.replace("dog", "nan"),
        keys={"labels": {"nan": 1, "cat": 0}},
        labels=("cat", "nan", "cat"),
    ),
    "other names of columns": Case(
        PLAIN.replace("path,label", "file,kind"),
        keys={"columns": {"path": "file", "label": "kind"}},
    ),
    "paths from another folder": Case(
        PLAIN.replace("img/", ""), keys={"root": "img"}, paths=("0.png", "1.png", "2.png")
    ),
    "a folder too many, said": Case(
        PLAIN.replace("img/", "data/img/"),
        keys={"root": ".."},
        paths=tuple(f"data/{path}" for path in PATHS),
    ),
    "spelled apart, said": Case(
        PLAIN.replace("dog", "Cat"),
        keys={"labels": {"Cat": 1, "cat": 0}},
        labels=("cat", "Cat", "cat"),
    ),
}

REFUSED = {
    "nothing": Case("", "list.csv is empty; it needs a header line"),
    "only a header": Case("path,label\n", "has a header but no rows"),
    "no header": Case(ROWS, "the first line looks like a row and not like a header"),
    "cp1251": Case(KOSHKA.encode("cp1251"), "list.csv:2: not UTF-8 text, .* set data.encoding"),
    "Shift-JIS": Case(NEKO.encode("shift_jis"), "not UTF-8 text, .* set data.encoding"),
    "GB 18030": Case(NEKO.encode("gb18030"), "not UTF-8 text, .* set data.encoding"),
    "cp1250": Case(CAFE.replace("café", "żółw").encode("cp1250"), "not UTF-8 text"),
    "an encoding that is none": Case(PLAIN, "data.encoding 'utf9'", keys={"encoding": "utf9"}),
    "the wrong encoding": Case(CAFE, "is not ascii text", keys={"encoding": "ascii"}),
    "Excel": Case(b"PK\x03\x04 rest", "is an Excel or ZIP file, no text; save the table as CSV"),
    "Excel of before": Case(b"\xd0\xcf", "a .xls file; .*save the sheet as", name="a.xls"),
    "lines of JSON": Case("{}", "is a .jsonl file", name="list.jsonl"),
    "spaces between columns": Case(PLAIN.replace(",", " "), "the only column is 'path label'"),
    "a column twice": Case("path,label,path\n", "list.csv:1: the column 'path' occurs twice"),
    "an unknown column": Case(
        PLAIN.replace("path,label", "zz,where,kind").replace("img", "x,img"),
        "unknown column 'path' of list.csv .set data.columns.path.*'where' holds paths of files: "
        "set data.columns.path: where.*Its columns, in order: zz, where, kind",
    ),
    "an unknown label": Case(
        PLAIN.replace("path,label", "path,kind"),
        "'kind' holds a few values.*data.columns.label: kind",
    ),
    "too many cells": Case(
        PLAIN + "img/0.png,cat,7\n", "list.csv:5: 3 cells where the header has 2"
    ),
    "too few cells": Case(PLAIN + "img/0.png\n", "list.csv:5: 1 cells where the header has 2"),
    "a quote that is not closed": Case(
        'path,label,what\nimg/0.png,cat,"x\nimg/1.png,dog,y\nimg/2.png,cat,z"\n',
        "list.csv:2: a quote is opened here and closed 2 lines below",
    ),
    "a quote to the end": Case(PLAIN.replace("img/1", '"img/1'), "list.csv:.*not valid CSV"),
    "an empty path": Case(PLAIN + ",cat\n", "list.csv:5: the path is empty"),
    "an empty label": Case(
        PLAIN + "img/3.png, \n", "list.csv:5: the label of 'img/3.png' is empty"
    ),
    "a label that is nan": Case(
        PLAIN + "img/3.png,nan\n", "list.csv:5: .* is 'nan', which programs"
    ),
    "an empty label below empty lines": Case(
        "\n\n" + PLAIN + "img/3.png,\n", "list.csv:7: the label of 'img/3.png' is empty"
    ),
    "two labels": Case(
        PLAIN + "img/0.png,dog\n",
        "list.csv:5: the path 'img/0.png' is also in list.csv:2, with the label 'cat' and not "
        "'dog'",
    ),
    "labels spelled apart": Case(
        PLAIN.replace("dog", "Cat"), "differ only in how they are spelled: 'Cat' .1., 'cat' .2."
    ),
    "addresses": Case(
        PLAIN.replace("img/", "https://ann:pw@host.org/img/").replace(".png", ".png?sig=secret"),
        "list.csv:2: 3 of 3 paths are addresses .the first: 'host.org/img/0.png'.*nothing is",
    ),
    "a path outside": Case(PLAIN + "../x.png,cat\n", "list.csv:5: .*outside.*data.allow_outside"),
    "an absolute path": Case(
        PLAIN + "/etc/passwd,cat\n", "list.csv:5: the path '/etc/passwd' is out"
    ),
    "the folder itself": Case(PLAIN + "img/..,cat\n", "'img/..' is the folder of the table"),
    "a line break in a path": Case(PLAIN + '"img/\n3.png",cat\n', "list.csv:5: .*line break"),
    "the picture in a cell": Case(
        PLAIN + "b'" + "x" * 5000 + "',cat\n", "5,003 characters. is no path"
    ),
    "a root that is none": Case(
        PLAIN, "data.root 'nowhere' is no folder", keys={"root": "nowhere"}
    ),
    "boxes in two rows": Case(
        "path,label,box\nimg/0.png,cat,1 1 2 2\nimg/0.png,cat,5 5 2 2\n",
        "with another mask or box; write several boxes of a picture in one cell",
        keys={"columns": {"box": "box"}},
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables") / "data"
    (folder / "img").mkdir(parents=True)
    for number in range(4):
        noise(seed=number).save(folder / "img" / f"{number}.png")
    return folder


def outcome(folder: Path, case: Case) -> Collection:
    content = case.content if isinstance(case.content, bytes) else case.content.encode()
    (folder / case.name).write_bytes(content)
    return read_data(DataConfig.model_validate({"source": case.name, **case.keys}), folder)


@pytest.mark.parametrize("name", READ)
def test_tables_are_read_and_what_was_guessed_is_said(folder: Path, name: str) -> None:
    case = READ[name]
    found = outcome(folder, case)
    assert found.paths == case.paths
    assert found.labels == case.labels
    assert all(not found.reader.digest(row).startswith("unreadable") for row in range(len(found)))
    said = "; ".join(found.notes)
    assert case.note in said
    if not case.note:
        assert not said


@pytest.mark.parametrize("name", REFUSED)
def test_tables_are_refused_in_one_sentence(folder: Path, name: str) -> None:
    with pytest.raises(AuditorError, match=REFUSED[name].error) as caught:
        outcome(folder, REFUSED[name])
    assert caught.value.exit_code in (2, 3)
    assert "secret" not in str(caught.value)
    assert "pw@" not in str(caught.value)
