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
from auditor.language.speaking import N_, SOURCE, locale, ngettext, spoken, translate
from auditor.language.speaking import gettext as _
from auditor.records.part import Interval
from auditor.records.shortcuts import Evidence

# What an effect is a share of, by its unit; in any other unit it is a plain number.
SHARES = {"images": N_("of images"), "evidence": N_("of the evidence")}
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def interval(item: Interval) -> str:
    """Return a share with its 95 % interval and n: ``93 % (90 to 95 %, n = 640)``."""
    return _(
        "%(value)s (%(range)s, n = %(n)s)",
        value=percent(item.value),
        range=percent_range(item.low, item.high),
        n=number(item.n),
    )


def effect(result: Evidence) -> str:
    """Return a test's effect in its unit, shares as percentages."""
    if result.unit not in SHARES:
        return f"{number(result.effect)} {translate(result.unit)}".strip()
    whole = _("of images of '%(name)s'", name=result.of) if result.of else _(SHARES[result.unit])
    return f"{percent(result.effect)} {whole}"


def effect_range(result: Evidence) -> str:
    """Return the 95 % interval of a test's effect, without the unit's name."""
    if result.unit in SHARES:
        return percent_range(result.low, result.high)
    return _("%(low)s to %(high)s", low=number(result.low), high=number(result.high))


def effect_value(value: float, result: Evidence) -> str:
    """Return another value measured in the unit of ``result``, such as a control."""
    return percent(value) if result.unit in SHARES else number(value)


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
