"""A small net that is trained on the planted pictures, and what it is made of."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from tests.planted.pictures import KINDS, NAMES, Pictures

PARTS, OBJECTS = 6, 10
RATE, BATCH, SPARSE = 1e-2, 48, 0.05
# What a channel's maximum is taught where its patch is.
FIRES = 3.0


def build(parts: int = PARTS) -> nn.Sequential:
    """Return the net: ``parts`` sees patches, ``objects`` sees whole pictures."""
    stem = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    lower = nn.Sequential(nn.Conv2d(12, parts, 5, padding=2), nn.ReLU())
    upper = nn.Sequential(nn.Conv2d(parts, OBJECTS, 7, padding=3), nn.ReLU())
    head = nn.Linear(OBJECTS, len(NAMES))
    with torch.no_grad():
        # Small evidence at first, so that no unit dies before it has learned.
        upper[0].weight.abs_().mul_(0.2)
        head.weight.abs_()
        head.bias.fill_(-2.0)
    return nn.Sequential(
        OrderedDict(
            stem=stem,
            parts=lower,
            shrink=nn.MaxPool2d(2),
            objects=upper,
            pool=nn.AdaptiveMaxPool2d(1),
            flat=nn.Flatten(),
            head=head,
        )
    )


def inputs_of(images: object) -> Tensor:
    """Return pictures in [0, 1] as the net takes them."""
    return (torch.as_tensor(images).float() - 0.5) / 0.25


def train(
    net: nn.Sequential, pictures: Pictures, *, seed: int, steps: int, rate: float = RATE
) -> nn.Sequential:
    """Train in place and return the net.

    Every score by itself tells its class from all else (binary cross-entropy) and adds up evidence
    (no negative weights above ``parts``): so each needs both its patches, and none is decided by
    what other scores lack. Besides, the first channels of ``parts`` learn to fire where a patch of
    each kind is (mean squared error of their maximum): so it is known which channel should detect
    what, and the tests measure whether it does.
    """
    generator = torch.Generator().manual_seed(seed)
    inputs, labels = inputs_of(pictures.images), torch.as_tensor(pictures.labels)
    present = torch.tensor([[kind in where for kind in KINDS] for where in pictures.boxes])
    wanted = FIRES * present.float()
    optimiser = torch.optim.Adam(net.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    net.train()
    for _ in range(steps):
        rows = torch.randint(len(labels), (BATCH,), generator=generator)
        lower = net.parts(net.stem(inputs[rows]))
        upper = net.objects(net.shrink(lower))
        logits = net.head(net.flat(net.pool(upper)))
        detected = lower[:, : len(KINDS)].amax((2, 3))
        answer = (labels[rows, None] == torch.arange(len(NAMES))).float()
        loss = 3 * nn.functional.binary_cross_entropy_with_logits(logits, answer)
        loss = loss + 0.5 * nn.functional.mse_loss(detected, wanted[rows])
        loss = loss + SPARSE * lower.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            net.objects[0].weight.clamp_(min=0)
            net.head.weight.clamp_(min=0)
    return net.eval()
