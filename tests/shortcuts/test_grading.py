"""The grade table, row by row, and the words that go with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.records.shortcuts import Exposure
from auditor.records.stages import Candidate, Evidence, Grade, Plausibility
from auditor.shortcuts import wording
from auditor.shortcuts.grading import (
    FLIPS,
    LATENT,
    LOSS,
    REMOVAL,
    RIVAL,
    SHARE,
    confidence,
    grade,
    outcome_of,
    reach,
    severity,
)


def evidence(
    test: str, low: float, *, q: float = 0.001, z: float | None = None, n: int = 64
) -> Evidence:
    outcome = outcome_of(low, low + 0.2, q)
    return Evidence("c", test, outcome, low + 0.1, "share", low, low + 0.2, n, p=q / 2, q=q, z=z)


def missing(test: str) -> Evidence:
    return Evidence("c", test, "not applicable", 0, "share", 0, 0, 0, reason="No images.")


@pytest.mark.parametrize(
    ("found", "implausibility", "expected"),
    [
        ([evidence(FLIPS, 0.3), evidence(REMOVAL, 0.1)], 0.8, "A"),
        ([evidence(SHARE, 0.3, z=4.0), evidence(REMOVAL, 0.1)], 0.8, "A"),
        ([evidence(FLIPS, 0.3), evidence(REMOVAL, 0.1, q=0.2)], 0.8, "B"),
        ([evidence(FLIPS, 0.3), evidence(REMOVAL, 0.1)], 0.7, "B"),
        ([evidence(FLIPS, 0.15)], 0.5, "B"),
        ([evidence(FLIPS, 0.14)], 0.5, None),
        ([evidence(REMOVAL, 0.15)], 0.5, "B"),
        ([evidence(SHARE, 0.15, z=3.0)], 0.5, "B"),
        ([evidence(SHARE, 0.15, z=2.9)], 0.5, None),
        ([evidence(SHARE, 0.3, z=None)], 0.9, None),
        ([evidence(FLIPS, 0.3, q=0.02)], 0.9, None),
        ([evidence(FLIPS, 0.3)], 0.49, "C"),
        ([evidence(FLIPS, 0.2)], 0.49, None),
        ([evidence(FLIPS, 0.01), evidence(REMOVAL, -0.1)], 0.6, "D"),
        ([evidence(FLIPS, 0.01)], 0.2, None),
        ([missing(FLIPS), missing(REMOVAL)], 0.9, "U"),
        ([missing(FLIPS), evidence(REMOVAL, 0.2)], 0.6, "B"),
        ([evidence(FLIPS, 0.3), evidence(REMOVAL, 0.1, q=0.2), evidence(LATENT, 0.1)], 0.8, "A"),
        ([evidence(FLIPS, 0.2), evidence(REMOVAL, 0.1), evidence(LATENT, 0.9)], 0.8, "B"),
        ([evidence(FLIPS, 0.01), evidence(REMOVAL, 0.0), evidence(LATENT, 0.9)], 0.8, "D"),
        ([evidence(FLIPS, 0.01, q=0.5), evidence(LATENT, 0.9)], 0.4, None),
        ([evidence(REMOVAL, 0.3), evidence(LATENT, 0.9)], 0.9, "B"),
        ([evidence(FLIPS, 0.3), evidence(LOSS, 0.1)], 0.8, "A"),
        ([evidence(FLIPS, 0.2), evidence(LOSS, 0.9)], 0.8, "B"),
        ([evidence(LOSS, 0.9)], 0.8, None),
        ([evidence(FLIPS, 0.01), evidence(LOSS, 0.2)], 0.8, None),
    ],
)
def test_the_grade_table(
    found: list[Evidence], implausibility: float, expected: Grade | None
) -> None:
    assert grade(found, Plausibility("c", {}, implausibility)) == expected


def test_the_reach_is_the_largest_effect_that_is_proven() -> None:
    assert reach([evidence(FLIPS, 0.3), evidence(REMOVAL, 0.5)]) == 0.5
    assert reach([evidence(FLIPS, 0.3), evidence(LATENT, 0.9), evidence(LOSS, 0.9)]) == 0.3
    assert reach([evidence(FLIPS, 0.3), evidence(REMOVAL, 0.5, q=0.2)]) == 0.3
    assert reach([evidence(SHARE, 0.3, z=2.0), missing(REMOVAL)]) == 0.0


def test_outcomes() -> None:
    assert outcome_of(0.2, 0.4, 0.001) == "supports"
    assert outcome_of(0.2, 0.4, 0.02) == "inconclusive"
    assert outcome_of(-0.1, 0.09, 0.5) == "refutes"
    assert outcome_of(-0.1, 0.3, 0.5) == "inconclusive"


def exposed(share: float = 0.2, classes: int = 1, lost: float = 0.1) -> Exposure:
    return Exposure(share, tuple(range(classes)), lost)


def test_severity_is_the_grade_and_what_is_exposed() -> None:
    wide, narrow = exposed(share=0.9), exposed()
    assert [severity(g, wide) for g in ("A", "B", "C", "D", "U")] == [
        "critical",
        "high",
        "none",
        "low",
        "none",
    ]
    assert [severity(g, narrow) for g in ("A", "B", "D")] == ["high", "medium", "low"]
    for wider in (exposed(share=0.5), exposed(classes=2), exposed(lost=0.25)):
        assert severity("A", wider) == "critical"
        assert severity("B", wider) == "high"
    assert severity("B", None) == "medium"


def test_confidence_counts_kinds_of_test() -> None:
    assert confidence([evidence(FLIPS, 0.3), evidence(REMOVAL, 0.1)]) == "high"
    assert confidence([evidence(FLIPS, 0.3), evidence(SHARE, 0.3)]) == "moderate"
    assert confidence([evidence(FLIPS, 0.3), evidence(LATENT, 0.1)]) == "high"
    assert confidence([evidence(FLIPS, 0.12)]) == "low"


@pytest.mark.parametrize("letter", ["A", "B", "C", "D", "U"])
def test_words_are_there_and_promise_nothing(letter: Grade) -> None:
    found = [evidence(FLIPS, 0.3), evidence(SHARE, 0.2, z=4.0), evidence(REMOVAL, 0.1)]
    found.append(evidence(LATENT, 0.5))
    if letter == "U":
        late = Evidence("c", LATENT, "not applicable", 0, "share", 0, 0, 0, reason="T3 waits.")
        found = [missing(FLIPS), late]
    lead, detail = wording.meaning("gravel", "lower right corner", letter, found, 60, 75)
    meaning = f"{lead} {detail}"
    text = " ".join([meaning, *wording.actions("gravel", letter), wording.verification(letter)])
    assert "gravel" in meaning
    assert "T3 waits" not in meaning
    for word in ("proven", "compliant", "unbiased"):
        assert word not in text
    if letter in "AB":
        assert "60 of 75" in meaning
    if letter != "U":
        assert "40\u00a0% (95\u00a0% interval 30 to 50\u00a0%, n\u00a0=\u00a064)" in meaning


@pytest.mark.parametrize("name", ["E. coli", "St. Bernard", "Dr. Seuss. The end"])
def test_a_name_with_a_full_stop_is_not_cut(name: str) -> None:
    lead, detail = wording.meaning(name, "spot", "A", [evidence(FLIPS, 0.3)], 60, 75)
    assert lead.endswith("looks like an artefact.")
    assert name in lead
    assert detail.startswith("It was found on 60 of 75")


@pytest.mark.parametrize(
    ("high", "n", "known"), [(0.1, 64, True), (0.38, 64, False), (0.1, 8, False)]
)
def test_few_pictures_do_not_make_a_region_unused(high: float, n: int, known: bool) -> None:
    found = [evidence(FLIPS, 0.0), replace(evidence(RIVAL, 0.0), high=high, n=n)]
    found[0] = replace(found[0], high=0.1)
    meaning, _ = wording.meaning("gravel", "lower right corner", "D", found, 60, 75)
    assert ("hardly uses it" in meaning) == known
    assert ("neither shown nor ruled out" in meaning) != known


def test_a_removal_without_effect_is_said_in_words() -> None:
    found = [evidence(FLIPS, 0.3), evidence(REMOVAL, -0.1)]
    _, detail = wording.meaning("gravel", "spot", "B", found, 60, 75)
    assert "still recognised without it" in detail
    assert "-" not in detail.partition("still recognised")[2]


def test_reasons_name_what_counted_and_why_it_was_proposed() -> None:
    empty = np.zeros((1, 4, 4), bool)
    candidate = Candidate("c", 0, "P1", "spot", None, (), np.array([0]), empty, 0.5, "the spot.")
    plausibility = Plausibility(
        "c", {"stereotyped position": 0.9, "same look at the same place": 0.7}, 0.8
    )
    found = wording.reasons(candidate, plausibility)
    assert found[0].startswith("The same thing")
    assert found[1].startswith("It keeps to one place")
    assert found[-1] == "It was proposed as the spot."
    assert len(wording.reasons(candidate, Plausibility("c", {"near the border": 0.4}, 0))) == 1
