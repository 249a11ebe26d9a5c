"""Mend a model: take what a finding rests on out of its weights, and measure what that leaves.

Two ways. The directions of P-ClArC (Anders et al. 2022), how the finding's region moves the mean
activation where a layer is read: one or a few are projected out, at the finding's layer where
weights alone read it and before the last linear layer. And the last linear layer fitted anew, see
`auditor.causal.refit`. What is taken out or fitted comes from the discovery half, what is told of
it from the test half. By that half the best way is chosen as well, so that its figures flatter it a
little: the mended model's own audit is the proof.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from auditor.base.errors import ConfigError
from auditor.causal.context import Search
from auditor.causal.fold import Site, features, folded, sites
from auditor.causal.images import Members, Stage, load_pool
from auditor.causal.pixels import inpainted
from auditor.causal.reading import pairs_of
from auditor.causal.refit import refitted
from auditor.causal.transplant import OTHER_CLASS, Pairing, Region, composed, pair_up
from auditor.causal.trial import LEAST_IMAGES, SLOTS_LARGE, draw_pairs
from auditor.records.part import Interval
from auditor.records.stages import Candidate
from auditor.relevance.sweep.halving import in_halves, joined
from auditor.shortcuts.statistics import wilson
from auditor.subject.calling import ask_logits

# How many directions are taken out: a mark that varies moves a layer along more than one.
RANKS = (1, 2, 4, 8)
# Pairs whose change tells the directions; images on which accuracy is read; images at once.
PAIRS, READ, AT_ONCE = 128, 600, 32
# How strongly the last layer is held to what it was.
PULLS = (0.1, 0.01)
# A way counts where neither accuracy, on all classes or on the finding's, falls by more than this.
MOST_LOST = 0.02

Steps = Callable[[int], object]
Predict = Callable[[Tensor], Int[np.ndarray, "image"]]


@dataclass(frozen=True)
class Effect:
    """What a model does: pictures that the region, or its control, turns, and accuracies.

    ``own`` is the accuracy on the finding's class, ``every`` that on all classes.
    """

    turned: Interval
    control: Interval
    own: Interval
    every: Interval


@dataclass(frozen=True)
class Way:
    """One way of mending: at which modules, and what the mended model does.

    ``directions`` are taken out of what the modules read; 0: the last layer is fitted anew, held
    to what it was with the strength ``pull``.
    """

    site: Site
    directions: int
    pull: float
    after: Effect


@dataclass(frozen=True, eq=False)
class Mended:
    """All ways that were tried, and the model of the best one.

    ``best`` is the index of the way whose model this is, None (and no model): none of them
    `improves` the model.
    """

    before: Effect
    ways: tuple[Way, ...]
    best: int | None
    model: nn.Module | None


@dataclass(frozen=True, eq=False)
class _Test:
    """The pictures of the test half that every model is shown; ``own`` are the class's."""

    output: int
    moved: Float[Tensor, "pair channel h w"]
    control: Float[Tensor, "pair channel h w"]
    own: Float[Tensor, "member channel h w"]
    every: Float[Tensor, "image channel h w"]
    labels: Int[np.ndarray, "image"]


def mend(search: Search, candidate: Candidate, layer: str | None, step: Steps) -> Mended:
    """Try to take a candidate out of the model's weights; ``step`` is told of each way.

    Raises:
        ConfigError: too few pictures, or no weights that a direction could be folded into.
    """
    stage, region = _ground(search, candidate)
    subject = search.probe.subject
    pairs = pairs_of(stage, region, search.rng("pairs of a mended model", candidate.output), PAIRS)
    few = stage.others.inputs[:4]
    maps = None
    if layer is not None:
        maps = search.probe.explainer.activations(few, (layer,))[layer]
    places = sites(subject.model, few.to(subject.device), maps, subject.output)
    if not places:
        raise ConfigError(
            "no linear layer or convolution of its own gives the model's logits, so no direction "
            "can be taken out by weights alone: train again without what the finding shows."
        )
    test = _test(stage, region)
    before = _effect(_predicts(subject.model, search), test)
    step(1)
    ways: list[Way] = []
    best: tuple[int, nn.Module] | None = None
    for site, rank, pull, model in _models(stage, region, places, pairs):
        after = _effect(_predicts(model, search), test)
        if improves(before, after, ways[best[0]].after if best else None):
            best = len(ways), model
        ways.append(Way(site, rank, pull, after))
        step(1)
    return Mended(before, tuple(ways), best[0] if best else None, best[1] if best else None)


def _models(
    stage: Stage, region: Region, places: list[Site], pairs: Pairing
) -> Iterator[tuple[Site, int, float, nn.Module]]:
    """Yield every model that is tried: where, directions taken out, or pull of the fit."""
    model = stage.search.probe.subject.model
    for site in places:
        basis, mean = _directions(stage, site, pairs)
        for rank in (rank for rank in RANKS if rank <= len(basis)):
            yield site, rank, 0.0, folded(model, site, basis[:rank], mean)
    head = places[-1]
    if isinstance(model.get_submodule(head.modules[0]), nn.Linear):
        known, labels = _lesson(stage, region, head)
        for pull in PULLS:
            yield head, 0, pull, refitted(model, head, known, labels, pull)


def _lesson(
    stage: Stage, region: Region, head: Site
) -> tuple[Float[Tensor, "picture channel"], Int[Tensor, "picture"]]:
    """Return what the last layer reads of pictures in which the region says nothing of the class.

    Pictures of all classes of the discovery half as they are and with the region put in, and the
    class's own with the region covered.
    """
    samples, subject = stage.samples, stage.search.probe.subject
    output = region.members.output
    rng = stage.search.rng("pictures to fit the last layer on", output)
    rows = np.flatnonzero(samples.valid & samples.discovery)
    pool = load_pool(stage.search, rows, READ, name="pictures to fit the last layer on")
    every = np.arange(len(pool.rows))
    pairing = pair_up(region, pool, every, pool, every, 1, rng)
    covered = inpainted(
        region.members.inputs[torch.from_numpy(region.references)],
        torch.from_numpy(region.masks[region.references]),
    )
    images = torch.cat([pool.inputs, composed(pairing, None), covered])
    labels = np.concatenate([pool.labels, pool.labels, np.full(len(covered), output)])
    read = features(subject.model, head, images.to(subject.device))
    known = torch.from_numpy(read).float().to(subject.device)
    return known, torch.from_numpy(labels).to(subject.device)


def most_ways() -> int:
    """Return of how many steps `mend` tells at most."""
    return 1 + 2 * len(RANKS) + len(PULLS)


def _ground(search: Search, candidate: Candidate) -> tuple[Stage, Region]:
    """Load the pictures that carry the candidate, and those of other classes."""
    samples, probe = search.samples, search.probe
    rows = candidate.rows
    inputs = probe.inputs(rows)
    members = Members(
        output=candidate.output,
        rows=rows,
        discovery=samples.discovery[rows],
        inputs=inputs,
        heat=np.zeros(candidate.masks.shape, dtype=np.float32),
        pictures=probe.pictures(inputs),
        logits=samples.logits[rows],
    )
    size = 2 * max(search.config.targets, PAIRS)
    targets, others = (
        load_pool(search, np.flatnonzero(samples.valid & half), size, name=name)
        for half, name in (
            (~samples.discovery, "mended targets"),
            (samples.discovery, "mended others"),
        )
    )
    stage = Stage(search, targets, others, tests=1)
    has_region = np.asarray(candidate.masks).any(axis=(1, 2))
    shown = np.isin(rows, candidate.examples) & members.discovery & has_region
    chosen = shown if shown.any() else members.discovery & has_region
    references = np.flatnonzero(chosen)
    enough = all(len(pool.without(candidate.output)) >= LEAST_IMAGES for pool in (targets, others))
    if not len(references) or not enough:
        raise ConfigError(
            f"mending takes a picture with the region, and {LEAST_IMAGES} pictures of other "
            "classes in each half of the data: give more pictures."
        )
    masks = np.asarray(candidate.masks)
    return stage, Region(members, masks, references, references[:0], masks)


def _directions(
    stage: Stage, site: Site, pairs: Pairing
) -> tuple[Float[np.ndarray, "direction channel"], Float[np.ndarray, "channel"]]:
    """Return how the region moves a site, strongest first and orthonormal, and the mean there.

    The first direction is that of the mean change, the others are the principal ones of what each
    pair changes besides.
    """
    model = stage.search.probe.subject.model
    device = stage.search.probe.subject.device

    def read(images: Tensor) -> Float[np.ndarray, "image channel"]:
        return features(model, site, images.to(device))

    moved = read(composed(pairs, None)) - read(composed(pairs, OTHER_CLASS))
    first = moved.mean(axis=0)
    first /= max(float(np.linalg.norm(first)), 1e-12)
    rest = moved - np.outer(moved @ first, first)
    _u, strengths, vectors = np.linalg.svd(rest, full_matrices=False)
    known = strengths > 1e-6 * max(float(np.linalg.norm(moved)), 1e-12)
    basis = np.concatenate([first[None], vectors[known]])[: max(RANKS)]
    others = stage.others.inputs[stage.others.without(pairs.region.members.output)]
    return basis[: max(1, site.channels(model) - 1)], read(others).mean(axis=0)


def _test(stage: Stage, region: Region) -> _Test:
    """Return transplants, and pictures as they are, of the test half."""
    output = region.members.output
    samples = stage.samples
    targets = stage.targets.without(output)[: stage.config.targets]
    rng = stage.search.rng("transplants of a mended model", output)
    pairing = draw_pairs(stage, region, stage.targets, targets, rng)
    pairing = replace(
        pairing,
        references=pairing.references[:, :SLOTS_LARGE],
        others=pairing.others[:, :SLOTS_LARGE],
        non_members=None,
    )
    rows = np.flatnonzero(samples.valid & ~samples.discovery)
    of_class = rows[samples.labels[rows] == output]
    own, every = (
        load_pool(stage.search, each, READ, name="accuracy of a mended model")
        for each in (of_class, rows)
    )
    return _Test(
        output,
        composed(pairing, None),
        composed(pairing, OTHER_CLASS),
        own.inputs,
        every.inputs,
        every.labels,
    )


def _predicts(model: nn.Module, search: Search) -> Predict:
    subject = search.probe.subject

    def predict(images: Tensor) -> Int[np.ndarray, "image"]:
        def answer(some: Tensor) -> Tensor:
            def of_part(part: slice) -> Tensor:
                return ask_logits(model, some[part].to(subject.device), subject.output)

            return joined(in_halves(of_part, len(some)))

        parts = [answer(some) for some in torch.split(images, AT_ONCE)]
        answers: np.ndarray = torch.cat(parts).argmax(dim=1).cpu().numpy()
        return answers

    return predict


def _effect(predict: Predict, test: _Test) -> Effect:
    return Effect(
        turned=_share(predict(test.moved) == test.output),
        control=_share(predict(test.control) == test.output),
        own=_share(predict(test.own) == test.output),
        every=_share(predict(test.every) == test.labels),
    )


def _share(which: Bool[np.ndarray, "image"]) -> Interval:
    return wilson(int(which.sum()), len(which))


def improves(before: Effect, after: Effect, best: Effect | None = None) -> bool:
    """Say whether a mended model is better than the model as it was, and than the ``best`` so far.

    Its region turns fewer pictures, beyond both intervals, and neither accuracy falls by more than
    `MOST_LOST`; one that was measured on no picture is not known to be kept.
    """
    accuracies = ((before.own, after.own), (before.every, after.every))
    kept = all(now.n and now.value >= was.value - MOST_LOST - 1e-9 for was, now in accuracies)
    fewer = after.turned.high < before.turned.low
    return kept and fewer and (best is None or after.turned.value < best.turned.value)
