"""Turn numbers into the words of the report: the Jinja filters."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

import babel
import babel.dates

from auditor.base.errors import IntegrityError
from auditor.language.numbers import (
    chance,
    decimal,
    number,
    percent,
    percent_range,
    points,
    points_range,
    seconds,
)
from auditor.language.speaking import SOURCE, locale, ngettext, spoken, translate
from auditor.language.speaking import gettext as _
from auditor.report.document.audit import Interval, TestResult

OF_CLASS = "of images of "
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def interval(item: Interval) -> str:
    """Return a share with its 95 % interval and n: ``93 % (90 to 95 %, n = 640)``."""
    return _(
        "%(value)s (%(range)s, n = %(n)s)",
        value=percent(item.value),
        range=percent_range(item.low, item.high),
        n=number(item.n),
    )


def is_share(unit: str) -> bool:
    """Say whether a test's unit is a share, which the report shows as a percentage."""
    return unit.split(" ")[0] in {"share", "fraction", "proportion"}


def effect(result: TestResult) -> str:
    """Return a test's effect in its unit, shares as percentages."""
    if is_share(result.unit):
        return f"{percent(result.effect)} {_whole(result.unit.partition(' ')[2])}".strip()
    return f"{number(result.effect)} {translate(result.unit)}".strip()


def _whole(text: str) -> str:
    """Return what a share is of: ``of images``, or those of a class."""
    if text.startswith(OF_CLASS):
        return _("of images of %(name)s", name=text.removeprefix(OF_CLASS))
    return translate(text) if text else ""


def effect_range(result: TestResult) -> str:
    """Return the 95 % interval of a test's effect, without the unit's name."""
    if is_share(result.unit):
        return percent_range(result.low, result.high)
    return _("%(low)s to %(high)s", low=number(result.low), high=number(result.high))


def effect_value(value: float, result: TestResult) -> str:
    """Return another value measured in the unit of ``result``, such as a control."""
    return percent(value) if is_share(result.unit) else number(value)


def colour(value: str) -> str:
    """Return a colour as it is when it is plain ``#rrggbb``; nothing else may reach a style.

    Raises:
        IntegrityError: The value is anything else.
    """
    if COLOUR.fullmatch(value) is None:
        raise IntegrityError(f"'{value}' in audit.json is no colour of the form #rrggbb.")
    return value


def day(created: str) -> str:
    """Return the date of an ISO 8601 time, in English as ISO 8601 writes it."""
    if spoken() == SOURCE:
        return created[:10]
    date = datetime.date.fromisoformat(created[:10])
    return babel.dates.format_date(date, "medium", locale=locale())


def plural(count: int, word: str, words: str = "") -> str:
    """Return a count with its noun, one of `words.NOUNS`: ``1 image``, ``2 images``."""
    nouns = (f"%(num)s {word}", f"%(num)s {words or word + 's'}")
    return ngettext(*nouns, count, num=number(count))


def language(code: str) -> str:
    """Return how the spoken language calls another one."""
    return babel.Locale.parse(code).get_display_name(locale()) or code


FILTERS: dict[str, Callable[..., Any]] = {
    "chance": chance,
    "colour": colour,
    "day": day,
    "decimal": decimal,
    "effect": effect,
    "effect_range": effect_range,
    "effect_value": effect_value,
    "interval": interval,
    "language": language,
    "number": number,
    "percent": percent,
    "percent_range": percent_range,
    "plural": plural,
    "points": points,
    "points_range": points_range,
    "seconds": seconds,
    "word": translate,
}
