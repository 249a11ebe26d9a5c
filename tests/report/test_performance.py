"""Calibration and slices, on samples whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.records.stages import Manifest, Samples
from auditor.report.draw.reliability import reliability_figure
from auditor.report.sections.calibration import BINS, calibration, expected_error
from auditor.report.sections.slices import slices


def samples(confidence: np.ndarray, right: np.ndarray, **metadata: tuple[str, ...]) -> Samples:
    """Two classes; class 0 is always predicted, with the given confidence."""
    n = len(confidence)
    margin = np.log(confidence / (1 - confidence))
    labels = np.where(right, 0, 1)
    manifest = Manifest(tuple(f"{i}.png" for i in range(n)), labels, ("a", "b"), metadata)
    zeros = np.zeros(n, dtype=int)
    return Samples(
        manifest=manifest,
        valid=np.ones(n, bool),
        quarantine=(None,) * n,
        logits=np.stack([margin / 2, -margin / 2], axis=1),
        prediction=zeros,
        target=zeros,
        discovery=np.arange(n) % 2 == 0,
    )


def test_a_calibrated_model_has_a_small_error_and_an_overconfident_one_a_large() -> None:
    generator = np.random.default_rng(0)
    confidence = generator.uniform(0.5, 0.99, 4000)
    honest = calibration(samples(confidence, generator.random(4000) < confidence), seed=0)
    boasting = calibration(samples(confidence, generator.random(4000) < confidence - 0.2), seed=0)
    assert honest is not None
    assert boasting is not None
    assert honest.error.value < 0.03
    assert boasting.error.value == pytest.approx(0.2, abs=0.03)
    assert boasting.error.low < boasting.error.value < boasting.error.high
    assert boasting.error.low > honest.error.high


def test_the_error_is_the_mean_gap_weighted_by_count() -> None:
    confidence = np.array([0.55, 0.55, 0.55, 0.95])
    right = np.array([True, False, False, True])
    expected = (3 * abs(1 / 3 - 0.55) + abs(1 - 0.95)) / 4
    assert expected_error(confidence, right) == pytest.approx(expected)


def test_bins_hold_every_picture_once_and_the_figure_draws() -> None:
    confidence = np.array([0.5, 0.61, 0.62, 0.99, 0.999999])
    found = calibration(samples(confidence, np.ones(5, bool)), seed=0)
    assert found is not None
    assert sum(each.accuracy.n for each in found.bins) == 5
    assert all(each.low <= each.confidence <= each.high for each in found.bins)
    assert len(found.bins) <= BINS
    assert "few" in found.note
    assert "</svg>" in reliability_figure(found).svg


def test_without_pictures_there_is_no_calibration() -> None:
    one = samples(np.array([0.9]), np.array([True]))
    found = calibration(one, seed=0)
    assert found is not None
    assert (found.error.low, found.error.high) == (0.0, 1.0)
    assert calibration(replace(one, valid=np.zeros(1, bool)), seed=0) is None


def test_slices_put_the_worst_value_first_and_count_what_is_not_shown() -> None:
    camera = ("old",) * 20 + ("new",) * 20 + ("rare",) * 3 + ("",) * 2
    right = np.array([False] * 10 + [True] * 35)
    (table,) = slices(samples(np.full(45, 0.9), right, camera=camera))
    assert [row.value for row in table.rows] == ["old", "new"]
    assert table.rows[0].accuracy.value == 0.5
    assert (table.unknown, table.small, table.note) == (2, 3, "")


def test_numbers_are_cut_into_quarters_and_names_of_too_many_values_are_said() -> None:
    n = 80
    age, person = tuple(str(i) for i in range(n)), tuple(f"p{i}" for i in range(n))
    found = slices(samples(np.full(n, 0.9), np.arange(n) >= 20, age=age, person=person))
    assert [len(table.rows) for table in found] == [4, 0]
    assert found[0].rows[0].accuracy.value == 0.0
    assert "80 values" in found[1].note


def test_one_value_or_none_is_no_slice() -> None:
    found = slices(samples(np.full(9, 0.9), np.ones(9, bool), a=("x",) * 9, b=("",) * 9))
    assert [table.note for table in found] == ["it has one value only", "it is empty"]
