"""The runs of a folder as a history: verdict, numbers and findings over time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pydantic
from pydantic import Field

from auditor.base.errors import IntegrityError
from auditor.language.speaking import gettext as _
from auditor.records.part import Interval, Part, Words
from auditor.report.document.answers import cue_state, last_about
from auditor.report.document.codes import Code
from auditor.report.document.result import Performance, Verdict
from auditor.report.document.review import DecisionState, Judgement
from auditor.report.show.chosen import SHEET_GRADES
from auditor.report.show.render import read_review
from auditor.review import words
from auditor.review.keep.runs import report_language, run_folders
from auditor.run.manifest import read_listed, read_manifest
from auditor.run.mirror import mirror_of
from auditor.shortcuts.cues import inside_the_object
from auditor.shortcuts.grading import severity

REPORTS = ("report.html", "report/index.html", "report.pdf")


class HistoryRow(Part):
    """One run. ``verdict`` is the code of the gate's verdict where the run was judged.

    It is None where the run did not finish. ``findings`` counts likely shortcuts by severity, None
    where nothing was searched, ``cues`` what steers the model and looks like no artefact by how it
    was answered ("new": by nobody; one called a shortcut is among the findings too); ``changes``
    what the comparison with its baseline says of them by status; ``reports`` are paths inside the
    run folder. ``note`` says why a run has no numbers.
    """

    folder: str
    project: str
    created: str
    status: Literal["complete", "not finished", "unreadable"]
    language: str = "en"
    model_version: str = ""
    verdict: Code | None = None
    sentence: Words = ""
    judged: bool = False
    accuracy: Interval | None = None
    worst_class: Interval | None = None
    calibration_error: Interval | None = None
    findings: dict[str, int] | None = None
    cues: dict[str, int] = Field(default_factory=dict)
    changes: dict[str, int] = Field(default_factory=dict)
    baseline: str = ""
    open_decisions: int = 0
    reports: list[str] = Field(default_factory=list)
    note: Words = ""

    @property
    def count(self) -> int | None:
        """Number of likely shortcuts, None where nothing was searched."""
        return None if self.findings is None else sum(self.findings.values())


class History(Part):
    """All runs of a folder, the oldest first."""

    format: Literal["concept-auditor/history"] = "concept-auditor/history"
    version: Literal[2] = 2
    rows: list[HistoryRow]

    @property
    def language(self) -> str:
        """Language of the newest complete run's report."""
        found = [row.language for row in self.rows if row.status == "complete"]
        return found[-1] if found else "en"

    def projects(self) -> dict[str, list[HistoryRow]]:
        """Return the rows of each project, by name."""
        found: dict[str, list[HistoryRow]] = {}
        for row in self.rows:
            found.setdefault(row.project, []).append(row)
        return dict(sorted(found.items()))


def read_history(folder: Path) -> History:
    """Read every run of a folder; one that cannot be read is a row that says why.

    Raises:
        ConfigError: ``folder`` is no folder.
    """
    return History(rows=[_row(path) for path in run_folders(folder)])


def _row(path: Path) -> HistoryRow:
    try:
        manifest = read_manifest(path)
    except IntegrityError as error:
        return _unreadable(path, "", "", error)
    project, created = str(manifest.get("name", "")), str(manifest["created"])
    if "audit.json" not in manifest["files"]:
        done = len(manifest["stages"])
        return HistoryRow(
            folder=path.name,
            project=project,
            created=created,
            status="not finished",
            note=_(words.NOT_FINISHED, stages=done),
        )
    try:
        return _complete(path, project, created)
    except (OSError, ValueError, KeyError, TypeError, IntegrityError) as error:
        return _unreadable(path, project, created, error)


def _is_there(run: Path, name: str) -> bool:
    """Say whether a run has a file; of one at an address its manifest says it."""
    if mirror_of(run) is not None:
        return name in read_manifest(run)["files"]
    return (run / name).is_file()


def _unreadable(path: Path, project: str, created: str, error: Exception) -> HistoryRow:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, pydantic.ValidationError | KeyError | TypeError):
        reason = words.NOT_THE_FORMAT
    return HistoryRow(
        folder=path.name, project=project, created=created, status="unreadable", note=reason
    )


def _complete(path: Path, project: str, created: str) -> HistoryRow:
    # Only what is shown is read out of it: the whole of a hundred audits takes a minute to check.
    document = json.loads(read_listed(path, "audit.json"))
    review = read_review(path)
    judgement = review.judgement if review else None
    verdict = Verdict.model_validate(document["verdict"])
    performance = Performance.model_validate(document["performance"])
    comparison = review.comparison if review else None
    decisions = review.decisions if review else []
    classes = [row.accuracy for row in performance.classes if row.accuracy.n]
    calibration = performance.calibration
    return HistoryRow(
        folder=path.name,
        project=project,
        created=created,
        status="complete",
        language=report_language(path),
        model_version=str(document["scope"]["model_version"]),
        verdict=judgement.code if judgement else verdict.code,
        sentence=judgement.sentence if judgement else verdict.sentence,
        judged=judgement is not None,
        accuracy=performance.accuracy if performance.accuracy.n else None,
        worst_class=min(classes, key=_value) if classes else None,
        calibration_error=calibration.error if calibration else None,
        findings=_findings(document, judgement),
        cues=_cues(document, decisions),
        changes=dict(Counter(change.status for change in comparison.findings))
        if comparison
        else {},
        baseline=comparison.earlier.folder if comparison else "",
        open_decisions=sum(each.state in ("expired", "unmatched") for each in decisions),
        reports=[name for name in REPORTS if _is_there(path, name)],
    )


def _cues(document: dict[str, Any], decisions: Sequence[DecisionState]) -> dict[str, int]:
    """Return how many cues have each state."""
    last = last_about(decisions)
    inside = {
        each["id"]
        for each in document["findings"]
        if inside_the_object(each.get("outside"), each["plausibility"])
    }
    states = (cue_state(last.get(name), inside=name in inside) for name in document["cues"])
    return dict(Counter(states))


def _findings(document: dict[str, Any], judgement: Judgement | None) -> dict[str, int] | None:
    if not (document["search"]["ran"] and document["search"]["tests"]):
        return None
    cards = [each for each in document["findings"] if each["grade"] in SHEET_GRADES]
    found = Counter(str(each["severity"]) for each in cards)
    factors = (document.get("factors") or {}).get("factors", [])
    # A factor has a grade and no severity of its own: that of its grade.
    found += Counter(
        severity(each["grade"], None) for each in factors if each["grade"] in SHEET_GRADES
    )
    answered = judgement.cues if judgement else []
    found += Counter(each.severity for each in answered if each.state == "a shortcut")
    return dict(found)


def _value(interval: Interval) -> float:
    return interval.value
