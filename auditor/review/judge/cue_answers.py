"""What people answered about the cues of an audit: part of its class, a shortcut, or not sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from auditor.language.speaking import N_
from auditor.language.speaking import gettext as _
from auditor.report.document.review import CueAnswer, CueState, DecisionState
from auditor.review.graded import RANK, Graded

# A decision of these kinds says of a cue that it is a shortcut.
SHORTCUT = ("confirm", "accept", "mitigate")
SENTENCES: Mapping[CueState, str] = {
    "new": N_("%(cue)s: nobody has said yet whether it is part of what the class means."),
    "unsure": N_("%(cue)s: %(person)s was not sure on %(date)s."),
    "expired": N_("%(cue)s: the answer of %(person)s has expired (%(expires)s)."),
    "part of the class": N_("%(cue)s: part of the class, says %(person)s (%(date)s)."),
    "inside the marked object": N_(
        "%(cue)s: part of the class, since it lies inside the objects that are marked in the data."
    ),
    "a shortcut": N_("%(cue)s: a shortcut, says %(person)s (%(date)s): it counts as a finding."),
}


def with_answers(findings: Sequence[Graded], decisions: Sequence[DecisionState]) -> list[Graded]:
    """Return the findings, the most severe first, those called shortcuts with their severity."""
    last = last_about(decisions)
    found = [
        replace(item, severity=item.severity_as_shortcut, shortcut=True)
        if item.grade == "C" and _says(last.get(item.id)) in SHORTCUT
        else item
        for item in findings
    ]
    return sorted(found, key=lambda item: -RANK[item.severity])


def cue_answers(findings: Sequence[Graded], decisions: Sequence[DecisionState]) -> list[CueAnswer]:
    """Return the cues among the findings of `with_answers`, each with its answer."""
    last = last_about(decisions)
    return [_answer(item, last.get(item.id)) for item in findings if item.asked]


def last_about(decisions: Sequence[DecisionState]) -> dict[str, DecisionState]:
    """Return finding -> the decision about it that counts, in force or expired."""
    return {
        state.finding: state
        for state in decisions
        if state.finding is not None and state.state in ("in force", "expired")
    }


def _says(state: DecisionState | None) -> str:
    return state.decision.what if state else ""


def _answer(item: Graded, last: DecisionState | None) -> CueAnswer:
    state = _state(item, last)
    made = last.decision if last else None
    return CueAnswer(
        finding=item.id,
        title=item.what,
        class_name=item.class_name,
        state=state,
        severity=item.severity if item.shortcut else "none",
        person=made.person if made else "",
        sentence=_(
            SENTENCES[state],
            cue=_("%(id)s (%(what)s)", id=item.id, what=item.what),
            person=made.person if made else "",
            date=made.date if made else "",
            expires=(made.expires if made else None) or "",
        ),
    )


def _state(item: Graded, last: DecisionState | None) -> CueState:
    if item.shortcut:
        return "a shortcut"
    if _says(last) == "reject":
        assert last is not None
        return "expired" if last.state == "expired" else "part of the class"
    if _says(last) == "unsure":
        return "unsure"
    return "inside the marked object" if item.inside else "new"
