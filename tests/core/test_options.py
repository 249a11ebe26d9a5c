"""Paths of the command line, as a config in another folder names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.cli.options import seen_from


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        (None, None),
        ("model.safetensors", "../model.safetensors"),
        ("net.py:build", "../net.py:build"),
        ("gone.py:build", "gone.py:build"),
        ("torchvision:resnet18", "torchvision:resnet18"),  # a folder of that name is there too
        ("package.module:build", "package.module:build"),
    ],
)
def test_what_is_there_is_seen_from_the_config(
    name: str | None, seen: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").touch()
    Path("model.safetensors").touch()
    Path("torchvision").mkdir()
    assert seen_from(tmp_path / "configs", name) == seen
