"""Principal components by products equal those of a singular value decomposition."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.concepts.principal import explained_parts, principal


@pytest.mark.parametrize(("n", "concepts"), [(50, 8), (8, 50), (20, 20), (40, 1)])
def test_components_equal_the_singular_vectors(n, concepts):
    rng = np.random.default_rng(n)
    samples = rng.normal(size=(n, concepts)) * np.geomspace(3, 0.1, concepts) + 5
    number = min(5, n - 1, concepts)
    found = principal(samples, number)
    _, sizes, axes = np.linalg.svd(samples - samples.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(found.explained, (sizes**2 / (sizes**2).sum())[:number])
    np.testing.assert_allclose(explained_parts(samples, number), found.explained)
    for direction, axis in zip(found.components, axes, strict=False):
        assert abs(direction @ axis) == pytest.approx(1)
        assert direction.max() == np.abs(direction).max()
    slow = [[(row - found.mean) @ axis for axis in found.components] for row in samples]
    np.testing.assert_allclose(found.coordinates(samples), slow, atol=1e-12)
    np.testing.assert_array_equal(found.first(1).components, found.components[:1])


def test_samples_that_are_all_alike_have_no_variance_to_explain():
    assert explained_parts(np.ones((5, 3)), 2).tolist() == [0.0, 0.0]
