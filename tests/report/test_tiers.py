"""How much of a result is drawn: tiers, and sections chosen and ordered by the config."""

from __future__ import annotations

import re

import pytest

from auditor.base.errors import UnknownNameError
from auditor.report.sections.order import ORDER
from auditor.report.show.html import render_html
from auditor.report.show.limits import BRIEF
from auditor.report.show.pdf import pdf_html
from auditor.report.show.view import View
from tests.report.conftest import Run
from tests.report.example import CONTEXT

HEADING = re.compile(r'<h2 id="(\w+)">')


def document(run: Run, medium: str, **changes: object) -> str:
    context = CONTEXT.model_copy(update=changes)
    if medium == "pdf":
        return pdf_html(run.result, context, run.folder / "images")
    return render_html(run.result, context, run.folder / "images", max_mb=8)


@pytest.mark.parametrize("medium", ["html", "pdf"])
@pytest.mark.parametrize("tier", ["executive", "standard", "technical"])
def test_each_tier_has_its_sections_and_no_dead_link(run: Run, medium: str, tier: str) -> None:
    text = document(run, medium, tier=tier)
    names = [name for name in HEADING.findall(text) if name != "contents"]
    present = [section for section in ORDER if section.has(run.result)]
    shown = {"executive": ["executive"], "standard": ["executive", "standard"]}
    if tier == "technical":
        wanted = [section.id for section in present]
    elif tier == "standard" and medium == "html":  # with the appendix, folded
        wanted = [section.id for section in present if section.id != "comparison"]
        assert '<details class="appendix"' in text
    else:
        wanted = [section.id for section in present if section.tier in shown[tier]]
        assert 'class="appendix"' not in text
    assert names == wanted
    targets = set(re.findall(r'\bid="([^"]+)"', text))
    links = set(re.findall(r'href="#([^"]+)"', text))
    assert links
    assert links <= targets


def test_the_technical_pdf_leaves_nothing_out(run: Run) -> None:
    brief, whole = (document(run, "pdf", tier=tier) for tier in ("standard", "technical"))
    assert "The technical appendix" in brief
    assert "Nothing had to be left out" in whole
    assert len(whole) > len(brief)


def test_sections_are_chosen_and_ordered(run: Run) -> None:
    text = document(run, "html", sections=["errors", "summary"])
    assert HEADING.findall(text) == ["errors", "summary"]


def test_an_unknown_section_names_the_nearest(run: Run) -> None:
    with pytest.raises(UnknownNameError, match="summary"):
        document(run, "html", sections=["sumary"])


def test_findings_without_a_sheet_are_shown_in_pictures_in_the_whole_report(run: Run) -> None:
    finding = next(each for each in run.result.findings if each.outlined)
    copies = [finding.model_copy(update={"id": f"F{i}", "grade": "C"}) for i in range(1, 31)]
    result = run.result.model_copy(update={"findings": copies, "cues": []})
    for tier, drawn in (("standard", 0), ("technical", 30)):
        context = CONTEXT.model_copy(update={"tier": tier})
        text = pdf_html(result, context, run.folder / "images")
        cards = re.findall(r'<div class="minor".*?</div>.*?</div>', text, re.DOTALL)
        assert len(cards) == drawn
        assert all("<img" in card and "62\u00a0% of images" in card for card in cards)
        assert ("30 further candidates are neither likely shortcuts" in text) == (drawn == 0)
        links, targets = (set(re.findall(p, text)) for p in (r'href="#([^"]+)"', r'\bid="([^"]+)"'))
        assert links <= targets


def test_a_short_document_counts_what_it_leaves_out_and_marks_every_flagged_class(run: Run) -> None:
    cards = run.result.factors
    assert cards is not None
    statistic = cards.factors[0]
    names = [item.name for item in run.result.classes]
    noted = [statistic.model_copy(update={"id": f"9-g{i}", "grade": "D"}) for i in range(4)]
    likely = statistic.model_copy(update={"id": "9-g9", "grade": "B", "class_name": names[-1]})
    factors = cards.model_copy(update={"factors": (*noted, likely)})
    result = run.result.model_copy(update={"findings": [], "cues": [], "factors": factors})
    view = View(result, CONTEXT, BRIEF)
    assert view.unasked == 4
    assert view.flagged == {names[-1]: "medium"}
    text = pdf_html(result, CONTEXT, run.folder / "images")
    assert "4 further candidates are neither likely shortcuts" in text
    chips = re.findall(r'<span class="class-chip">.*?</span></span>', text, re.DOTALL)
    assert [("<path" in chip) for chip in chips if names[-1] in chip] == [True]
    assert sum("<path" in chip for chip in chips) == 1
