"""What the search says about itself: what it dropped, left out and checked."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.interventions.transplant import controls_of
from auditor.interventions.trial import FIRST_TARGETS, Trial
from auditor.records import Finding
from auditor.shortcuts.grading import CLEAR, LEVEL
from auditor.shortcuts.statistics import more_than

SURPRISING = 0.05


def closing_notes(
    trials: Sequence[Trial],
    candidates: Sequence[str],
    findings: Sequence[Finding],
    nulls: Sequence[bool],
) -> list[str]:
    """Return the notes of a finished search, in sentences.

    Args:
        trials: of all candidates.
        candidates: their ids.
        findings: those that got a grade.
        nulls: for each test of the self-check, whether it passed.
    """
    notes = []
    listed = sum(1 for each in findings if each.grade != "U")
    graded = {each.candidate.id for each in findings}
    quiet = sum(1 for candidate in candidates if candidate not in graded)
    if quiet:
        notes.append(
            f"Candidates tested: {len(trials)}; listed: {listed}. The other {quiet} are neither "
            "strong evidence for a class nor artefacts that the model leaves unused."
        )
    dropped = sum(map(stopped_early, trials))
    if dropped:
        notes.append(
            f"The transplants of {dropped} of {len(trials)} candidates stopped early, after the "
            f"first {FIRST_TARGETS} target images or before all controls: the upper ends of the "
            f"intervals of flip excess and of evidence share had fallen under {CLEAR:.0%}."
        )
    if trials and all(each.result is None for each in trials):
        notes.append(
            "No region could be transplanted: that needs images of other classes in the data."
        )
    if nulls:
        notes.append(null_sentence(sum(nulls), len(nulls)))
    return notes


def stopped_early(trial: Trial) -> bool:
    """Say whether a trial left targets or controls unused since its effect was bounded."""
    if trial.result is None or trial.pairing is None:
        return False
    fewer = len(trial.result.controls) < len(controls_of(trial.pairing))
    return fewer or len(trial.result.region) < trial.available


def null_sentence(passed: int, tried: int) -> str:
    """Say whether tests of what cannot be a shortcut passed more often than they may."""
    start = (
        f"Self-check: {passed} of {tried} tests of what cannot be a shortcut passed (least "
        "relevant windows, windows tested towards a random wrong class, random directions); each "
        f"may pass with a probability of {LEVEL:.0%}."
    )
    if more_than(passed, tried, LEVEL) < SURPRISING:
        return (
            f"{start} That is more than chance explains: the tests are too generous on these "
            "pictures, and findings of this audit need a closer look."
        )
    return start
