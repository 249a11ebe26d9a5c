"""What two audits measured of themselves is compared like every other number."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.records.part import Interval
from auditor.report.document.result import AuditResult
from auditor.review.compare.audits import compare
from auditor.review.compare.pages import comparison_markdown
from auditor.review.compare.self_checks import self_check_changes
from auditor.review.keep.runs import read_run
from auditor.shortcuts.statistics import median_interval
from tests.review.made import audit, write
from tests.review.test_compare import named


def with_conservation(base: AuditResult, value, low, high) -> AuditResult:
    method = base.method.model_copy(
        update={"conservation": value, "conservation_low": low, "conservation_high": high}
    )
    return audit(base, method=method)


def with_ranking(base: AuditResult, gain: float, area: float = 4.0) -> AuditResult:
    """Return an audit whose order by relevance is ``gain`` of ``area`` better than chance."""
    first, *others = base.ranking
    (own,) = first.ways[0].orders
    orders = [
        own.model_copy(update={"area": Interval(value=area, low=area, high=area, n=32)}),
        own.model_copy(
            update={
                "order": "random",
                "gain": Interval(value=gain, low=gain - 0.1, high=gain + 0.1, n=32),
            }
        ),
    ]
    way = first.ways[0].model_copy(update={"orders": orders})
    return audit(base, ranking=[first.model_copy(update={"ways": [way]}), *others])


def test_conservation_is_compared_by_the_distance_from_all_of_it(base) -> None:
    before, after = with_conservation(base, 0.9, 0.85, 0.95), with_conservation(base, 0.5, 0.4, 0.6)
    found = named(self_check_changes(before, after), "conservation")
    assert found.status == "worse"
    assert found.difference.value == pytest.approx(-0.4)
    assert found.sentence.startswith("Score that relevance accounts for: worse, 90\u00a0%")
    # 1.1 is as far from the whole logit as 0.9.
    above = with_conservation(base, 1.1, 1.05, 1.15)
    found = named(self_check_changes(before, above), "conservation")
    assert found.status == "no clear change"
    assert (found.now.value, found.now.low, found.now.high) == pytest.approx((0.9, 0.85, 0.95))
    around = named(
        self_check_changes(before, with_conservation(base, 0.98, 0.7, 1.1)), "conservation"
    )
    assert (around.now.low, around.now.high) == pytest.approx((0.7, 1.0))


def test_without_intervals_conservation_is_said_and_not_judged(base) -> None:
    found = named(
        self_check_changes(
            with_conservation(base, 0.9, None, None), with_conservation(base, 0.2, None, None)
        ),
        "conservation",
    )
    assert (found.status, found.difference) == ("not compared", None)
    assert (
        "90\u00a0% before, 20\u00a0% now. Without intervals the change cannot be judged"
        in found.sentence
    )
    lost = named(
        self_check_changes(
            with_conservation(base, 0.9, 0.8, 1.0), with_conservation(base, None, None, None)
        ),
        "conservation",
    )
    assert lost.sentence.endswith(
        "not measured now, 90\u00a0% (80 to 100\u00a0%, n\u00a0=\u00a032) before."
    )


def test_the_ranking_is_compared_as_a_share_of_its_area(base) -> None:
    layer = base.ranking[0].layer
    good, bad = with_ranking(base, 2.0), with_ranking(base, 0.4)
    found = named(self_check_changes(good, bad), f"ranking of {layer}")
    assert found.status == "worse"
    assert (found.earlier.value, found.now.value) == pytest.approx((0.5, 0.1))
    # A model whose logits are three times as large ranks no better for it.
    scaled = named(self_check_changes(good, with_ranking(base, 6.0, 12.0)), f"ranking of {layer}")
    assert scaled.status == "no clear change"
    assert scaled.difference.value == pytest.approx(0.0)


def test_a_layer_that_was_not_tested_is_not_compared(base) -> None:
    untested = base.ranking[1].layer
    changes = self_check_changes(with_ranking(base, 2.0), with_ranking(base, 2.0))
    found = named(changes, f"ranking of {untested}")
    assert (found.status, found.earlier, found.now) == ("not compared", None, None)
    other = audit(base, ranking=[])
    found = named(
        self_check_changes(with_ranking(base, 2.0), other), f"ranking of {base.ranking[0].layer}"
    )
    assert "not measured now" in found.sentence


def test_the_comparison_shows_them(base, tmp_path) -> None:
    before = with_conservation(base, 0.9, 0.85, 0.95)
    after = with_conservation(base, 0.5, 0.4, 0.6)
    found = compare(read_run(write(tmp_path / "a", before)), read_run(write(tmp_path / "b", after)))
    text = comparison_markdown(found)
    line = next(row for row in text.splitlines() if "Score that relevance accounts for" in row)
    assert "| worse |" in line


def test_the_interval_of_a_median_covers_it() -> None:
    assert median_interval(np.arange(5.0)) is None
    assert median_interval(np.zeros(0)) is None
    assert median_interval(np.arange(6.0)[::-1]) == (0.0, 5.0)
    rng = np.random.default_rng(0)
    draws = rng.exponential(size=(2000, 16))
    covered = [low <= np.log(2) <= high for low, high in map(median_interval, draws)]
    assert 0.95 <= np.mean(covered) <= 0.995
