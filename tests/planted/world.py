"""A net and its pictures as the stages of an audit see them, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from auditor.concepts.references import references
from auditor.pipeline.compose import Composer
from auditor.records.stages import LayerRelevance, Manifest, References, Samples
from auditor.relevance.explainer import Explainer
from auditor.relevance.over_data.collect import PassPlan, merge, shards_of
from auditor.relevance.over_data.flows import chain_of
from auditor.subject import Quarantine, Usable
from tests.planted.net import inputs_of
from tests.planted.pictures import KINDS, NAMES, Pictures, blank, patch, place, put

LAYERS = ("parts", "objects")


@dataclass(frozen=True)
class Shown:
    """The pictures, as the pass over the data asks for them."""

    pictures: Pictures
    manifest: Manifest

    def load(self, rows: Sequence[int]) -> Tensor:
        chosen = [int(row) for row in rows]
        return inputs_of(self.pictures.images[chosen])

    def sift(self, rows: Sequence[int]) -> tuple[Usable, Quarantine]:
        return Usable(tuple(rows), self.load(rows)), {}

    def picture(self, row: int) -> np.ndarray:
        shown = self.pictures.images[row].transpose(1, 2, 0) * 255
        return np.rint(shown).astype(np.uint8)


@dataclass(frozen=True)
class World:
    """A net, its pictures, and the relevance of every concept in every picture."""

    net: nn.Sequential
    subject: Shown
    explainer: Explainer
    samples: Samples
    layers: dict[str, LayerRelevance]

    @property
    def pictures(self) -> Pictures:
        return self.subject.pictures

    def references(self, layer: str, k: int = 12) -> References:
        return references(self.layers[layer], self.samples, k=k, origin="relevance")

    def composer(self, keep: int = 2) -> Composer:
        chain = chain_of(self.explainer, LAYERS)
        return Composer(
            self.subject,  # type: ignore[arg-type]
            self.explainer,
            self.samples,
            self.layers,
            chain,
            keep,
            16,
        )

    def holding(self, kind: str) -> np.ndarray:
        """Return which pictures hold a patch of a kind."""
        return np.array([kind in where for where in self.pictures.boxes])


def look(net: nn.Sequential, pictures: Pictures) -> World:
    """Return what the pass over the data gives for these pictures, each explained as predicted."""
    count = len(pictures.labels)
    manifest = Manifest(tuple(f"{row:04d}.png" for row in range(count)), pictures.labels, NAMES)
    subject = Shown(pictures, manifest)
    explainer = Explainer(net, subject.load([0]), "epsilon")
    plan = PassPlan(LAYERS, "predicted", 64, 10_000)
    shards = shards_of(explainer, subject, plan)  # type: ignore[arg-type]
    discovery = np.zeros(count, dtype=bool)
    for label in range(len(NAMES)):
        own = np.flatnonzero(pictures.labels == label)
        # Of every four neighbours two, so that modes that take turns are in both halves.
        discovery[own[np.arange(len(own)) % 4 < 2]] = True
    cuts = [explainer.cuts(layer) for layer in LAYERS]
    samples, layers = merge(shards, manifest, plan, discovery, cuts)
    return World(net, subject, explainer, samples, {each.layer: each for each in layers})


def detected(net: nn.Sequential, *, each: int = 24, seed: int = 7) -> np.ndarray:
    """Return what every channel of ``parts`` (row) gains when a patch of a kind is put in.

    Found by the net alone, without relevance: the mean of the channel's maximum over ``each``
    empty pictures with one patch, less that over the same pictures without it.
    """
    rng = np.random.default_rng(seed)
    columns = []
    for kind in KINDS:
        empty = np.stack([blank(rng) for _ in range(each)])
        filled = empty.copy()
        for number, picture in enumerate(filled):
            put(picture, patch(kind, "val", rng), place(number % 2, rng))
        columns.append(_fires(net, filled) - _fires(net, empty))
    return np.stack(columns, axis=1)


def _fires(net: nn.Sequential, images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        found: Tensor = net.parts(net.stem(inputs_of(images)))
    return found.amax((2, 3)).mean(0).numpy()
