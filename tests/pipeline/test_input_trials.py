"""Init tries the usual ways to make inputs, and says which one makes the model right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from auditor.cli.first_look import first_look
from auditor.cli.input_trials import Seen, _clearly_more
from auditor.cli.progress import TerminalProgress
from tests.subject.small import config

# Answers which of the first and the last channel is larger: blue, then red, as OpenCV reads.
COLOUR = """
import torch
from torch import nn


def colour():
    first = nn.Conv2d(3, 2, 1, bias=False)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 0, 1.0]])[:, :, None, None])
    return nn.Sequential(first, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(COLOUR)
    rng = np.random.default_rng(0)
    for name, channel in (("blue", 2), ("red", 0)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(8):
            pixels = rng.integers(0, 100, (32, 32, 3), dtype=np.uint8)
            pixels[..., channel] += 150
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path


def looked(project: Path, **preprocess: Any) -> dict[str, Any]:
    stated = config("net.py:colour", model={"classes": ["blue", "red"]}, preprocess=preprocess)
    return first_look(stated, project, TerminalProgress(quiet=True))


def test_an_order_of_channels_that_is_clearly_right_is_taken(project: Path) -> None:
    found = looked(project)
    assert found["preprocess"]["channels"] == "bgr"
    assert found["accuracy"] == "1.00"
    table = found["tried"]
    assert table[0] == "accuracy on 16 images by preprocessing and order of channels:"
    assert table[1].split() == ["rgb", "bgr"]
    assert table[2].split() == ["0", "to", "1", "0.00", "1.00"]
    assert table[-2].startswith("and by size: 32 x 32: 1.00")
    assert table[-1].startswith("and by order of labels: as matched (")


def test_what_is_stated_stays_and_raises_an_alarm(project: Path) -> None:
    found = looked(project, channels="rgb", resize=[32, 32])
    assert found["preprocess"]["channels"] == "rgb"
    assert found["accuracy"] == "0.00"
    (alarm,) = [note for note in found["notes"] if "preprocess may be wrong" in note]
    assert "in bgr recognises 16 of 16 images, where what is stated recognises 0" in alarm
    assert "CHECK" in found["origin"]
    right = looked(project, channels="bgr", resize=[32, 32])
    assert right["accuracy"] == "1.00"
    assert not [note for note in right["notes"] if "may be wrong" in note]
    assert "CHECK" not in right["origin"]


@pytest.mark.parametrize(
    ("gained", "lost", "clear"), [(7, 0, True), (6, 0, False), (20, 12, False), (0, 0, False)]
)
def test_more_by_chance_is_no_alarm(gained: int, lost: int, clear: bool) -> None:
    less = np.array([False] * gained + [True] * lost + [True] * 10)
    more = np.array([True] * gained + [False] * lost + [True] * 10)
    none = np.zeros(len(less), dtype=int)
    assert _clearly_more(Seen(none, none, more), Seen(none, none, less), 0.01) == clear
