"""Train a small vision transformer on the clothing data set: ten classes, 112 px, CC0.

    python -m tests.benchmarks.vit_clothing --data DIR --weights FILE

``DIR`` holds train/ and val/, each one folder per class (clothing-dataset-small, resized to
112 px). The weights are written to FILE (safetensors); a FILE that exists is not trained again.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torchvision.models.vision_transformer import ConvStemConfig, VisionTransformer

SIZE = 112
MEAN, STD = 0.5, 0.25
BATCH = 64


def main() -> None:
    """Train, and print the accuracy on val."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stem", choices=("convolutions", "patches"), default="convolutions")
    arguments = parser.parse_args()
    model = trained(
        arguments.data,
        arguments.weights,
        epochs=arguments.epochs,
        seed=arguments.seed,
        stem=arguments.stem,
    )
    images, labels, names = load(arguments.data / "val")
    print(f"{accuracy(model, images, labels):.3f} of {len(images)} ({', '.join(names)})")


def build(stem: str = "convolutions", classes: int = 10) -> VisionTransformer:
    """Return torchvision's ViT with 6 blocks of width 192, 3 heads, 49 or 64 patches.

    ``stem``: 'convolutions' cuts the image by four convolutions of stride 2 with batch norm and
    ReLU (Xiao et al. 2021, "Early convolutions help transformers see better"; a plain patch
    embedding learns little from 3,000 images), 'patches' by one convolution of 14 px.
    """
    steps = [
        ConvStemConfig(out_channels=width, kernel_size=3, stride=2) for width in (24, 48, 96, 192)
    ]
    return VisionTransformer(
        image_size=SIZE,
        patch_size=16 if stem == "convolutions" else 14,
        num_layers=6,
        num_heads=3,
        hidden_dim=192,
        mlp_dim=768,
        dropout=0.0,
        num_classes=classes,
        conv_stem_configs=steps if stem == "convolutions" else None,
    )


def trained(
    data: Path, weights: Path, *, epochs: int = 40, seed: int = 0, stem: str = "convolutions"
) -> nn.Module:
    """Return the model in evaluation, from ``weights`` where that file exists."""
    model = build(stem)
    if weights.exists():
        model.load_state_dict(load_file(weights))
        return model.eval()
    images, labels, _ = load(data / "train")
    held = load(data / "val")
    torch.manual_seed(seed)
    model = build(stem)
    nn.init.trunc_normal_(model.heads[0].weight, std=0.02)
    total = epochs * (len(images) // BATCH)
    optimiser = torch.optim.AdamW(_groups(model), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 1e-3, total_steps=total, pct_start=0.1
    )
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995), use_buffers=True
    )
    start = time.monotonic()
    for epoch in range(epochs):
        model.train()
        loss = _epoch(model, average, images, labels, optimiser, schedule)
        if epoch % 5 == 4 or epoch == epochs - 1:
            score = accuracy(average.module, held[0], held[1])
            seconds = time.monotonic() - start
            print(
                f"epoch {epoch + 1}: loss {loss:.3f}, val {score:.3f}, {seconds:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    weights.parent.mkdir(parents=True, exist_ok=True)
    state = {key: value.contiguous() for key, value in average.module.state_dict().items()}
    save_file(state, weights)
    return average.module.eval()


def _groups(model: nn.Module) -> list[dict[str, object]]:
    """Decay matrices only."""
    decayed = [each for each in model.parameters() if each.dim() > 1]
    others = [each for each in model.parameters() if each.dim() <= 1]
    return [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]


def _epoch(
    model: nn.Module,
    average: torch.optim.swa_utils.AveragedModel,
    images: Tensor,
    labels: Tensor,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> float:
    losses = []
    mixing = torch.distributions.Beta(0.3, 0.3)
    order = torch.randperm(len(images))[: len(images) // BATCH * BATCH]
    for rows in torch.split(order, BATCH):
        batch = augmented(inputs(images[rows]))
        wanted = nn.functional.one_hot(labels[rows], 10).float()
        share = float(mixing.sample())
        batch = share * batch + (1 - share) * batch.flip(0)
        wanted = share * wanted + (1 - share) * wanted.flip(0)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(batch)
        loss = nn.functional.cross_entropy(logits.float(), wanted, label_smoothing=0.1)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        average.update_parameters(model)
        losses.append(float(loss.detach()))
    return float(np.mean(losses))


def augmented(batch: Tensor) -> Tensor:
    """Flip, turn, scale, shift and re-light every picture of a batch by its own draw."""
    count = len(batch)
    angle = (torch.rand(count) - 0.5) * math.radians(40)
    scale = 0.7 + 0.5 * torch.rand(count)
    mirror = torch.where(torch.rand(count) < 0.5, 1.0, -1.0)
    shift = (torch.rand(count, 2) - 0.5) * 0.4
    matrix = torch.stack(
        [
            torch.stack([scale * angle.cos() * mirror, -scale * angle.sin(), shift[:, 0]], 1),
            torch.stack([scale * angle.sin() * mirror, scale * angle.cos(), shift[:, 1]], 1),
        ],
        1,
    )
    grid = nn.functional.affine_grid(matrix, list(batch.shape), align_corners=False)
    moved = nn.functional.grid_sample(batch, grid, padding_mode="reflection", align_corners=False)
    contrast = 0.7 + 0.6 * torch.rand(count, 1, 1, 1)
    light = 0.4 * (torch.rand(count, 3, 1, 1) - 0.5) + 0.6 * (torch.rand(count, 1, 1, 1) - 0.5)
    return moved * contrast + light


def load(folder: Path) -> tuple[Tensor, Tensor, list[str]]:
    """Return pictures (N, 3, 112, 112) as bytes, labels (N,) and the names of the classes."""
    names = sorted(each.name for each in folder.iterdir() if each.is_dir())
    pictures, labels = [], []
    for label, name in enumerate(names):
        for path in sorted((folder / name).glob("*.jpg")):
            with Image.open(path) as image:
                pictures.append(np.asarray(image.convert("RGB").resize((SIZE, SIZE))))
            labels.append(label)
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
    return pixels, torch.tensor(labels), names


def inputs(pixels: Tensor) -> Tensor:
    """Return bytes as the model takes them."""
    return (pixels.float() / 255 - MEAN) / STD


def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Return the share of pictures whose largest logit is their label."""
    model.eval()
    with torch.no_grad():
        found = [model(inputs(part)).argmax(1) for part in torch.split(images, 128)]
    return float((torch.cat(found) == labels).float().mean())


if __name__ == "__main__":
    main()
