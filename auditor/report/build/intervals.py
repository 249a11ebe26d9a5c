"""Shares with their intervals."""

from __future__ import annotations

from scipy.stats import binomtest

from auditor.report.model import Interval


def wilson(successes: int, n: int) -> Interval:
    """Return a share with its 95 % Wilson interval (0 to 1 when nothing was counted)."""
    if n == 0:
        return Interval(value=0.0, low=0.0, high=1.0, n=0)
    bounds = binomtest(successes, n).proportion_ci(method="wilson")
    low, high = max(0.0, float(bounds.low)), min(1.0, float(bounds.high))
    return Interval(value=successes / n, low=low, high=high, n=n)
