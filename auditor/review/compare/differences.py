"""The difference of two measured values with its 95 % interval.

Newcombe (1998), "Interval estimation for the difference between independent proportions", method
10, and "Improved confidence intervals for the difference between binomial proportions based on
paired data", method 10. The first is "square and add": from the intervals of two independent values
that of their difference, whatever the values are (Zou and Donner 2008).
"""

from __future__ import annotations

from math import sqrt

from auditor.records.part import Interval
from auditor.report.document.review import Difference
from auditor.shortcuts.statistics import wilson


def independent(now: Interval, earlier: Interval, rule: str) -> Difference:
    """Return now minus earlier, of two values measured independently of each other."""
    value = now.value - earlier.value
    down = sqrt((now.value - now.low) ** 2 + (earlier.high - earlier.value) ** 2)
    up = sqrt((now.high - now.value) ** 2 + (earlier.value - earlier.low) ** 2)
    return Difference(value=value, low=value - down, high=value + up, rule=rule)


def paired(both: int, only_now: int, only_earlier: int, neither: int, rule: str) -> Difference:
    """Return the share now minus the share earlier, of the same units counted twice.

    ``both`` units were right both times, ``only_now`` now alone, and so on. The correlation enters
    with the continuity correction of the paper.
    """
    n = both + only_now + only_earlier + neither
    now, earlier = wilson(both + only_now, n), wilson(both + only_earlier, n)
    value = now.value - earlier.value
    phi = _correlation(both, only_now, only_earlier, neither)
    down = _joined(now.value - now.low, earlier.high - earlier.value, phi)
    up = _joined(now.high - now.value, earlier.value - earlier.low, phi)
    return Difference(
        value=value, low=max(-1.0, value - down), high=min(1.0, value + up), rule=rule
    )


def _joined(first: float, second: float, phi: float) -> float:
    return sqrt(max(0.0, first**2 - 2 * phi * first * second + second**2))


def _correlation(both: int, only_now: int, only_earlier: int, neither: int) -> float:
    margins = (both + only_now) * (only_earlier + neither)
    margins *= (both + only_earlier) * (only_now + neither)
    if not margins:
        return 0.0
    n = both + only_now + only_earlier + neither
    product = float(both * neither - only_now * only_earlier)
    if product > 0:
        product = max(product - n / 2, 0.0)
    return product / sqrt(margins)
