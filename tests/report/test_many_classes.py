"""A model of a thousand classes, all audited: the worst and flagged are shown, all are attached."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd
import pytest

from auditor.report.document.result import AuditResult
from auditor.report.show.html import render_html
from auditor.report.show.limits import BRIEF
from auditor.report.show.pdf import pdf_html
from auditor.report.show.tables import csv_files
from tests.report.conftest import Run
from tests.report.example import CONTEXT

COUNT = 1000


def many_classes(result: AuditResult, count: int = COUNT) -> AuditResult:
    """Return the result with ``count`` classes like its own, of falling accuracy."""
    item, row = result.classes[0], result.performance.classes[0]
    names = [item.name, *(f"class {number:04d}" for number in range(1, count))]
    accuracy = row.accuracy
    rows = [
        row.model_copy(
            update={
                "name": name,
                "accuracy": accuracy.model_copy(update={"value": 1 - place / (2 * count)}),
            }
        )
        for place, name in enumerate(names)
    ]
    performance = result.performance.model_copy(update={"classes": rows})
    return result.model_copy(
        update={
            "performance": performance,
            "classes": [item.model_copy(update={"name": name}) for name in names],
            "data": result.data.model_copy(update={"counts": dict.fromkeys(names, row.n)}),
        }
    )


@pytest.fixture(scope="module")
def result(run: Run) -> AuditResult:
    return many_classes(run.result)


def test_the_flagged_and_the_worst_classes_have_a_page(run: Run, result: AuditResult) -> None:
    text = pdf_html(result, CONTEXT, run.folder / "images")
    shown = re.findall(r'<h3 id="class-\d+">([^<]+)</h3>', text)
    assert len(shown) == BRIEF.classes
    flagged = [item.class_name for item in result.findings if item.grade in ("A", "B")]
    present = [name for name in dict.fromkeys(flagged) if name == result.classes[0].name]
    assert present
    worst = [f"class {number:04d}" for number in range(COUNT - len(shown) + 1, COUNT)]
    assert shown == [*present, *worst]
    assert f"{len(shown)} of 1,000 audited classes have a page here" in text
    first_page = text[: text.index('id="findings"')]
    assert first_page.count('class="class-chip"') == len(shown)
    assert f"{COUNT - len(shown)} further audited classes are in report.html." in first_page


@pytest.mark.slow
def test_the_html_keeps_its_size_by_showing_fewer_classes(run: Run, result: AuditResult) -> None:
    some = result.model_copy(update={"classes": result.classes[:200]})
    images = run.folder / "images"
    text = render_html(some, CONTEXT, images, max_mb=2)
    assert len(text.encode()) <= 2_000_000
    assert "data:image/webp" in text
    shown = re.findall(r'<h3 id="class-\d+">Class ([^<]+)<', text)
    assert len(shown) == 40
    assert shown[0].strip() == result.classes[0].name
    assert "At most 40 classes have a page" in text
    assert "tables/class_concepts.csv beside this file" in text
    targets = set(re.findall(r'\bid="([^"]+)"', text))
    assert set(re.findall(r'href="#(class-\d+)"', text)) <= targets


def test_no_table_of_the_pdf_is_long(run: Run, result: AuditResult) -> None:
    text = pdf_html(result, CONTEXT, run.folder / "images")
    longest = max(table.count("<tr") for table in re.findall(r"<table.*?</table>", text, re.DOTALL))
    assert longest <= 50
    assert f"{BRIEF.ranked} of 1,000 classes are shown" in text


def test_all_classes_are_in_the_tables(result: AuditResult) -> None:
    files = csv_files(result)
    assert len(pd.read_csv(io.BytesIO(files["classes.csv"]))) == COUNT
    concepts = pd.read_csv(io.BytesIO(files["class_concepts.csv"]))
    assert concepts["class"].nunique() == COUNT


def write_many(folder: Path, run: Run, count: int = COUNT) -> None:
    """Write a run folder with ``count`` classes, for measuring."""
    folder.mkdir(parents=True)
    text = many_classes(run.result, count).model_dump_json(indent=1)
    (folder / "audit.json").write_text(text, encoding="utf-8")
    (folder / "images").symlink_to(run.folder / "images")


def test_the_gravest_findings_have_a_sheet_and_the_rest_is_counted(run: Run) -> None:
    first = next(item for item in run.result.findings if item.grade in ("A", "B"))
    levels = ["low", "medium", "high", "critical"]
    many = [
        first.model_copy(update={"id": f"F{number}", "severity": levels[number % 4]})
        for number in range(1, 13)
    ]
    result = run.result.model_copy(update={"findings": many})
    text = pdf_html(result, CONTEXT, run.folder / "images")
    drawn = re.findall(r'<h3 id="finding-(\d+)"', text)
    assert [int(number) for number in drawn] == [2, 3, 6, 7, 10, 11]
    assert set(re.findall(r'href="#finding-(\d+)"', text)) == set(drawn)
    assert "6 further candidates have no sheet in this file" in text
    first_page = text[: text.index('id="findings"')]
    assert all(f">F{number}<" in first_page for number in (2, 6, 10))
    whole = CONTEXT.model_copy(update={"tier": "technical"})
    text = pdf_html(result, whole, run.folder / "images")
    assert len(re.findall(r'<h3 id="finding-\d+"', text)) == 12
    assert "no sheet in this file" not in text
