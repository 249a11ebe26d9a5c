"""Stratified samples against brute force."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.base.errors import DataError, UnknownNameError
from auditor.subject.selection import allocate, select, stratified_sample


def best_by_brute_force(counts: list[int], limit: int) -> float:
    """Return the smallest sum of squared differences to the exact shares, over all allocations."""
    least = 1 if limit >= len(counts) else 0
    best = np.inf
    for sizes in itertools.product(*(range(least, count + 1) for count in counts)):
        if sum(sizes) == limit:
            shares = [limit * count / sum(counts) for count in counts]
            best = min(best, sum((s - q) ** 2 for s, q in zip(sizes, shares, strict=True)))
    return best


@settings(deadline=None, max_examples=150)
@given(st.lists(st.integers(1, 8), min_size=1, max_size=4), st.data())
def test_allocation_is_as_proportional_as_whole_numbers_can_be(
    counts: list[int], data: st.DataObject
) -> None:
    limit = data.draw(st.integers(1, sum(counts)))
    sizes = allocate(np.array(counts), limit, np.random.default_rng(0))
    assert sizes.sum() == limit
    assert (sizes <= counts).all()
    assert (sizes >= (1 if limit >= len(counts) else 0)).all()
    shares = limit * np.array(counts) / sum(counts)
    assert ((sizes - shares) ** 2).sum() == pytest.approx(best_by_brute_force(counts, limit))


def test_rare_classes_keep_one() -> None:
    sizes = allocate(np.array([1000, 3, 1]), 20, np.random.default_rng(0))
    assert sizes.tolist() == [18, 1, 1]


def test_ties_fall_at_random_and_repeatably() -> None:
    counts = np.full(10, 5)
    seen = {tuple(allocate(counts, 3, np.random.default_rng(seed))) for seed in range(30)}
    assert len(seen) > 5
    assert all(sum(sizes) == 3 for sizes in seen)
    again = [stratified_sample(list("aabbccdd"), 5, 7) for _ in range(2)]
    assert again[0] == again[1] == sorted(set(again[0]))


def test_every_member_is_equally_likely() -> None:
    labels = ["a"] * 6 + ["b"] * 3
    drawn: Counter[int] = Counter()
    for seed in range(600):
        drawn.update(stratified_sample(labels, 3, seed))
    # Two of six and one of three: each position is expected in 200 of 600 (five sigma: 58).
    assert all(abs(drawn[position] - 200) < 58 for position in range(9))


def test_classes_and_limit_are_kept_to() -> None:
    labels = ["a"] * 10 + ["b"] * 20 + ["c"] * 5
    chosen = select(labels, ("a", "b", "c"), classes=["a", "b"], limit=6, seed=0)
    assert Counter(labels[index] for index in chosen) == {"a": 2, "b": 4}
    assert list(chosen) == sorted(chosen)


def test_nothing_asked_for_leaves_everything() -> None:
    chosen = select(["a", "b"], ("a", "b"), classes=None, limit=5, seed=0)
    assert chosen == (0, 1)


def test_unknown_and_empty_classes() -> None:
    with pytest.raises(UnknownNameError, match=r"'husky'.*Did you mean 'Husky'"):
        select(["Husky"], ("Husky",), classes=["husky"], limit=None, seed=0)
    with pytest.raises(DataError, match="no picture is labelled empty; the data has pictures of a"):
        select(["a"], ("a", "empty"), classes=["empty"], limit=None, seed=0)
