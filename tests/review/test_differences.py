"""Intervals of differences against published figures and against exact enumeration."""

from __future__ import annotations

from itertools import product
from math import comb

import pytest

from auditor.records.part import Interval
from auditor.review.compare.differences import independent, paired
from auditor.shortcuts.statistics import wilson


@pytest.mark.parametrize(
    ("now", "earlier", "low", "high"),
    # Newcombe (1998), table II, method 10: contrasts (a) to (d) and (g).
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((10, 10), (0, 20), 0.6791, 1.0000),
    ],
)
def test_independent_is_newcombes_method_10(now, earlier, low, high) -> None:
    found = independent(wilson(*now), wilson(*earlier), "rule")
    assert found.value == pytest.approx(now[0] / now[1] - earlier[0] / earlier[1])
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)
    assert found.rule == "rule"


def test_independent_takes_any_intervals() -> None:
    now = Interval(value=0.10, low=0.06, high=0.15, n=100)
    earlier = Interval(value=0.04, low=0.02, high=0.07, n=100)
    found = independent(now, earlier, "")
    assert found.low == pytest.approx(0.06 - (0.04**2 + 0.03**2) ** 0.5)
    assert found.high == pytest.approx(0.06 + (0.05**2 + 0.02**2) ** 0.5)


def test_paired_without_correlation_is_independent() -> None:
    alone = paired(25, 25, 25, 25, "")
    both = independent(wilson(50, 100), wilson(50, 100), "")
    assert (alone.low, alone.high) == pytest.approx((both.low, both.high))


def test_the_same_answers_leave_little_doubt() -> None:
    same = paired(450, 0, 0, 30, "")
    other = independent(wilson(450, 480), wilson(450, 480), "")
    assert same.value == 0
    assert same.high - same.low < 0.5 * (other.high - other.low)


def test_paired_turns_round_with_the_audits() -> None:
    one, other = paired(30, 12, 4, 10, ""), paired(30, 4, 12, 10, "")
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))
    assert paired(0, 10, 0, 0, "").high == 1.0


@pytest.mark.parametrize(
    "chances", [(0.6, 0.15, 0.05, 0.2), (0.85, 0.05, 0.05, 0.05), (0.3, 0.2, 0.2, 0.3)]
)
def test_paired_covers_the_truth_about_as_often_as_it_says(chances) -> None:
    """Every possible outcome of 20 pictures, weighed by its exact probability."""
    n, covered, total = 20, 0.0, 0.0
    truth = chances[1] - chances[2]
    for both, now, earlier in product(range(n + 1), repeat=3):
        rest = n - both - now - earlier
        if rest < 0:
            continue
        ways = comb(n, both) * comb(n - both, now) * comb(n - both - now, earlier)
        weight = ways * chances[0] ** both * chances[1] ** now
        weight *= chances[2] ** earlier * chances[3] ** rest
        found = paired(both, now, earlier, rest, "")
        total += weight
        covered += weight * (found.low <= truth <= found.high)
    assert total == pytest.approx(1)
    assert 0.93 < covered < 0.999
