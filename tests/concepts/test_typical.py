"""Which samples of a class the atlas shows."""

from __future__ import annotations

import numpy as np

from auditor.concepts.typical import typical_samples


def test_the_first_is_closest_to_the_mean_by_explicit_cosine(make_samples, make_layer):
    rng = np.random.default_rng(0)
    relevance = rng.normal(1, 0.5, size=(21, 6))
    samples = make_samples([0] * 20 + [1])
    share = relevance[:20] / np.abs(relevance[:20]).sum(axis=1, keepdims=True)
    mean = share.mean(axis=0)
    cosine = [s @ mean / np.linalg.norm(s) / np.linalg.norm(mean) for s in share]
    found = typical_samples(make_layer(relevance), samples.members(0), 3)
    assert found[0] == int(np.argmax(cosine))
    assert len(set(found)) == 3
    assert set(found) <= set(np.argsort(cosine)[-10:])


def test_the_second_is_the_least_alike_of_the_typical_half(make_samples, make_layer):
    relevance = np.array([[5, 1.0, 0], [5, 1.1, 0], [5, 0, 1.4], [0, 1, 9], [0, 9, 0]])
    found = typical_samples(make_layer(relevance), make_samples([0] * 5).members(0), 2)
    assert found == (1, 2)


def test_fewer_members_than_asked(make_samples, make_layer):
    samples = make_samples([0, 0, 1], prediction=[0, 1, 1])
    layer = make_layer([[1.0, 2.0], [3.0, 1.0], [0.0, 0.0]])
    assert typical_samples(layer, samples.members(0), 4) == (0,)
    assert typical_samples(layer, samples.members(1), 4) == ()
    assert typical_samples(layer, samples.members(2), 4) == ()
    assert typical_samples(layer, samples.members(0), 0) == ()
