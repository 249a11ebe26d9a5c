"""P3: concepts that go together on a part of the class are one factor with two groups."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.shortcuts.propose.proposals import PROPOSALS
from auditor.shortcuts.propose.subspace_regions import bimodal_factors
from tests.shortcuts.tables import layer_of, natural, samples_of, view_of

LABELS = np.repeat(np.arange(3), 80)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_distributed_code_of_a_part_of_the_class_is_proposed(seed: int) -> None:
    relevance = natural(LABELS, seed)
    relevance[:30, 3:6] += 3.0
    found = PROPOSALS["P3"](view_of(samples_of(LABELS), layer_of(relevance), 0))
    best = next(proposal for proposal in found if set(proposal.concepts[:3]) == {3, 4, 5})
    assert best.carriers is not None
    truth = np.arange(80) < 30
    assert (best.carriers & truth).sum() / (best.carriers | truth).sum() > 0.9
    assert best.masks[:30, 22, 14:24].any(axis=1).all()


def test_a_class_that_uses_its_concepts_more_or_less_has_no_groups() -> None:
    found = 0
    for seed in range(12):
        relevance = natural(LABELS, seed)
        relevance[:, 3:6] *= np.random.default_rng(seed).uniform(0.5, 1.5, (len(LABELS), 1))
        found += len(PROPOSALS["P3"](view_of(samples_of(LABELS), layer_of(relevance), 0)))
    assert found <= 1


def test_nothing_positive_or_too_few_is_nothing() -> None:
    everyone = np.ones(20, bool)
    assert bimodal_factors(-np.ones((20, 4)), everyone, 0) == []
    assert bimodal_factors(np.ones((3, 4)), np.ones(3, bool), 0) == []
