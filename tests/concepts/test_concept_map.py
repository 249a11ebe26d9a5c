"""The map of concepts: alike ones together, the same every time, small numbers too."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.concepts.concept_map import concept_map
from auditor.records.concepts import MapCard
from auditor.records.stages import Subspaces


def subspaces(similarity: np.ndarray, cluster: np.ndarray) -> Subspaces:
    count = len(similarity)
    return Subspaces(
        layer="l",
        concepts=np.arange(count) * 3,
        similarity=similarity,
        cluster=cluster,
        share=np.zeros((1, count)),
        silhouette=0.3,
        rule="",
    )


def positions(card: MapCard) -> np.ndarray:
    return np.array([(point.x, point.y) for point in card.points])


def groups(rng: np.random.Generator, count: int = 24) -> Subspaces:
    cluster = np.arange(count) % 3
    points = np.eye(3)[cluster] + 0.1 * rng.normal(size=(count, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return subspaces(np.clip(points @ points.T, 0, 1), cluster)


def test_concepts_of_a_group_stand_together(rng: np.random.Generator) -> None:
    given = groups(rng)
    found = concept_map(given)
    position = positions(found)
    distance = np.linalg.norm(position[:, None] - position[None], axis=2)
    same = given.cluster[:, None] == given.cluster[None]
    assert distance[same].max() < distance[~same].min()
    assert found.fit > 0.7
    assert [point.concept for point in found.points] == [f"l/{c}" for c in given.concepts]
    assert {point.subspace for point in found.points} == {"l/S1", "l/S2", "l/S3"}
    assert len({point.colour for point in found.points}) == 3
    assert 0 <= position.min() <= position.max() <= 1


def test_the_map_is_the_same_every_time(rng: np.random.Generator) -> None:
    given = groups(rng)
    assert concept_map(given) == concept_map(given)


def test_distances_that_fit_the_plane_are_kept() -> None:
    place = np.array([[0, 0], [0.6, 0], [0, 0.3], [0.6, 0.3]])
    distance = np.linalg.norm(place[:, None] - place[None], axis=2)
    found = concept_map(subspaces(1 - distance, np.arange(4)))
    drawn = np.linalg.norm(positions(found)[:, None] - positions(found)[None], axis=2)
    assert {point.colour for point in found.points} == {None}
    np.testing.assert_allclose(drawn / drawn.max(), distance / distance.max(), atol=0.02)
    assert found.fit > 0.9


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_few_or_equal_concepts_have_places_of_their_own(count: int) -> None:
    found = concept_map(subspaces(np.ones((count, count)), np.zeros(count, dtype=int)))
    assert len({tuple(row) for row in positions(found).round(6)}) == count
