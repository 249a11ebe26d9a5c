"""Numbers over runs as small drawings (sparklines), placed for an SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.language.numbers import number, percent
from auditor.language.speaking import gettext as _
from auditor.review import words
from auditor.review.keep.history import HistoryRow

WIDTH, HEIGHT, MARGIN = 220.0, 44.0, 5.0
SMALLEST_SPAN = 0.05


@dataclass(frozen=True)
class Trend:
    """One number over the runs: ``dots`` as (x, y, label), ``lines`` between neighbours.

    ``first`` and ``last`` are the ends in words; ``said`` says it all for who does not see it.
    """

    title: str
    dots: tuple[tuple[float, float, str], ...]
    lines: tuple[tuple[tuple[float, float], tuple[float, float]], ...]
    first: str
    last: str
    said: str


def trends(rows: Sequence[HistoryRow]) -> list[Trend]:
    """Return the trends of a project's runs that have at least two values."""
    complete = [row for row in rows if row.status == "complete"]
    days = [row.created[:10] for row in complete]
    series = (
        (words.ACCURACY, [row.accuracy.value if row.accuracy else None for row in complete], True),
        (
            words.WORST_CLASS,
            [row.worst_class.value if row.worst_class else None for row in complete],
            True,
        ),
        (
            words.CALIBRATION,
            [row.calibration_error.value if row.calibration_error else None for row in complete],
            True,
        ),
        (words.LIKELY_SHORTCUTS, [row.count for row in complete], False),
    )
    found = [_trend(title, values, days, share) for title, values, share in series]
    return [each for each in found if each is not None]


def _trend(
    title: str, values: Sequence[float | None], days: Sequence[str], share: bool
) -> Trend | None:
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return None
    low, high = min(value for _, value in known), max(value for _, value in known)
    span = max(high - low, SMALLEST_SPAN if share else 1.0)
    middle = (low + high) / 2
    say = percent if share else number
    dots = []
    for place, value in known:
        x = MARGIN + (WIDTH - 2 * MARGIN) * place / (len(values) - 1)
        y = HEIGHT / 2 - (HEIGHT - 2 * MARGIN) * (value - middle) / span
        dots.append((round(x, 2), round(y, 2), f"{days[place]}: {say(value)}"))
    lines = [
        ((one[0], one[1]), (two[0], two[1]))
        for (at, one), (then, two) in zip(
            zip([p for p, _ in known], dots, strict=True),
            list(zip([p for p, _ in known], dots, strict=True))[1:],
            strict=False,
        )
        if then == at + 1
    ]
    first, last = say(known[0][1]), say(known[-1][1])
    said = _(words.TREND, title=title, first=first, last=last, count=len(known))
    return Trend(title, tuple(dots), tuple(lines), first, last, said)
