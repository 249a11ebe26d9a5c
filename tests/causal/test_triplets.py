"""Which transplants are shown: those whose change of probability is typical of all of them."""

from __future__ import annotations

import numpy as np

from auditor.causal.triplets import COUNT, typical_change, typical_pairs


def test_the_change_shown_first_is_not_zero_where_few_pictures_turn() -> None:
    changes = np.zeros((10, 2))
    changes[6:, 0] = [0.95, 0.4, 0.9, 0.8]
    pairs = typical_pairs(changes, np.arange(10))
    assert np.median(changes) == 0.0
    assert [changes[pair] for pair in pairs] == [0.9, 0.95, 0.8, 0.4]
    assert typical_change(-changes) == 0.0


def test_classes_take_turns_and_the_nearest_of_each_comes_first() -> None:
    changes = np.array([[0.5], [0.51], [0.1], [0.9], [0.52]])
    assert typical_change(changes) == 0.52
    pairs = typical_pairs(changes, np.array([1, 1, 2, 3, 1]))
    assert [index for index, _slot in pairs] == [4, 3, 2, 1]
    assert len(typical_pairs(np.zeros((9, 3)), np.arange(9))) == COUNT
