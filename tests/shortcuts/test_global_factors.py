"""P6: which statistics tell a class; what chance, nature and a half-marked class make of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from auditor.shortcuts.global_factors import (
    BY_NATURE,
    IN_ALL,
    PART,
    Predictive,
    auc_of,
    budgeted,
    implausibility,
    partial,
    predictive_statistics,
)

LABELS = np.repeat(np.arange(3), 30)


def values(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    names = ("brightness", "noise", "JPEG blockiness", "sharpness")
    return {name: rng.normal(size=90) for name in names}


def test_the_planted_statistic_is_found_for_its_class() -> None:
    found = values(0)
    found["JPEG blockiness"][LABELS == 1] += 3.0
    rng = np.random.default_rng(0)
    first, *rest = predictive_statistics(found, LABELS, (0, 1, 2), 500, rng)
    assert (first.output, first.statistic) == (1, "JPEG blockiness")
    assert first.auc > 0.95
    assert first.q <= 0.01
    assert {each.statistic for each in rest} <= {"JPEG blockiness"}


def test_chance_finds_nothing() -> None:
    found = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found += len(predictive_statistics(values(seed), LABELS, (0, 1, 2), 300, rng))
    assert found <= 1


def test_p_and_auc_are_those_of_the_rank_test() -> None:
    found = values(1)
    found["noise"][LABELS == 0] += 1.6
    (first, *_) = predictive_statistics(found, LABELS, (0,), 2000, np.random.default_rng(0))
    own, others = found["noise"][LABELS == 0], found["noise"][LABELS != 0]
    expected = mannwhitneyu(own, others, method="asymptotic", use_continuity=False)
    assert first.auc == pytest.approx(expected.statistic / (30 * 60))
    assert first.auc == pytest.approx(auc_of(own, others))
    assert first.p == pytest.approx(expected.pvalue, rel=1e-6)


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
    assert implausibility("x", factor("JPEG blockiness", everyone)).score == pytest.approx(0.75)
    bright = implausibility("x", factor("brightness", everyone))
    assert bright.score == pytest.approx(0.3) == bright.terms[BY_NATURE]
    half = implausibility("x", factor("brightness", some))
    assert half.terms[PART] == 1.0
    assert half.score == pytest.approx(1 - 0.7 * 0.55)


def test_the_budget_keeps_artefacts_by_nature_and_the_clearest() -> None:
    own = np.ones(20)
    names = ["brightness", "contrast", "noise", "saturation", "JPEG blockiness"]
    kept = budgeted([factor(name, own) for name in names])
    assert [each.statistic for each in kept] == ["JPEG blockiness", "brightness"]
    many = budgeted([factor("noise", own, output) for output in range(30)])
    assert len(many) == IN_ALL
