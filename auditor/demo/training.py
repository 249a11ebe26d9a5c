"""Train the demo's model on its crops, the same way every time for one seed."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from auditor.base.progress import Step
from auditor.demo.surface_net import build

MEAN, STD = 0.5, 0.25
EPOCHS = 12
BATCH = 64
LEARNING_RATE = 5e-3
WEIGHT_DECAY = 5e-2


def train(
    images: UInt8[np.ndarray, "sample 64 64 3"],
    labels: Int[np.ndarray, "sample"],
    *,
    seed: int,
    progress: Step | None = None,
) -> nn.Module:
    """Return the model trained on ``images``; ``progress`` is told of every epoch done."""
    inputs, targets = to_inputs(images), torch.from_numpy(labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build()
        order = torch.Generator().manual_seed(seed)
        optimiser = torch.optim.AdamW(
            model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY
        )
        steps = len(images) // BATCH
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, LEARNING_RATE, total_steps=EPOCHS * steps
        )
        for _ in range(EPOCHS):
            rows = torch.randperm(len(images), generator=order)[: steps * BATCH]
            for batch in torch.split(rows, BATCH):
                loss = nn.functional.cross_entropy(model(inputs[batch]), targets[batch])
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()
            if progress is not None:
                progress(1)
    return model.eval()


def predict(
    model: nn.Module, images: UInt8[np.ndarray, "sample 64 64 3"]
) -> Float[np.ndarray, "sample output"]:
    """Return the model's logits."""
    with torch.no_grad():
        batches = [model(batch) for batch in torch.split(to_inputs(images), 256)]
    logits: np.ndarray = torch.cat(batches).numpy()
    return logits


def to_inputs(images: UInt8[np.ndarray, "sample 64 64 3"]) -> Tensor:
    """Return pictures as the model takes them: (N, 3, 64, 64), the config's ``preprocess``."""
    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32)) / 255.0
    return (pixels - MEAN) / STD
