"""A small world with a known shortcut: images, and a model whose every weight is written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auditor.causal.context import Leading, Search
from auditor.causal.images import Stage, load_pool
from auditor.causal.probe import Probe
from auditor.config.audit import ShortcutConfig
from auditor.records.stages import Manifest, Samples
from auditor.relevance.explainer import Explainer
from auditor.shortcuts.split import discovery_split

SIZE = 32
MARK = (slice(26, 30), slice(26, 30))
CLASSES = ("red", "green", "blue")
BRIGHT = 2.2


class KnownModel(nn.Module):
    """Class k by the mean of colour k; class 0 also by the brightest pixel, if ``reliance`` > 0.

    Logit k is 20 x mean of colour k; class 0 gains ``reliance`` x max(0, R + G + B - `BRIGHT`).
    """

    def __init__(self, reliance: float) -> None:
        super().__init__()
        self.colours = nn.Conv2d(3, 3, 1)
        self.bright = nn.Conv2d(3, 1, 1)
        self.relu = nn.ReLU()
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.largest = nn.AdaptiveMaxPool2d(1)
        self.from_colours = nn.Linear(3, 3)
        self.from_bright = nn.Linear(1, 3)
        with torch.no_grad():
            for layer in (self.colours, self.bright, self.from_colours, self.from_bright):
                layer.bias.zero_()
                layer.weight.zero_()
            self.colours.weight[:, :, 0, 0] = torch.eye(3)
            self.bright.weight.fill_(1.0)
            self.bright.bias.fill_(-BRIGHT)
            self.from_colours.weight.copy_(20.0 * torch.eye(3))
            self.from_bright.weight[0, 0] = reliance

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, 3)."""
        colours = self.mean(self.relu(self.colours(images))).flatten(1)
        bright = self.largest(self.relu(self.bright(images))).flatten(1)
        logits: Tensor = self.from_colours(colours) + self.from_bright(bright)
        return logits


class WideModel(nn.Module):
    """`KnownModel` with a layer of eight channels in between, ``mixed``, that can be turned.

    Unturned, its channels 0 to 2 are the colours, 3 is what is brighter than `BRIGHT`, and 4 to 7
    are noise that no logit reads. ``turned``: seed of a rotation of the eight, undone afterwards.
    Class 0 gains ``reliance`` x the brightest pixel, class 2 gains ``second`` x the same.
    """

    def __init__(self, reliance: float, *, second: float = 0.0, turned: int | None = None) -> None:
        super().__init__()
        generator = np.random.default_rng(turned)
        self.features = nn.Conv2d(3, 8, 1)
        self.relu = nn.ReLU()
        self.mixed = nn.Conv2d(8, 8, 1)
        self.back = nn.Conv2d(8, 8, 1)
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.largest = nn.AdaptiveMaxPool2d(1)
        self.from_colours = nn.Linear(3, 3)
        self.from_bright = nn.Linear(1, 3)
        turn = np.eye(8)
        if turned is not None:
            turn = np.linalg.qr(generator.standard_normal((8, 8)))[0]
        noise = np.random.default_rng(7).uniform(0, 0.5, (4, 3))
        with torch.no_grad():
            for layer in (self.features, self.mixed, self.back, self.from_colours):
                layer.bias.zero_()
                layer.weight.zero_()
            self.features.weight[:3, :, 0, 0] = torch.eye(3)
            self.features.weight[3] = 1.0
            self.features.weight[4:, :, 0, 0] = torch.from_numpy(noise).float()
            self.features.bias[3] = -BRIGHT
            self.mixed.weight[:, :, 0, 0] = torch.from_numpy(turn).float()
            self.back.weight[:, :, 0, 0] = torch.from_numpy(turn.T.copy()).float()
            self.from_colours.weight.copy_(20.0 * torch.eye(3))
            self.from_bright.bias.zero_()
            self.from_bright.weight[:, 0] = torch.tensor([reliance, 0.0, second])

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, 3)."""
        found = self.back(self.mixed(self.relu(self.features(images))))
        colours = self.mean(found[:, :3]).flatten(1)
        bright = self.largest(found[:, 3:4]).flatten(1)
        logits: Tensor = self.from_colours(colours) + self.from_bright(bright)
        return logits


@dataclass(frozen=True, eq=False)
class World:
    """Images in memory, in the part of a subject that a probe needs."""

    boxed = False
    images: np.ndarray
    labels: np.ndarray
    model: nn.Module

    def load(self, rows: Sequence[int]) -> Tensor:
        """Return the inputs of rows."""
        chosen = self.images[list(rows)].transpose(0, 3, 1, 2)
        return torch.from_numpy(np.ascontiguousarray(chosen))

    def pictures(self, inputs: Tensor) -> np.ndarray:
        """Return inputs as pictures."""
        return (inputs.numpy().transpose(0, 2, 3, 1) * 255).round().astype(np.uint8)

    def inputs(self, pictures: np.ndarray) -> Tensor:
        """Return pictures as inputs."""
        return torch.from_numpy(pictures.astype(np.float32).transpose(0, 3, 1, 2) / 255)

    def objects(self, rows: Sequence[int]) -> None:
        """Return masks of the objects: there are none."""

    def size(self, row: int) -> tuple[int, int]:
        """Return the size of a picture: the same for all."""
        return self.images.shape[1], self.images.shape[2]

    def probe(self) -> Probe:
        """Return a probe of the world's model, which is captured once."""
        return self._probe

    @cached_property
    def _probe(self) -> Probe:
        explainer = Explainer(self.model, self.load([0]))
        subject: Any = self
        return Probe(explainer, subject)

    def search(
        self,
        leading: Leading | None = None,
        outputs: tuple[int, ...] = (0, 1, 2),
        config: ShortcutConfig | None = None,
        *,
        seed: int = 0,
        **others: Any,
    ) -> Search:
        """Return a search of the world."""
        asked = config or ShortcutConfig()
        return Search(self.probe(), self.samples(), leading or {}, outputs, asked, seed, **others)

    def stage(self, size: int, tests: int = 12, **config: int) -> Stage:
        """Return the stage of tests, with pools of ``size``."""
        search = self.search(config=ShortcutConfig(**config))
        discovery = search.samples.discovery
        targets, others = (
            load_pool(search, np.flatnonzero(half), size, name="any")
            for half in (~discovery, discovery)
        )
        return Stage(search, targets, others, tests)

    def samples(self) -> Samples:
        """Return what the pass would find."""
        with torch.no_grad():
            logits = self.model(self.load(range(len(self.labels)))).numpy()
        paths = tuple(f"{CLASSES[label]}/{i}.png" for i, label in enumerate(self.labels))
        prediction = logits.argmax(axis=1)
        count = len(self.labels)
        return Samples(
            manifest=Manifest(paths, self.labels, CLASSES),
            valid=np.ones(count, bool),
            quarantine=(None,) * count,
            logits=logits,
            prediction=prediction,
            target=prediction,
            discovery=discovery_split(self.labels, 3),
        )


def world(
    *,
    per_class: int = 32,
    marked: Sequence[float] = (0.8, 0.0, 0.0),
    reliance: float = 6.0,
    classes: int = 3,
    seed: int = 0,
    model: nn.Module | None = None,
    mark: tuple[slice, slice] = MARK,
    ink: Sequence[float] = (1.0, 1.0, 1.0),
) -> World:
    """Return noise images tinted by class; a share ``marked[k]`` of class k carries a white mark.

    Where class 0 is marked it is tinted a little like class 1: only the mark makes it class 0.
    """
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), per_class)
    images = generator.uniform(0, 0.3, (len(labels), SIZE, SIZE, 3)).astype(np.float32)
    for row, label in enumerate(labels):
        place = row % per_class
        has_mark = place < round(marked[label] * per_class)
        if has_mark and label == 0 and reliance > 0:
            images[row, ..., 1] += 0.06
        else:
            images[row, ..., label] += 0.12
        if has_mark:
            pattern = np.indices((4, 4)).sum(axis=0) % 3 > 0
            shade = np.array(ink, dtype=np.float32) * (0.95 + 0.05 * generator.random())
            images[row][mark][pattern] = shade
    return World(images, labels, (model or KnownModel(reliance)).eval())


class ClassTokenModel(nn.Module):
    """A net of known tokens: one block whose class token gathers all patches, and is read alone.

    Patches of 4 pixels show their mean colour, and how bright they are, which raises class 0 with
    weight ``reliance``. ``before`` are tokens of which the patches are read, ``after`` those of
    which the class token is; both are turned so that no channel stands for one thing.
    """

    def __init__(self, reliance: float) -> None:
        super().__init__()
        turn = np.linalg.qr(np.random.default_rng(3).standard_normal((8, 8)))[0]
        turned = torch.from_numpy(turn).float()
        self.embed = nn.Conv2d(3, 8, 4, 4)
        self.relu = nn.ReLU()
        self.before = nn.Linear(8, 8, bias=False)
        self.query = nn.Linear(8, 8, bias=False)
        self.after = nn.Linear(8, 8, bias=False)
        self.head = nn.Linear(8, 3)
        self.start = nn.Parameter(torch.zeros(1, 1, 8))
        with torch.no_grad():
            self.embed.weight.copy_(
                torch.from_numpy(np.random.default_rng(7).uniform(0, 0.01, (8, 3, 4, 4)))
            )
            self.embed.bias.zero_()
            for channel in range(3):
                self.embed.weight[channel] = 0.0
                self.embed.weight[channel, channel] = 1 / 16
            self.embed.weight[3] = 10 / 16
            self.embed.bias[3] = -12.0
            self.before.weight.copy_(turned)
            self.query.weight.zero_()
            self.after.weight.copy_(torch.eye(8))
            self.head.bias.zero_()
            read = torch.zeros(3, 8)
            read[:, :3] = 20.0 * torch.eye(3)
            read[0, 3] = 10.0 * reliance
            self.head.weight.copy_(read @ turned.T)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, 3)."""
        patches = self.relu(self.embed(images)).flatten(2).transpose(1, 2)
        tokens = self.before(torch.cat([self.start.expand(len(images), -1, -1), patches], 1))
        asked = self.query(tokens)
        gathered = nn.functional.scaled_dot_product_attention(asked, asked, tokens)
        logits: Tensor = self.head(self.after(tokens + gathered)[:, 0])
        return logits
