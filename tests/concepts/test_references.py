"""RelMax and ActMax references against a full sort, with ties, NaN and quarantined rows."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from auditor.concepts.references import jaccard, references
from auditor.concepts.topk import largest

# Few distinct values, so that ties are the rule, and everything that must never be chosen.
VALUES = st.sampled_from([-2.0, -0.0, 0.0, 0.5, 0.5, 1.0, 3.0, float("nan"), float("inf")])
TABLES = hnp.arrays(np.float32, st.tuples(st.integers(1, 25), st.integers(1, 4)), elements=VALUES)


def full_sort(column, usable, k):
    """Return the k best rows of a column by sorting every candidate: the slow twin."""
    candidates = [
        (-float(value), row)
        for row, value in enumerate(column)
        if usable[row] and np.isfinite(value) and value > 0
    ]
    rows = [row for _, row in sorted(candidates)][:k]
    return rows + [-1] * (k - len(rows))


@settings(max_examples=200, deadline=None)
@given(table=TABLES, k=st.integers(1, 8), data=st.data())
def test_references_equal_a_full_sort(make_samples, make_layer, table, k, data):
    usable = data.draw(hnp.arrays(bool, len(table)))
    samples = make_samples(np.zeros(len(table), dtype=int), valid=usable)
    layer = make_layer(np.zeros_like(table), activation=table)
    found = references(layer, samples, k=k, origin="activation")
    for concept in range(table.shape[1]):
        rows = full_sort(table[:, concept], usable, k)
        assert found.rows[concept].tolist() == rows
        for place, row in enumerate(rows):
            expected = (0, -1) if row < 0 else (table[row, concept], layer.peak[row, concept])
            assert (found.scores[concept, place], found.peaks[concept, place]) == expected
    assert np.isfinite(found.scores).all()


@settings(max_examples=60, deadline=None)
@given(table=TABLES, seed=st.integers(0, 99))
def test_permuting_samples_permutes_the_rows_of_untied_references(
    make_samples, make_layer, table, seed
):
    untied = table + np.arange(len(table), dtype=np.float32)[:, None] / 1000
    order = np.random.default_rng(seed).permutation(len(table))
    samples = make_samples(np.zeros(len(table), dtype=int))
    before = references(make_layer(untied), samples, k=3, origin="relevance").rows
    after = references(make_layer(untied[order]), samples, k=3, origin="relevance").rows
    assert np.array_equal(np.where(after >= 0, order[after], -1), before)


def test_class_references_are_labelled_and_explained_as_the_class(make_samples, make_layer):
    samples = make_samples(
        [0, 0, 0, 1, 1], target=[0, 1, 0, 0, 1], valid=[True, True, False, True, True]
    )
    layer = make_layer([[1.0], [5.0], [9.0], [7.0], [2.0]])
    assert references(layer, samples, k=3, origin="relevance").rows.tolist() == [[3, 1, 4]]
    own = references(layer, samples, k=3, origin="relevance", output=0)
    assert own.rows.tolist() == [[0, -1, -1]]
    assert own.output == 0
    assert references(layer, samples, k=2, origin="relevance", output=7).rows.tolist() == [[-1, -1]]


def test_more_concepts_than_a_block(make_samples, make_layer):
    table = np.random.default_rng(0).normal(size=(30, 150)).astype(np.float32)
    found = references(make_layer(table), make_samples(np.zeros(30, int)), k=4, origin="relevance")
    everything = np.ones(30, dtype=bool)
    expected = [full_sort(column, everything, 4) for column in table.T]
    assert found.rows.tolist() == expected


def test_jaccard_counts_shared_rows(make_samples, make_layer):
    layer = make_layer(np.ones((3, 4)))
    blank = references(layer, make_samples([0, 0, 0]), k=3, origin="relevance")
    a = replace(blank, rows=np.array([[0, 1, 2], [4, -1, -1], [-1, -1, -1], [7, 8, -1]]))
    b = replace(blank, rows=np.array([[2, 5, 0], [4, -1, -1], [-1, -1, -1], [9, -1, -1]]))
    assert jaccard(a, b).tolist() == [2 / 4, 1.0, 1.0, 0.0]


def test_jaccard_refuses_different_layers(make_samples, make_layer):
    found = references(make_layer(np.ones((2, 1))), make_samples([0, 0]), k=1, origin="relevance")
    with pytest.raises(ValueError, match="different layers"):
        jaccard(found, replace(found, layer="features.9"))


def test_largest_pads_with_minus_one_when_k_exceeds_the_columns():
    assert largest(np.array([[0.0, 2.0]]), 4).tolist() == [[1, -1, -1, -1]]


@pytest.mark.slow
def test_a_hundred_thousand_samples_take_seconds(make_samples, make_layer):
    table = np.random.default_rng(0).normal(size=(100_000, 512)).astype(np.float32)
    layer = make_layer(table, activation=table, peak=np.zeros(table.shape, dtype=np.int32))
    samples = make_samples(np.zeros(len(table), dtype=int))
    start = time.process_time()
    references(layer, samples, k=12, origin="relevance")
    assert time.process_time() - start < 30
