"""A guess of how labels meet outputs that the answers contradict stops the audit early."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from auditor.__main__ import run
from auditor.language.speaking import Text
from tests.pipeline.small import write_own_model_audit

pytestmark = pytest.mark.usefixtures("hasty")

QUICK = {
    "references": 1, "class_references": 1, "concepts": 1, "atlas_samples": 0, "composition": 0,
    "flipping_images": 0, "component_samples": 0, "strategies": 0, "mistakes": 0,
}  # fmt: skip


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


def test_a_stated_order_that_the_answers_contradict_leaves_the_audit_incomplete(
    swapped: Path, tmp_path: Path
) -> None:
    document = audited(swapped, tmp_path / "stated", "data.labels=order")
    gap = str(Text.from_json(document["verdict"]["gaps"][0])).replace("\u00a0", " ")
    assert "the answers contradict how labels met the outputs" in gap
    assert "0 of 30 pictures (0 %) are right so" in gap
    assert "30 (100 %) with another assignment" in gap
    assert document["data"]["contradiction"]["better"] == {"0": 1, "1": 2, "2": 0}
    document = audited(swapped, tmp_path / "right", "data.labels={ape: 1, bear: 2, zebra: 0}")
    assert document["data"]["contradiction"] is None
    assert not any("contradict" in str(gap) for gap in document["verdict"]["gaps"])


def audited(config: Path, out: Path, labels: str) -> dict:
    """Return the result of a quick audit with ``labels`` set."""
    settings = [f"audit.{key}={value}" for key, value in QUICK.items()]
    settings += [labels, "shortcuts.enabled=false", "policy.require_complete=true"]
    options = [word for setting in settings for word in ("--set", setting)]
    run(["run", str(config), "--out", str(out), "--format", "html", *options])
    (path,) = out.glob("*/audit.json")
    return json.loads(path.read_text())
