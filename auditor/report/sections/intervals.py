"""Shares with their intervals."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.stats import binom, binomtest

from auditor.report.document.audit import Interval


def wilson(successes: int, n: int) -> Interval:
    """Return a share with its 95 % Wilson interval (0 to 1 when nothing was counted)."""
    if n == 0:
        return Interval(value=0.0, low=0.0, high=1.0, n=0)
    bounds = binomtest(successes, n).proportion_ci(method="wilson")
    low, high = max(0.0, float(bounds.low)), min(1.0, float(bounds.high))
    return Interval(value=successes / n, low=low, high=high, n=n)


def median_interval(values: Float[np.ndarray, "value"]) -> tuple[float, float] | None:
    """Return the 95 % interval of the median by order statistics, None for fewer than 6 values.

    Needs no shape of the distribution; covers at least 95 % (David and Nagaraja 2003, 7.1).
    """
    rank = int(binom.ppf(0.025, len(values), 0.5)) if len(values) else 0
    if rank < 1:
        return None
    ordered = np.sort(values)
    return float(ordered[rank - 1]), float(ordered[-rank])
