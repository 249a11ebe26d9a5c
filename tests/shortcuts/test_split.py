"""The split into discovery and test halves."""

from __future__ import annotations

import numpy as np

from auditor.shortcuts.split import discovery_split


def test_half_of_every_class_is_for_discovery_and_the_odd_one_for_the_test() -> None:
    labels = np.array([0] * 7 + [1] * 10 + [5] * 1)
    discovery = discovery_split(labels, seed=3)
    assert [int(discovery[labels == label].sum()) for label in (0, 1, 5)] == [3, 5, 0]


def test_the_split_depends_on_the_seed_and_on_nothing_else() -> None:
    labels = np.repeat(np.arange(4), 30)
    first = discovery_split(labels, seed=1)
    assert np.array_equal(first, discovery_split(labels.copy(), seed=1))
    assert not np.array_equal(first, discovery_split(labels, seed=2))


def test_a_class_keeps_its_split_when_others_are_added() -> None:
    alone = discovery_split(np.zeros(20, int), seed=0)
    among = discovery_split(np.array([0] * 20 + [1] * 9), seed=0)
    assert np.array_equal(alone, among[:20])
