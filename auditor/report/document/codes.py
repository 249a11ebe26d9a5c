"""The words of a verdict, the codes that programs compare, and which of them applies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Severity

Code = Literal["do_not_use", "needs_decision", "incomplete", "needs_look", "conditions", "pass"]

WORDS: Mapping[Code, str] = {
    "do_not_use": _("DO NOT USE YET"),
    "needs_decision": _("NEEDS A DECISION"),
    "incomplete": _("INCOMPLETE"),
    "needs_look": _("NEEDS A LOOK"),
    "conditions": _("PASS WITH CONDITIONS"),
    "pass": _("PASS"),
}
GRAVE: tuple[Severity, ...] = ("critical", "high")


def code_of_summary(summary: Mapping[str, Any]) -> str:
    """Return the code that counts in a summary.json: the gate's, else that of the evidence."""
    return str((summary.get("judgement") or summary).get("code", ""))


@dataclass(frozen=True)
class Grounds:
    """What a verdict rests on.

    ``missed``: a target of the owner is missed, or the model is right less often than a guess.
    ``undecided`` are the severities of findings that nobody decided about, or that were confirmed
    and are neither mended nor accepted. ``gaps``: something that the verdict needs did not run.
    ``unanswered``: of a cue no person has said whether it is part of its class. ``conditions``:
    there is something to read first, such as an accepted risk.
    """

    missed: bool = False
    undecided: tuple[Severity, ...] = ()
    gaps: bool = False
    unanswered: bool = False
    conditions: bool = False


def code_of(grounds: Grounds) -> Code:
    """Return the first verdict that applies, the gravest first."""
    if grounds.missed or any(severity in GRAVE for severity in grounds.undecided):
        return "do_not_use"
    if grounds.undecided:
        return "needs_decision"
    if grounds.gaps:
        return "incomplete"
    if grounds.unanswered:
        return "needs_look"
    return "conditions" if grounds.conditions else "pass"
