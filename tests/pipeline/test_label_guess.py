"""A guess of how labels meet outputs that the answers contradict stops the audit early."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from auditor.__main__ import run
from tests.pipeline.small import write_own_model_audit


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit whose outputs have no names and whose folders, sorted, are in another order."""
    path = write_own_model_audit(tmp_path_factory.mktemp("swapped"), per_class=10)
    folder = path.parent / "photos" / "val"
    for old, new in (("cat", "zebra"), ("dog", "ape"), ("horse", "bear")):
        (folder / old).rename(folder / new)
    document = yaml.safe_load(path.read_text())
    del document["model"]["classes"]
    document["data"].pop("labels", None)
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.mark.parametrize("command", [["run", "--quiet"], ["check", "--images", "30", "--quiet"]])
def test_it_stops_with_both_accuracies_and_the_line_to_write(
    swapped: Path, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "runs")] if command[0] == "run" else []
    assert run([*command, str(swapped), *out]) == 3
    text = capsys.readouterr().err
    assert "is a guess, and the data contradicts it" in text
    assert "of 30 pictures" in text
    assert 'data.labels: {"ape": 1, "bear": 2, "zebra": 0}' in text
    assert not list((tmp_path / "runs").glob("*/audit.json"))
    assert not list((tmp_path / "runs").glob("*/stages/*concepts*"))


def test_a_stated_order_goes_on_with_a_note(
    swapped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["check", str(swapped), "--images", "30", "--set", "data.labels=order"]
    assert run(command) == 0
    assert "note: CHECK how labels met the outputs" in capsys.readouterr().err
    assert run([*command[:-1], "data.labels={ape: 1, bear: 2, zebra: 0}"]) == 0
    assert "CHECK how labels" not in capsys.readouterr().err
