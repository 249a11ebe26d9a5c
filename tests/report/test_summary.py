"""summary.json, summary.md, model_card.md and the CSV tables."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest

from auditor.report.show.summary import summary, text_files
from auditor.report.show.tables import csv_files, neutral
from tests.report.conftest import Run
from tests.report.example import CONTEXT

MARKED = "[x](https://a.example) <img src=x> *b* | `c` @d www.e.example"


def test_the_summary_says_what_the_audit_found(run: Run) -> None:
    document = json.loads(text_files(run.result, CONTEXT)["summary.json"])
    assert document == json.loads(json.dumps(summary(run.result, CONTEXT)))
    assert document["verdict"] == run.result.verdict.word
    assert document["code"] == run.result.verdict.code
    assert document["findings"][0]["grade"] == run.result.findings[0].grade
    assert document["pictures"]["found"] == run.result.data.total


def test_the_markdown_fits_a_pull_request(run: Run) -> None:
    text = text_files(run.result, CONTEXT)["summary.md"].decode()
    finding = run.result.findings[0]
    assert text.startswith("# ")
    assert len(text) < 10_000
    for wanted in (run.result.verdict.word, finding.id, finding.severity, "a person decides"):
        assert wanted in text


def test_the_section_for_a_model_card_has_its_parts(run: Run) -> None:
    text = text_files(run.result, CONTEXT)["model_card.md"].decode()
    row = run.result.classes[0].tables[0].rows[0]
    names = {concept.id: concept.name for concept in run.result.concepts}
    for wanted in ("## Concept audit", "**Accuracy.**", names[row.concept], "does not show"):
        assert wanted in text


@pytest.mark.parametrize("name", ["summary.md", "model_card.md"])
def test_names_are_text_in_markdown(run: Run, name: str) -> None:
    finding = run.result.findings[0].model_copy(update={"what": MARKED, "class_name": MARKED})
    classes = [item.model_copy(update={"name": MARKED}) for item in run.result.classes]
    result = run.result.model_copy(update={"findings": [finding], "classes": classes})
    text = text_files(result, CONTEXT)[name].decode()
    assert "\\[x\\](https\\://a.example) \\<img src=x\\> \\*b\\* \\| \\`c\\` \\@d www\\.e" in text
    assert MARKED not in text


def test_tables_hold_every_row_and_number(run: Run) -> None:
    files = csv_files(run.result)
    tables = (
        "classes",
        "class_concepts",
        "concepts",
        "subspaces",
        "findings",
        "evidence",
        "carriers",
        "factors",
    )
    assert set(files) == {f"{name}.csv" for name in tables}
    rows = pd.read_csv(io.BytesIO(files["class_concepts.csv"]))
    wanted = [row for item in run.result.classes for table in item.tables for row in table.rows]
    assert list(rows["share"]) == [row.share for row in wanted]
    evidence = pd.read_csv(io.BytesIO(files["evidence.csv"]))
    assert len(evidence) == sum(len(each.evidence) for each in run.result.findings)
    assert list(evidence.columns) == [
        *("finding", "test", "outcome", "effect", "unit", "of", "low", "high", "n", "p", "q"),
        *("z", "reason"),
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_is_a_formula(run: Run, text: str) -> None:
    assert neutral(text) == f"'{text}"
    classes = [item.model_copy(update={"name": text}) for item in run.result.classes]
    result = run.result.model_copy(update={"classes": classes})
    frame = pd.read_csv(io.BytesIO(csv_files(result)["class_concepts.csv"]))
    assert set(frame["class"]) == {f"'{text}"}


def test_numbers_stay_numbers() -> None:
    assert neutral(-0.5) == -0.5
