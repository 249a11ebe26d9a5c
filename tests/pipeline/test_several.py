"""Several labels for each picture, from the config to the report."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from auditor.__main__ import run
from tests.pipeline.several import NAMES, picture, write_audit

CHEST = (
    *("atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia"),
    *("pneumothorax", "consolidation", "edema", "emphysema", "fibrosis", "thickening", "hernia"),
)
MODEL = """
from torch import nn
def build():
    body = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    body += [nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*body, nn.Linear(16, 14), nn.Sigmoid())
"""


def result_of(folder: Path) -> dict:
    (path,) = folder.glob("runs/*/audit.json")
    found: dict = json.loads(path.read_text())
    return found


@pytest.mark.slow
def test_a_chest_like_table_gets_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch
    from PIL import Image
    from safetensors.torch import save_file

    rng = np.random.default_rng(0)
    states = rng.choice(["1", "0", "-1", ""], (90, 14), p=[0.25, 0.6, 0.1, 0.05])
    lines = [",".join(["Path", "Sex", *CHEST])]
    (tmp_path / "img").mkdir()
    for at, row in enumerate(states):
        shown = picture(np.array([value == "1" for value in row[:6]]), rng, marked=False)
        Image.fromarray(shown).save(tmp_path / "img" / f"{at}.png")
        lines.append(",".join([f"img/{at}.png", "FM"[at % 2], *row]))
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "my_model.py").write_text(MODEL)
    scope: dict = {}
    exec(MODEL, scope)
    torch.manual_seed(0)
    model = scope["build"]()
    save_file(model.state_dict(), str(tmp_path / "weights.safetensors"))
    config = str(tmp_path / "audit.yaml")
    asked = ["--model", f"{tmp_path}/my_model.py:build", "--data", f"{tmp_path}/labels.csv"]
    asked += ["--weights", f"{tmp_path}/weights.safetensors"]
    assert run(["init", *asked, "--to", config]) == 0
    written = yaml.safe_load(Path(config).read_text())
    assert written["data"]["labels"] == "multi"
    assert run(["check", config, "--images", "2"]) == 0
    assert run(["run", config, "--preset", "quick", "--out", str(tmp_path / "runs")]) == 0
    labels = result_of(tmp_path)["performance"]["labels"]
    assert [each["name"] for each in labels] == list(CHEST)
    for at, each in enumerate(labels):
        assert each["present"] == int((states[:, at] == "1").sum())
        assert each["absent"] == int((states[:, at] == "0").sum())
        assert each["uncertain"] == int(np.isin(states[:, at], ["-1", ""]).sum())
        assert each["auroc"]["low"] <= each["auroc"]["value"] <= each["auroc"]["high"]
    (page,) = tmp_path.glob("runs/*/report.html")
    assert "Performance per label" in page.read_text()
    (table,) = tmp_path.glob("runs/*/tables/labels.csv")
    assert len(list(csv.DictReader(table.open()))) == 14


@pytest.mark.slow
@pytest.mark.parametrize("marks", [True, False])
def test_a_mark_beside_one_label_is_found_for_that_label(tmp_path: Path, *, marks: bool) -> None:
    path = write_audit(tmp_path, marks=marks)
    assert run(["run", str(path), "--out", str(tmp_path / "runs")]) == 0
    grave = [each for each in result_of(tmp_path)["findings"] if each["grade"] in ("A", "B")]
    named = {each["class_name"] for each in grave}
    assert NAMES[0] in named if marks else not grave
