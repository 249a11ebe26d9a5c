"""Turn numbers into the words of the report: the Jinja filters."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from auditor.errors import IntegrityError
from auditor.report.model import Interval, TestResult
from auditor.report.words import NO_NUMBER

COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def percent(value: float | None) -> str:
    """Return a share as a percentage, with one digit more below ten per cent."""
    if value is None:
        return NO_NUMBER
    scaled = value * 100
    digits = 0 if abs(scaled) >= 9.95 or scaled == 0 else 1
    return f"{_signed(scaled, digits)} %"


def number(value: float | None) -> str:
    """Return a number with three significant digits, thousands separated."""
    if value is None:
        return NO_NUMBER
    if float(value).is_integer() and abs(value) < 1e15:
        return _signed(value, 0)
    if abs(value) < 1e-3:
        return f"{value:.1e}".replace("-", "−")
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return _signed(value, min(digits, 3))


def chance(value: float | None) -> str:
    """Return a p or q value; tiny ones as an upper bound."""
    if value is None:
        return NO_NUMBER
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def interval(item: Interval) -> str:
    """Return a share with its 95 % interval and n: ``93 % (90 to 95 %, n = 640)``."""
    return f"{percent(item.value)} ({percent_range(item.low, item.high)}, n = {number(item.n)})"


def percent_range(low: float, high: float) -> str:
    """Return two shares as one range of percentages."""
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"


def points(value: float) -> str:
    """Return a difference of two shares in percentage points."""
    return f"{percent(value).removesuffix(' %')} points"


def points_range(low: float, high: float) -> str:
    """Return the interval of a difference of two shares in percentage points."""
    return f"{percent(low).removesuffix(' %')} to {points(high)}"


def is_share(unit: str) -> bool:
    """Say whether a test's unit is a share, which the report shows as a percentage."""
    return unit.split(" ")[0] in {"share", "fraction", "proportion"}


def effect(result: TestResult) -> str:
    """Return a test's effect in its unit, shares as percentages."""
    if is_share(result.unit):
        return f"{percent(result.effect)}{result.unit.removeprefix(result.unit.split(' ')[0])}"
    return f"{number(result.effect)} {result.unit}".strip()


def effect_range(result: TestResult) -> str:
    """Return the 95 % interval of a test's effect, without the unit's name."""
    if is_share(result.unit):
        return percent_range(result.low, result.high)
    return f"{number(result.low)} to {number(result.high)}"


def effect_value(value: float, result: TestResult) -> str:
    """Return another value measured in the unit of ``result``, such as a control."""
    return percent(value) if is_share(result.unit) else number(value)


def seconds(value: float) -> str:
    """Return a duration in words."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def colour(value: str) -> str:
    """Return a colour as it is when it is plain ``#rrggbb``; nothing else may reach a style.

    Raises:
        IntegrityError: The value is anything else.
    """
    if COLOUR.fullmatch(value) is None:
        raise IntegrityError(f"'{value}' in audit.json is no colour of the form #rrggbb.")
    return value


def day(created: str) -> str:
    """Return the date part of an ISO 8601 time."""
    return created[:10]


def plural(count: int, word: str, words: str = "") -> str:
    """Return a count with its noun: ``1 image``, ``2 images``."""
    return f"{number(count)} {word if count == 1 else words or word + 's'}"


def first_sentence(text: str) -> str:
    """Return the first sentence of a text, for tables."""
    head, stop, _ = text.partition(". ")
    return head + stop.strip()


FILTERS: dict[str, Callable[..., Any]] = {
    "chance": chance,
    "colour": colour,
    "day": day,
    "effect": effect,
    "effect_range": effect_range,
    "effect_value": effect_value,
    "first_sentence": first_sentence,
    "interval": interval,
    "number": number,
    "percent": percent,
    "percent_range": percent_range,
    "plural": plural,
    "points": points,
    "points_range": points_range,
    "seconds": seconds,
}


def _signed(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) else text.lstrip("-")
