"""The grade table, row by row, and the words that go with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.records.shortcuts import Evidence, Exposure, Grade, Plausibility
from auditor.records.stages import Candidate
from auditor.shortcuts import wording
from auditor.shortcuts.grading import (
    LEVEL,
    confidence,
    grade,
    outcome_of,
    reach,
    settled,
    severity,
)
from auditor.shortcuts.tests import (
    EVIDENCE_LOST,
    EVIDENCE_SHARE,
    FLIP_EXCESS,
    LATENT,
    NEAREST_CLASS,
    REMOVAL,
    CausalTest,
    Results,
    in_order,
)


def evidence(
    test: CausalTest, low: float, *, q: float = 0.001, z: float | None = None, n: int = 64
) -> Evidence:
    outcome = outcome_of(low, low + 0.2, q)
    return test.result(
        outcome=outcome, effect=low + 0.1, low=low, high=low + 0.2, n=n, p=q / 2, q=q, z=z
    )


def of(*results: Evidence) -> Results:
    return in_order(results)


def missing(test: CausalTest) -> Evidence:
    return test.missing("No images.")


@pytest.mark.parametrize(
    ("found", "implausibility", "expected"),
    [
        ([evidence(FLIP_EXCESS, 0.3), evidence(REMOVAL, 0.1)], 0.8, "A"),
        ([evidence(EVIDENCE_SHARE, 0.3, z=4.0), evidence(REMOVAL, 0.1)], 0.8, "A"),
        ([evidence(FLIP_EXCESS, 0.3), evidence(REMOVAL, 0.1, q=0.2)], 0.8, "B"),
        ([evidence(FLIP_EXCESS, 0.3), evidence(REMOVAL, 0.1)], 0.7, "B"),
        ([evidence(FLIP_EXCESS, 0.15)], 0.5, "B"),
        ([evidence(FLIP_EXCESS, 0.14)], 0.5, "C"),
        ([evidence(FLIP_EXCESS, 0.14)], 0.49, None),
        ([evidence(FLIP_EXCESS, 0.09)], 0.9, None),
        ([evidence(REMOVAL, 0.15)], 0.5, "B"),
        ([evidence(EVIDENCE_SHARE, 0.15, z=3.0)], 0.5, "B"),
        ([evidence(EVIDENCE_SHARE, 0.15, z=2.9)], 0.5, None),
        ([evidence(EVIDENCE_SHARE, 0.3, z=None)], 0.9, None),
        ([evidence(EVIDENCE_SHARE, 0.10, z=3.0)], 0.75, "B"),
        ([evidence(EVIDENCE_SHARE, 0.10, z=3.0)], 0.74, "C"),
        ([evidence(EVIDENCE_SHARE, 0.10, z=2.9)], 0.75, None),
        ([evidence(EVIDENCE_SHARE, 0.09, z=3.0)], 0.75, None),
        ([evidence(EVIDENCE_SHARE, 0.10, z=3.0, q=0.02)], 0.75, None),
        ([evidence(FLIP_EXCESS, 0.14), evidence(EVIDENCE_SHARE, 0.05, z=4.0)], 0.9, "C"),
        ([evidence(FLIP_EXCESS, 0.3, q=0.02)], 0.9, None),
        ([evidence(FLIP_EXCESS, 0.3)], 0.49, "C"),
        ([evidence(FLIP_EXCESS, 0.2)], 0.49, None),
        ([evidence(FLIP_EXCESS, 0.01), evidence(REMOVAL, -0.1)], 0.6, "D"),
        ([evidence(FLIP_EXCESS, 0.01)], 0.2, None),
        ([missing(FLIP_EXCESS), missing(REMOVAL)], 0.9, "U"),
        ([missing(FLIP_EXCESS), evidence(REMOVAL, 0.2)], 0.6, "B"),
        (
            [evidence(FLIP_EXCESS, 0.3), evidence(REMOVAL, 0.1, q=0.2), evidence(LATENT, 0.1)],
            0.8,
            "A",
        ),
        ([evidence(FLIP_EXCESS, 0.2), evidence(REMOVAL, 0.1), evidence(LATENT, 0.9)], 0.8, "B"),
        ([evidence(FLIP_EXCESS, 0.01), evidence(REMOVAL, 0.0), evidence(LATENT, 0.9)], 0.8, "D"),
        ([evidence(FLIP_EXCESS, 0.01, q=0.5), evidence(LATENT, 0.9)], 0.4, None),
        ([evidence(REMOVAL, 0.3), evidence(LATENT, 0.9)], 0.9, "B"),
        ([evidence(FLIP_EXCESS, 0.3), evidence(EVIDENCE_LOST, 0.1)], 0.8, "A"),
        ([evidence(FLIP_EXCESS, 0.2), evidence(EVIDENCE_LOST, 0.9)], 0.8, "B"),
        ([evidence(EVIDENCE_LOST, 0.9)], 0.8, None),
        ([evidence(FLIP_EXCESS, 0.01), evidence(EVIDENCE_LOST, 0.2)], 0.8, None),
    ],
)
def test_the_grade_table(
    found: list[Evidence], implausibility: float, expected: Grade | None
) -> None:
    assert grade(of(*found), Plausibility(terms={}, score=implausibility)) == expected


def test_the_reach_is_the_largest_effect_that_is_proven() -> None:
    assert reach(of(evidence(FLIP_EXCESS, 0.3), evidence(REMOVAL, 0.5))) == 0.5
    assert (
        reach(
            in_order(
                [evidence(FLIP_EXCESS, 0.3), evidence(LATENT, 0.9), evidence(EVIDENCE_LOST, 0.9)]
            )
        )
        == 0.3
    )
    assert reach(of(evidence(FLIP_EXCESS, 0.3), evidence(REMOVAL, 0.5, q=0.2))) == 0.3
    assert reach(of(evidence(EVIDENCE_SHARE, 0.3, z=2.0), missing(REMOVAL))) == 0.0


def test_outcomes() -> None:
    assert outcome_of(0.2, 0.4, 0.001) == "supports"
    assert outcome_of(0.2, 0.4, 0.02) == "inconclusive"
    assert outcome_of(-0.1, 0.09, 0.5) == "refutes"
    assert outcome_of(-0.1, 0.3, 0.5) == "inconclusive"


def exposed(share: float = 0.2, classes: int = 1, lost: float = 0.1) -> Exposure:
    return Exposure(share=share, classes=tuple(map(str, range(classes))), lost=lost)


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
    assert [severity(g, None) for g in ("A", "B", "C", "D")] == ["high", "medium", "none", "low"]


def test_confidence_counts_kinds_of_test() -> None:
    assert confidence(of(evidence(FLIP_EXCESS, 0.3), evidence(REMOVAL, 0.1))) == "high"
    assert confidence(of(evidence(FLIP_EXCESS, 0.3), evidence(EVIDENCE_SHARE, 0.3))) == "moderate"
    assert confidence(of(evidence(FLIP_EXCESS, 0.3), evidence(LATENT, 0.1))) == "high"
    assert confidence(of(evidence(FLIP_EXCESS, 0.12))) == "low"


@pytest.mark.parametrize("letter", ["A", "B", "C", "D", "U"])
def test_words_are_there_and_promise_nothing(letter: Grade) -> None:
    found = [
        evidence(FLIP_EXCESS, 0.3),
        evidence(EVIDENCE_SHARE, 0.2, z=4.0),
        evidence(REMOVAL, 0.1),
    ]
    found.append(evidence(LATENT, 0.5))
    if letter == "U":
        late = LATENT.missing("It waits.")
        found = [missing(FLIP_EXCESS), late]
    lead, detail = wording.meaning("gravel", "lower right corner", letter, of(*found), 60, 75)
    meaning = f"{lead} {detail}"
    text = " ".join([meaning, *wording.actions("gravel", letter), wording.verification(letter)])
    assert "gravel" in meaning
    assert "It waits" not in meaning
    for word in ("proven", "compliant", "unbiased"):
        assert word not in text
    if letter in "AB":
        assert "60 of 75" in meaning
    if letter != "U":
        assert "40\u00a0% (95\u00a0% interval 30 to 50\u00a0%, n\u00a0=\u00a064)" in meaning


@pytest.mark.parametrize("name", ["E. coli", "St. Bernard", "Dr. Seuss. The end"])
def test_a_name_with_a_full_stop_is_not_cut(name: str) -> None:
    lead, detail = wording.meaning(name, "spot", "A", of(evidence(FLIP_EXCESS, 0.3)), 60, 75)
    assert lead.endswith("looks like an artefact.")
    assert name in lead
    assert detail.startswith("It was found on 60 of 75")


@pytest.mark.parametrize(
    ("high", "n", "known"), [(0.1, 64, True), (0.38, 64, False), (0.1, 8, False)]
)
def test_few_pictures_do_not_make_a_region_unused(high: float, n: int, known: bool) -> None:
    flips = evidence(FLIP_EXCESS, 0.0).model_copy(update={"high": 0.1})
    nearest = evidence(NEAREST_CLASS, 0.0).model_copy(update={"high": high, "n": n})
    found = of(flips, nearest)
    meaning, _ = wording.meaning("gravel", "lower right corner", "D", found, 60, 75)
    assert ("hardly uses it" in meaning) == known
    assert ("neither shown nor ruled out" in meaning) != known


def test_a_region_of_too_few_pictures_is_not_called_neither_shown_nor_ruled_out() -> None:
    found = of(evidence(FLIP_EXCESS, 0.0))
    meaning, _ = wording.meaning("gravel", "spot", "D", found, 60, 75, enough=False)
    assert "in too few pictures" in meaning
    assert "neither shown" not in meaning


def test_a_cue_by_calibration_is_not_said_to_look_like_no_artefact() -> None:
    found = of(evidence(FLIP_EXCESS, 0.3))
    plain, _ = wording.meaning("gravel", "spot", "C", found, 60, 75)
    looks, _ = wording.meaning("gravel", "spot", "C", found, 60, 75, artefact=True)
    assert "does not look like an artefact" in plain
    assert "does not look like" not in looks
    assert "may be an artefact, but by little, or by no more than on what is no shortcut" in looks


def test_a_removal_without_effect_is_said_in_words() -> None:
    found = [evidence(FLIP_EXCESS, 0.3), evidence(REMOVAL, -0.1)]
    _, detail = wording.meaning("gravel", "spot", "B", of(*found), 60, 75)
    assert "still recognised without it" in detail
    assert "-" not in detail.partition("still recognised")[2]


def test_reasons_name_what_counted_and_why_it_was_proposed() -> None:
    empty = np.zeros((1, 4, 4), bool)
    candidate = Candidate("c", 0, "P1", "spot", None, (), np.array([0]), empty, 0.5, "the spot.")
    plausibility = Plausibility(
        terms={"stereotyped position": 0.9, "same look at the same place": 0.7}, score=0.8
    )
    found = wording.reasons(candidate, plausibility)
    assert found[0].startswith("At this place many pictures")
    assert found[1].startswith("It keeps to one place")
    assert found[-1] == "It was proposed as the spot."
    assert (
        len(wording.reasons(candidate, Plausibility(terms={"near the border": 0.4}, score=0))) == 1
    )


def q_by_definition(p_values: list[float]) -> list[float]:
    """The smallest rate at which the step-up procedure rejects each hypothesis."""
    count = len(p_values)

    def rejected(rate: float) -> set[int]:
        order = sorted(range(count), key=lambda i: p_values[i])
        passing = [k for k in range(count) if p_values[order[k]] <= rate * (k + 1) / count + 1e-12]
        return set(order[: max(passing) + 1]) if passing else set()

    rates = sorted({min(1.0, p * count / k) for p in p_values for k in range(1, count + 1)} | {1.0})
    return [next(rate for rate in rates if index in rejected(rate)) for index in range(count)]


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=7))
@settings(deadline=None, max_examples=60)
def test_q_values_follow_the_definition_whatever_the_order(p_values: list[float]) -> None:
    """Over all candidates and tests: two of a candidate, one of the last where they are odd."""
    tests = (FLIP_EXCESS, REMOVAL)
    results: dict[str, Results] = {}
    for index, p in enumerate(p_values):
        each = evidence(tests[index % 2], 0.3).model_copy(update={"p": p, "q": None})
        name = f"candidate {index // 2}"
        results[name] = {**results.get(name, {}), each.test: each}
    filled, count = settled(results)
    found = [each for tests in filled.values() for each in tests.values()]
    assert count == len(p_values)
    assert [each.p for each in found] == p_values
    assert [each.q for each in found] == pytest.approx(q_by_definition(p_values))
    for each in found:
        assert each.outcome == ("supports" if (each.q or 0) <= LEVEL else "inconclusive")
    assert settled(dict(reversed(results.items())))[0] == filled
    assert settled({}) == ({}, 0)


def test_a_test_that_was_left_out_for_what_others_found_counts_as_one() -> None:
    ran = evidence(FLIP_EXCESS, 0.3).model_copy(update={"p": 1e-3, "q": None})
    filled, tests = settled({"a": of(ran, LATENT.missing("No effect."))})
    assert tests == 1
    assert filled["a"]["flip_excess"].q == pytest.approx(2e-3)
    filled, _ = settled({"a": of(ran, REMOVAL.missing("Too few."))})
    assert filled["a"]["flip_excess"].q == pytest.approx(1e-3)
