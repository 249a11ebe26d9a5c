"""Numbers as the report writes them."""

from __future__ import annotations

import pytest

from auditor.base.errors import IntegrityError
from auditor.records.shortcuts import Evidence
from auditor.report.document import result as model
from auditor.report.show import formatting
from auditor.shortcuts.tests import FLIP_EXCESS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0\u00a0%"),
        (1.0, "100\u00a0%"),
        (0.0312, "3.1\u00a0%"),
        (0.62, "62\u00a0%"),
        (-0.2, "−20\u00a0%"),
        (-0.0001, "0.0\u00a0%"),
        (0.0996, "10\u00a0%"),
        (None, "–"),
    ],
)
def test_percent(value: float | None, text: str) -> None:
    assert formatting.percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234567, "1,234,567"),
        (3.14159, "3.14"),
        (-3.14159, "−3.14"),
        (0.01234, "0.012"),
        (0.00001234, "1.2e−05"),
        (1234.5, "1,234"),
        (None, "–"),
    ],
)
def test_number(value: float | None, text: str) -> None:
    assert formatting.number(value) == text


def test_chance() -> None:
    assert [formatting.chance(p) for p in (None, 0.0, 0.00099, 0.0123, 1.0)] == [
        "–",
        "< 0.001",
        "< 0.001",
        "0.012",
        "1.000",
    ]


def test_interval() -> None:
    item = model.Interval(value=0.931, low=0.9, high=0.95, n=1640)
    assert formatting.interval(item) == "93\u00a0% (90 to 95\u00a0%, n\u00a0=\u00a01,640)"


def result(unit: str, effect: float, of: str = "") -> Evidence:
    return FLIP_EXCESS.result(
        outcome="supports", effect=effect, unit=unit, of=of, low=0.1, high=0.5, n=9
    )


def test_effects_are_in_their_unit() -> None:
    assert formatting.effect(result("images", 0.25)) == "25\u00a0% of images"
    assert formatting.effect(result("images", 0.25, "ox")) == "25\u00a0% of images of 'ox'"
    assert formatting.effect(result("evidence", 0.25)) == "25\u00a0% of the evidence"
    assert formatting.effect_range(result("images", 0.25)) == "10 to 50\u00a0%"
    assert formatting.effect(result("logit", 0.25)) == "0.250 logit"
    assert formatting.effect_range(result("logit", 0.25)) == "0.100 to 0.500"
    assert formatting.effect_value(0.5, result("evidence", 0.0)) == "50\u00a0%"
    assert formatting.effect_value(0.5, result("logit", 0.0)) == "0.500"


def test_durations() -> None:
    assert [formatting.seconds(s) for s in (0.04, 59.94, 61, 3700)] == [
        "0.0 s",
        "59.9 s",
        "1 min 1 s",
        "1 h 1 min",
    ]


@pytest.mark.parametrize("value", ["red", "#12345", "#1234567", "url(#x)", "#12345g", "#123456\n"])
def test_only_plain_colours_pass(value: str) -> None:
    assert formatting.colour("#12aBef") == "#12aBef"
    with pytest.raises(IntegrityError, match="no colour"):
        formatting.colour(value)
