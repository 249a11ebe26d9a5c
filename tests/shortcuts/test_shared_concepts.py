"""P5: one concept in two classes that share nothing else; not in classes that are alike."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.shortcuts.propose.proposals import PROPOSALS
from auditor.shortcuts.propose.shared_concepts import likeness, shared_concepts, unrelated_classes
from tests.shortcuts.tables import layer_of, samples_of, view_of

LABELS = np.repeat(np.arange(4), 20)


def relevance(shared: bool) -> np.ndarray:
    table = np.random.default_rng(0).uniform(0.0, 0.02, (80, 12))
    for label in range(4):
        table[label == LABELS, 2 * label : 2 * label + 2] += 1.0
    if shared:
        table[(LABELS == 0) | (LABELS == 3), 10] += 1.0
    return table


def test_the_watermark_of_two_classes_is_proposed_in_both_and_only_there() -> None:
    layer, samples = layer_of(relevance(shared=True)), samples_of(LABELS)
    for output, other in ((0, "grey"), (3, "red")):
        (proposal,) = PROPOSALS["P5"](view_of(samples, layer, output))
        assert proposal.concepts == (10,)
        assert f"'{other}'" in proposal.reason
        assert proposal.masks[:, 22:24, 41:43].all()
    for output in (1, 2):
        assert PROPOSALS["P5"](view_of(samples, layer, output)) == []


def test_classes_without_a_common_concept_are_quiet() -> None:
    layer, samples = layer_of(relevance(shared=False)), samples_of(LABELS)
    for output in range(4):
        found = PROPOSALS["P5"](view_of(samples, layer, output))
        assert all(10 not in proposal.concepts for proposal in found)
        assert found == [] or len(found[0].concepts) == 1


def test_classes_that_are_alike_in_everything_share_nothing_odd() -> None:
    means = np.tile(np.linspace(1.0, 0.1, 12), (4, 1))
    for output in range(4):
        assert shared_concepts(means, range(4), output) == []
        assert unrelated_classes(means, range(4), output) == []


def test_likeness_by_hand() -> None:
    first, second = np.array([3.0, 4.0, 9.0]), np.array([4.0, 3.0, 2.0])
    assert likeness(first, second, 2) == pytest.approx(24 / 25)
    assert likeness(first, np.zeros(3), 0) == 0.0
    means = np.eye(4) + 0.0
    assert unrelated_classes(means, range(4), 1) == [0, 2, 3]
