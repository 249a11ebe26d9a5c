"""Each statistic against its slow twin, written from the definition."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.shortcuts.statistics import (
    bootstrap_interval,
    detection_limit,
    least_prevalence,
    refined_p,
    sign_flip_p,
    wilson,
)

Z95 = 1.959963984540054


def brute_force_p(effects: list[float]) -> float:
    """Try every assignment of signs."""
    reached = [
        sum(sign * effect for sign, effect in zip(signs, effects, strict=True))
        >= sum(effects) - 1e-9
        for signs in itertools.product((1, -1), repeat=len(effects))
    ]
    return sum(reached) / len(reached)


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=9))
@settings(deadline=None, max_examples=60)
def test_small_permutation_tests_are_exhaustive(effects: list[float]) -> None:
    p = sign_flip_p(np.array(effects), 2000, np.random.default_rng(0))
    expected = brute_force_p(effects) if any(effects) else 1.0
    assert p == pytest.approx(expected)


def test_large_permutation_tests_come_close_to_brute_force() -> None:
    effects = np.random.default_rng(4).normal(0.35, 1.0, 14)
    p = sign_flip_p(effects, 60_000, np.random.default_rng(1))
    assert p == pytest.approx(brute_force_p(list(effects)), abs=0.006)


def test_p_values_of_a_null_are_uniform_or_larger() -> None:
    generator = np.random.default_rng(0)
    p = np.array([sign_flip_p(generator.normal(0, 1, 16), 400, generator) for _ in range(400)])
    for level in (0.05, 0.2, 0.5):
        assert (p <= level).mean() <= level + 3 * math.sqrt(level / 400)


def test_refinement_lets_a_clear_effect_pass_after_many_tests() -> None:
    effects = np.ones(40)
    coarse = sign_flip_p(effects, 2000, np.random.default_rng(0))
    fine = refined_p(effects, 2000, 180, 0.01, np.random.default_rng(0))
    assert coarse * 180 > 0.01 >= fine * 180


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (10, 10), (17, 64), (1, 1)])
def test_wilson_bounds_solve_the_score_equation(successes: int, n: int) -> None:
    share = successes / n
    found = wilson(successes, n)
    for bound in (found.low, found.high):
        assert (share - bound) ** 2 == pytest.approx(
            1.959963984540054**2 * bound * (1 - bound) / n, abs=1e-12
        )


def test_bootstrap_resamples_targets_and_references() -> None:
    generator = np.random.default_rng(3)
    effects = generator.normal(0.4, 1, (40, 1)) + generator.normal(0, 0.5, (40, 4))
    low, high = bootstrap_interval(effects, np.random.default_rng(0), draws=4000)
    slow = []
    for _ in range(4000):
        rows = generator.integers(0, 40, 40)
        columns = generator.integers(0, 4, 4)
        slow.append(effects[rows][:, columns].mean())
    assert (low, high) == pytest.approx(tuple(np.quantile(slow, [0.025, 0.975])), abs=0.03)


def test_one_column_gives_the_interval_of_a_mean() -> None:
    effects = np.random.default_rng(0).normal(1.0, 2.0, (400, 1))
    low, high = bootstrap_interval(effects, np.random.default_rng(1))
    assert high - low == pytest.approx(2 * Z95 * effects.std() / 20, rel=0.1)


def test_the_detection_limit_is_the_first_share_that_would_pass() -> None:
    limit = detection_limit(64, 180, level=0.01, bound=0.1)
    assert limit is not None
    flips = round(limit * 64)

    def passes(count: int) -> bool:
        p = brute_force_p([1.0] * count) if count <= 14 else 2.0**-count
        return p <= 0.01 / 180 and wilson(count, 64).low >= 0.1

    assert passes(flips)
    assert not passes(flips - 1)
    assert detection_limit(3, 180, level=0.01, bound=0.1) is None


@pytest.mark.parametrize(("n", "needed"), [(40, 4), (20, 4), (8, 4), (60, 8), (4, 4)])
def test_a_mark_of_the_least_prevalence_is_on_enough_pictures(n: int, needed: int) -> None:
    share = least_prevalence(n, needed)
    assert share is not None
    fewer = sum(math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(needed))
    assert fewer == pytest.approx(0.05)
    assert least_prevalence(needed - 1, needed) is None
