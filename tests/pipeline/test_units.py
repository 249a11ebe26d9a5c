"""Audits whose concepts are directions of a dictionary."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from auditor.__main__ import run as auditor
from auditor.report.show.render import read_result
from tests.pipeline.small import write_own_model_audit
from tests.pipeline.tiny import TINY, run


def write_directions(folder: Path, seed: int = 1) -> None:
    """Write directions with names for a layer of 16 channels."""
    torch.manual_seed(seed)
    names = json.dumps([f"direction {'abcdefg'[place]}" for place in range(7)])
    tensors = {"directions": torch.randn(7, 16), "encoder": torch.randn(7, 16)}
    save_file(tensors, folder / "made.safetensors", {"names": names})


def write_audit(folder: Path) -> Path:
    """Lay out a tiny audit of channels and of directions of one layer; return its config."""
    write_directions(folder)
    return write_own_model_audit(
        folder,
        per_class=5,
        audit=TINY | {"units": {"4": "made.safetensors"}, "concepts": 3},
        shortcuts={"per_class": 1, "total": 1, "permutations": 200},
        report={"formats": ["html"]},
    )


def test_directions_are_audited_beside_channels(tmp_path: Path) -> None:
    config = write_audit(tmp_path)
    assert auditor(["check", str(config)]) == 0
    assert run(config, tmp_path / "runs") == 0
    (folder,) = (tmp_path / "runs").glob("*/")
    result = read_result(folder)
    assert [layer.layer for layer in result.method.layers] == ["4:units", "4"]
    assert (folder / "report.html").read_text().count("direction b") > 0
    assert run(config, tmp_path / "runs") == 0
    assert len(list((tmp_path / "runs").glob("*/"))) == 1
    write_directions(tmp_path, seed=2)  # other directions in a file of the same name: another audit
    assert run(config, tmp_path / "runs") == 0
    runs = sorted((tmp_path / "runs").glob("*/"))
    assert len(runs) == 2
    both = tmp_path / "compared.md"
    assert auditor(["compare", str(runs[0]), str(runs[1]), "--to", str(both)]) == 0
    assert "4:units" in both.read_text()


def test_one_picture_is_explained_by_directions(tmp_path: Path) -> None:
    config = write_audit(tmp_path)
    picture = next(path for path in tmp_path.rglob("*.png"))
    asked = ["explain", str(config), "--image", str(picture), "--format", "html"]
    assert auditor([*asked, "--out", str(tmp_path / "page")]) == 0
    (page,) = (tmp_path / "page").glob("*.html")
    assert "4:units" in page.read_text()
