"""A trained model and pictures that are objects, as a notebook has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load
from torch import nn
from torch.utils.data import Dataset
from torchvision.transforms import v2

from tests.pipeline.small import MODEL, _trained, picture
from tests.pipeline.tiny import TINY

NAMES = ["cat", "dog", "horse"]
LEAN: dict[str, Any] = {
    "audit": TINY,
    "shortcuts": {"per_class": 1, "total": 1, "permutations": 200},
    "quiet": True,
}
TRANSFORM = v2.Compose(
    [
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
    ]
)


def model() -> nn.Module:
    """Return the little CNN of the other tests, trained, in training mode as after training."""
    scope: dict[str, Any] = {}
    exec(MODEL, scope)
    net: nn.Module = scope["build"](3)
    net.load_state_dict(load(_trained(3)))
    return net.train()


class Textures(Dataset):
    """Pictures with numbers of classes, as torchvision's data sets give them."""

    def __init__(self, per_class: int = 5, transform: Any = None, seed: int = 2) -> None:
        rng = np.random.default_rng(seed)
        self.targets = [kind for kind in range(3) for _ in range(per_class)]
        self.pictures = [Image.fromarray(picture(kind, rng)) for kind in self.targets]
        self.classes = NAMES
        self.transform = transform

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, at: int) -> tuple[Any, int]:
        shown = self.pictures[at]
        return (self.transform(shown) if self.transform else shown), self.targets[at]
