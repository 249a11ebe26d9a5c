"""Train a model of the benchmark, or take it from the cache; the same for one seed every time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from auditor.demo.training import MEAN, STD, predict, to_inputs
from tests.benchmarks.shortcuts.cases import Case, digest
from tests.benchmarks.shortcuts.nets import NETS, Plain, Residual
from tests.benchmarks.shortcuts.worlds import Photographs, doubled, planted

BATCH = 64
RATE, DECAY = 4e-3, 5e-2
SHIFT = 3
# Steps on the photographs alone, then steps with the artefacts.
STEPS = {"built-in": (50, 80), "clothing": (220, 150), "caltech": (150, 140)}
MISFILED = 0.5
FORMAT = 2

Net = Plain | Residual


def trained(case: Case, data: Photographs, cache: Path | None) -> tuple[Net, float]:
    """Return the model of a case in evaluation, and its accuracy on the training pictures.

    Every model starts from one trained on the clean photographs with its net and seed, and goes on
    with the artefacts; a clean model goes on without.
    """
    generator = np.random.default_rng([case.seed, 1])
    pictures = doubled(data.training)
    training = planted(pictures, case.plants, generator, misfiled=MISFILED)
    base = replace(case, plants=())
    pixels = pixels_digest(pictures.images)
    first, second = STEPS[case.data]

    def begin(model: Net) -> None:
        reset(model, case.seed)
        fit(model, pictures.images, pictures.labels, steps=first, seed=case.seed)

    def go_on(model: Net) -> None:
        model.load_state_dict(_kept(base, data, cache, f"base {pixels}", begin).state_dict())
        fit(model, training.images, training.labels, steps=second, seed=case.seed + 1)

    part = f"model {pixels} {pixels_digest(training.images)}"
    model = _kept(case, data, cache, part, go_on)
    right = predict(model, training.images).argmax(axis=1) == training.labels
    return model, float(right.mean())


def _kept(
    case: Case, data: Photographs, cache: Path | None, part: str, make: Callable[[Net], None]
) -> Net:
    """Return a model from the cache, or make it and keep it."""
    model = NETS[case.net](len(data.classes))
    settings = case.training() | {
        "part": part,
        "steps": STEPS[case.data],
        "misfiled": MISFILED,
        "format": FORMAT,
    }
    path = cache / f"{digest(settings)}.safetensors" if cache else None
    if path is not None and path.is_file():
        model.load_state_dict(load_file(path))
        return model.eval()
    make(model)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{case.id}.partial")
        save_file({key: value.contiguous() for key, value in model.state_dict().items()}, partial)
        partial.replace(path)
    return model.eval()


def pixels_digest(images: UInt8[np.ndarray, "sample 64 64 3"]) -> str:
    """Return 16 hex digits of pictures: a model is taken from the cache only for the same ones."""
    return hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()[:16]


def reset(model: nn.Module, seed: int) -> None:
    """Draw the weights of convolutions and linear layers anew."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.reset_parameters()


def fit(
    model: nn.Module,
    images: UInt8[np.ndarray, "sample 64 64 3"],
    labels: np.ndarray,
    *,
    steps: int,
    seed: int,
) -> None:
    """Train in place, every batch shifted by up to `SHIFT` pixels."""
    inputs = to_inputs(images).contiguous(memory_format=torch.channels_last)
    targets = torch.from_numpy(labels)
    model.to(memory_format=torch.channels_last)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
        model.train()
        order = torch.empty(0, dtype=torch.long)
        for _ in range(steps):
            if len(order) < BATCH:
                order = torch.randperm(len(inputs))
            rows, order = order[:BATCH], order[BATCH:]
            loss = nn.functional.cross_entropy(model(shifted(inputs[rows])), targets[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    model.to(memory_format=torch.contiguous_format).eval()


def shifted(batch: Tensor) -> Tensor:
    """Move a batch by the same random number of pixels both ways, the border repeated."""
    top, left = (int(x) for x in torch.randint(0, 2 * SHIFT + 1, (2,)))
    padded = nn.functional.pad(batch, (SHIFT,) * 4, mode="replicate")
    return padded[:, :, top : top + batch.shape[2], left : left + batch.shape[3]]


def to_pictures(inputs: Tensor) -> UInt8[np.ndarray, "sample 64 64 3"]:
    """Undo `to_inputs`."""
    values = (inputs.detach().numpy() * STD + MEAN) * 255
    pictures: np.ndarray = np.clip(np.rint(values), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    return pictures
