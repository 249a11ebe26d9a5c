"""Similarity of concepts against explicitly concatenated vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.concepts.similarity import similarity_matrix


def slow_similarity(activations, references):
    """Return METHOD's rho by building every vector; activations are (sample, concept, position)."""

    def vector(concept, of):
        parts = [np.maximum(activations[row, concept], 0) for row in references[of]]
        return np.concatenate(parts) if parts else np.zeros(0)

    def cosine(a, b):
        norm = np.linalg.norm(a) * np.linalg.norm(b)
        return a @ b / norm if norm > 0 else 0.0

    count = activations.shape[1]
    return np.array(
        [
            [
                1.0
                if q == p
                else (cosine(vector(q, q), vector(p, q)) + cosine(vector(q, p), vector(p, p))) / 2
                for p in range(count)
            ]
            for q in range(count)
        ]
    )


def products(activations, references):
    """Return dots and squares from the same data, one reference at a time."""
    count = activations.shape[1]
    dots, squares = np.zeros((count, count)), np.zeros((count, count))
    rectified = np.maximum(activations, 0)
    for q, rows in enumerate(references):
        for row in rows:
            for p in range(count):
                dots[q, p] += rectified[row, q] @ rectified[row, p]
                squares[q, p] += rectified[row, p] @ rectified[row, p]
    return dots, squares


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_similarity_equals_concatenated_vectors(seed):
    rng = np.random.default_rng(seed)
    activations = rng.normal(size=(6, 4, 9))
    activations[:, 3] = -1
    references = [rng.choice(6, size=rng.integers(0, 5), replace=False) for _ in range(4)]
    found = similarity_matrix(*products(activations, references))
    np.testing.assert_allclose(found, slow_similarity(activations, references), atol=1e-12)
    assert np.array_equal(found, found.T)
    assert found.min() >= 0
    assert found.max() <= 1


def test_a_scaled_copy_is_the_same_concept_and_a_disjoint_one_is_not():
    base = np.array([[[1.0, 2.0, 0.0, 0.0], [3.0, 6.0, 0.0, 0.0], [0.0, 0.0, 1.0, 5.0]]])
    found = similarity_matrix(*products(base, [[0], [0], [0]]))
    assert found[0, 1] == pytest.approx(1)
    assert found[0, 2] == found[1, 2] == 0
