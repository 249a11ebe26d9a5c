"""Directions of relevance: planted ones are found, noise has none."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.concepts.directions import relevance_directions
from auditor.records.concepts import Empty, RelevanceDirections


def planted(rng, n=120, concepts=20):
    """Return shares that vary along two directions (3 and 2 concepts), and the directions."""
    directions = np.zeros((2, concepts))
    directions[0, :3] = (1, 1, -2)
    directions[1, 3:5] = (1, -1)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    place = rng.normal(size=(n, 2)) * (0.01, 0.005)
    shares = 1 / concepts + place @ directions + rng.normal(0, 0.0005, (n, concepts))
    return shares / np.abs(shares).sum(axis=1, keepdims=True), directions, place


def test_planted_directions_are_found(make_layer):
    rng = np.random.default_rng(0)
    shares, directions, place = planted(rng)
    layer = make_layer(shares * rng.uniform(1, 9, (120, 1)))
    found = relevance_directions(layer, np.arange(120), np.arange(120) % 3, rng=rng)
    assert isinstance(found, RelevanceDirections)
    assert len(found.directions) == 2
    cosine = np.abs((found.directions * directions).sum(axis=1))
    assert cosine.min() > 0.99
    for axis in range(2):
        assert abs(np.corrcoef(found.coordinates[:, axis], place[:, axis])[0, 1]) > 0.95
    np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(2), atol=1e-9)
    assert (found.directions.max(axis=1) == np.abs(found.directions).max(axis=1)).all()
    assert "2, which explain" in found.rule


def test_directions_equal_the_eigenvectors_of_the_covariance(make_layer):
    rng = np.random.default_rng(1)
    shares, _, _ = planted(rng, n=60, concepts=8)
    found = relevance_directions(make_layer(shares), np.arange(60), np.zeros(60, int), rng=rng)
    values, vectors = np.linalg.eigh(np.cov(shares.T))
    for place, direction in enumerate(found.directions):
        assert abs(direction @ vectors[:, -1 - place]) == pytest.approx(1)
        assert found.explained[place] == pytest.approx(values[-1 - place] / values.sum())
    slow = np.array([(row - shares.mean(axis=0)) @ found.directions.T for row in shares])
    np.testing.assert_allclose(found.coordinates, slow, atol=1e-12)


def test_class_coordinates_are_means(make_layer):
    rng = np.random.default_rng(2)
    shares, _, _ = planted(rng)
    classes = rng.integers(4, 7, 120)
    found = relevance_directions(make_layer(shares), np.arange(120), classes, rng=rng)
    assert found.outputs == (4, 5, 6)
    for place, output in enumerate(found.outputs):
        own = found.coordinates[classes == output]
        np.testing.assert_allclose(found.class_coordinates[place], own.mean(axis=0))


def test_independent_concepts_have_no_direction(make_layer):
    kept = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        layer = make_layer(rng.normal(size=(80, 15)))
        found = relevance_directions(layer, np.arange(80), np.zeros(80, int), rng=rng)
        kept.append(0 if isinstance(found, Empty) else len(found.directions))
    assert kept.count(0) >= 5


@pytest.mark.parametrize(("n", "words"), [(0, "there are 0"), (2, "there are 2"), (5, "the same")])
def test_too_little_is_said_in_words(make_layer, n, words):
    found = relevance_directions(
        make_layer(np.ones((5, 3))),
        np.arange(n),
        np.zeros(n, int),
        rng=np.random.default_rng(0),
    )
    assert isinstance(found, Empty)
    assert words in found.reason


def test_wrong_shapes_are_refused(make_layer):
    with pytest.raises(ValueError, match="5 rows"):
        relevance_directions(
            make_layer(np.ones((5, 3))), np.arange(5), np.zeros(2, int),
            rng=np.random.default_rng(0),
        )  # fmt: skip
