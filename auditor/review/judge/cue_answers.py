"""What people answered about the cues of an audit: part of its class, a shortcut, or not sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from auditor.language.speaking import N_, ngettext
from auditor.language.speaking import gettext as _
from auditor.report.document.answers import SHORTCUT, cue_state, last_about
from auditor.report.document.review import CueAnswer, CueState, DecisionState
from auditor.review.graded import RANK, Graded

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
        if item.grade == "C" and item.id in last and last[item.id].decision.what in SHORTCUT
        else item
        for item in findings
    ]
    return sorted(found, key=lambda item: -RANK[item.severity])


def cue_answers(findings: Sequence[Graded], decisions: Sequence[DecisionState]) -> list[CueAnswer]:
    """Return the cues among the findings of `with_answers`, each with its answer."""
    last = last_about(decisions)
    return [_answer(item, last.get(item.id)) for item in findings if item.asked]


def waiting(cues: Sequence[CueAnswer]) -> str:
    """Say how many cues may yet become findings, nothing where all are answered."""
    count = sum(not each.answered for each in cues)
    if not count:
        return ""
    return ngettext(
        "%(num)s cue has no answer: it becomes a finding if a person calls it a shortcut.",
        "%(num)s cues have no answer: each becomes a finding if a person calls it a shortcut.",
        count,
    )


def _answer(item: Graded, last: DecisionState | None) -> CueAnswer:
    state = cue_state(last, inside=item.inside)
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
