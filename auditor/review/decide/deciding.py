"""Make a decision about something of an audit from what a person says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.base.errors import UnknownNameError
from auditor.report.document.result import AuditResult
from auditor.report.document.review import Decision, DecisionKind, DecisionState
from auditor.review.decide.decisions import concept_references
from auditor.review.decide.decisions_file import checked
from auditor.review.graded import Graded, graded_findings


@dataclass(frozen=True)
class Said:
    """What a person says with a decision; dates are days (YYYY-MM-DD)."""

    reason: str
    person: str
    date: str
    role: str = ""
    expires: str | None = None
    ticket: str = ""


def about_finding(
    result: AuditResult, run: Path, finding: str, what: DecisionKind, said: Said
) -> Decision:
    """Return a decision about a finding, named by its id.

    Raises:
        UnknownNameError: the audit has no such finding.
        ConfigError: something is missing or wrong, such as the last day of an accepted risk.
    """
    known = {each.id: each for each in graded_findings(result)}
    if finding not in known:
        raise UnknownNameError("finding", finding, known)
    one = known[finding]
    return checked(
        Decision(
            what=what,
            fingerprint=one.fingerprint,
            title=one.title,
            class_name=one.class_name,
            grade=one.grade,
            signature=one.signature,
            run=run.resolve().name,
            **vars(said),
        )
    )


def about_concept(result: AuditResult, run: Path, concept: str, name: str, said: Said) -> Decision:
    """Return the decision to call a concept (``layer/channel``) ``name``.

    Raises:
        UnknownNameError: the audit has no such concept.
        ConfigError: something is missing or wrong.
    """
    known = [each.id for each in result.concepts]
    references = concept_references(result, concept)
    if concept not in known and not references:
        raise UnknownNameError("concept", concept, known)
    return checked(
        Decision(
            what="name",
            concept=concept,
            name=name,
            references=references,
            run=run.resolve().name,
            **vars(said),
        )
    )


def undecided(result: AuditResult, states: Sequence[DecisionState]) -> list[Graded]:
    """Return the likely shortcuts that no decision in force is about."""
    decided = {
        each.finding
        for each in states
        if each.state == "in force" and each.decision.what != "unsure"
    }
    return [each for each in graded_findings(result) if each.counts and each.id not in decided]
