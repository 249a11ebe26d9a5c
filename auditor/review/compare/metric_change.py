"""A number of two audits: which way it moved, whether that is clear, and a sentence about it."""

from __future__ import annotations

from typing import Literal

from auditor.language.numbers import number
from auditor.language.speaking import gettext as _
from auditor.records.part import Interval
from auditor.report.document.review import Difference, MetricChange
from auditor.report.show.formatting import interval
from auditor.review import words
from auditor.review.compare.differences import independent, paired

Status = Literal["better", "worse", "no clear change", "not compared"]


def metric_change(
    name: str,
    title: str,
    earlier: Interval | None,
    now: Interval | None,
    rule: str,
    *,
    pairs: tuple[int, int, int, int] | None = None,
    better: Literal["higher", "lower"] = "higher",
    unit: Literal["share", "number"] = "share",
) -> MetricChange:
    """Return a change with its difference, its status and its sentence.

    ``rule`` says how the interval of the difference was computed: of ``pairs``, units counted both
    times as `paired` takes them, else of two independent values.
    """
    difference, n = None, 0
    if earlier and now:
        n = sum(pairs) if pairs else min(earlier.n, now.n)
        difference = paired(*pairs, rule) if pairs else independent(now, earlier, rule)
    status = _status(difference, better)
    return MetricChange(
        name=name,
        title=title,
        unit=unit,
        better=better,
        earlier=earlier,
        now=now,
        difference=difference,
        n=n,
        status=status,
        sentence=_sentence(status, title, earlier, now, unit),
    )


def _status(difference: Difference | None, better: Literal["higher", "lower"]) -> Status:
    if difference is None or difference.low is None or difference.high is None:
        return "not compared"
    if difference.low <= 0 <= difference.high:
        return "no clear change"
    return "better" if (difference.low > 0) == (better == "higher") else "worse"


def _sentence(
    status: Status, title: str, earlier: Interval | None, now: Interval | None, unit: str
) -> str:
    texts = {
        "earlier": _written(earlier, unit) if earlier else "",
        "now": _written(now, unit) if now else "",
        "title": title,
    }
    if now is None:
        return _(words.METRIC_LOST if earlier else words.NOT_MEASURED, **texts)
    if earlier is None:
        return _(words.METRIC_NEW, **texts)
    known = {"better": words.METRIC_BETTER, "worse": words.METRIC_WORSE}
    return _(known.get(status, words.METRIC_SAME), **texts)


def _written(value: Interval, unit: str) -> str:
    if unit == "share":
        return interval(value)
    return _(
        "%(value)s (%(low)s to %(high)s)",
        value=number(value.value),
        low=number(value.low),
        high=number(value.high),
    )
