"""What people answered about cues: which decision counts, and what it makes of a cue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auditor.report.document.review import CueState, DecisionKind, DecisionState

# The decision that an answer to "is this part of the class?" stands for.
ANSWERS: Mapping[str, DecisionKind] = {"yes": "reject", "no": "confirm", "unsure": "unsure"}
# A decision of these kinds says of a cue that it is a shortcut.
SHORTCUT = ("confirm", "accept", "mitigate")


def last_about(decisions: Sequence[DecisionState]) -> dict[str, DecisionState]:
    """Return finding -> the decision about it that counts, in force or expired."""
    return {
        state.finding: state
        for state in decisions
        if state.finding is not None and state.state in ("in force", "expired")
    }


def cue_state(last: DecisionState | None, *, inside: bool) -> CueState:
    """Return the state of a cue by the decision that counts.

    ``inside``: where there is none, the masks of the data confirm the cue as part of its class.
    """
    what = last.decision.what if last else ""
    if what in SHORTCUT:
        return "a shortcut"
    if last is not None and what == "reject":
        return "expired" if last.state == "expired" else "part of the class"
    if what == "unsure":
        return "unsure"
    return "inside the marked object" if inside else "new"
