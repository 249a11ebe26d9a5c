"""The crosswalk names sections that exist and claims nothing."""

from __future__ import annotations

import re

from auditor.report.sections.order import ORDER
from auditor.report.show.crosswalk import DISCLAIMER, SOURCES
from auditor.report.show.pdf import pdf_html
from tests.report.conftest import Run
from tests.report.example import CONTEXT

KNOWN = {section.id: section.title for section in ORDER}


def test_every_section_it_names_exists() -> None:
    for source in SOURCES:
        for row in source.rows:
            assert row.sections, row.place
            assert set(row.sections) <= set(KNOWN), row.place


def test_every_result_is_somewhere() -> None:
    named = {name for source in SOURCES for row in source.rows for name in row.sections}
    assert named >= {"scope", "register", "findings", "performance", "classes", "method"}


def test_the_sentence_stands_in_the_report_and_no_claim_does(run: Run, html: str) -> None:
    whole = CONTEXT.model_copy(update={"tier": "technical"})
    for text in (html, pdf_html(run.result, whole, run.folder / "images")):
        assert DISCLAIMER in text
        table = text[text.index(DISCLAIMER) :]
        assert not re.search(r"complian|conforms|fulfil|meets the", table, re.IGNORECASE)
        for source in SOURCES:
            assert source.name in table
            for row in source.rows:
                assert re.search(rf'<th[^>]* scope="row"[^>]*>{re.escape(row.place)}</th>', table)


def test_it_links_to_sections_that_are_drawn(run: Run) -> None:
    context = CONTEXT.model_copy(update={"sections": ["scope", "crosswalk"]})
    text = pdf_html(run.result, context, run.folder / "images")
    links = set(re.findall(r'href="#(\w+)"', text[text.index(DISCLAIMER) :]))
    assert links == {"scope"}
    assert "Performance (in the whole report)" in text
