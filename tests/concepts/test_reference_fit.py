"""Reference samples by relevance fit the class where activation is no evidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.concepts.reference_fit import reference_fit
from auditor.concepts.references import references


def test_a_concept_that_fires_elsewhere_fits_worse_by_activation(make_samples, make_layer) -> None:
    labels = np.repeat([0, 1], 10)
    relevance = np.zeros((20, 2))
    relevance[:10] = [3.0, 1.0]
    relevance[10:] = [0.5, 4.5]
    activation = np.ones((20, 2))
    activation[10:, 0] = 5.0
    activation[10:, 1] = 7.0
    samples, layer = make_samples(labels), make_layer(relevance, activation=activation)
    both = [
        references(layer, samples, k=5, origin=origin) for origin in ("relevance", "activation")
    ]
    found = reference_fit(layer, samples, *both, {0: (0,), 1: (1,)})
    assert found is not None
    assert found.concepts == 2
    assert found.by_relevance.of_class == 1.0
    assert found.by_activation.of_class == 0.5
    assert found.by_relevance.carried == pytest.approx((0.75 + 0.9) / 2)
    assert found.by_activation.carried == pytest.approx((0.1 + 0.9) / 2)
    assert found.overlap == pytest.approx(0.5)
    assert found.by_relevance.left_out is None
    assert reference_fit(layer, samples, *both, {0: ()}) is None


def test_sum_and_maximum_choose_different_samples(make_samples, make_layer) -> None:
    samples = make_samples(np.zeros(3, dtype=int))
    layer = make_layer(np.array([[3.0], [2.0], [1.0]]), activation=np.array([[1.0], [2.0], [3.0]]))
    other = replace(
        layer,
        largest_relevance=np.array([[0.1], [0.2], [0.9]]),
        summed_activation=np.array([[9.0], [8.0], [7.0]]),
    )
    for origin, usual, turned in (("relevance", 0, 2), ("activation", 2, 0)):
        assert references(layer, samples, k=1, origin=origin).rows.tolist() == [[usual]]
        assert references(other, samples, k=1, origin=origin).rows.tolist() == [[turned]]
    both = [
        references(other, samples, k=2, origin=origin) for origin in ("relevance", "activation")
    ]
    found = reference_fit(other, samples, *both, {0: (0,)})
    assert (found.by_relevance.chosen_by, found.by_activation.chosen_by) == ("max", "sum")
