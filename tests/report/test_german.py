"""A report in another language: the same document, with all fixed text in that language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from gettext import NullTranslations

import pytest

from auditor.language import speaking as language
from auditor.language.numbers import decimal, number, percent, seconds
from auditor.language.speaking import speaking
from auditor.report.document.result import AuditResult, Interval
from auditor.report.show.formatting import day, interval, plural
from auditor.report.show.html import render_html
from auditor.report.show.pdf import pdf_html
from auditor.report.show.summary import text_files
from tests.report.conftest import Run
from tests.report.example import CONTEXT
from tests.report.test_catalogue import catalogue
from tests.report.test_hostile import PAYLOADS, _in_json, parse, structure

GERMAN = CONTEXT.model_copy(update={"language": "de"})
TECHNICAL = GERMAN.model_copy(update={"tier": "technical"})
# Files, commands, signs and names that have no language.
SAME = {
    *("audit", "auditor", "concept", "csv", "json", "html", "report", "yaml", "image", "region"),
    *("explain", "min", "Hans", "LRP"),
    *("AI", "NIST", "RMF", "MAP", "MEASURE", "MANAGE", "SR", "ISO", "IEC"),
}


@pytest.fixture(scope="module")
def german(run: Run) -> AuditResult:
    """The result as an audit that speaks German would have it: without the remark on language."""
    return run.result.model_copy(update={"language": "de"})


class Marked(NullTranslations):
    """German in which every text of the catalogue stands between marks."""

    def __init__(self) -> None:
        super().__init__()
        self.real = language._catalogue("de")
        ids = (item.id for item in catalogue("de") if item.id)
        self.known = {each if isinstance(each, str) else each[0] for each in ids}

    def gettext(self, message: str) -> str:
        said = self.real.gettext(message)
        return f"⟦{said}⟧" if message in self.known else said

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        said = self.real.ngettext(msgid1, msgid2, n)
        return f"⟦{said}⟧" if msgid1 in self.known else said


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pseudo = Marked()
    monkeypatch.setattr(language, "_catalogue", lambda _: pseudo)
    with speaking("de"):
        yield


def unmarked(text: str) -> str:
    """Return what is left when marked texts are taken away, inner ones first."""
    found = 1
    while found:
        text, found = re.subn(r"⟦[^⟦⟧]*⟧", " ", text)
    return text


@pytest.mark.usefixtures("marked")
@pytest.mark.parametrize("medium", ["html", "pdf"])
def test_no_fixed_text_bypasses_the_catalogue(run: Run, german: AuditResult, medium: str) -> None:
    images = run.folder / "images"
    if medium == "html":
        page = render_html(german, TECHNICAL, images, max_mb=8)
    else:
        page = pdf_html(german, TECHNICAL, images)
    root = parse(unmarked(page))
    said = [text for text in root.itertext() if "use strict" not in text and "{" not in text]
    for element in root.iter():
        said += [element.attrib.get(key, "") for key in ("alt", "title", "aria-label")]
    held = german.model_dump_json() + CONTEXT.model_dump_json()
    data = set(re.findall(r"[^\W\d_]+", held.replace(r"\n", " ")))
    left = {word for text in said for word in re.findall(r"[^\W\d_]{2,}", text)}
    assert sorted(left - data - SAME) == []


def test_the_document_is_the_same_but_for_its_words(run: Run, german: AuditResult) -> None:
    images = run.folder / "images"
    english = render_html(run.result, CONTEXT, images, max_mb=8)
    with speaking("de"):
        said = render_html(german, GERMAN, images, max_mb=8)
        printed = pdf_html(german, TECHNICAL, images)
        short = pdf_html(german, GERMAN, images)
    # The one remark that only another language has.
    english_notes = r' <span class="note">auf Englisch, wie das Programm[^<]*</span>'
    said, own = re.subn(english_notes, "", said)
    printed, printed_own = re.subn(english_notes, "", printed)
    assert (own, printed_own) == (1, 1)
    assert structure(said) == structure(english)
    whole = CONTEXT.model_copy(update={"tier": "technical"})
    assert structure(printed) == structure(pdf_html(run.result, whole, images))
    assert structure(short) == structure(pdf_html(run.result, CONTEXT, images))
    assert '<html lang="de">' in said
    assert '<html lang="de">' in printed
    assert "Zusammenfassung" in said
    assert "Was als Nächstes zu tun ist" in printed
    assert "Was als Nächstes zu tun ist" in short


def test_a_report_says_in_which_language_an_earlier_version_wrote(run: Run) -> None:
    german = run.result.model_copy(update={"language": "de"})
    remark = "stands in its language, German"
    for result, said in ((german, True), (run.result, False)):
        page = pdf_html(result, CONTEXT, run.folder / "images")
        text = text_files(result, CONTEXT)["summary.md"].decode()
        assert (remark in page, remark in text) == (said, said)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_names_stay_text(run: Run, german: AuditResult, payload: str) -> None:
    images = run.folder / "images"
    plain = german.model_dump_json()
    result = AuditResult.model_validate_json(plain.replace("brick", _in_json(payload)))
    with speaking("de"):
        expected = structure(pdf_html(german, GERMAN, images))
        assert structure(pdf_html(result, GERMAN, images)) == expected


def test_numbers_and_dates() -> None:
    with speaking("de"):
        assert percent(0.0123) == "1,2\u00a0%"
        assert number(-1234.5) == "−1.234"
        assert number(0.25) == "0,250"
        assert decimal(0.5) == "0,50"
        assert seconds(1.25) == "1,2 s"
        assert plural(1200, "picture") == "1.200 Bilder"
        assert interval(Interval(value=0.93, low=0.9, high=0.95, n=640)) == (
            "93\u00a0% (90 bis 95\u00a0%, n\u00a0=\u00a0640)"
        )
        assert day("2026-11-25T08:00:00Z") == "25.11.2026"
    assert number(-1234.5) == "−1,234"
    assert day("2026-11-25T08:00:00Z") == "2026-11-25"
