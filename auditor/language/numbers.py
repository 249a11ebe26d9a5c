"""Numbers as the spoken language writes them."""

from __future__ import annotations

import babel.numbers

from auditor.language.speaking import NO_BREAK, SOURCE, locale, spoken

PER_CENT = f"{NO_BREAK}%"
NO_NUMBER = "–"


def percent(value: float | None) -> str:
    """Return a share as a percentage, with one digit more below ten per cent."""
    if value is None:
        return NO_NUMBER
    scaled = value * 100
    digits = 0 if abs(scaled) >= 9.95 or scaled == 0 else 1
    return signed(scaled, digits) + PER_CENT


def bare_percent(value: float) -> str:
    """Return a percentage without its sign, for the lower end of a range."""
    return percent(value).removesuffix(PER_CENT)


def whole_percent(value: float) -> str:
    """Return a share as a percentage without digits behind the point: a limit that is set."""
    return signed(value * 100, 0) + PER_CENT


def decimal(value: float, digits: int = 2) -> str:
    """Return a number with so many digits behind the decimal sign."""
    return localised(f"{value:.{digits}f}")


def short_number(value: float, digits: int = 3) -> str:
    """Return a number with at most so many significant digits, no zeros at its end."""
    return localised(f"{value:.{digits}g}".replace("-", "−"))


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
