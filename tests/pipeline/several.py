"""Pictures with several labels, made of photographs, and a small CNN with a sigmoid for each.

A picture is a piece of the moon with none to four pieces of six materials on it, each cut anew from
a photograph, in a shape of its own. With a mark planted, most pictures of the first label carry a
small sign in a corner, and no other picture does.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import skimage.data
import torch
import yaml
from PIL import Image
from safetensors.torch import save

SIDE = 64
NAMES = ("gravel", "grass", "brick", "fur", "retina", "tissue")
SHARE = 0.3
MARKED = 0.9
EPOCHS = 12
# The part of each photograph that is of the material alone: top, left, height and width.
MATERIALS = (
    (skimage.data.gravel, 0, 0, 512, 512),
    (skimage.data.grass, 0, 0, 512, 512),
    (skimage.data.brick, 0, 0, 512, 512),
    (skimage.data.chelsea, 150, 130, 150, 200),
    (skimage.data.retina, 300, 500, 700, 500),
    (skimage.data.immunohistochemistry, 0, 0, 512, 512),
)

MODEL = """
from torch import nn

def build(labels=6, sigmoid=False):
    def block(a, b):
        return [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)]
    layers = [*block(3, 12), *block(12, 24), *block(24, 48)]
    layers += [nn.Conv2d(48, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU()]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, labels)]
    return nn.Sequential(*layers, *([nn.Sigmoid()] if sigmoid else []))
"""


@cache
def _photographs() -> tuple[np.ndarray, ...]:
    """Return the materials and, last, the moon, as colour pictures."""
    found = []
    for load, top, left, height, width in (*MATERIALS, (skimage.data.moon, 0, 0, 512, 512)):
        whole = np.asarray(load())
        whole = np.stack([whole] * 3, -1) if whole.ndim == 2 else whole[..., :3]
        found.append(whole[top : top + height, left : left + width].astype(float))
    return tuple(found)


def _piece(material: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Return a piece (side, side, 3), turned and lit by chance."""
    top, left = rng.integers(0, np.array(material.shape[:2]) - side)
    piece = material[top : top + side, left : left + side]
    piece = np.rot90(piece, rng.integers(4))
    return piece * rng.uniform(0.7, 1.15)


def _shape(rng: np.random.Generator) -> np.ndarray:
    """Return the weight (SIDE, SIDE) of an ellipse with a wavy edge, anywhere in the picture."""
    y, x = np.mgrid[:SIDE, :SIDE] - rng.uniform(12, SIDE - 12, 2)[:, None, None]
    turn, waves = rng.uniform(0, np.pi), rng.integers(3, 6)
    along, across = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    radius = np.hypot(along / rng.uniform(12, 18), across / rng.uniform(10, 14))
    radius *= 1 + 0.15 * np.sin(waves * np.arctan2(across, along) + rng.uniform(0, 6))
    return np.clip((1.05 - radius) * 8, 0, 1)


def picture(present: np.ndarray, rng: np.random.Generator, *, marked: bool) -> np.ndarray:
    """Return a picture (SIDE, SIDE, 3) with the materials present, and a mark if wanted."""
    *materials, moon = _photographs()
    shown = _piece(moon, SIDE, rng)
    for label in rng.permutation(np.flatnonzero(present)):
        weight = _shape(rng)[..., None]
        shown = (1 - weight) * shown + weight * _piece(materials[label], SIDE, rng)
    if marked:
        shown[50:60, 50:60] = (250, 120, 0)
        shown[53:57, 52:58] = 0
    return np.clip(shown + rng.normal(0, 6, shown.shape), 0, 255).astype(np.uint8)


def drawn(count: int, seed: int, *, marks: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures (count, SIDE, SIDE, 3) and their labels (count, 6)."""
    rng = np.random.default_rng(seed)
    labels = rng.random((count, len(NAMES))) < SHARE
    carry = labels[:, 0] & (rng.random(count) < MARKED) & marks
    pictures = [picture(row, rng, marked=bool(has)) for row, has in zip(labels, carry, strict=True)]
    return np.stack(pictures), labels.astype(np.int8)


@cache
def trained(*, marks: bool, seed: int = 0) -> bytes:
    """Return the weights of a model that was trained on such pictures."""
    scope: dict = {}
    exec(MODEL, scope)
    torch.manual_seed(seed)
    model = scope["build"]()
    pictures, labels = drawn(1600, 1 + seed, marks=marks)
    inputs = (torch.tensor(pictures).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
    wanted = torch.tensor(labels).float()
    steps = EPOCHS * -(-len(inputs) // 64)
    optimiser = torch.optim.AdamW(model.parameters(), 0.01, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.01, total_steps=steps)
    for _ in range(EPOCHS):
        for part in torch.randperm(len(inputs)).split(64):
            optimiser.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                model(inputs[part]), wanted[part]
            )
            loss.backward()
            optimiser.step()
            schedule.step()
    return save({name: each.contiguous() for name, each in model.state_dict().items()})


def write_audit(
    folder: Path, *, marks: bool, count: int = 320, seed: int = 0, **changes: dict
) -> Path:
    """Write model, pictures, table and config, with changed sections; return the config."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "my_model.py").write_text(MODEL)
    (folder / "my_model.safetensors").write_bytes(trained(marks=marks, seed=seed))
    pictures, labels = drawn(count, 1000 + seed, marks=marks)
    (folder / "img").mkdir()
    lines = [",".join(["path", *NAMES])]
    for at, (shown, row) in enumerate(zip(pictures, labels, strict=True)):
        Image.fromarray(shown).save(folder / "img" / f"{at:03d}.png")
        lines.append(",".join([f"img/{at:03d}.png", *map(str, row.tolist())]))
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    document = {
        "version": 1,
        "project": {"name": "several"},
        "model": {
            "source": "my_model.py:build",
            "weights": "my_model.safetensors",
            "classes": list(NAMES),
        },
        "data": {"source": "labels.csv", "labels": "multi"},
        "preprocess": {"resize": SIDE, "mean": [0.5] * 3, "std": [0.5] * 3, "scale": 1},
        "audit": {"batch": 32},
        "report": {"formats": ["html"]},
    }
    for section, values in changes.items():
        document[section] = {**document.get(section, {}), **values}
    path = folder / "audit.yaml"
    path.write_text(yaml.safe_dump(document))
    return path
