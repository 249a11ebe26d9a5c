"""Small pictures, models and configs that the tests of the subject share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import nn

from auditor.config.audit import Config, parse_config

FACTORY = """
import torch
from torch import nn


def tiny(outputs=2):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, outputs),
    )
"""


def noise(height: int = 12, width: int = 12, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def image_folder(root: Path, counts: dict[str, int], *, height: int = 12, width: int = 12) -> Path:
    for at, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for number in range(count):
            noise(height, width, 100 * at + number).save(root / name / f"{number:03d}.png")
    return root


def write_factory(folder: Path, text: str = FACTORY, name: str = "net.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def config(
    source: str = "net.py:tiny",
    data: str = "photos",
    *,
    model: dict[str, Any] | None = None,
    data_keys: dict[str, Any] | None = None,
    **sections: dict[str, Any],
) -> Config:
    return parse_config(
        {
            "model": {"source": source, "device": "cpu", **(model or {})},
            "data": {"source": data, **(data_keys or {})},
            **sections,
        }
    )


def tiny_net(outputs: int = 2) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, outputs),
    )
