"""What still earlier audits had and the one compared with has no longer: it may come back."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.report.document.review import Remembered
from auditor.review.compare.finding_changes import look_of_memory, remember
from auditor.review.compare.testable import untested_because
from auditor.review.graded import Graded, Look, assign, graded_findings, look_of
from auditor.review.keep.runs import AuditedRun


def memory_of(earlier: AuditedRun, history: Sequence[AuditedRun]) -> list[Remembered]:
    """Return findings that ``earlier`` has no longer, from its review and from older audits.

    Args:
        earlier: the audit compared with.
        history: older audits of the same project, newest first; the newest that has a finding
            tells it.
    """
    found: list[Remembered] = []
    if earlier.review and earlier.review.comparison:
        found += earlier.review.comparison.remembered
    own = [look_of(each) for each in graded_findings(earlier.result) if each.counts]
    for place, run in enumerate(history):
        seen = [each for each in graded_findings(run.result) if each.counts]
        seen = _without(seen, own)
        seen = _without(seen, [look_of_memory(each) for each in found])
        between = [earlier, *history[:place]]
        found += [_remember(each, run, between) for each in seen]
    return found


def _without(findings: Sequence[Graded], known: Sequence[Look]) -> list[Graded]:
    matched = assign([look_of(each) for each in findings], known)
    return [each for place, each in enumerate(findings) if place not in matched]


def _remember(finding: Graded, run: AuditedRun, between: Sequence[AuditedRun]) -> Remembered:
    """Return it with the first audit after ``run`` that looked for it and did not find it."""
    looked = [each for each in between if untested_because(finding, each.result) is None]
    return remember(finding, run.name, looked[-1].name if looked else "")
