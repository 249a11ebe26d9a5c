"""Data of which nothing can be used ends every command with 3, the first reason and the cause."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.__main__ import run
from auditor.records.accounting import BEYOND_LIMIT, ClassCount
from auditor.report.sections.summary import left_by_limit
from tests.pipeline.small import write_own_model_audit

pytestmark = pytest.mark.usefixtures("hasty")


def test_a_class_that_the_limit_leaves_out_is_named() -> None:
    asked = {"set_aside": {BEYOND_LIMIT: 5}, "losses": {}, "pictures": 5, "share": 0, "found": 5}
    counts = [
        ClassCount(name="left", used=0, **asked),
        ClassCount(name="kept", used=3, **{**asked, "found": 8, "pictures": 8}),
        ClassCount(name="", used=0, **{**asked, "pictures": 0}),
    ]
    (found,) = left_by_limit(counts)
    assert found.part == "the audit of these classes: left"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write an audit whose table gives every picture another suffix."""
    path = write_own_model_audit(tmp_path, per_class=2, data={"source": "list.csv"})
    lines = ["path,label"]
    for name in ("cat", "dog", "horse"):
        lines += [f"photos/val/{name}/{number:02d}.jpg,{name}" for number in range(2)]
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    return path


def commands(config: Path) -> dict[str, list[str]]:
    folder = config.parent
    image = str(folder / "photos" / "val" / "cat" / "00.png")
    return {
        "run": ["run", str(config), "--out", str(folder / "runs"), "--quiet"],
        "check": ["check", str(config), "--quiet"],
        "explain": ["explain", str(config), "--image", image, "--out", str(folder / "e")],
        "init": [
            "init", "--model", str(folder / "my_model.py:build"),
            "--weights", str(folder / "my_model.safetensors"),
            "--data", str(folder / "list.csv"),
            "--set", "model.classes=[cat, dog, horse]", "--to", str(folder / "new.yaml"),
        ],
    }  # fmt: skip


@pytest.mark.parametrize("command", ["run", "check", "explain", "init"])
def test_nothing_that_can_be_read(
    config: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(commands(config)[command]) == 3
    said = capsys.readouterr().err
    assert "none of the 6 pictures can be used" in said
    assert "photos/val/cat/00.jpg' does not exist" in said
    assert "another suffix" in said
    assert not (config.parent / "new.yaml").exists()


@pytest.mark.parametrize("command", ["run", "check"])
def test_nothing_that_is_a_picture(
    config: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = config.parent / "list.csv"
    table.write_text(table.read_text().replace(".jpg", ".png"))
    for path in (config.parent / "photos").rglob("*.png"):
        path.write_bytes(b"<!DOCTYPE html><p>sign in</p>")
    assert run(commands(config)[command]) == 3
    said = capsys.readouterr().err
    assert "is not a JPEG" in said
    assert "are web pages" in said


def test_a_model_that_gives_no_numbers_for_any_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_own_model_audit(tmp_path, per_class=2, preprocess={"std": [1e-38] * 3})
    code = run(["run", str(config), "--out", str(tmp_path / "runs"), "--quiet"])
    said = capsys.readouterr().err
    assert (code, "none of the 6 pictures can be used" in said) == (3, True), said
    assert "6 of 6 make the model give NaN or infinity" in said
