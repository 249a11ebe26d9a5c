"""Components of what a class reads: they add up to its logit, and surroundings that hold one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from auditor.shortcuts.whole_pictures.class_components import (
    COMPONENTS,
    Activations,
    Component,
    components_of,
)

FEATURES, GROUND = 8, 7
WEIGHT = np.random.default_rng(1).standard_normal(FEATURES)
WEIGHT[GROUND] = 4.0


def pictures(count: int, seed: int, ground: float) -> Activations:
    """Return activations whose last feature is the ground, in a share of the pictures."""
    rng = np.random.default_rng(seed)
    features = rng.uniform(0, 0.3, (count, FEATURES))
    features[:, GROUND] += rng.random(count) < ground
    plates = features * 0.2
    plates[:, GROUND] = features[:, GROUND]
    return Activations(features, plates)


def found() -> list[Component]:
    return components_of(pictures(40, 2, 0.8), pictures(60, 3, 0.2), WEIGHT)


def test_components_are_principal_ones_of_weighed_activations_and_add_up_to_the_logit() -> None:
    own = pictures(40, 2, 0.8).pictures
    shared, *others = [each.added(own) for each in found()]
    assert shared == pytest.approx(own @ WEIGHT)
    fit = PCA(FEATURES).fit(own * WEIGHT)
    twin = fit.transform(own * WEIGHT) * fit.components_.sum(axis=1)
    assert twin.sum(axis=1) == pytest.approx(shared - shared.mean())
    largest = twin[:, np.argsort(-twin.std(axis=0))[: COMPONENTS - 1]].T
    assert others
    for added in others:
        assert np.abs(largest - added).max(axis=1).min() < 1e-9


def test_surroundings_that_hold_what_the_class_reads_are_told_from_others() -> None:
    own, others = pictures(40, 2, 0.8), pictures(60, 3, 0.2)
    right = [
        (each.held_by(own.plates) == (own.plates[:, GROUND] > 0.5)).mean()
        + (each.held_by(others.plates) == (others.plates[:, GROUND] > 0.5)).mean()
        for each in found()
    ]
    assert max(right) == 2.0


def test_a_unit_along_the_pattern_adds_a_unit() -> None:
    assert found()
    for each in found():
        features = np.zeros((1, FEATURES))
        moved = each.added(features + each.pattern) - each.added(features)
        assert moved[0] == pytest.approx(1.0)


def test_the_pattern_is_the_regression_of_activations_on_the_component() -> None:
    features = np.concatenate([pictures(40, 2, 0.8).pictures, pictures(60, 3, 0.2).pictures])
    for each in found():
        design = np.stack([each.added(features), np.ones(len(features))], axis=1)
        slopes = np.linalg.lstsq(design, features, rcond=None)[0][0]
        assert each.pattern == pytest.approx(slopes)


def test_what_the_class_has_no_more_of_than_others_is_no_component() -> None:
    own = pictures(40, 2, 0.8)
    assert components_of(own, own, WEIGHT) == []
