"""Subspaces: planted clusters are found, degenerate cases are said in words."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.concepts.subspaces import find_subspaces


def similarity_of(clusters, *, inside=0.9, outside=0.1):
    """Return a similarity with planted clusters."""
    clusters = np.asarray(clusters)
    found = np.where(clusters[:, None] == clusters[None, :], inside, outside)
    np.fill_diagonal(found, 1.0)
    return found


@pytest.fixture
def subspaces_of(make_samples, make_layer):
    """Return a function: similarity (and concepts) -> subspaces over two classes."""
    relevance = np.abs(np.random.default_rng(0).normal(size=(8, 12)))
    samples = make_samples([0, 0, 0, 0, 1, 1, 1, 1], prediction=[0, 0, 0, 0, 1, 1, 1, 0])

    def find(similarity, concepts=None, outputs=(0, 1, 2)):
        concepts = range(len(similarity)) if concepts is None else concepts
        layer = make_layer(relevance)
        return find_subspaces("features.7", concepts, similarity, layer, samples, outputs)

    return find


def test_planted_clusters_are_found_largest_first(subspaces_of):
    found = subspaces_of(similarity_of([5, 7, 7, 5, 7, 9]), concepts=[10, 2, 3, 4, 0, 6])
    assert found.cluster.tolist() == [1, 0, 0, 1, 0, 2]
    assert found.concepts.tolist() == [10, 2, 3, 4, 0, 6]
    assert found.silhouette > 0.5
    assert "2 to 5 clusters" in found.rule


def test_share_is_the_mean_over_members_of_the_summed_shares(subspaces_of, make_samples):
    found = subspaces_of(similarity_of([0, 0, 1, 1]), concepts=[3, 5, 8, 1])
    relevance = np.abs(np.random.default_rng(0).normal(size=(8, 12)))
    for place, members in enumerate(([0, 1, 2, 3], [4, 5, 6])):
        for cluster, concepts in enumerate(([3, 5], [8, 1])):
            sums = [
                sum(relevance[row, c] for c in concepts) / relevance[row].sum() for row in members
            ]
            assert found.share[place, cluster] == pytest.approx(sum(sums) / len(sums))
    assert found.share[2].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("similarity", "cluster", "words"),
    [
        (np.zeros((0, 0)), [], "No concept"),
        (np.ones((1, 1)), [0], "Only one concept"),
        (similarity_of([0, 0], inside=0.7), [0, 0], "one subspace"),
        (similarity_of([0, 1]), [0, 1], "two subspaces"),
        (np.ones((5, 5)), [0] * 5, "All 5 compared concepts are alike"),
        (similarity_of([0, 0, 1]), [0, 0, 1], "two clusters tried"),
        (similarity_of(range(6), outside=0.3), [0, 1, 2, 3, 4, 5], "none separates them"),
    ],
)
def test_degenerate_cases(subspaces_of, similarity, cluster, words):
    found = subspaces_of(similarity)
    assert found.cluster.tolist() == cluster
    assert words in found.rule
    assert np.isfinite(found.silhouette)
    assert found.share.shape == (3, len(set(cluster)))


def test_permuting_concepts_permutes_clusters(subspaces_of):
    rng = np.random.default_rng(2)
    similarity = similarity_of([0, 0, 0, 1, 1, 2, 2, 2, 2])
    noise = rng.uniform(-0.05, 0.05, similarity.shape)
    similarity = np.clip(similarity + (noise + noise.T) / 2, 0, 1)
    np.fill_diagonal(similarity, 1)
    order = rng.permutation(9)
    a = subspaces_of(similarity)
    b = subspaces_of(similarity[np.ix_(order, order)], concepts=order)
    groups = []
    for found in (a, b):
        groups.append({frozenset(found.concepts[found.cluster == c]) for c in set(found.cluster)})
    assert groups[0] == groups[1]


def test_wrong_shapes_are_refused(subspaces_of):
    with pytest.raises(ValueError, match="3 concepts"):
        subspaces_of(np.ones((2, 2)), concepts=[0, 1, 2])
