"""Grades and confidence count what lies above effects without a shortcut in the model at hand."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.records.shortcuts import Evidence, Plausibility
from auditor.shortcuts.calibration import Nulls
from auditor.shortcuts.grading import above_usual, calibrated, confidence, grade
from auditor.shortcuts.tests import (
    EVIDENCE_LOST,
    EVIDENCE_SHARE,
    FLIP_EXCESS,
    LATENT,
    REMOVAL,
    CausalTest,
)


def evidence(test: CausalTest, low: float, **others: float) -> Evidence:
    effects = {"effect": low + 0.1, "low": low, "high": low + 0.2}
    return test.result(outcome="supports", n=64, p=0.0, q=0.001, **effects, **others)


def of(*results: Evidence) -> dict[str, Evidence]:
    return {each.test: each for each in results}


ARTEFACT = Plausibility(terms={}, score=0.9)


def test_the_usual_effect_is_the_upper_quantile_and_never_below_zero() -> None:
    values = np.random.default_rng(0).normal(0.1, 0.05, 200)
    usual = Nulls({"flip_excess": tuple(values)}).usual("flip_excess")
    assert (values > usual).mean() == pytest.approx(0.05, abs=0.006)
    assert Nulls({"flip_excess": (0.1, 0.02, 0.3)}).usual("flip_excess") == 0.3
    assert Nulls({"flip_excess": (-0.2,)}).usual("flip_excess") == 0.0
    assert Nulls().usual("flip_excess") == 0.0


def test_what_is_not_above_the_usual_is_shown_and_not_called_a_shortcut() -> None:
    found = of(evidence(FLIP_EXCESS, 0.3), evidence(REMOVAL, 0.26))
    assert grade(found, ARTEFACT) == "A"
    quiet = Nulls({"flip_excess": (0.02,) * 30, "removal": (0.0,) * 5})
    noisy = Nulls({"flip_excess": (0.02,) * 27 + (0.35,) * 3, "removal": (0.27, 0.0)})
    assert calibrated("A", found, quiet) == "A"
    assert calibrated("A", found, noisy) == "C"
    assert calibrated("B", found, noisy) == "C"
    for verdict in ("C", "D", "U", None):
        assert calibrated(verdict, found, noisy) == verdict


def test_one_effect_above_its_own_usual_is_enough() -> None:
    found = of(evidence(FLIP_EXCESS, 0.3), evidence(REMOVAL, 0.26))
    assert above_usual(found, Nulls({"flip_excess": (0.5,)}))
    assert not above_usual(found, Nulls({"flip_excess": (0.5,), "removal": (0.26,)}))


def test_what_only_confirms_or_does_not_stand_out_lifts_nothing() -> None:
    noisy = Nulls({"flip_excess": (0.5,)})
    start = evidence(FLIP_EXCESS, 0.3)
    assert not above_usual(of(start, evidence(LATENT, 0.9)), noisy)
    assert not above_usual(of(start, evidence(EVIDENCE_LOST, 0.9)), noisy)
    assert not above_usual(of(start, evidence(EVIDENCE_SHARE, 0.9, z=1.0)), noisy)
    assert above_usual(of(start, evidence(EVIDENCE_SHARE, 0.9, z=4.0)), noisy)


def test_confidence_counts_what_lies_above_the_usual() -> None:
    found = of(evidence(FLIP_EXCESS, 0.3), evidence(REMOVAL, 0.12))
    assert confidence(found, Nulls()) == confidence(found) == "high"
    assert confidence(found, Nulls({"flip_excess": (0.1,)})) == "moderate"
    assert confidence(found, Nulls({"removal": (0.2,)})) == "moderate"
    assert confidence(found, Nulls({"flip_excess": (0.1,), "removal": (0.2,)})) == "low"


def test_what_any_window_has_is_shown_and_not_called_a_shortcut() -> None:
    """A texture turns some pictures with every piece of it: none of them is a mark."""
    weak = evidence(FLIP_EXCESS, 0.2)
    usual = of(weak, evidence(EVIDENCE_SHARE, 0.3, z=0.6))
    unusual = of(weak, evidence(EVIDENCE_SHARE, 0.2, z=3.9))
    assert grade(usual, ARTEFACT) == grade(unusual, ARTEFACT) == "B"
    assert calibrated("B", usual, Nulls()) == "C"
    assert calibrated("B", unusual, Nulls()) == "B"
    assert calibrated("B", of(weak, evidence(EVIDENCE_SHARE, 0.2)), Nulls()) == "B"


def test_what_turns_many_pictures_is_called_a_shortcut_whatever_windows_bring() -> None:
    """The demo's stamp: 57 % at least, while pieces of textures bring as much of the evidence."""
    stamp = of(
        evidence(FLIP_EXCESS, 0.57), evidence(REMOVAL, 0.26), evidence(EVIDENCE_SHARE, 0.46, z=0.6)
    )
    assert grade(stamp, ARTEFACT) == "A"
    assert calibrated("A", stamp, Nulls()) == "A"
