"""The verdict, what is not met, and the findings as annotations of a job of GitHub Actions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from auditor.base.errors import on_one_line
from auditor.language.speaking import gettext as _
from auditor.report.document.result import AuditResult
from auditor.report.document.review import Judgement
from auditor.review.graded import by_severity

Level = Literal["error", "warning", "notice"]
Annotation = tuple[Level, str, str]  # level, title and text
SHOWN = 10  # of each level in one step of a job; GitHub leaves out what is more
BY_SEVERITY: dict[str, Level] = {"critical": "warning", "high": "warning", "medium": "warning"}


def annotation_lines(result: AuditResult, judgement: Judgement | None) -> list[str]:
    """Return a line ``::error title=...::...`` for each, the verdict first.

    An error is what the gate fails by, and what it could not measure though it has to be complete;
    other findings are warnings, those of low severity notices. Without a gate nothing is an error.
    Waived findings, and those of grade C and D that nobody calls a shortcut, are left out.
    """
    return list(_lines([*_of_gate(result, judgement), *_of_findings(result, judgement)]))


def of_failure(message: str) -> str:
    """Return the line of an audit that did not finish."""
    return _line("error", _("Audit"), message)


def _of_gate(result: AuditResult, judgement: Judgement | None) -> Iterator[Annotation]:
    if judgement is None:
        verdict = result.verdict
        yield (
            "notice" if verdict.code == "pass" else "warning",
            _("Audit: %(verdict)s", verdict=_(verdict.word)),
            str(verdict.sentence),
        )
        return
    needed = judgement.policy.get("policy", {}).get("require_complete", True)
    fails = {"not met", "not measured"} if needed else {"not met"}
    missed = [check for check in judgement.checks if check.state in fails]
    level: Level = "error" if missed else "notice" if judgement.code == "pass" else "warning"
    title = _("Audit: %(verdict)s", verdict=_(judgement.word))
    yield level, title, str(judgement.sentence)
    for check in missed:
        yield "error", f"{check.title}: {check.wanted}", str(check.sentence)


def _of_findings(result: AuditResult, judgement: Judgement | None) -> Iterator[Annotation]:
    meanings = {finding.id: str(finding.meaning) for finding in result.findings}
    blocking = set(judgement.blocking) if judgement else set()
    left_out = {each.finding for each in judgement.waived} if judgement else set()
    called = {each.finding: each for each in judgement.cues} if judgement else {}
    for item in by_severity(result):
        answer = called.get(item.id)
        is_shortcut = answer.state == "a shortcut" if answer else item.counts
        if item.id in left_out or not is_shortcut:
            continue
        severity = answer.severity if answer else item.severity
        level = "error" if item.id in blocking else BY_SEVERITY.get(severity, "notice")
        title = f"{item.id} {item.title} ({_(severity)})"
        yield level, title, meanings.get(item.id) or item.title


def _lines(found: Iterable[Annotation]) -> Iterator[str]:
    by_level: dict[Level, list[Annotation]] = {"error": [], "warning": [], "notice": []}
    for each in found:
        by_level[each[0]].append(each)
    for level, all_of_it in by_level.items():
        more = len(all_of_it) - SHOWN
        shown = all_of_it if more <= 0 else all_of_it[: SHOWN - 1]
        for each in shown:
            yield _line(*each)
        if more > 0:
            text = _("%(more)s more are in the report.", more=more + 1)
            yield _line(level, _("Audit"), text)


def _line(level: Level, title: str, text: str) -> str:
    return f"::{level} title={_escaped(title, ':,')}::{_escaped(text)}"


def _escaped(text: str, also: str = "") -> str:
    """Return a text as a command of a workflow holds it."""
    text = on_one_line(text)
    for sign in "%\r\n" + also:
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text
