"""A small complete run, and its HTML, made once for all tests of the rendering."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from auditor.report.document.result import AuditResult
from auditor.report.show.html import render_html
from tests.report.example import CONTEXT, Example
from tests.runs import list_as_written

SMALL = {"classes": ("brick", "coffee"), "references": 2, "rows": 2}


@dataclass(frozen=True)
class Run:
    """A run folder with audit.json and images, and the result in it."""

    folder: Path
    result: AuditResult


def write_run(folder: Path, result: AuditResult) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "audit.json").write_text(result.model_dump_json(indent=1), encoding="utf-8")
    return Run(list_as_written(folder), result)


def copy_run(run: Run, folder: Path) -> Path:
    """Return a run folder of its own with the same audit, whose pictures are those of ``run``."""
    write_run(folder, run.result)
    (folder / "images").symlink_to(run.folder / "images")
    return folder


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("report") / "run"
    return write_run(folder, Example(folder / "images", **SMALL).result())


@pytest.fixture(scope="session")
def html(run: Run) -> str:
    return render_html(run.result, CONTEXT, run.folder / "images", max_mb=8)
