"""From evidence and implausibility to a grade, a severity and a confidence."""

from __future__ import annotations

from collections.abc import Iterator

from scipy.stats import false_discovery_control

from auditor.records.shortcuts import (
    Confidence,
    Evidence,
    Exposure,
    Grade,
    Outcome,
    Plausibility,
    Severity,
)
from auditor.shortcuts.calibration import Nulls
from auditor.shortcuts.tests import INSIDE, TESTS, CausalTest, Results

# The share of false alarms that is allowed among all tests that pass.
LEVEL = 0.01
# Lower bounds of effects. Grade B asks for `LIKELY` and not for `CLEAR`: of nets without any
# artefact more show an effect between the two than of nets with one, so that a person is asked.
# `CLEAR` is enough of a share of the evidence that stands out, of a region that looks like an
# artefact: a confident net hardly turns, so that what decides between its classes moves little.
STRONG, LIKELY, CLEAR, UNUSED = 0.25, 0.15, 0.10, 0.05
# Robust standard deviations from which on a share of evidence is no window's like any other.
LEAST_Z = 3.0
# Up to so many a region brings hardly more of the evidence than any window of its size: what a
# texture is full of is no mark, unless it turns many pictures (`STRONG`), which windows do not. On
# the first 50 models of the benchmark's grid 'kinds' all planted marks of grade A or B are above
# one of the two, three of four false alarms below both (z -1.0 to .6, lower bounds up to .20).
USUAL_Z = 2.0
# A class that would lose this much of its accuracy is widely exposed.
LOST = 0.25
# Fewer pictures than this rule nothing out.
ENOUGH = 16
# Implausibilities from which on a region may be, or looks like, an artefact.
LIKELY_ARTEFACT, ARTEFACT = 0.5, 0.75


def grade(results: Results, plausibility: Plausibility) -> Grade | None:
    """Return the grade by the table of the design, None when no row of it fits.

    None means: tested, neither strong evidence nor an artefact without effect.
    """
    ran = list(_weighed(results))
    if not ran:
        return "U"
    artefact = plausibility.score
    passed = {test.weight for test, each in ran if _passes(each)}
    bound = reach(results)
    if "sufficient" in passed and len(passed) > 1 and bound >= STRONG and artefact >= ARTEFACT:
        return "A"
    decides = passed & {"sufficient", "necessary"}
    if decides and bound >= LIKELY and artefact >= LIKELY_ARTEFACT:
        return "B"
    if artefact >= ARTEFACT and _reach_that_stands_out(results) >= CLEAR:
        return "B"
    if bound >= STRONG and artefact < LIKELY_ARTEFACT:
        return "C"
    if decides and bound >= CLEAR and artefact >= LIKELY_ARTEFACT:
        return "C"
    largest = max((each.low for test, each in ran if test.kind != INSIDE), default=0.0)
    return "D" if largest < UNUSED and artefact >= LIKELY_ARTEFACT else None


def reach(results: Results) -> float:
    """Return the largest lower bound of an effect in a test that passed, 0 without any.

    An evidence share that does not stand out from windows counts nothing, and nor do tests that
    only confirm what others found: members of a class may lose much of their evidence with any
    piece of their object.
    """
    bounds = (
        each.low
        for test, each in _weighed(results)
        if _passes(each) and test.weight != "confirms" and stands_out(test, each)
    )
    return max(bounds, default=0.0)


def _reach_that_stands_out(results: Results) -> float:
    """Return `reach` of the tests alone whose effects are compared with those of windows."""
    return reach({name: each for name, each in results.items() if TESTS[name].stands_out})


def stands_out(test: CausalTest, evidence: Evidence) -> bool:
    """Say whether an effect is far from that of other windows, where its test asks for that."""
    return not test.stands_out or (evidence.z is not None and evidence.z >= LEAST_Z)


def ruled_out(results: Results) -> bool:
    """Say whether transplants leave no room for an effect that grade B would ask for."""
    ran = [each for test, each in _weighed(results) if test.weight == "sufficient"]
    return bool(ran) and all(each.high < LIKELY and each.n >= ENOUGH for each in ran)


def settled(results: dict[str, Results]) -> tuple[dict[str, dict[str, Evidence]], int]:
    """Fill in q over all tests of all candidates and factors, and from it what each test says.

    By Benjamini and Hochberg (1995). A conditional test that was left out counts as a test with
    p = 1: which tests run depends on the data, and the correction must not gain by it. Returns the
    results by candidate, and the number of tests that ran.
    """
    all_tests = [(name, each) for name, tests in results.items() for each in tests.values()]
    ran = [(name, each.test, each.p) for name, each in all_tests if each.p is not None]
    left_out = sum(each.p is None and TESTS[each.test].conditional for _name, each in all_tests)
    p_values = [*(p for _name, _test, p in ran), *[1.0] * left_out]
    q_values = false_discovery_control(p_values)[: len(ran)] if ran else ()
    q = {(name, test): float(value) for (name, test, _p), value in zip(ran, q_values, strict=True)}
    filled = {
        name: {test: _concluded(each, q.get((name, test))) for test, each in tests.items()}
        for name, tests in results.items()
    }
    return filled, len(ran)


def outcome_of(low: float, high: float, q: float) -> Outcome:
    """Return what a test says: supports, refutes or inconclusive."""
    if q <= LEVEL and low >= UNUSED:
        return "supports"
    return "refutes" if high < CLEAR else "inconclusive"


def severity(grade: Grade, exposure: Exposure | None) -> Severity:
    """Return the severity of a grade: how much of the decisions is touched.

    Wide exposure (half of the class, a second class, or `LOST` of the class's accuracy) raises A
    from high to critical and B from medium to high; one that was not measured raises nothing.
    """
    wide = exposure is not None and (
        exposure.share >= 0.5 or len(exposure.classes) > 1 or exposure.lost >= LOST
    )
    if grade == "A":
        return "critical" if wide else "high"
    if grade == "B":
        return "high" if wide else "medium"
    return "low" if grade == "D" else "none"


def calibrated(verdict: Grade | None, results: Results, nulls: Nulls) -> Grade | None:
    """Return a grade as what cannot be a shortcut in this model leaves it.

    A or B asks for an effect above what such regions have in the same test, and for one that is
    strong, or for more of the evidence than any window of its size has. What lacks either is C: it
    is shown, and a person is asked.
    """
    if verdict not in ("A", "B"):
        return verdict
    return verdict if above_usual(results, nulls) and not _like_any_window(results) else "C"


def above_usual(results: Results, nulls: Nulls) -> bool:
    """Say whether an effect that counts for a grade is above those without a shortcut."""
    return any(
        each.low > nulls.usual(test.id)
        for test, each in _weighed(results)
        if _passes(each) and test.weight != "confirms" and stands_out(test, each)
    )


def _like_any_window(results: Results) -> bool:
    """Say whether an effect is not strong and, compared with those of windows, one of them."""
    if reach(results) >= STRONG:
        return False
    compared = (each for test, each in _weighed(results) if test.stands_out)
    return any(each.z is not None and each.z <= USUAL_Z for each in compared)


def confidence(results: Results, nulls: Nulls | None = None) -> Confidence:
    """Return high when two kinds of test pass, moderate for one clear one, else low.

    Of every effect only what lies above those of the same test without a shortcut counts.
    """
    usual = (nulls or Nulls()).usual
    passed = [
        (test, each, each.low - usual(test.id))
        for test, each in _weighed(results)
        if _passes(each) and each.low > usual(test.id)
    ]
    agree = len({test.kind for test, _each, _above in passed}) > 1
    strong = any(above >= STRONG and each.n >= 32 for _test, each, above in passed)
    if agree and strong:
        return "high"
    return "moderate" if strong or agree else "low"


def _weighed(results: Results) -> Iterator[tuple[CausalTest, Evidence]]:
    """Yield the tests that gave a result and that have a weight."""
    for name, each in results.items():
        if each.has_run and TESTS[name].weight != "shown":
            yield TESTS[name], each


def _passes(evidence: Evidence) -> bool:
    return evidence.q is not None and evidence.q <= LEVEL and evidence.outcome == "supports"


def _concluded(evidence: Evidence, q: float | None) -> Evidence:
    if q is None:
        return evidence
    outcome = outcome_of(evidence.low, evidence.high, q)
    if evidence.reason and outcome == "supports":
        outcome = "inconclusive"
    return evidence.model_copy(update={"q": q, "outcome": outcome})
