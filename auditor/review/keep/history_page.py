"""The history as lines of text and as an index page that links every report."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from auditor.language.numbers import percent
from auditor.language.speaking import speaking
from auditor.report.document.codes import WORDS
from auditor.report.show.branding import plain_branding
from auditor.report.show.embedding import CountingPictures
from auditor.report.show.html import html_page
from auditor.review import words
from auditor.review.keep.history import History, HistoryRow
from auditor.review.keep.trends import Trend, trends

PROGRAM = "concept-auditor"
COLUMNS = ("date", "verdict", "version", "right", "worst", "shortcuts", "cues", "changes", "run")


@dataclass(frozen=True)
class ProjectView:
    """A project on the page: its runs, newest first, and its trends; ``last`` is complete."""

    name: str
    rows: Sequence[HistoryRow]
    last: HistoryRow | None
    trends: Sequence[Trend]


def history_html(
    history: History, folder: Path, target: Path, *, written: str, version: str
) -> str:
    """Return the index page for the file ``target``; its links lead to runs in ``folder``."""
    with speaking(history.language):
        return _page(history.translated(), folder, target, written, version)


def _page(history: History, folder: Path, target: Path, written: str, version: str) -> str:
    start = target.resolve().parent
    return html_page(
        "history",
        plain_branding(),
        CountingPictures(),
        program=f"{PROGRAM} {version}",
        history=history,
        projects=[_project(name, rows) for name, rows in history.projects().items()],
        links={
            row.folder: quote(Path(os.path.relpath(folder / row.folder, start)).as_posix())
            for row in history.rows
        },
        written=written,
    )


def history_lines(history: History) -> list[str]:
    """Return a table for the terminal, a project after the other, the newest run first."""
    lines: list[str] = []
    for name, rows in history.projects().items():
        if lines:
            lines.append("")
        lines.append(name or words.UNKNOWN_PROJECT)
        table = [COLUMNS, *(_cells(row) for row in reversed(rows))]
        widths = [max(len(line[place]) for line in table) for place in range(len(COLUMNS))]
        lines += [
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            for line in table
        ]
    return [line.rstrip() for line in lines]


def _project(name: str, rows: Sequence[HistoryRow]) -> ProjectView:
    complete = [row for row in rows if row.status == "complete"]
    return ProjectView(name, list(reversed(rows)), complete[-1] if complete else None, trends(rows))


def _findings(counts: Mapping[str, int] | None) -> str:
    if counts is None:
        return "not searched"
    return _counted(counts) or "none"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {word}" for word, count in counts.items())


def _cells(row: HistoryRow) -> tuple[str, ...]:
    day = row.created[:16].replace("T", " ")
    if row.status != "complete":
        return day, row.status, "", "", "", "", "", "", f"{row.folder}: {row.note}"
    return (
        day,
        WORDS[row.verdict] if row.verdict else "",
        row.model_version,
        percent(row.accuracy.value) if row.accuracy else "",
        percent(row.worst_class.value) if row.worst_class else "",
        _findings(row.findings),
        _counted(row.cues),
        _counted(row.changes),
        row.folder,
    )
