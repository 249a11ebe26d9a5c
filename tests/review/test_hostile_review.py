"""Whatever stands in review.json is text in the report, its page and the history, never markup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auditor.report.document.review import Comparison, DecisionState, Review
from auditor.report.show.html import render_html
from auditor.report.show.pdf import pdf_html
from auditor.report.show.summary import text_files
from auditor.review.compare.audits import compare_folders
from auditor.review.compare.pages import comparison_html
from auditor.review.decide.deciding import Said, about_finding
from auditor.review.decide.decisions import decision_states
from auditor.review.keep.history import read_history
from auditor.review.keep.history_page import history_html
from auditor.review.keep.reviewed import update_review
from auditor.review.keep.runs import read_run
from tests.report.example import CONTEXT
from tests.report.test_html import text_of
from tests.review.made import audit, card, write

BAD = "<script>alert(1)</script>\"' onmouseover='x' {{ 739 * 743 }} </td></style>&lt;"
# Words of the format; all other texts come from files and people.
FIXED = {"status", "severity", "earlier_severity", "what", "state", "unit", "better", "grade"}
FIXED |= {
    "file",
    "format",
    "created",
    "id",
    "digest",
    "date",
    "expires",
    "verdict",
}


def spoilt(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: spoilt(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [spoilt(item, key) for item in value]
    return f"{value}{BAD}" if isinstance(value, str) and key not in FIXED else value


@pytest.fixture
def hostile(base, one, tmp_path: Path, images: Path) -> tuple[Path, Review]:
    write(tmp_path / "a", audit(base, [card(one, seed=1)], wrong=range(30)))
    now = audit(base, [card(one, seed=2)], moved=True)
    path = write(tmp_path / "b", now, created="2026-04-01T00:00:00Z")
    comparison = compare_folders(tmp_path / "a", path)
    made = [
        about_finding(now, path, "F1", what, Said("why", "Ann", f"2026-03-0{day}", expires=until))
        for day, (what, until) in enumerate((("reject", None), ("accept", "2026-03-09")), start=1)
    ]
    states = decision_states(made, now, as_of="2026-04-02")
    review = update_review(
        path,
        now.run,
        as_of="2026-04-02",
        comparison=Comparison.model_validate(spoilt(comparison.model_dump())),
        decisions=[DecisionState.model_validate(spoilt(s.model_dump())) for s in states],
    )
    return path, review


def test_nothing_of_a_review_becomes_markup(hostile, images: Path) -> None:
    path, review = hostile
    result = read_run(path).result
    context = CONTEXT.model_copy(update={"review": review})
    pages = {
        "report": render_html(result, context, images, max_mb=8),
        "pdf": pdf_html(result, context, images),
        "page": comparison_html(review.comparison, result, [images], "1"),
        "history": history_html(
            read_history(path.parent), path.parent, path.parent / "i.html", written="", version="1"
        ),
    }
    for name, page in pages.items():
        assert "<script>alert(1)" not in page, name
        assert "onmouseover='x'" not in page, name
        assert "549077" not in page, name
    for name in ("report", "page"):
        assert text_of(pages[name]).count(BAD) > 20
    for name, content in text_files(result, context).items():
        assert name == "summary.json" or b"<script>" not in content, name
        if name != "model_card.md":
            assert b"alert" in content, name
