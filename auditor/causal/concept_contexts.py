"""Surroundings by concept: components of the penultimate layer that are there without the object.

A component is proposed where, on the discovery half, pictures of the class still hold it with their
object filled in and pictures of other classes do not. The test half says whether that is so there,
whether other classes' pictures whose surroundings hold it are taken for the class as they are, and
what it does in the layer: any component that tells a class does something there, so that alone says
nothing of surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from auditor.causal.directions import Spread, random_directions
from auditor.causal.images import Members, Pool, Stage
from auditor.causal.latent import DIRECTIONS, LEAST_CHANNELS, RANDOM
from auditor.causal.natural_mistakes import more_often
from auditor.causal.surround_swaps import Sides
from auditor.causal.surrounds import Apart, taken_apart
from auditor.causal.trial import LEAST_IMAGES, least_effect
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Evidence
from auditor.relevance.sweep.last_linear import LastLinear
from auditor.shortcuts.grading import LIKELY
from auditor.shortcuts.tests import (
    COMPONENT_AROUND,
    COMPONENT_GIVEN,
    COMPONENT_MISTAKES,
    COMPONENT_TAKEN,
    CausalTest,
)
from auditor.shortcuts.whole_pictures.class_components import (
    Activations,
    Component,
    components_of,
)

# Test pictures, of all classes together, whose object is filled in.
FILLED = 160
# Pictures in a batch.
AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Penultimate:
    """What all classes share: the last linear layer, and what it reads of other pictures.

    ``others`` are taken apart, of the discovery half; ``pool`` are test pictures of all classes.
    """

    stage: Stage
    head: LastLinear
    others: Apart
    pool: Pool

    def features(
        self, images: Float[Tensor, "sample channel h w"]
    ) -> Float[np.ndarray, "sample feature"]:
        """Return the penultimate activations of images."""
        explainer = self.stage.probe.explainer
        parts = [
            explainer.penultimate(images[start : start + AT_ONCE]).double().cpu()
            for start in range(0, len(images), AT_ONCE)
        ]
        activations: np.ndarray = torch.cat(parts).numpy()
        return activations

    def decided(self, features: Float[np.ndarray, "sample feature"]) -> Int[np.ndarray, "sample"]:
        """Return the outputs that activations are decided as."""
        outputs: np.ndarray = (features @ self.weights.T + self.bias).argmax(axis=-1)
        return outputs

    @cached_property
    def weights(self) -> Float[np.ndarray, "output feature"]:
        """The weights of the last layer."""
        weights: np.ndarray = self.head.weight.cpu().numpy()
        return weights

    @cached_property
    def bias(self) -> Float[np.ndarray, "output"]:
        """Its bias."""
        bias: np.ndarray = self.head.bias.cpu().numpy()
        return bias

    @cached_property
    def of_others(self) -> Float[np.ndarray, "other feature"]:
        """Those of the pictures of the discovery half."""
        return self.features(self.others.inputs)

    @cached_property
    def of_other_plates(self) -> Float[np.ndarray, "other feature"]:
        """Those of the same pictures with their objects filled in."""
        return self.features(self.others.plates)

    @cached_property
    def of_targets(self) -> Float[np.ndarray, "target feature"]:
        """Those of the pictures of the test half that the tests edit."""
        return self.features(self.stage.targets.inputs)

    @cached_property
    def filled(self) -> Apart:
        """The first test pictures of the pool, taken apart."""
        rows, labels = self.pool.rows[:FILLED], self.pool.labels[:FILLED]
        return taken_apart(self.stage.probe, rows, labels, self.pool.inputs[:FILLED])

    @cached_property
    def of_filled(self) -> Float[np.ndarray, "sample feature"]:
        """Those of these pictures with their objects filled in."""
        return self.features(self.filled.plates)


@dataclass(frozen=True, eq=False)
class InComponents:
    """A component that the surroundings of a class hold, with its results, q missing.

    ``mistakes`` are test pictures of other classes that are taken for the class, ``explained``
    those of them whose surroundings hold it.
    """

    evidence: tuple[Evidence, ...]
    mistakes: Int[np.ndarray, "row"]
    explained: Int[np.ndarray, "row"]


def penultimate_of(stage: Stage, others: Apart, pool: Pool) -> Penultimate | None:
    """Return the penultimate layer, None where no linear layer reads it or it is too narrow."""
    head = stage.probe.explainer.last_linear()
    if head is None or head.weight.shape[1] < LEAST_CHANNELS:
        return None
    return Penultimate(stage, head, others, pool)


def proposed(layer: Penultimate, members: Members, sides: Sides) -> Component | None:
    """Return the component of a class that its surroundings hold most above those of others.

    On the discovery half; None where none is clearly more frequent in them.
    """
    discovered = torch.from_numpy(np.flatnonzero(members.discovery))
    of_others = layer.others.labels != sides.output
    own = Activations(
        layer.features(members.inputs[discovered]),
        layer.features(sides.own.plates[torch.from_numpy(sides.plates)]),
    )
    others = Activations(
        layer.of_others[of_others], layer.of_other_plates[of_others & layer.others.plated]
    )
    most, best = LIKELY, None
    for component in components_of(own, others, layer.weights[sides.output]):
        found = component.held_by(own.plates), component.held_by(others.plates)
        low = more_often(COMPONENT_AROUND, *found).low
        if low >= most:
            most, best = low, component
    return best


def tested_component(
    layer: Penultimate,
    members: Members,
    sides: Sides,
    component: Component,
    rng: np.random.Generator,
) -> InComponents:
    """Return what the test half says of a component."""
    output, filled = sides.output, layer.filled
    decided = layer.stage.samples.prediction[filled.rows]
    holds = component.held_by(layer.of_filled)
    other, taken = (filled.labels != output) & filled.plated, decided == output
    own = sides.objects[sides.own.plated[sides.objects]]
    of_own = component.held_by(layer.features(sides.own.plates[torch.from_numpy(own)]))
    around = more_often(COMPONENT_AROUND, of_own, holds[other])
    mistaken = more_often(COMPONENT_MISTAKES, taken[other & holds], taken[other & ~holds])
    own_features = layer.features(members.inputs)
    moves = _Moves(layer, members, component, own_features, rng)
    return InComponents(
        evidence=(around, mistaken, moves.given(), moves.taken()),
        mistakes=filled.rows[other & taken],
        explained=filled.rows[other & taken & holds],
    )


@dataclass(frozen=True, eq=False)
class _Moves:
    """A component added and taken out in the penultimate layer, beside random directions."""

    layer: Penultimate
    members: Members
    component: Component
    own: Float[np.ndarray, "member feature"]
    rng: np.random.Generator

    def given(self) -> Evidence:
        """Give it to test pictures of other classes, as much as those of the class hold of it."""
        targets = self.layer.stage.targets.without(self.members.output)
        features = self.layer.of_targets[targets[: self.layer.stage.config.targets]]
        lacking = np.maximum(0.0, self.component.held - self.component.added(features))
        turned = self._decided(features, lacking) == self.members.output
        return self._evidence(COMPONENT_GIVEN, turned)

    def taken(self) -> Evidence:
        """Take it from test members, down to what other classes have of it."""
        features = self.own[~self.members.discovery]
        surplus = np.minimum(0.0, self.component.lacked - self.component.added(features))
        left = self._decided(features, surplus) != self.members.output
        return self._evidence(COMPONENT_TAKEN, left)

    def _decided(
        self, features: Float[np.ndarray, "sample feature"], amounts: Float[np.ndarray, "sample"]
    ) -> Int[np.ndarray, "direction sample"]:
        """Return the outputs with so much of the component, and of each random direction."""
        length = float(np.linalg.norm(self.component.pattern))
        units = np.concatenate([self.component.pattern[None] / length, self._randoms])
        moved = features + (amounts * length)[:, None] * units[:, None]
        return self.layer.decided(moved)

    @cached_property
    def _randoms(self) -> Float[np.ndarray, "random feature"]:
        """Directions of the component's variance, within the span of the pictures."""
        others = self.layer.of_others[self.layer.others.labels != self.members.output]
        features = np.concatenate([self.own[self.members.discovery], others])
        mean = features.mean(axis=0)
        _, sizes, axes = np.linalg.svd(features - mean, full_matrices=False)
        values = sizes**2 / len(features)
        spread = Spread(
            self.layer.head.source, axes @ mean, np.diag(values), values, np.eye(len(values))
        )
        along = axes @ self.component.pattern
        unit = along / np.linalg.norm(along)
        randoms: np.ndarray = random_directions(spread, unit, DIRECTIONS, self.rng) @ axes
        return randoms

    def _evidence(self, test: CausalTest, moved: Bool[np.ndarray, "direction sample"]) -> Evidence:
        count = moved.shape[1]
        if count < LEAST_IMAGES:
            why = _(
                "%(count)s pictures could be tested, and %(least)s are needed.",
                count=count,
                least=LEAST_IMAGES,
            )
            return test.missing(why)
        effects = (moved[0].astype(float) - moved[1:]).T
        return least_effect(self.layer.stage, test, {RANDOM: effects}, self.rng)
