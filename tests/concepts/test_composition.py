"""What is kept of a composition, and the account of the rest."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.concepts.composition import shares, spread_rows, step, strongest


def test_the_strongest_of_each_parent_are_kept() -> None:
    arrives = np.array([[5.0, 1.0, 0.0, 4.0], [0.0, -7.0, 2.0, 1.0]])
    # Parent 0 keeps 0 and 3, parent 1 keeps 1 (against the class) and 2; by size: 1, 0, 3, 2.
    assert strongest(arrives, 2) == (1, 0, 3, 2)
    assert strongest(arrives, 1) == (1, 0)
    assert strongest(np.zeros((1, 3)), 2) == ()


def test_ties_go_to_the_lower_concept() -> None:
    assert strongest(np.ones((1, 4)), 2) == (0, 1)


def test_all_that_reaches_a_parent_is_accounted_for(rng: np.random.Generator) -> None:
    arrives, bypass = rng.normal(size=(3, 9)), rng.normal(size=3)
    reaches = rng.normal(size=3) + 5
    found = step("upper", "lower", (4, 2, 8), (1, 5), reaches, arrives, bypass)
    parts = found.flow.sum(axis=1) + found.rest + found.bypass + found.absorbed
    np.testing.assert_allclose(parts, reaches)
    np.testing.assert_allclose(found.rest, np.delete(arrives, [1, 5], axis=1).sum(axis=1))
    assert found.others == 7
    np.testing.assert_allclose(shares(found), arrives[:, [1, 5]] / reaches[:, None])


def test_shares_of_nothing_are_nothing() -> None:
    found = step(None, "lower", (0,), (0,), np.zeros(1), np.ones((1, 2)), np.zeros(1))
    assert shares(found).tolist() == [[0.0]]


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="2 parents, but 1 rows"):
        step("a", "b", (0, 1), (0,), np.zeros(2), np.zeros((1, 3)), np.zeros(2))


def test_rows_are_spread_over_all() -> None:
    rows = np.arange(100, 200)
    assert spread_rows(rows, 3).tolist() == [100, 150, 199]
    assert spread_rows(rows[:2], 12).tolist() == [100, 101]
    assert spread_rows(rows[:0], 12).tolist() == []
