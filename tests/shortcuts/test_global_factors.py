"""P6: which statistics tell a class; what chance, nature and a half-marked class make of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from auditor.shortcuts.tests import STATISTIC_GIVEN
from auditor.shortcuts.whole_pictures.global_factors import (
    BY_NATURE,
    ENOUGH,
    IN_ALL,
    PART,
    Predictive,
    auc_of,
    budgeted,
    implausibility,
    margin_share,
    partial,
    predictive_statistics,
    widest,
)

LABELS = np.repeat(np.arange(3), 30)


def values(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    names = ("brightness", "noise", "JPEG blockiness", "sharpness")
    return {name: rng.normal(size=90) for name in names}


def test_the_planted_statistic_is_found_for_its_class() -> None:
    found = values(0)
    found["JPEG blockiness"][LABELS == 1] += 3.0
    first, *rest = predictive_statistics(found, LABELS, (0, 1, 2), 500, 0)
    assert (first.output, first.statistic) == (1, "JPEG blockiness")
    assert first.auc > 0.95
    assert first.q <= 0.01
    assert {each.statistic for each in rest} <= {"JPEG blockiness"}


def test_chance_finds_nothing() -> None:
    found = 0
    for seed in range(20):
        found += len(predictive_statistics(values(seed), LABELS, (0, 1, 2), 300, seed))
    assert found <= 1


def test_what_half_of_a_class_has_is_found_though_the_ranks_do_not_see_it() -> None:
    rng = np.random.default_rng(3)
    column = rng.normal(size=90)
    column[:30] = rng.normal(0.9, 1.0, 30)
    column[:15] = rng.normal(-2.2, 0.2, 15)
    (found,) = predictive_statistics({"noise": column}, LABELS, (0,), 500, 0)
    assert mannwhitneyu(found.own, found.others).pvalue > 0.05
    assert found.q <= 0.01
    assert found.apart < 0
    assert found.typical == pytest.approx(-2.2, abs=0.2)


def test_the_typical_value_is_that_of_the_class_or_of_the_part_that_differs() -> None:
    rng = np.random.default_rng(4)
    whole = Predictive(0, "noise", rng.normal(6, 1, 60), rng.normal(size=200), 1.0, 0.0)
    assert whole.typical == pytest.approx(6, abs=0.4)
    assert whole.apart > 0
    half = np.r_[rng.normal(size=30), rng.normal(6, 1, 30)]
    part = Predictive(0, "noise", half, rng.normal(size=200), 0.75, 0.0)
    assert part.typical == pytest.approx(6, abs=0.5)


def test_distributions_are_compared_as_by_hand() -> None:
    own, others = np.array([1.0, 2.0, 3.0, 3.0]), np.array([0.0, 0.0, 1.0, 2.0, 2.0, 2.5])
    everything = np.sort(np.concatenate([own, others]))
    best = (0.0, 0.0)
    for point in everything[everything < everything.max()]:
        pooled = (everything <= point).mean()
        gap = ((others <= point).mean() - (own <= point).mean()) / (pooled * (1 - pooled)) ** 0.5
        best = max(best, (gap, point), key=lambda pair: abs(pair[0]))
    assert widest(own, others) == pytest.approx(best)
    assert widest(others, own)[0] == pytest.approx(-best[0])


def test_giving_it_counts_as_implausible_unless_only_the_middle_differs() -> None:
    rng = np.random.default_rng(0)
    found = factor("brightness", rng.normal(4, 1, 40))
    given = STATISTIC_GIVEN.result(
        outcome="supports", effect=0.6, low=0.5, high=0.7, n=64, p=1e-5, q=1e-3
    )
    assert implausibility(found, given).terms[ENOUGH] == 1.0
    assert implausibility(found, given).score == pytest.approx(1 - 0.7 * 0.55)
    assert implausibility(found, given, 0.45).terms[ENOUGH] == pytest.approx(0.5)
    assert implausibility(found, given, 0.3).terms[ENOUGH] == 0.0
    weak = given.model_copy(update={"low": 0.1})
    assert implausibility(found, weak).terms[ENOUGH] == pytest.approx(0.2)
    refuted = given.model_copy(update={"outcome": "inconclusive"})
    assert implausibility(found, refuted).terms[ENOUGH] == 0.0


def test_the_margin_of_a_class_is_compared_with_the_whole() -> None:
    rng = np.random.default_rng(1)
    found = factor("brightness", rng.normal(2, 1, 40))
    assert margin_share(found, found.own, found.others) == pytest.approx(1.0)
    same = rng.normal(size=100)
    assert margin_share(found, same[:40], same[40:]) < 0.4
    assert margin_share(found, -found.own, found.others) == 0.0


def test_p_and_auc_are_those_of_the_rank_test() -> None:
    found = values(1)
    found["noise"][LABELS == 0] += 1.6
    (first, *_) = predictive_statistics(found, LABELS, (0,), 2000, 0)
    own, others = found["noise"][LABELS == 0], found["noise"][LABELS != 0]
    expected = mannwhitneyu(own, others, method="asymptotic", use_continuity=False)
    assert first.auc == pytest.approx(expected.statistic / (30 * 60))
    assert first.auc == pytest.approx(auc_of(own, others))
    assert first.p == pytest.approx(2 * expected.pvalue, rel=1e-6)


def factor(statistic: str, own: np.ndarray, output: int = 0) -> Predictive:
    others = np.random.default_rng(9).normal(size=60)
    return Predictive(output, statistic, own, others, 0.9, 1e-6, 1e-4)


def test_implausibility_rests_on_nature_and_on_partial_coverage() -> None:
    rng = np.random.default_rng(0)
    everyone = rng.normal(4, 1, 40)
    some = np.r_[rng.normal(0, 1, 20), rng.normal(8, 1, 20)]
    assert not partial(everyone, rng.normal(size=60))
    assert partial(some, rng.normal(size=60))
    assert not partial(some + 20, rng.normal(size=60))
    assert implausibility(factor("JPEG blockiness", everyone)).score == pytest.approx(0.75)
    bright = implausibility(factor("brightness", everyone))
    assert bright.score == pytest.approx(0.3) == bright.terms[BY_NATURE]
    half = implausibility(factor("brightness", some))
    assert half.terms[PART] == 1.0
    assert half.score == pytest.approx(1 - 0.7 * 0.55)


def test_the_budget_keeps_artefacts_by_nature_then_what_moves_the_model() -> None:
    own = np.full(20, 9.0)
    names = ["brightness", "contrast", "noise", "saturation", "sharpness", "JPEG blockiness"]
    moved = {(0, name, True): gain for name, gain in zip(names, (0.1, 0.3, 0.2, 0.4), strict=False)}
    kept = budgeted([factor(name, own) for name in names], moved)
    assert [each.statistic for each in kept] == ["JPEG blockiness", "saturation", "contrast"]
    many = budgeted([factor("noise", own, output) for output in range(30)], {})
    assert len(many) == IN_ALL
