"""P7: a hospital that goes with the label, a camera that goes with the relevance, and noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from auditor.shortcuts.whole_pictures.columns import (
    column_factors,
    cramers_v,
    groups_of,
    variance_share,
)
from tests.shortcuts.tables import layer_of, natural, samples_of

LABELS = np.repeat(np.arange(3), 40)


def columns(seed: int = 0) -> dict[str, tuple[str, ...]]:
    rng = np.random.default_rng(seed)
    site = np.where(rng.random(120) < 0.85, LABELS, rng.integers(0, 3, 120))
    return {
        "site": tuple("NSW"[int(s)] for s in site),
        "camera": tuple("AB"[row % 2] for row in range(120)),
        "noise": tuple("XY"[int(v)] for v in rng.integers(0, 2, 120)),
        "id": tuple(f"file {row}" for row in range(120)),
        "same": ("x",) * 120,
    }


def test_the_columns_that_matter_are_found_and_the_others_are_quiet() -> None:
    relevance = natural(LABELS, 0)
    relevance[(np.arange(120) % 2 == 1) & (LABELS == 2), 4] += 3.0
    samples = samples_of(LABELS, metadata=columns())
    found, notes = column_factors(samples, layer_of(relevance), (0, 1, 2), 400, 0)
    by_name = {each.column: each for each in found}
    assert found[0].column == "site"
    assert by_name["site"].association > 0.6
    assert by_name["site"].q <= 0.01
    names = samples.manifest.classes
    effects = {each.name: each for each in by_name["camera"].classes}
    camera = [effects[name] for name in names[:3]]
    assert camera[2].q <= 0.05
    assert camera[2].share > 0.3
    assert min(camera[0].q, camera[1].q) > 0.05
    assert by_name["camera"].q > 0.05
    assert by_name["noise"].q > 0.05
    assert "a model could learn it" in by_name["site"].reading
    assert by_name["noise"].reading == "No sign that it matters."
    assert all(each.q > 0.05 for each in by_name["noise"].classes)
    (note,) = notes
    assert "id (120 different values" in note
    assert "same (one value only)" in note


def test_without_columns_there_is_nothing_to_say() -> None:
    assert column_factors(samples_of(LABELS), None, (0,), 200, 0) == (
        [],
        [],
    )


def test_cramers_v_is_the_corrected_one_and_near_zero_by_chance() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 4, 60), rng.integers(0, 3, 60)
    table = np.histogram2d(first, second, bins=(4, 3))[0]
    chi = chi2_contingency(table, correction=False).statistic
    corrected = max(0.0, chi / 60 - 3 * 2 / 59)
    sides = [k - (k - 1) ** 2 / 59 for k in (4, 3)]
    assert cramers_v(first, second) == pytest.approx((corrected / (min(sides) - 1)) ** 0.5)
    assert cramers_v(first, first) == pytest.approx(1.0, abs=1e-9)
    chance = [cramers_v(rng.integers(0, 9, 60), rng.integers(0, 9, 60)) for _ in range(50)]
    assert np.median(chance) < 0.1


def test_numbers_are_cut_at_quartiles_and_rare_values_put_together() -> None:
    grouped = groups_of([str(value) for value in range(40)])
    assert not isinstance(grouped, str)
    assert np.bincount(grouped[0]).tolist() == [10, 10, 10, 10]
    assert grouped[1][0].startswith("below")
    grouped = groups_of(["a"] * 9 + ["b"] * 6 + ["c", "d", ""])
    assert not isinstance(grouped, str)
    assert grouped[1] == ("a", "b", "(rare)")


def test_the_share_of_variance_by_hand() -> None:
    values = np.array([[0.0], [2.0], [10.0], [12.0]])
    codes = np.array([0, 0, 1, 1])
    assert variance_share(values, codes) == pytest.approx(100 / 104)
    assert variance_share(np.ones((4, 2)), codes) == 0.0
