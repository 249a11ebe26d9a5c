"""Global factors, columns of metadata and odd samples as the report shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from auditor.records.part import Picture
from auditor.records.shortcuts import Factors, GlobalFactor
from auditor.records.stages import ShortcutReport

# More rows than this make a figure that nobody compares by eye.
MOST_DRAWN = 8

Draw = Callable[[Sequence[GlobalFactor]], Picture]


def factors_part(report: ShortcutReport | None, draw: Draw) -> Factors | None:
    """Return the part, None when nothing of it was found or looked for."""
    if report is None or not (report.whole.factors or report.whole.columns or report.whole.odd):
        return None
    drawn = strongest(report.whole.factors)
    figure = draw(drawn) if drawn else None
    return report.whole.model_copy(update={"figure": figure, "drawn": len(drawn)})


def strongest(factors: Sequence[GlobalFactor], most: int = MOST_DRAWN) -> list[GlobalFactor]:
    """Return the factors with the largest measured effect, in the order in which they are listed.

    Where effects are equal, or none could be measured, those that tell the class best come first.
    """
    order = sorted(range(len(factors)), key=lambda index: _strength(factors[index]), reverse=True)
    return [factors[index] for index in sorted(order[:most])]


def _strength(factor: GlobalFactor) -> tuple[float, float]:
    effects = [abs(test.effect) for test in factor.evidence.values() if test.has_run]
    return max(effects, default=0.0), abs(factor.auc - 0.5)
