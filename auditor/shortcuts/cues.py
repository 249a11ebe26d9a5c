"""Cues: what is proven to steer a class and does not look like an artefact. A person is asked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Protocol

from auditor.records.shortcuts import Evidence, Exposure, Grade, Plausibility, Severity
from auditor.shortcuts.grading import LIKELY_ARTEFACT, grade, reach, severity
from auditor.shortcuts.tests import Results

# So many of a class that have no answer are shown at once: with three, ten classes take a person
# about two minutes. What is not shown yet waits for its turn, and does not pass until then.
MOST = 3
# A region with no more of it off the objects' masks lies inside of them: masks are drawn, and
# regions feathered, not to the pixel. As the term `off_the_marked_object` counts fully from .9 on.
INSIDE = 0.1


class Graded(Protocol):
    """A finding, a context or a factor of whole pictures, as it stands in the result."""

    @property
    def id(self) -> str:
        """Its name in the audit."""

    @property
    def class_name(self) -> str:
        """The class that it steers."""

    @property
    def grade(self) -> Grade | None:
        """Its grade, None where no row of the table fits."""

    @property
    def evidence(self) -> dict[str, Evidence]:
        """Its results, by test."""


def cues(items: Iterable[Graded]) -> list[str]:
    """Return the ids of what a person has to say of whether it is part of its class.

    By class, in the order in which the classes come; within a class the strongest first.
    """
    by_class: defaultdict[str, list[Graded]] = defaultdict(list)
    for item in items:
        if item.grade == "C":
            by_class[item.class_name].append(item)
    strongest = (
        sorted(of_class, key=lambda item: -reach(item.evidence)) for of_class in by_class.values()
    )
    return [item.id for of_class in strongest for item in of_class]


def shown_at_once(cues: Iterable[tuple[str, bool]]) -> list[bool]:
    """Say of each cue (its class, and whether it has an answer) whether it is shown now.

    All with an answer, and of each class the first `MOST` without one.
    """
    waiting: Counter[str] = Counter()
    shown = []
    for class_name, answered in cues:
        waiting[class_name] += not answered
        shown.append(answered or waiting[class_name] <= MOST)
    return shown


def severity_as_shortcut(evidence: Results, exposure: Exposure | None) -> Severity:
    """Return how grave a cue is once a person has said that it is no part of the class.

    The answer takes the place of the measured implausibility, and the grade is by the same table:
    at least B, since a cue is proven to steer the class. How many pictures carry a cue is not
    measured by then, as a rule: without ``exposure`` it counts as wide, for a person has decided.
    """
    told: Grade = "A" if grade(evidence, Plausibility(terms={}, score=1.0)) == "A" else "B"
    if exposure is None:
        return "critical" if told == "A" else "high"
    return severity(told, exposure)


def inside_the_object(outside: float | None, plausibility: float) -> bool:
    """Say whether a region is confirmed as part of its class by lying inside the objects' masks.

    ``outside`` is the share of it that does not, None without masks. What looks like an artefact
    (its implausibility, ``plausibility``) may lie on the object all the same: a person is asked.
    """
    return outside is not None and outside <= INSIDE and plausibility < LIKELY_ARTEFACT
