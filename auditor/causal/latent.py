"""Latent test: take the direction of a candidate out of a layer; do its members leave the class?

``a - u u^T (a - mean of other classes)`` at the positions through which the candidate acts,
compared with the same along random directions of the same variance. What happens to images of the
class without the region, and to all other classes, says what it would cost to keep the model and
take the direction out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from auditor.causal.carrying_images import Carrying, Pictures
from auditor.causal.directions import (
    Spread,
    random_directions,
    region_direction,
    spread_of,
    variance_along,
)
from auditor.causal.images import Members, Stage
from auditor.causal.reading import Route, pairs_of, route_of
from auditor.causal.standing import layers_below
from auditor.causal.transplant import Pairing, composed
from auditor.causal.trial import FIRST_TARGETS, LEAST_IMAGES, Trial, draw_pairs, least_effect
from auditor.language.numbers import percent
from auditor.language.speaking import N_
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Change, Evidence, Projection
from auditor.relevance.sweep.partial import Upper
from auditor.shortcuts.grading import LEVEL, UNUSED
from auditor.shortcuts.statistics import accuracy
from auditor.shortcuts.tests import LATENT
from auditor.shortcuts.weighing import cost

# Random directions that the candidate's is compared with: p = 1/21 would be the least by chance.
DIRECTIONS = 20
# The first of them tell of most candidates that the test cannot pass. It ends there when neither
# the candidate's direction nor one of these makes `LEAST_LEAVING` images leave the class: with k
# that leave, p is at least 2^-k, whatever the other directions do.
FIRST_DIRECTIONS = 5
LEAST_LEAVING = math.ceil(math.log2(1 / LEVEL))
# Fewer channels have no directions to compare with.
LEAST_CHANNELS = 4
# Layers below the one on which the regions of a class stand that are tried for a candidate.
LOWER = 3
# Images in a batch: the part of the model above the layer runs with every direction.
AT_ONCE = 16
RANDOM = N_("a random direction of the same variance")
WITH, WITHOUT, OTHERS = N_("with the region"), N_("without it"), N_("other classes")


@dataclass(frozen=True)
class Latent:
    """The test of one candidate: its evidence, and what the projection did (None: it did not run).

    ``null`` is the evidence that one of the random directions gives against the others.
    """

    evidence: Evidence
    projection: Projection | None = None
    null: Evidence | None = None


@dataclass(frozen=True, eq=False)
class Ground:
    """What all candidates of a class share: how layers spread, and the images that are tested.

    ``layers`` are tried for a candidate in this order: the one on which its class's regions stand,
    and those below it. ``spread`` says how a layer varies over the positions of a route, ``above``
    is the model from a layer on with the images that are tested, in batches of `AT_ONCE`: kept for
    one layer at a time. ``labels`` are the outputs that make an image right; the members' test half
    comes first, then test images of the class that are decided as another one, then test images of
    other classes.
    """

    layers: tuple[str, ...]
    spread: Callable[[Route], Spread]
    above: Callable[[str], Sequence[Upper]]
    labels: Int[np.ndarray, "sample"]
    tested: Int[np.ndarray, "member"]


def promising(results: Iterable[Evidence]) -> bool:
    """Say whether the other tests leave a grade open that this one could raise."""
    return any(
        each.p is not None and each.p <= LEVEL and each.low >= UNUSED and not each.reason
        for each in results
    )


def ground_of(stage: Stage, members: Members, layer: str, strays: Pictures) -> Ground | None:
    """Return what the candidates of a class share; None: the layer is too narrow, or no others."""
    others = stage.others.without(members.output)
    if stage.probe.explainer.channels(layer) < LEAST_CHANNELS or len(others) < LEAST_IMAGES:
        return None
    discovered = np.flatnonzero(members.discovery)
    tested = np.flatnonzero(~members.discovery)
    elsewhere = np.flatnonzero(stage.targets.labels != members.output)
    own = np.full(len(tested) + len(strays.rows), members.output)
    known: dict[tuple[str, bytes], Spread] = {}

    def spread(route: Route) -> Spread:
        name = route.layer, route.positions.tobytes()
        if name not in known:
            rng = stage.search.rng("positions of a layer", members.output)
            images = members.inputs[discovered], stage.others.inputs[others]
            known[name] = spread_of(stage, route, *images, rng)
        return known[name]

    inputs = torch.cat([members.inputs[tested], strays.inputs, stage.targets.inputs[elsewhere]])

    @lru_cache(maxsize=1)
    def above(layer: str) -> Sequence[Upper]:
        parts = torch.split(inputs, AT_ONCE)
        return [stage.probe.explainer.upper(part, layer) for part in parts]

    return Ground(
        layers=(layer, *islice(layers_below(stage.probe.explainer, layer), LOWER)),
        spread=spread,
        above=above,
        labels=np.concatenate([own, stage.targets.labels[elsewhere]]),
        tested=tested,
    )


def latent_test(
    stage: Stage,
    trial: Trial,
    carrying: Carrying,
    ground: Ground | None,
    rng: np.random.Generator,
) -> Latent:
    """Take the candidate's direction out of the layer, on the test half.

    Args:
        stage: what all trials share.
        trial: the transplants and removals of the candidate.
        carrying: which images of its class carry it.
        ground: what the class's candidates share, None where the layer cannot be used.
        rng: draws pairs, random directions and permutations.
    """
    if ground is None:
        why = _(
            "A direction needs a layer of at least %(channels)s channels and %(least_images)s "
            "images of other classes.",
            channels=LEAST_CHANNELS,
            least_images=LEAST_IMAGES,
        )
        return Latent(LATENT.missing(why))
    few = _too_few(int(carrying.members[ground.tested].sum()))
    if few:
        return Latent(LATENT.missing(few))
    pairing = pairs_of(stage, trial.region, rng)
    route = _route(stage, pairing, ground.layers)
    if isinstance(route, str):
        return Latent(LATENT.missing(route))
    direction = region_direction(stage, pairing, route)
    if direction is None:
        why = _("The region does not move layer %(layer)s.", layer=route.layer)
        return Latent(LATENT.missing(why))
    spread = ground.spread(route)
    randoms = random_directions(spread, direction, DIRECTIONS, rng)
    cut = _Cut(route, torch.from_numpy(spread.mean))
    groups = _groups(ground, carrying)
    before, after = _right(ground, cut, [direction, *randoms], groups[WITH])
    compared = randoms[: len(after) - 1]
    turned, turned_n = _turned(stage, trial, cut, direction, rng)
    evidence = _evidence(stage, before, after, groups[WITH], rng)
    projection = Projection(
        layer=spread.layer,
        sentence="",
        variance=_share(spread, direction),
        control_variance=float(np.mean([_share(spread, each) for each in compared])),
        directions=len(compared),
        turned=turned,
        turned_n=turned_n,
        changes=tuple(
            Change(
                group=_(group),
                before=accuracy(before[where]),
                after=accuracy(after[0][where]),
                control=float(after[1:, where].mean()) if where.any() else None,
            )
            for group, where in groups.items()
        ),
    )
    sentence = cost(stage.search.class_name(trial.region.members.output), projection)
    return Latent(
        evidence,
        projection.model_copy(update={"sentence": sentence}),
        _evidence(stage, before, after[1:], groups[WITH], rng),
    )


def _too_few(count: int) -> str:
    """Return why so many carriers are not enough, nothing where they are."""
    if count >= LEAST_IMAGES:
        return ""
    return _(
        "%(count)s correctly classified test images carry the region, and %(least_images)s are"
        " needed.",
        count=count,
        least_images=LEAST_IMAGES,
    )


@dataclass(frozen=True, eq=False)
class _Cut:
    """Where directions are taken out, and what the positions there become along them."""

    route: Route
    mean: Float[Tensor, "channel"]

    def out_of(
        self, above: Upper, direction: Float[np.ndarray, "channel"]
    ) -> Int[np.ndarray, "sample"]:
        """Return the outputs that images are decided as without a direction."""
        unit = torch.from_numpy(np.ascontiguousarray(direction))
        where = None if self.route.positions.all() else self.route.positions
        decided: np.ndarray = above.without(unit, self.mean, where).argmax(1).cpu().numpy()
        return decided


def _route(stage: Stage, pairing: Pairing, layers: Sequence[str]) -> Route | str:
    """Return the route of a region in the first of the layers that has one, or why none has."""
    why = ""
    for layer in layers:
        route = route_of(stage, pairing, layer)
        if isinstance(route, Route):
            return route
        why = why or route
    return why


def _groups(ground: Ground, carrying: Carrying) -> dict[str, Bool[np.ndarray, "sample"]]:
    """Return which of the tested images belong to the class with, without, and to others."""
    has = np.concatenate([carrying.members[ground.tested], carrying.strays])
    rest = len(ground.labels) - len(has)
    return {
        WITH: np.concatenate([has, np.zeros(rest, bool)]),
        WITHOUT: np.concatenate([~has, np.zeros(rest, bool)]),
        OTHERS: np.concatenate([np.zeros(len(has), bool), np.ones(rest, bool)]),
    }


def _right(
    ground: Ground,
    cut: _Cut,
    directions: Sequence[Float[np.ndarray, "channel"]],
    carry: Bool[np.ndarray, "sample"],
) -> tuple[Bool[np.ndarray, "sample"], Bool[np.ndarray, "direction sample"]]:
    """Return which images are right before, and after each direction was projected out.

    Of the first of the directions alone where the others cannot make the test pass, which is
    decided by the images that ``carry`` the region: see `FIRST_DIRECTIONS`.
    """
    above = ground.above(cut.route.layer)
    plain = [part.logits().argmax(1).cpu().numpy() for part in above]
    before = np.concatenate(plain) == ground.labels

    def without(direction: Float[np.ndarray, "channel"]) -> Bool[np.ndarray, "sample"]:
        decided = np.concatenate([cut.out_of(part, direction) for part in above])
        right: np.ndarray = decided == ground.labels
        return right

    first = 1 + FIRST_DIRECTIONS
    after = [without(direction) for direction in directions[:first]]
    if max((carry & before & ~right).sum() for right in after) >= LEAST_LEAVING:
        after += [without(direction) for direction in directions[first:]]
    return before, np.stack(after)


def _turned(
    stage: Stage,
    trial: Trial,
    cut: _Cut,
    direction: Float[np.ndarray, "channel"],
    rng: np.random.Generator,
) -> tuple[tuple[float, float], int]:
    """Return the share of transplants taken for the class before and after, and their number."""
    output = trial.region.members.output
    targets = stage.targets.without(output)[:FIRST_TARGETS]
    if not len(targets):
        return (0.0, 0.0), 0
    pairing = draw_pairs(stage, trial.region, stage.targets, targets, rng)
    taken: list[list[Bool[np.ndarray, "pair"]]] = [[], []]
    step = max(1, AT_ONCE // pairing.references.shape[1])
    for start in range(0, len(targets), step):
        images = composed(pairing.at(slice(start, start + step)), None)
        above = stage.probe.explainer.upper(images, cut.route.layer)
        taken[0].append(above.logits().argmax(1).cpu().numpy() == output)
        taken[1].append(cut.out_of(above, direction) == output)
    before, after = (np.concatenate(parts) for parts in taken)
    return (float(before.mean()), float(after.mean())), len(before)


def _evidence(
    stage: Stage,
    before: Bool[np.ndarray, "sample"],
    after: Bool[np.ndarray, "direction sample"],
    carry: Bool[np.ndarray, "sample"],
    rng: np.random.Generator,
) -> Evidence:
    """Return how many more images leave along the first direction than along the others."""
    right = carry & before
    left = (~after[:, right]).astype(float)
    effects = (left[0] - left[1:]).T
    evidence = least_effect(stage, LATENT, {RANDOM: effects}, rng)
    beaten = float((left[1:].mean(axis=1) >= left[0].mean()).mean())
    if beaten > 1 / DIRECTIONS and evidence.effect > 0:
        why = _("%(beaten)s of the random directions have as much effect.", beaten=percent(beaten))
        return evidence.model_copy(update={"reason": why})
    return evidence


def _share(spread: Spread, direction: Float[np.ndarray, "channel"]) -> float:
    total = float(np.trace(spread.covariance))
    return variance_along(spread, direction) / total if total > 0 else 0.0
