"""Decision planes: the planted concepts are found, noise separates nothing, pairs are counted."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from auditor.concepts.planes import (
    _all_discriminants,
    confused_pairs,
    decision_plane,
    subspace_units,
)
from auditor.concepts.separation import auc, auc_interval
from auditor.records.concepts import ConfusedPair, DecisionPlane, Empty
from auditor.records.stages import Subspaces

PAIR = ConfusedPair(0, 1, 0, 0, named=True)


def planted(n=160, concepts=30, seed=0):
    """Return relevance where 4 speaks for class 0 and 9 for class 1, each for itself weakly."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) // 2 % 2
    relevance = rng.normal(1, 0.25, (n, concepts))
    relevance[:, 4] += np.where(labels == 0, 0.5, 0.0)
    relevance[:, 9] += np.where(labels == 1, 0.5, 0.0)
    return relevance, labels


def test_the_planted_concepts_are_the_axes(make_samples, make_layer):
    relevance, labels = planted()
    found = decision_plane(
        make_samples(labels), make_layer(relevance), PAIR, rng=np.random.default_rng(0)
    )
    assert isinstance(found, DecisionPlane)
    assert set(found.units) == {4, 9}
    assert dict(zip(found.units, found.speaks_for, strict=True)) == {4: 0, 9: 1}
    assert found.low <= found.auc <= found.high
    assert found.auc > 0.9 > max(found.unit_auc) - 0.1
    assert found.auc > max(found.unit_auc)
    assert found.n == (40, 40)
    held = found.held_out
    wrong = (found.score[held] > 0) != (found.labels[held] == 0)
    np.testing.assert_array_equal(found.wrong[held], wrong)
    assert 0 < wrong.mean() < 0.25
    np.testing.assert_allclose(found.score, found.coordinates @ found.weights - found.threshold)


def test_separation_is_not_optimistic(make_samples, make_layer):
    values, covered = [], 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        labels = np.arange(100) // 2 % 2
        layer = make_layer(rng.normal(1, 0.3, (100, 40)))
        found = decision_plane(make_samples(labels), layer, PAIR, draws=300, rng=rng)
        values.append(found.auc)
        covered += found.low <= 0.5 <= found.high
    assert abs(np.mean(values) - 0.5) < 0.08
    assert covered >= 9


def test_subspaces_can_be_the_axes(make_samples, make_layer):
    relevance, labels = planted()
    subspaces = Subspaces(
        "features.7", np.array([9, 4, 2, 7]), np.eye(4), np.array([0, 1, 0, 1]), np.zeros((2, 2)),
        0.5, "",
    )  # fmt: skip
    units = subspace_units(subspaces, 30)
    found = decision_plane(
        make_samples(labels), make_layer(relevance), PAIR, units=units, kind="subspace",
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert found.kind == "subspace"
    assert set(found.units) == {0, 1}
    share = relevance / np.abs(relevance).sum(axis=1, keepdims=True)
    column = found.units.index(0)
    np.testing.assert_allclose(found.coordinates[:, column], share[:, 9] + share[:, 2])


def test_mistaken_samples_are_placed_but_never_choose(make_samples, make_layer):
    relevance, labels = planted()
    prediction = labels.copy()
    prediction[[0, 2]] = 1 - labels[[0, 2]]
    relevance[[0, 2]] = 50.0
    found = decision_plane(
        make_samples(labels, prediction=prediction), make_layer(relevance), PAIR,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert set(found.units) == {4, 9}
    assert len(found.rows) == 160
    assert found.held_out[[0, 2]].all()
    assert sum(found.n) == 80
    as_label = make_samples(labels, prediction=prediction, target=labels)
    fewer = decision_plane(as_label, make_layer(relevance), PAIR, rng=np.random.default_rng(0))
    assert len(fewer.rows) == 158


@pytest.mark.parametrize(("n", "concepts", "words"), [(12, 5, "5 right"), (80, 1, "two units")])
def test_too_little_is_said_in_words(make_samples, make_layer, n, concepts, words):
    labels = np.arange(n) // 2 % 2
    layer = make_layer(np.ones((n, concepts)))
    found = decision_plane(make_samples(labels), layer, PAIR, rng=np.random.default_rng(0))
    assert isinstance(found, Empty)
    assert words in found.reason


def test_flat_and_equal_units_are_no_errors(make_samples, make_layer):
    labels = np.arange(40) // 2 % 2
    found = decision_plane(
        make_samples(labels), make_layer(np.ones((40, 3))), PAIR, rng=np.random.default_rng(0)
    )
    assert found.auc == 0.5


def test_discriminants_equal_scikit_learn():
    rng = np.random.default_rng(1)
    share, first = rng.normal(size=(60, 4)), np.arange(60) < 25
    share[first] += (1.0, 0.0, -0.5, 0.2)
    pairs = np.array(list(itertools.combinations(range(4), 2)))
    weights = _all_discriminants(share, first, pairs)
    for pair, weight in zip(pairs, weights, strict=True):
        slow = LinearDiscriminantAnalysis(solver="lsqr")
        slow.fit(share[:, pair], first)
        # scikit-learn divides the scatter by n, not by n - 2: the direction is the same.
        np.testing.assert_allclose(
            weight / np.linalg.norm(weight),
            slow.coef_[0] / np.linalg.norm(slow.coef_[0]),
            atol=1e-4,
        )


def test_auc_equals_counting_pairs():
    rng = np.random.default_rng(2)
    first, second = rng.integers(0, 5, (3, 8)), rng.integers(0, 5, (3, 6))
    for row in range(3):
        pairs = [(a > b) + 0.5 * (a == b) for a in first[row] for b in second[row]]
        assert auc(first[row].astype(float), second[row].astype(float)) == pytest.approx(
            sum(pairs) / len(pairs)
        )
    assert auc(first.astype(float), second.astype(float)).shape == (3,)


def test_groups_wholly_apart_keep_an_open_interval():
    rng = np.random.default_rng(0)
    low, high = auc_interval(np.arange(10.0) + 20, np.arange(8.0), rng)
    assert (low, high) == (pytest.approx(0.025 ** (1 / 8)), 1.0)
    low, high = auc_interval(np.arange(8.0), np.arange(10.0) + 20, rng)
    assert (low, high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 8)))


def test_pairs_are_counted_as_by_hand(make_samples):
    labels = np.array([0] * 10 + [1] * 10 + [2] * 10)
    prediction = labels.copy()
    prediction[[0, 1]] = 1
    prediction[10] = 0
    prediction[20] = 1
    logits = np.zeros((30, 3))
    logits[np.arange(30), prediction] = 5.0
    logits[29] = (4.99, 0.0, 5.0)
    samples = dataclasses.replace(make_samples(labels, prediction=prediction), logits=logits)
    logits[[5, 6]] = [(5.0, 4.9, 0.0), (5.0, 0.0, 4.9)]
    found = confused_pairs(samples, [0, 1, 2], named=[(2, 0)])
    assert found[0] == ConfusedPair(0, 2, 0, 2, named=True)
    assert found[1] == ConfusedPair(0, 1, 3, 1, named=False)
    assert found[2] == ConfusedPair(1, 2, 1, 0, named=False)
    assert len(found) == 3
    assert len(confused_pairs(samples, [0, 1, 2], most=1)) == 1
    assert [(p.first, p.second) for p in confused_pairs(samples, [0, 1])] == [(0, 1)]


def test_no_sample_and_one_class_have_no_pairs(make_samples):
    assert confused_pairs(make_samples([0, 0]), [0]) == ()
    assert confused_pairs(make_samples([0, 0]), []) == ()
    assert confused_pairs(make_samples([0, 1], prediction=[1, 0]), [0, 1])[0].mistakes == 2
