"""Load once what all tests share: members of the audited classes, and images of all classes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy.special import log_softmax
from torch import Tensor

from auditor.causal.context import Search
from auditor.causal.probe import Probe
from auditor.config.audit import ShortcutConfig
from auditor.records.stages import Samples
from auditor.shortcuts.propose.heat import smoothed_positive

# Inputs and pictures of a class.
Shown = tuple[Tensor, np.ndarray]
# Of members that are held while others are looked at: 20 classes of 64 pixels, two of 224.
MOST_BYTES = 256 << 20


@dataclass(frozen=True, eq=False)
class Members:
    """Members of one class that are looked at; ``heat`` is smoothed positive relevance.

    ``objects`` is 1 on the object where the user gave a mask, NaN in members without one.
    """

    output: int
    rows: Int[np.ndarray, "member"]
    discovery: Bool[np.ndarray, "member"]
    inputs: Float[Tensor, "member channel h w"]
    heat: Float[np.ndarray, "member h w"]
    pictures: UInt8[np.ndarray, "member h w 3"]
    logits: Float[np.ndarray, "member output"]
    objects: Float[np.ndarray, "member h w"] | None = None


@dataclass(frozen=True, eq=False)
class Pool:
    """Images of all classes from one half of the data, as even over the classes as they allow."""

    rows: Int[np.ndarray, "sample"]
    labels: Int[np.ndarray, "sample"]
    predictions: Int[np.ndarray, "sample"]
    inputs: Float[Tensor, "sample channel h w"]
    logits: Float[np.ndarray, "sample output"]

    def without(self, output: int) -> Int[np.ndarray, "target"]:
        """Return the positions of images whose label and prediction are not ``output``."""
        return np.flatnonzero((self.labels != output) & (self.predictions != output))


class Shelf:
    """Pictures that were loaded, the latest of them up to ``most`` bytes; at least one class's."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._held: OrderedDict[int, Shown] = OrderedDict()

    def get(self, output: int, load: Callable[[], Shown]) -> Shown:
        """Return what is held of a class, loaded where nothing is."""
        found = self._held.pop(output, None) or load()
        self._held[output] = found
        while len(self._held) > 1 and sum(map(_bytes, self._held.values())) > self._most:
            self._held.popitem(last=False)
        return found


def _bytes(shown: Shown) -> int:
    inputs, pictures = shown
    return inputs.numel() * inputs.element_size() + pictures.nbytes


@dataclass(frozen=True, eq=False)
class Stage:
    """A search with the images of all classes that its tests edit: the stage on which they run.

    ``targets`` are of the test half, ``others``, of which controls are made, of the discovery half.
    ``tests`` is how many tests the search runs at most, ``searched`` the classes with members
    enough. ``means`` are the mean relevance shares of each audited class, None where they are not
    known. ``shelf`` keeps pictures of members at hand. ``labels`` gives the stage of each of
    several labels, on which its tests run; None: all classes share this one.
    """

    search: Search
    targets: Pool
    others: Pool
    tests: int
    searched: tuple[int, ...] = ()
    means: Float[np.ndarray, "class concept"] | None = None
    shelf: Shelf = field(default_factory=Shelf)
    labels: Callable[[int], Stage] | None = None

    def about(self, output: int) -> Stage:
        """Return the stage on which the tests of a class, or of a label, run."""
        return self if self.labels is None else self.labels(output)

    def parts(self, classes: Sequence[Members]) -> list[tuple[Stage, Sequence[Members]]]:
        """Return the stages of classes with those that share each."""
        if self.labels is None:
            return [(self, classes)]
        return [(self.labels(members.output), [members]) for members in classes]

    @property
    def probe(self) -> Probe:
        """The model under test."""
        return self.search.probe

    @property
    def samples(self) -> Samples:
        """What the pass found."""
        return self.search.samples

    @property
    def config(self) -> ShortcutConfig:
        """Budgets of the search."""
        return self.search.config


def load_members(search: Search, output: int) -> Members:
    """Load up to ``config.members`` members per half, at random, in order of rows."""
    samples, probe = search.samples, search.probe
    rows = samples.members(output)
    chosen = []
    for half in (True, False):
        part = rows[samples.discovery[rows] == half]
        order = search.rng("members", output, half).permutation(part)
        chosen.append(order[: search.config.members])
    kept = np.sort(np.concatenate(chosen))
    inputs = probe.inputs(kept)
    return Members(
        output=output,
        rows=kept,
        discovery=samples.discovery[kept],
        inputs=inputs,
        heat=heat_of(probe, inputs, output),
        pictures=probe.pictures(inputs),
        logits=samples.logits[kept],
        objects=probe.objects(kept),
    )


class Recalled(Members):
    """Members of which the pictures are loaded when they are looked at."""

    def __init__(self, load: Callable[[], Shown], **known: Any) -> None:
        for name, value in known.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_load", load)

    @property
    def inputs(self) -> Float[Tensor, "member channel h w"]:
        """The members as inputs."""
        return self._load()[0]  # type: ignore[no-any-return,attr-defined]

    @property
    def pictures(self) -> UInt8[np.ndarray, "member h w 3"]:
        """The members as pictures."""
        return self._load()[1]  # type: ignore[no-any-return,attr-defined]


def recalled(
    stage: Stage,
    output: int,
    rows: Int[np.ndarray, "member"],
    heat: Float[np.ndarray, "member h w"],
    objects: Float[np.ndarray, "member h w"] | None,
) -> Members:
    """Return members of a class as they were loaded before, of which these parts were kept."""
    probe, samples = stage.probe, stage.samples

    def load() -> Shown:
        inputs = probe.inputs(rows)
        return inputs, probe.pictures(inputs)

    return Recalled(
        lambda: stage.shelf.get(output, load),
        output=output,
        rows=rows,
        discovery=samples.discovery[rows],
        heat=heat,
        logits=samples.logits[rows],
        objects=objects,
    )


def heat_of(
    probe: Probe, inputs: Float[Tensor, "sample channel h w"], output: int
) -> Float[np.ndarray, "sample h w"]:
    """Return the smoothed positive relevance of images for a class."""
    if not len(inputs):
        return np.zeros((0, *inputs.shape[-2:]), dtype=np.float32)
    return smoothed_positive(probe.heatmaps(inputs, output))


def load_pool(search: Search, rows: Int[np.ndarray, "row"], size: int, *, name: str) -> Pool:
    """Load ``size`` of ``rows``, taking turns between the classes, random within each.

    Of more classes than ``size`` half are those nearest to the audited ones and half are drawn over
    all of them: see `_turns`. ``name`` is what the images are for: pools of another name are drawn
    independently.
    """
    samples = search.samples
    labels = samples.labels[rows]
    queues = [
        [int(row) for row in search.rng("pool", name, label).permutation(rows[labels == label])]
        for label in _turns(search, rows, size, name)
    ]
    order: list[int] = []
    while any(queues) and len(order) < size:
        order += [queue.pop(0) for queue in queues if queue]
    kept = np.array(order[:size], dtype=int)
    return Pool(
        rows=kept,
        labels=samples.labels[kept],
        predictions=samples.prediction[kept],
        inputs=search.probe.inputs(kept),
        logits=samples.logits[kept],
    )


def _turns(
    search: Search, rows: Int[np.ndarray, "row"], size: int, name: str
) -> Int[np.ndarray, "label"]:
    """Return the classes of ``rows`` in the order in which they take turns in a pool.

    By label where each has one. Else the first half are those that the model tells worst from the
    audited classes, which take turns themselves: the largest mean log-probability of the audited
    class. The others follow in an order drawn over all labels, so that no class is out of the pool
    for its place among the outputs.
    """
    samples = search.samples
    labels = np.unique(samples.labels[rows])
    if len(labels) <= size:
        return labels
    outputs = list(search.outputs)
    of_label = np.stack(
        [
            log_softmax(samples.logits[rows[samples.labels[rows] == label]], axis=1).mean(axis=0)[
                outputs
            ]
            for label in labels
        ]
    )
    by_output = [
        [int(label) for label in labels[np.argsort(-of_label[:, place], kind="stable")]
         if label != output]
        for place, output in enumerate(outputs)
    ]  # fmt: skip
    near = list(dict.fromkeys(chain.from_iterable(zip(*by_output, strict=False))))[: size // 2]
    drawn = [int(label) for label in search.rng("classes of the pool", name).permutation(labels)]
    return np.array(list(dict.fromkeys([*near, *drawn])))
