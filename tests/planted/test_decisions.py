"""Planes and strategies of the trained net are those that were planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from auditor.concepts.planes import decision_plane
from auditor.concepts.strategies import strategies
from auditor.records.concepts import ConfusedPair, DecisionPlane, Empty, Strategies
from tests.planted.pictures import KINDS, NAMES, PAIRS
from tests.planted.world import World

TWO_WAYS = len(PAIRS)


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (1, 3), (2, 3)])
def test_the_plane_is_of_the_patches_that_differ(
    world: World, detectors: np.ndarray, pair: tuple[int, int]
) -> None:
    found = decision_plane(
        world.samples,
        world.layers["parts"],
        ConfusedPair(*pair, 0, 0, True),
        rng=np.random.default_rng(0),
    )
    assert isinstance(found, DecisionPlane)
    kinds = {KINDS[int(detectors[unit].argmax())] for unit in found.units}
    first, second = (set(PAIRS[NAMES[output]]) for output in pair)
    assert kinds == first ^ second
    speaks = {
        KINDS[int(detectors[unit].argmax())]: output
        for unit, output in zip(found.units, found.speaks_for, strict=True)
    }
    assert all(kind in PAIRS[NAMES[output]] for kind, output in speaks.items())
    assert found.auc > 0.95
    assert found.low > 0.8
    assert min(found.unit_auc) > 0.95


def test_nothing_separates_a_class_from_itself(world: World) -> None:
    held, values = [], []
    for output in range(len(NAMES)):
        for seed in range(6):
            found = parted(world, output, np.random.default_rng(seed))
            assert isinstance(found, DecisionPlane)
            held.append(found.low <= 0.5 <= found.high)
            values.append(found.auc)
    # Of 95 % intervals one in twenty may miss; the choice of units must not make it more.
    assert np.mean(held) > 0.85
    assert abs(np.mean(values) - 0.5) < 0.06


def parted(world: World, output: int, rng: np.random.Generator) -> DecisionPlane | Empty:
    """Return the plane of a class whose pictures were given two names at random."""
    samples, other = world.samples, (output + 1) % len(NAMES)
    labels, own = samples.labels.copy(), samples.members(output)
    for half in (True, False):
        taken = rng.permutation(own[samples.discovery[own] == half])
        labels[taken[: len(taken) // 2]] = other
    split = replace(
        samples,
        manifest=replace(samples.manifest, labels=labels),
        valid=np.isin(np.arange(len(labels)), own),
        prediction=labels,
        target=labels,
    )
    pair = ConfusedPair(min(output, other), max(output, other), 0, 0, True)
    return decision_plane(split, world.layers["parts"], pair, rng=rng)


@pytest.mark.parametrize("layer", ["parts", "objects"])
def test_strategies_are_the_planted_ways(world: World, layer: str) -> None:
    for output in range(len(NAMES)):
        members = world.samples.members(output)
        found = strategies(world.layers[layer], output, members, rng=np.random.default_rng(0))
        assert isinstance(found, Strategies)
        planted = world.holding("stars")[members]
        assert len(found.share_of_class) == 1 + (output == TWO_WAYS)
        if output == TWO_WAYS:
            assert adjusted_rand_score(found.assigned, planted) > 0.9
            assert found.stability > 0.9
