"""Components of positional relevance: planted parts are found, with their share and place."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from auditor.concepts.components import positional_components
from auditor.concepts.factors import (
    carried_parts,
    leading_channels,
    loadings_of,
)
from auditor.records.concepts import Empty, PositionalComponents

CHANNELS = 16
# Two classes: how much of its positive relevance each planted part carries.
PARTS = {0: (0.7, 0.3, 0.0), 1: (0.0, 0.4, 0.6)}
PLACES = (slice(0, 2), slice(2, 4), slice(4, 6))


def planted(n=24, noise=0.0005, seed=0):
    """Return relevance of three parts, each with own channels and own rows of the map."""
    rng = np.random.default_rng(seed)
    directions = np.zeros((3, CHANNELS))
    for part in range(3):
        directions[part, 5 * part : 5 * part + 5] = rng.uniform(0.5, 1.5, 5)
    directions /= directions.sum(axis=1, keepdims=True)
    relevance = np.zeros((n, CHANNELS, 6, 6))
    classes = np.arange(n) % 2
    for row, output in enumerate(classes):
        for part, share in enumerate(PARTS[output]):
            spread = rng.dirichlet(np.ones(12)).reshape(2, 6)
            relevance[row, :, PLACES[part]] += (
                share * directions[part][:, None, None] * spread[None]
            )
    relevance += rng.normal(0, noise, relevance.shape)
    relevance *= rng.uniform(1, 20, n)[:, None, None, None]
    return relevance.astype(np.float32), classes, directions


@pytest.fixture(scope="module")
def found():
    """Return the components of the planted relevance."""
    relevance, classes, _ = planted()
    return positional_components(
        "features.7", relevance, np.arange(24) + 100, classes, rng=np.random.default_rng(0)
    )


def assigned(found):
    """Return, per planted part, its component."""
    _, _, directions = planted()
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    cosine = unit @ found.directions.T
    assert cosine.max(axis=1).min() > 0.98
    return cosine.argmax(axis=1)


def test_planted_parts_are_found_with_their_number(found):
    assert isinstance(found, PositionalComponents)
    assert len(found.directions) == 3
    assert sorted(assigned(found)) == [0, 1, 2]
    np.testing.assert_allclose(np.linalg.norm(found.directions, axis=1), 1, rtol=1e-6)
    assert found.directions.min() >= 0
    assert found.rows.tolist() == list(range(100, 124))
    assert "components tried" in found.rule
    assert found.numbers[:3] == (1, 2, 3)
    assert found.stability[2] > 0.95


def test_shares_are_the_planted_ones_and_sum_with_the_rest_to_one(found):
    for part, component in enumerate(assigned(found)):
        for output in (0, 1):
            share = found.class_share[found.outputs.index(output), component]
            assert share == pytest.approx(PARTS[output][part], abs=0.06)
    np.testing.assert_allclose(found.share.sum(axis=1) + found.rest, 1, atol=1e-5)
    assert found.rest.min() > -1e-6
    np.testing.assert_allclose(found.class_share.sum(axis=1) + found.class_rest, 1, atol=1e-5)
    np.testing.assert_allclose(found.place.sum(axis=(2, 3)), found.share, atol=1e-5)


def test_each_component_lies_at_its_place(found):
    for part, component in enumerate(assigned(found)):
        inside = found.place[:, component, PLACES[part]].sum()
        assert inside > 0.95 * found.place[:, component].sum()


def test_redundancy_is_the_largest_cosine_with_another(found):
    slow = [
        max(float(a @ b) for j, b in enumerate(found.directions) if i != j)
        for i, a in enumerate(found.directions)
    ]
    np.testing.assert_allclose(found.redundancy, slow)
    assert found.redundancy.max() < 0.2


def test_loadings_equal_non_negative_least_squares():
    rng = np.random.default_rng(3)
    directions = np.abs(rng.normal(size=(3, 7)))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    patches = np.maximum(rng.normal(size=(20, 7)), 0)
    slow = np.array([nnls(directions.T, patch)[0] for patch in patches])
    np.testing.assert_allclose(loadings_of(patches, directions), slow, atol=2e-3)


def test_carried_parts_equal_plain_loops():
    rng = np.random.default_rng(4)
    directions = np.abs(rng.normal(size=(2, 5)))
    patches = np.maximum(rng.normal(size=(6, 5)), 0)
    loadings = loadings_of(patches, directions)
    found = carried_parts(patches, directions)
    for position in range(6):
        for component in range(2):
            slow = 0.0
            for concept in range(5):
                own = loadings[position, component] * directions[component, concept]
                both = sum(loadings[position, r] * directions[r, concept] for r in range(2))
                slow += min(patches[position, concept], both) * own / both if both else 0.0
            assert found[position, component] == pytest.approx(slow)


def test_leading_channels_hold_the_asked_part():
    direction = np.array([0.1, 0.5, 0.0, 0.3, 0.1])
    assert leading_channels(direction) == (1, 3)
    assert leading_channels(direction, part=1.0) == (1, 3, 0, 4)
    assert leading_channels(direction, part=1.0, most=3) == (1, 3, 0)


def test_scale_of_a_sample_does_not_matter(found):
    relevance, classes, _ = planted()
    relevance[3] *= 50
    again = positional_components(
        "features.7", relevance, np.arange(24), classes, rng=np.random.default_rng(0)
    )
    np.testing.assert_allclose(again.class_share, found.class_share, atol=1e-3)


def test_noise_has_no_stable_components():
    noise = np.abs(np.random.default_rng(5).normal(size=(20, 12, 4, 4))).astype(np.float32)
    found = positional_components(
        "x", noise, np.arange(20), np.zeros(20, int), rng=np.random.default_rng(0)
    )
    assert len(found.directions) <= 2


def test_one_sample_and_rows_without_relevance_are_no_errors():
    relevance, classes, _ = planted(n=2)
    relevance[1] = -np.abs(relevance[1])
    found = positional_components(
        "x", relevance, np.arange(2), classes, rng=np.random.default_rng(0)
    )
    assert found.share[1].tolist() == [0] * found.share.shape[1]
    assert found.rest[1] == 0
    assert found.class_share[1].tolist() == [0] * found.share.shape[1]


def test_each_of_many_classes_has_its_component():
    rng = np.random.default_rng(6)
    classes = np.repeat(np.arange(10), 6)
    relevance = rng.gamma(0.3, 0.02, (60, 40, 3, 3))
    for row, output in enumerate(classes):
        relevance[row, 4 * output : 4 * output + 4] += rng.uniform(0.5, 1, (3, 3))
    found = positional_components("x", relevance, np.arange(60), classes, rng=rng)
    assert len(found.directions) == 10
    assert sorted(found.class_share.argmax(axis=1)) == list(range(10))
    assert found.class_share.max(axis=1).min() > 0.8


def test_more_are_not_tried_in_one_class_after_three_that_are_not_stable():
    noise = np.random.default_rng(5).gamma(0.5, 1, size=(20, 30, 4, 4))
    noise += noise.mean()
    found = positional_components(
        "x", noise, np.arange(20), np.zeros(20, int), output=0, rng=np.random.default_rng(0)
    )
    assert isinstance(found, PositionalComponents)
    stable = found.stability >= 0.8
    assert not stable[-3:].any()
    assert stable[-4]
    assert len(found.numbers) < 8


def test_unstable_relevance_says_so():
    spikes = np.random.default_rng(7).gamma(0.02, 1, size=(12, 200, 2, 2))
    found = positional_components(
        "features.7", spikes, np.arange(12), np.zeros(12, int), rng=np.random.default_rng(0)
    )
    assert isinstance(found, Empty)
    assert "found again" in found.reason
    single = np.zeros((1, 3, 2, 2))
    single[0, 0, 0, 0] = 1.0
    found = positional_components(
        "x", single, np.arange(1), np.zeros(1, int), rng=np.random.default_rng(0)
    )
    assert "too few positions" in found.reason


def test_without_positive_relevance_it_says_so():
    found = positional_components(
        "features.7", -np.ones((2, 3, 2, 2)), np.arange(2), np.zeros(2, int),
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert isinstance(found, Empty)
    assert "features.7" in found.reason


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="3 samples"):
        positional_components(
            "x", np.ones((3, 2, 2, 2)), np.arange(2), np.zeros(3, int),
            rng=np.random.default_rng(0),
        )  # fmt: skip
