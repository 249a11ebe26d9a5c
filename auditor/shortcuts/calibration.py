"""What effects come to where there is no shortcut, in the model at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

# The part of the effects without a shortcut that a candidate's has to exceed; of up to twenty it
# is the largest.
UPPER = 0.95


@dataclass(frozen=True)
class Nulls:
    """Effects of what cannot be a shortcut: lower ends of intervals by test, as candidates have.

    ``passed`` says of every such trial whether one of its tests passed, and of candidates read
    towards a wrong class, whose effects are none of ``bounds``.
    """

    bounds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    passed: tuple[bool, ...] = ()

    def usual(self, test: str) -> float:
        """Return what effects in a test come to without a shortcut; 0 where none was measured."""
        bounds = self.bounds.get(test, ())
        upper = float(np.quantile(bounds, UPPER, method="higher")) if bounds else 0.0
        return max(0.0, upper)
