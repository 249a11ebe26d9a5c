"""The dip against linear programming, its critical values against draws, Otsu by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from auditor.shortcuts.whole_pictures.modes import CRITICAL, NUMBERS, bimodal, dip, otsu


def slow_dip(values: np.ndarray) -> float:
    """Return the smallest distance to any unimodal distribution function, by linear programs.

    For a mode at each value in turn: the function is convex up to it and concave from it on, and
    may jump there; its heights just before and after each value are free.
    """
    x = np.sort(values)
    n, best = len(x), 1.0
    for mode in range(n):
        left, right = mode + 1, n - mode
        count = left + right + 1
        rows: list[np.ndarray] = []
        bounds: list[float] = []

        def add(
            entries: dict[int, float],
            bound: float,
            rows: list[np.ndarray] = rows,
            bounds: list[float] = bounds,
            count: int = count,
        ) -> None:
            row = np.zeros(count)
            for place, value in entries.items():
                row[place] += value
            rows.append(row)
            bounds.append(bound)

        d = count - 1
        for i in range(left):
            add({i: 1, d: -1}, i / n)
            if i < mode:
                add({i: -1, d: -1}, -(i + 1) / n)
        for j in range(right):
            if j:
                add({left + j: 1, d: -1}, (mode + j) / n)
            add({left + j: -1, d: -1}, -(mode + j + 1) / n)
        add({left - 1: 1, left: -1}, 0)
        for i in range(1, left - 1):
            a, c = x[i] - x[i - 1], x[i + 1] - x[i]
            add({i: 1 / a + 1 / c, i - 1: -1 / a, i + 1: -1 / c}, 0)
        for j in range(1, right - 1):
            i = mode + j
            a, c = x[i] - x[i - 1], x[i + 1] - x[i]
            add({left + j: -1 / a - 1 / c, left + j - 1: 1 / a, left + j + 1: 1 / c}, 0)
        for i in [*range(1, left), *range(left + 1, left + right)]:
            add({i - 1: 1, i: -1}, 0)
        cost = np.zeros(count)
        cost[d] = 1
        found = linprog(cost, A_ub=np.array(rows), b_ub=bounds, bounds=[(0, 1)] * count)
        if found.status == 0:
            best = min(best, found.fun)
    return best


@pytest.mark.parametrize("seed", range(12))
def test_the_dip_is_the_distance_to_the_nearest_unimodal_distribution(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 13))
    values = rng.normal(size=n) + 4.0 * (rng.random(n) < 0.5) * (seed % 2)
    assert dip(values) == pytest.approx(slow_dip(values), abs=1e-6)


def test_the_dip_of_known_values() -> None:
    assert dip(np.arange(10.0)) == pytest.approx(1 / 20)
    assert dip(np.r_[np.zeros(50), np.ones(50)]) == pytest.approx(0.25, abs=0.01)
    assert dip(np.ones(5)) == pytest.approx(0.1)


@pytest.mark.parametrize("n", [12, 32])
def test_the_critical_values_hold_for_uniform_values(n: int) -> None:
    rng = np.random.default_rng(n + 1)
    dips = np.array([dip(rng.random(n)) for _ in range(1500)]) * n**0.5
    assert (dips > CRITICAL[NUMBERS.index(n)]).mean() == pytest.approx(0.01, abs=0.009)


def test_two_groups_are_bimodal_and_one_is_not() -> None:
    rng = np.random.default_rng(0)
    one = [bimodal(rng.normal(size=40)) for _ in range(100)]
    skewed = [bimodal(rng.exponential(size=40)) for _ in range(100)]
    two = [bimodal(np.r_[rng.normal(0, 1, 20), rng.normal(6, 1, 20)]) for _ in range(20)]
    assert sum(one) + sum(skewed) <= 3
    assert sum(two) >= 18
    assert not bimodal(np.r_[np.zeros(3), np.ones(3)])


def test_otsu_against_every_threshold() -> None:
    values = np.round(np.random.default_rng(3).normal(size=30), 1)
    unique = np.unique(values)

    def within(threshold: float) -> float:
        low, high = values[values <= threshold], values[values > threshold]
        return float(((low - low.mean()) ** 2).sum() + ((high - high.mean()) ** 2).sum())

    middles = (unique[1:] + unique[:-1]) / 2
    best = min(within(threshold) for threshold in middles)
    assert within(otsu(values)) == pytest.approx(best)
    assert otsu(np.ones(4)) == 1.0
