"""What the search says about itself: what it dropped, left out and checked."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.causal.transplant import controls_of
from auditor.causal.trial import FIRST_TARGETS, Trial
from auditor.language.numbers import whole_percent
from auditor.language.speaking import gettext as _
from auditor.records.stages import Finding
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
            _(
                "Candidates tested: %(trials)s; listed: %(listed)s. The other %(quiet)s are "
                "neither strong evidence for a class nor artefacts that the model leaves unused.",
                trials=len(trials),
                listed=listed,
                quiet=quiet,
            )
        )
    dropped = sum(map(stopped_early, trials))
    if dropped:
        notes.append(
            _(
                "The transplants of %(dropped)s of %(trials)s candidates stopped early, after the "
                "first %(first_targets)s target images or before all controls: the upper ends of "
                "the intervals of flip excess and of evidence share had fallen under %(clear)s.",
                dropped=dropped,
                trials=len(trials),
                first_targets=FIRST_TARGETS,
                clear=whole_percent(CLEAR),
            )
        )
    if trials and all(each.result is None for each in trials):
        notes.append(
            _("No region could be transplanted: that needs images of other classes in the data.")
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
    start = _(
        "Self-check: %(passed)s of %(tried)s tests of what cannot be a shortcut passed (least "
        "relevant windows, windows tested towards a random wrong class, random directions); each "
        "may pass with a probability of %(level)s.",
        passed=passed,
        tried=tried,
        level=whole_percent(LEVEL),
    )
    if more_than(passed, tried, LEVEL) < SURPRISING:
        return _(
            "%(start)s That is more than chance explains: the tests are too generous on these "
            "pictures, and findings of this audit need a closer look.",
            start=start,
        )
    return start
