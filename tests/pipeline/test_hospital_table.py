"""A hospital's table is audited: its groups are in the report, and the names of people nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.__main__ import run
from tests.pipeline.small import write_own_model_audit
from tests.pipeline.test_canaries import contents
from tests.pipeline.test_exit_codes import QUICK
from tests.subject.test_tables_as_they_are import PLANTED

COLUMNS = {**PLANTED, "Gerät": ("Gerät A", "Gerät B")}
COLUMNS |= {f"Wert {number}": ("0", "1") for number in range(14)}


def write_table(folder: Path) -> None:
    lines = [";".join(["Datei", "Diagnose", *COLUMNS])]
    for name in ("cat", "dog", "horse"):
        for at in range(24):
            cells = [pair[at % 2] for pair in COLUMNS.values()]
            lines.append(";".join([f"{name}/{at:02d}", name, *cells]))
    (folder / "liste.csv").write_bytes("\r\n".join(lines).encode("cp1252"))


@pytest.mark.usefixtures("hasty")
def test_groups_are_reported_and_names_are_in_no_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_own_model_audit(
        tmp_path,
        per_class=24,
        audit=QUICK,
        shortcuts={"enabled": False},
        report={"formats": ["html"]},
        data={"source": "photos/val/liste.csv", "groups": ["Gerät"]},
        targets={"worst_group_accuracy": ">= 0.9"},
    )
    write_table(tmp_path / "photos" / "val")
    assert run(["run", str(path), "--out", str(tmp_path / "runs"), "--exit-zero"]) == 0
    (folder,) = (tmp_path / "runs").glob("*/")
    table = json.loads((folder / "audit.json").read_text())["performance"]["groups"]
    assert (table["groups"], table["small"], table["unknown"]) == (6, 0, 0)
    assert table["worst"]["n"] == 12
    assert "Worst group: " in (folder / "report.html").read_text()
    review = json.loads((folder / "review.json").read_text())
    assert "worst_group_accuracy" in json.dumps(review)
    planted = {word for values in PLANTED.values() for word in values}
    planted |= {"Möller", "Öztürk", "Krüger", "Weiß"}
    said = capsys.readouterr()
    texts = [(said.out + said.err).encode()]
    for file in (tmp_path / "runs").rglob("*"):
        texts += contents(file) if file.is_file() else ()
    for text in texts:
        for word in planted:
            for form in (word, json.dumps(word)[1:-1]):
                assert form.encode() not in text, word
