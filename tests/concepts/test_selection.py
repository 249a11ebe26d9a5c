"""Which concepts are shown, in which order."""

from __future__ import annotations

from auditor.concepts.selection import leading_concepts, shared_with
from auditor.concepts.statistics import concept_statistics


def test_leading_concepts_are_the_largest_positive_means(make_samples, make_layer):
    samples = make_samples([0, 0, 2, 2])
    layer = make_layer([[1, 4, -9, 2], [1, 4, -9, 2], [0, 0, 5, 0], [0, 0, 5, 0]])
    found = concept_statistics(samples, layer, [0, 2, 1], seed=0)
    assert leading_concepts(found, 2) == {0: (1, 3), 2: (2,), 1: ()}


def test_shared_with_names_every_class():
    assert shared_with({3: (8, 2), 0: (4, 8)}) == {4: (0,), 8: (0, 3), 2: (3,)}
