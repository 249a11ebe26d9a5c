"""Reference samples by relevance fit the class where activation is no evidence."""

from __future__ import annotations

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
