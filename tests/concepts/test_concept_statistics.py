"""Statistics of concepts against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.concepts.statistics import concept_statistics, ranks


def slow_shares(relevance):
    """Return each row over its sum of absolute values, by loops."""
    shares = []
    for row in relevance:
        total = sum(abs(float(value)) for value in row)
        shares.append([float(value) / total if total else 0.0 for value in row])
    return shares


def slow_rank(values):
    """Return the rank of each value: one more than how many beat it, ties by position."""
    return [
        1 + sum(o > v or (o == v and other < i) for other, o in enumerate(values))
        for i, v in enumerate(values)
    ]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), top=st.integers(1, 4))
def test_statistics_equal_plain_loops(make_samples, make_layer, seed, top):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 20)
    samples = make_samples(
        labels, prediction=np.where(rng.random(20) < 0.8, labels, 0), valid=rng.random(20) < 0.9
    )
    relevance = rng.normal(size=(20, 6)).astype(np.float32)
    relevance[3] = 0
    found = concept_statistics(samples, make_layer(relevance), [0, 1, 2], top=top, seed=0)
    for place, output in enumerate((0, 1, 2)):
        members = [
            row
            for row in range(20)
            if samples.valid[row] and labels[row] == samples.prediction[row] == output
        ]
        assert found.n[place] == len(members)
        if not members:
            continue
        shares = slow_shares(relevance[members])
        for concept in range(6):
            column = [share[concept] for share in shares]
            mean = sum(column) / len(column)
            squares = sum((value - mean) ** 2 for value in column)
            spread = (squares / (len(column) - 1)) ** 0.5 if len(column) > 1 else 0.0
            leading = sum(
                share[concept] > 0 and slow_rank(share)[concept] <= top for share in shares
            )
            assert found.mean_share[place, concept] == pytest.approx(mean, abs=1e-9)
            assert found.spread[place, concept] == pytest.approx(spread, abs=1e-9)
            assert found.positive[place, concept] == sum(v > 0 for v in column) / len(column)
            assert found.frequency[place, concept] == leading / len(column)
        assert found.rank[place].tolist() == slow_rank(found.mean_share[place].tolist())


def test_bootstrap_interval_equals_resampling_row_by_row(make_samples, make_layer):
    rng = np.random.default_rng(3)
    share = rng.normal(0.2, 0.2, size=(15, 5)) + np.array([0.3, 0.25, 0.2, 0.0, -0.2])
    samples = make_samples(np.zeros(15, int))
    found = concept_statistics(samples, make_layer(share), [0], resamples=4000, seed=0)
    normal = np.array(slow_shares(share))
    resampled = np.array(
        [slow_rank(normal[rng.integers(0, 15, 15)].mean(axis=0)) for _ in range(4000)]
    )
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    assert np.abs(found.rank_low[0] - low).max() <= 1
    assert np.abs(found.rank_high[0] - high).max() <= 1
    assert (found.rank_low <= found.rank).all()
    assert (found.rank <= found.rank_high).all()
    assert (found.rank_high - found.rank_low)[0].max() >= 1


def test_a_clear_order_has_a_narrow_interval(make_samples, make_layer):
    rng = np.random.default_rng(1)
    relevance = np.array([9.0, 5.0, 2.0, -1.0]) + rng.normal(0, 0.01, size=(40, 4))
    found = concept_statistics(make_samples([0] * 40), make_layer(relevance), [0], seed=0)
    assert found.rank_low.tolist() == found.rank_high.tolist() == [[1, 2, 3, 4]]
    assert found.frequency.tolist() == [[1.0, 1.0, 1.0, 0.0]]


def test_a_class_without_members_gives_zeros(make_samples, make_layer):
    samples = make_samples([0, 0, 1], prediction=[0, 0, 0])
    found = concept_statistics(samples, make_layer(np.ones((3, 2))), [0, 1], seed=0)
    assert found.n.tolist() == [2, 0]
    for name in ("mean_share", "spread", "positive", "frequency", "rank", "rank_low", "rank_high"):
        assert not getattr(found, name)[1].any()
        assert getattr(found, name).shape == (2, 2)


def test_one_member_says_nothing_about_the_order(make_samples, make_layer):
    found = concept_statistics(make_samples([0]), make_layer([[3.0, 1.0, 2.0]]), [0], seed=0)
    assert found.rank.tolist() == [[1, 3, 2]]
    assert (found.rank_low.tolist(), found.rank_high.tolist()) == ([[1, 1, 1]], [[3, 3, 3]])
    assert not found.spread.any()


def test_no_audited_class_gives_tables_without_rows(make_samples, make_layer):
    found = concept_statistics(make_samples([0, 1]), make_layer(np.ones((2, 3))), [], seed=0)
    assert found.mean_share.shape == found.rank.shape == (0, 3)


def test_permuting_samples_changes_nothing(make_samples, make_layer):
    rng = np.random.default_rng(5)
    relevance, labels = rng.normal(size=(30, 8)), rng.integers(0, 2, 30)
    order = rng.permutation(30)
    a = concept_statistics(make_samples(labels), make_layer(relevance), [0, 1], seed=0)
    b = concept_statistics(
        make_samples(labels[order]),
        make_layer(relevance[order]),
        [0, 1],
        seed=0,
    )
    np.testing.assert_allclose(a.mean_share, b.mean_share, atol=1e-12)
    np.testing.assert_allclose(a.spread, b.spread, atol=1e-12)
    assert np.array_equal(a.rank, b.rank)
    assert np.array_equal(a.frequency, b.frequency)


def test_ranks_count_from_one_and_break_ties_by_position():
    assert ranks(np.array([0.5, 2.0, 0.5, -1.0])).tolist() == [2, 1, 3, 4]
