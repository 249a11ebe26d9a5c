"""How long an audit is said to take: counted passes, timed here, and only what is asked for."""

from __future__ import annotations

import dataclasses

import pytest

from auditor.causal.work import most_candidates, work_of_search
from auditor.cli.check.rates import LEAST_SECONDS, MOST_REPEATS, HeatmapCost, Rates, seconds
from auditor.config.audit import AuditConfig, ShortcutConfig
from auditor.pipeline.concepts import pass_plan
from auditor.pipeline.illustrate import work_of_atlas, work_of_samples
from auditor.records.work import Work
from auditor.report.show.render import work_of_writing

RATES = Rates(
    device="cpu", threads=1, batch=16, load=0.0, forward=0.0, statistics=0.0,
    heatmaps=(HeatmapCost("a", 0.0, 0.0),), shown=0.001, edit=0.0, picture=0.0, picture_bytes=0.0,
    slower=1.0, memory_peak=None, memory_method="",
)  # fmt: skip


def work(images: int = 480, classes: int = 6, side: int = 64, **asked: object) -> Work:
    return work_of_search(ShortcutConfig(**asked), images, classes, (side, side))


def test_the_passes_of_the_demo_are_those_that_were_counted_there() -> None:
    """64,248 images went through the model in the demo's search, for 30 candidates."""
    assert most_candidates(ShortcutConfig(), 480, 6) == 30
    assert 64_248 / 1.25 < work().edited < 64_248 * 1.25


@pytest.mark.parametrize(
    "less",
    [
        {"targets": 32}, {"members": 16}, {"per_class": 2}, {"total": 12}, {"images": 240},
        {"classes": 3},
    ],
)  # fmt: skip
def test_asking_for_less_takes_less(less: dict[str, int]) -> None:
    assert RATES.seconds(work(**less)) < RATES.seconds(work())


def test_what_is_not_searched_takes_nothing() -> None:
    assert work(enabled=False) == Work()
    assert work(images=90) == Work()  # fewer than 8 of a class in each half
    assert most_candidates(ShortcutConfig(), 90, 6) == 0


def test_a_slower_model_and_a_slower_machine_take_longer_each_for_its_part() -> None:
    arrays = dataclasses.replace(RATES, shown=0.0)
    quick = arrays.seconds(work())
    assert dataclasses.replace(arrays, slower=2.0).seconds(work()) == pytest.approx(2 * quick)
    model = RATES.seconds(work()) - quick
    assert model >= work().edited * RATES.shown
    doubled = dataclasses.replace(RATES, shown=0.002).seconds(work()) - quick
    assert doubled == pytest.approx(2 * model)


def test_every_kind_of_work_is_paid_for_once() -> None:
    """One unit of each kind, at rates that are powers of two; what is stored takes no time."""
    rates = dataclasses.replace(
        RATES, load=1.0, statistics=2.0, shown=4.0, edit=8.0, picture=64.0, slower=128.0,
        heatmaps=(HeatmapCost("a", 32.0, 16.0), HeatmapCost("b", 320.0, 160.0)),
    )  # fmt: skip
    one = Work(**{field.name: 1.0 for field in dataclasses.fields(Work)})
    assert rates.seconds(one, 0) == 255
    assert rates.seconds(one) == 255 + 9 * 48


def test_stages_count_what_the_config_asks_for() -> None:
    audit = AuditConfig(references=12, class_references=4, concepts=5, atlas_samples=3)
    samples = work_of_samples(audit, images=100, classes=2, channels=8)
    assert samples.maps == 8 * (12 + 6) + 2 * 5 * 4
    assert samples.pictures == 2 * samples.maps
    assert work_of_samples(audit, images=3, classes=2, channels=8).maps == 8 * 6 + 2 * 5 * 3
    assert work_of_atlas(audit, 2).pictures == 4 * 6
    stored = pass_plan(audit, ("a", "b")).work(100, [8, 16], 2).stored
    assert stored == 2 * 4 * 100 * (2 + 3 * 24)
    pdf = work_of_writing(2, ["html", "pdf"]).fixed - work_of_writing(2, ["html"]).fixed
    assert pdf > 0


def test_timing_warms_up_and_takes_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, waits = [0.0], [5.0, 0.3, 0.2, 0.4]  # the first is not counted
    monkeypatch.setattr("auditor.cli.check.rates.time.perf_counter", lambda: clock[0])
    calls = []

    def work() -> None:
        clock[0] += waits[len(calls)]
        calls.append(clock[0])

    assert seconds(work) == pytest.approx(0.3)
    assert len(calls) == 4
    assert sum(waits[1:]) >= LEAST_SECONDS


def test_timing_ends_where_the_work_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.cli.check.rates.time.perf_counter", lambda: 0.0)
    calls: list[int] = []
    assert seconds(lambda: calls.append(1)) == 0.0
    assert len(calls) == 1 + MOST_REPEATS
