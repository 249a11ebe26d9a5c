"""Numbers as the spoken language writes them: each is a text that is drawn anew in another."""

from __future__ import annotations

import math

import babel.numbers

from auditor.language.speaking import NO_BREAK, SOURCE, locale, makes_text, spoken
from auditor.language.speaking import gettext as _

PER_CENT = f"{NO_BREAK}%"
NO_NUMBER = "–"


@makes_text
def percent(value: float | None) -> str:
    """Return a share as a percentage, with one digit more below ten per cent."""
    if value is None:
        return NO_NUMBER
    scaled = value * 100
    digits = 0 if abs(scaled) >= 9.95 or scaled == 0 else 1
    return signed(scaled, digits) + PER_CENT


@makes_text
def bare_percent(value: float) -> str:
    """Return a percentage without its sign, for the lower end of a range."""
    return percent(value).removesuffix(PER_CENT)


@makes_text
def whole_percent(value: float) -> str:
    """Return a share as a percentage without digits behind the point: a limit that is set."""
    return signed(value * 100, 0) + PER_CENT


@makes_text
def decimal(value: float, digits: int = 2) -> str:
    """Return a number with so many digits behind the decimal sign."""
    return localised(f"{value:.{digits}f}")


@makes_text
def short_number(value: float, digits: int = 3) -> str:
    """Return a number with at most so many significant digits, no zeros at its end."""
    return localised(f"{value:.{digits}g}".replace("-", "−"))


@makes_text
def signed(value: float, digits: int) -> str:
    """Return a number with its thousands set apart, a true minus sign, and no minus zero."""
    text = f"{value:,.{digits}f}"
    zero = not float(text.replace(",", ""))
    return localised(text.lstrip("-") if zero else text.replace("-", "−"))


def localised(text: str) -> str:
    """Return a number that is written as in English with the signs of the spoken language."""
    if spoken() == SOURCE:
        return text
    group = babel.numbers.get_group_symbol(locale())
    point = babel.numbers.get_decimal_symbol(locale())
    return text.translate({ord(","): group, ord("."): point})


@makes_text
def number(value: float | None) -> str:
    """Return a number with three significant digits, thousands separated."""
    if value is None:
        return NO_NUMBER
    if float(value).is_integer() and abs(value) < 1e15:
        return signed(value, 0)
    if abs(value) < 1e-3:
        return localised(f"{value:.1e}".replace("-", "−"))
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return signed(value, min(digits, 3))


@makes_text
def chance(value: float | None) -> str:
    """Return a p or q value; tiny ones as an upper bound."""
    if value is None:
        return NO_NUMBER
    return localised("< 0.001" if value < 0.001 else f"{value:.3f}")


def percent_range(low: float, high: float) -> str:
    """Return two shares as one range of percentages."""
    return _("%(low)s to %(high)s", low=bare_percent(low), high=percent(high))


def points(value: float) -> str:
    """Return a difference of two shares in percentage points."""
    return _("%(value)s points", value=bare_percent(value))


def points_range(low: float, high: float) -> str:
    """Return the interval of a difference of two shares in percentage points."""
    return _("%(low)s to %(high)s", low=bare_percent(low), high=points(high))


@makes_text
def seconds(value: float) -> str:
    """Return a duration in words."""
    if value < 60:
        return localised(f"{value:.1f} s")
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
