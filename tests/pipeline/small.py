"""A small audit for tests: textures of three classes and a little CNN that tells them apart."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import numpy as np
import torch
import yaml
from PIL import Image
from safetensors.torch import save

SAMPLES = Path(__file__).resolve().parents[2] / "sample_configs"

MODEL = """
from torch import nn

def build(classes=3):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(),
        nn.Linear(16, classes),
    )
"""


def picture(kind: int, rng: np.random.Generator) -> np.ndarray:
    """Return a 64 x 64 texture: horizontal, vertical or diagonal stripes, with noise."""
    y, x = np.mgrid[:64, :64]
    phase = (y, x, x + y)[kind % 3] + rng.integers(8)
    stripes = 90 * np.sin(2 * np.pi * phase / 8)
    noise = rng.normal(0, 12, (64, 64, 3))
    return np.clip(128 + stripes[..., None] + noise, 0, 255).astype(np.uint8)


def write_model(folder: Path, classes: int) -> None:
    """Write the model's source and a checkpoint trained for a second."""
    (folder / "my_model.py").write_text(MODEL)
    (folder / "my_model.safetensors").write_bytes(_trained(classes))


@cache
def _trained(classes: int) -> bytes:
    scope: dict = {}
    exec(MODEL, scope)
    torch.manual_seed(0)
    model = scope["build"](classes)
    rng = np.random.default_rng(1)
    labels = np.arange(96) % classes
    pictures = np.stack([picture(int(label), rng) for label in labels])
    inputs = (torch.tensor(pictures).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
    optimiser = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(25):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), torch.tensor(labels))
        loss.backward()
        optimiser.step()
    return save(model.state_dict())


def write_images(folder: Path, names: list[str], per_class: int) -> None:
    """Write an image folder with ``per_class`` textures per class."""
    rng = np.random.default_rng(2)
    for kind, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for index in range(per_class):
            Image.fromarray(picture(kind, rng)).save(folder / name / f"{index:02d}.png")


def write_own_model_audit(folder: Path, *, per_class: int = 12, **changes: dict) -> Path:
    """Lay out what own_model.yaml expects, with changed sections; return the config."""
    folder.mkdir(parents=True, exist_ok=True)
    write_model(folder, 3)
    write_images(folder / "photos" / "val", ["cat", "dog", "horse"], per_class)
    document = yaml.safe_load((SAMPLES / "own_model.yaml").read_text())
    for section, values in changes.items():
        document[section] = {**document.get(section, {}), **values}
    path = folder / "own_model.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def write_table_audit(folder: Path) -> Path:
    """Lay out what sample_configs/table.yaml expects; return the config."""
    folder.mkdir(parents=True, exist_ok=True)
    write_model(folder, 2)
    write_images(folder / "img", ["0", "1"], 10)
    lines = ["path,label,camera,site"]
    for label in ("0", "1"):
        for index in range(10):
            lines.append(f"img/{label}/{index:02d}.png,{label},{'AB'[index % 2]},Lyon")
    (folder / "images.csv").write_text("\n".join(lines) + "\n")
    return Path(shutil.copy(SAMPLES / "table.yaml", folder / "table.yaml"))
