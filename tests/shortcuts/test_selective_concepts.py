"""P4: a concept that fires everywhere and counts for one class is proposed for that class."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.shortcuts.propose.proposals import PROPOSALS, class_means
from auditor.shortcuts.propose.selective_concepts import selective_concepts
from tests.shortcuts.tables import layer_of, natural, samples_of, view_of

LABELS = np.repeat(np.arange(3), 40)


def planted() -> tuple[np.ndarray, np.ndarray]:
    relevance = natural(LABELS, 0)
    activation = np.abs(relevance)
    rng = np.random.default_rng(1)
    relevance[:, 5] = np.where(LABELS == 0, 4.0 + rng.random(120), 0.1)
    activation[:, 5] = 10.0 + rng.random(120)
    activation[LABELS == 1, 5] += 1.0
    return relevance, activation


def test_the_concept_used_for_one_class_is_proposed_for_it_alone() -> None:
    layer, samples = layer_of(*planted()), samples_of(LABELS)
    (proposal,) = PROPOSALS["P4"](view_of(samples, layer, 0))
    assert proposal.concepts == (5,)
    assert proposal.masks[:, 22:24, 22:24].all()
    assert "100\u00a0%" in proposal.reason
    for output in (1, 2):
        assert PROPOSALS["P4"](view_of(samples, layer, output)) == []


def test_its_numbers_are_the_shares_of_the_two_sets() -> None:
    layer, samples = layer_of(*planted()), samples_of(LABELS)
    means = class_means(layer, samples, (0, 1, 2))[0]
    (found,) = selective_concepts(layer, samples, 0, means)
    assert (found.by_relevance, found.by_activation) == (1.0, 0.0)
    assert found.jaccard == 0.0


@pytest.mark.parametrize("seed", range(6))
def test_concepts_that_fire_where_they_count_are_quiet(seed: int) -> None:
    relevance = natural(LABELS, seed)
    relevance[LABELS == 0, 5] += 3.0
    view = view_of(samples_of(LABELS), layer_of(relevance), 0)
    assert PROPOSALS["P4"](view) == []
