"""Wrong decisions: planted drivers and missing concepts are named, few are listed as few."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from auditor.concepts.mistakes import mistakes
from auditor.records.concepts import Empty, Mistakes

CONCEPTS = 12


def planted():
    """Return samples of two classes; six of class 0 lack concept 1 and 2 and show 4.

    Class 0 usually rests on 0, 1 and 2, class 1 on 3, 4 and 5. In the six wrong ones 1 is not in
    the picture, and 2 is but goes unused.
    """
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [26, 20])
    prediction = labels.copy()
    prediction[:6] = 1
    relevance = rng.normal(0.3, 0.05, (46, CONCEPTS))
    activation = rng.normal(1, 0.2, (46, CONCEPTS))
    relevance[6:26, :3] += 2.0
    activation[6:26, :3] += 2.0
    relevance[26:, 3:6] += 2.0
    activation[26:, 3:6] += 2.0
    relevance[:6, 4] += 3.0
    activation[:6, [0, 2, 4]] += 2.0
    relevance[:6, 0] += 2.0
    return relevance, activation, labels, prediction


@pytest.fixture
def found(make_samples, make_layer):
    """Return the mistakes of the planted classes."""
    relevance, activation, labels, prediction = planted()
    samples = make_samples(labels, prediction=prediction)
    return mistakes(samples, make_layer(relevance, activation=activation), [0, 1])


def test_planted_driver_and_missing_concepts_are_named(found):
    assert isinstance(found, Mistakes)
    assert found.n == 6
    (pair,) = found.pairs
    assert (pair.label, pair.prediction, pair.n, pair.reason) == (0, 1, 6, "")
    assert pair.driving.concepts[0] == 4
    assert pair.driving.difference[0] > 3
    assert set(pair.missing.concepts[:2].tolist()) == {1, 2}
    assert (pair.missing.difference[:2] < -3).all()
    activation = dict(zip(pair.missing.concepts, pair.missing.activation_difference, strict=True))
    assert activation[1] < -3
    assert abs(activation[2]) < 1.5
    assert 0 not in pair.missing.concepts[:2]


def test_figures_equal_plain_loops(found):
    relevance, _, _, _ = planted()
    (pair,) = found.pairs
    share = relevance / np.abs(relevance).sum(axis=1, keepdims=True)
    groups = [range(6), range(26, 46), range(6, 26)]
    spreads = []
    for concept in range(CONCEPTS):
        squares = 0.0
        for group in groups[1:]:
            values = [share[row, concept] for row in group]
            mean = sum(values) / len(values)
            squares += sum((value - mean) ** 2 for value in values)
        spreads.append((squares / 38) ** 0.5)
    for place, concept in enumerate(pair.driving.concepts):
        means = [np.mean([share[row, concept] for row in group]) for group in groups]
        assert pair.driving.share[place] == pytest.approx(means[0])
        assert pair.driving.share_in_predicted[place] == pytest.approx(means[1])
        assert pair.driving.share_in_label[place] == pytest.approx(means[2])
        spread = max(spreads[concept], 0.2 * np.median(spreads))
        assert pair.driving.difference[place] == pytest.approx((means[0] - means[2]) / spread)


def test_pairs_are_counted_and_few_are_listed_as_few(make_samples, make_layer):
    labels = np.repeat([0, 1, 2], 10)
    prediction = labels.copy()
    prediction[[0, 1, 2, 3]] = 1
    prediction[[10, 11]] = 0
    prediction[[20]] = 1
    samples = make_samples(labels, prediction=prediction)
    layer = make_layer(np.random.default_rng(0).uniform(0.5, 1, (30, 4)))
    found = mistakes(samples, layer, [0])
    assert [(p.label, p.prediction, p.n) for p in found.pairs] == [(0, 1, 4), (1, 0, 2)]
    assert found.pairs[0].driving is not None
    assert found.pairs[1].driving is None
    assert "2, and 3 are needed" in found.pairs[1].reason
    assert found.pairs[1].rows.tolist() == [10, 11]
    assert len(mistakes(samples, layer, [0, 1, 2]).pairs) == 3


def test_rows_are_ordered_by_how_clear_the_mistake_is(make_samples, make_layer):
    relevance, _, labels, prediction = planted()
    samples = make_samples(labels, prediction=prediction)
    logits = np.zeros((46, 2), dtype=np.float32)
    logits[:6, 1] = (1, 5, 2, 9, 3, 4)
    samples = dataclasses.replace(samples, logits=logits)
    (pair,) = mistakes(samples, make_layer(relevance), [0, 1]).pairs
    assert pair.rows.tolist() == [3, 1, 5, 4, 2, 0]


def test_what_cannot_be_compared_is_said_in_words(make_samples, make_layer):
    relevance, _, labels, prediction = planted()
    layer = make_layer(relevance)
    assert isinstance(mistakes(make_samples(labels), layer, [0, 1]), Empty)
    as_label = make_samples(labels, prediction=prediction, target=labels)
    assert "target: predicted" in mistakes(as_label, layer, [0, 1]).pairs[0].reason
    all_wrong = mistakes(make_samples(labels, prediction=1 - labels), layer, [0, 1])
    assert [pair.n for pair in all_wrong.pairs] == [26, 20]
    assert all("has 0 right decisions" in pair.reason for pair in all_wrong.pairs)


def test_relevance_that_never_varies_is_no_error(make_samples, make_layer):
    _, _, labels, prediction = planted()
    samples = make_samples(labels, prediction=prediction)
    (pair,) = mistakes(samples, make_layer(np.ones((46, 4))), [0, 1]).pairs
    assert pair.driving.concepts.tolist() == pair.missing.concepts.tolist() == []
