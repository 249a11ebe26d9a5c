"""Strategies: planted groups of a class are found with prototypes, samples and stability."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.concepts.strategies import FITTED, _mixture, _reduction, strategies
from auditor.records.concepts import Empty, Strategies

SIZES = (30, 18, 12)


def planted(sizes=SIZES, concepts=40, seed=0):
    """Return relevance of groups that each lean on three concepts of their own."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    relevance = rng.normal(0.2, 0.05, (len(group), concepts))
    for number in range(len(sizes)):
        relevance[group == number, 3 * number : 3 * number + 3] += rng.normal(
            2.0, 0.2, ((group == number).sum(), 3)
        )
    return relevance, group


@pytest.fixture(scope="module")
def found(make_layer):
    """Return the strategies of the planted class, whose rows start at 100."""
    relevance, _ = planted()
    table = np.concatenate([np.ones((100, 40)), relevance])
    return strategies(
        make_layer(table), 7, np.arange(100, 160), rng=np.random.default_rng(0), resamples=6
    )


def test_planted_groups_are_found_largest_first(found):
    _, group = planted()
    assert isinstance(found, Strategies)
    assert found.assigned.tolist() == group.tolist()
    np.testing.assert_allclose(found.share_of_class, np.array(SIZES) / 60)
    assert found.stability > 0.95
    assert found.numbers == (1, 2, 3, 4, 5)
    assert found.bic.argmin() == 2
    assert ": 3 (found again with 1.00)." in found.rule
    assert found.output == 7


def test_prototypes_are_means_and_the_planted_concepts_distinguish_them(found):
    relevance, group = planted()
    shares = relevance / np.abs(relevance).sum(axis=1, keepdims=True)
    for number in range(3):
        mean = [sum(column) / len(column) for column in zip(*shares[group == number], strict=True)]
        np.testing.assert_allclose(found.difference[number] + shares.mean(axis=0), mean)
        own = set(range(3 * number, 3 * number + 3))
        raised = found.distinguishing[number][
            found.difference[number, found.distinguishing[number]] > 0
        ]
        assert own <= set(raised.tolist())
    np.testing.assert_allclose(
        found.difference_spread,
        found.difference / shares.std(axis=0, ddof=1),
    )


def test_nearest_samples_belong_to_their_strategy(found):
    _, group = planted()
    for number in range(3):
        assert (group[found.nearest[number] - 100] == number).all()
        assert len(set(found.nearest[number].tolist())) == 6


def test_a_planted_odd_sample_has_the_lowest_likelihood(make_layer):
    relevance, _ = planted()
    relevance[17] = 0.2
    relevance[17, 30:34] = 3.0
    found = strategies(
        make_layer(relevance), 0, np.arange(60), rng=np.random.default_rng(0), resamples=1
    )
    assert found.odd[0] == 17
    assert found.outlying >= 1


def test_one_group_is_one_strategy(make_layer):
    numbers = []
    for seed in range(6):
        relevance, _ = planted(sizes=(60,), seed=seed)
        found = strategies(
            make_layer(relevance), 0, np.arange(60), rng=np.random.default_rng(0), resamples=1
        )
        numbers.append(len(found.share_of_class))
    assert numbers.count(1) >= 5
    assert strategies(
        make_layer(planted(sizes=(60,))[0]), 0, np.arange(60), rng=np.random.default_rng(0)
    ).stability is None  # fmt: skip


def test_groups_below_the_smallest_size_are_no_strategy(make_layer):
    relevance, _ = planted(sizes=(40, 4))
    found = strategies(
        make_layer(relevance), 0, np.arange(44), rng=np.random.default_rng(0), resamples=1
    )
    assert np.round(found.share_of_class * 44).min() >= 8


def test_more_concepts_than_samples_and_three_concepts(make_layer):
    rng = np.random.default_rng(0)
    for concepts in (3, 600):
        relevance = rng.normal(1, 0.1, (24, concepts))
        relevance[:12, 0] += 5.0 * concepts / 3
        found = strategies(make_layer(relevance), 0, np.arange(24), rng=rng, resamples=2)
        assert found.difference.shape[1] == concepts
        assert np.isfinite(found.difference_spread).all()
        assert set(found.assigned[:12].tolist()).isdisjoint(found.assigned[12:].tolist())


@pytest.mark.parametrize(("n", "words"), [(0, "there are 0"), (15, "there are 15"), (20, "same")])
def test_too_little_is_said_in_words(make_layer, n, words):
    found = strategies(make_layer(np.ones((20, 4))), 0, np.arange(n), rng=np.random.default_rng(0))
    assert isinstance(found, Empty)
    assert words in found.reason


def test_odd_samples_have_the_lowest_density_written_out(found):
    relevance, _ = planted()
    share = relevance / np.abs(relevance).sum(axis=1, keepdims=True)
    points = _reduction(share).coordinates(share)
    seed = int(np.random.default_rng(0).integers(2**31))
    mixture = _mixture(points, 3, seed)
    density = np.zeros(60)
    for weight, mean, covariance in zip(
        mixture.weights_, mixture.means_, mixture.covariances_, strict=True
    ):
        inverse = np.linalg.inv(covariance)
        for row, point in enumerate(points):
            away = point - mean
            density[row] += (
                weight
                * np.exp(-0.5 * away @ inverse @ away)
                / np.sqrt(np.linalg.det(2 * np.pi * covariance))
            )
    assert found.odd.tolist() == (100 + np.argsort(density)[:5]).tolist()


def test_a_skewed_class_is_not_split(make_layer):
    """Shares that are cut off at 0 are no two ways; the BIC alone splits two of three of these."""
    split_by_bic, numbers = 0, []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        relevance = np.maximum(rng.normal(0.3, 0.5, (40, 6)), 0) * np.linspace(1, 0.2, 6) + 1e-6
        found = strategies(make_layer(relevance), 0, np.arange(40), resamples=8, rng=rng)
        numbers.append(len(found.share_of_class))
        split_by_bic += int(found.bic.argmin() > 0)
    assert numbers.count(1) >= 5
    assert split_by_bic >= 3


def test_a_large_class_is_fitted_on_a_part_and_assigned_as_a_whole(make_layer):
    relevance, group = planted(sizes=(FITTED, FITTED // 2))
    found = strategies(
        make_layer(relevance), 0, np.arange(len(group)), rng=np.random.default_rng(0), resamples=2
    )
    assert isinstance(found, Strategies)
    assert found.assigned.tolist() == group.tolist()
    assert f"{FITTED} of the {len(group)} samples, drawn at random" in found.rule


def test_a_class_of_the_largest_size_that_is_fitted_is_not_drawn_from(make_layer):
    relevance, _ = planted(sizes=(FITTED,))
    found = strategies(
        make_layer(relevance), 0, np.arange(FITTED), rng=np.random.default_rng(0), resamples=2
    )
    assert isinstance(found, Strategies)
    assert "at random" not in found.rule
