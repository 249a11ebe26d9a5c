"""How long an audit is said to take: counted passes, timed here, and only what is asked for."""

from __future__ import annotations

import pytest

from auditor.cli.check.search_cost import SearchCost, search_cost
from auditor.cli.check.speed import LEAST_SECONDS, MOST_REPEATS, Speed, seconds
from auditor.config.audit import ShortcutConfig

SPEED = Speed(predict=0.001, edit=0.0, picture=0.0, slower=1.0)


def cost(images: int = 480, classes: int = 6, side: int = 64, **changes) -> SearchCost:
    speed = changes.pop("speed", SPEED)
    asked = ShortcutConfig(**changes)
    return search_cost(asked, images, classes, (side, side), speed, per_map=0.0, per_image=0.0)


def test_the_passes_of_the_demo_are_those_that_were_counted_there() -> None:
    """64,248 images went through the model in the demo's search, for 30 candidates."""
    found = cost()
    assert found.candidates == 30
    assert 64_248 / 1.25 < found.passes < 64_248 * 1.25


@pytest.mark.parametrize(
    "less",
    [
        {"targets": 32}, {"members": 16}, {"per_class": 2}, {"total": 12}, {"images": 240},
        {"classes": 3},
    ],
)  # fmt: skip
def test_asking_for_less_takes_less(less: dict[str, int]) -> None:
    assert cost(**less).seconds < cost().seconds


def test_what_is_not_searched_takes_nothing() -> None:
    assert cost(enabled=False) == SearchCost(0, 0, 0.0)
    assert cost(images=90) == SearchCost(0, 0, 0.0)  # fewer than 8 of a class in each half


def test_a_slower_model_and_a_slower_machine_take_longer_each_for_its_part() -> None:
    quick = cost(speed=Speed(0.0, 0.0, 0.0, 1.0))
    assert cost(speed=Speed(0.0, 0.0, 0.0, 2.0)).seconds == pytest.approx(2 * quick.seconds)
    model = cost().seconds - quick.seconds
    assert model >= cost().passes * SPEED.predict
    doubled = cost(speed=Speed(0.002, 0.0, 0.0, 1.0)).seconds - quick.seconds
    assert doubled == pytest.approx(2 * model)


def test_timing_warms_up_and_takes_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, waits = [0.0], [5.0, 0.3, 0.5, 0.4]  # the first is not counted
    monkeypatch.setattr("auditor.relevance.check.cost.time.perf_counter", lambda: clock[0])
    calls = []

    def work() -> None:
        clock[0] += waits[len(calls)]
        calls.append(clock[0])

    assert seconds(work) == pytest.approx(0.4)
    assert len(calls) == 4
    assert sum(waits[1:]) >= LEAST_SECONDS


def test_timing_ends_where_the_work_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.relevance.check.cost.time.perf_counter", lambda: 0.0)
    calls: list[int] = []
    assert seconds(lambda: calls.append(1)) == 0.0
    assert len(calls) == 1 + MOST_REPEATS
