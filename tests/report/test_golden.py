"""Texts of the report against stored ones, times scrubbed.

A changed text is accepted, after it has been read, by running the test with ACCEPT_GOLDEN=1.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
import tinyhtml5

from auditor.report.show.pdf import pdf_html
from auditor.report.show.rates import rates_sentence
from auditor.report.show.render import read_result
from auditor.report.show.summary import text_files
from tests.report.conftest import Run
from tests.report.example import CONTEXT

GOLDEN = Path(__file__).parent / "golden"
SECTIONS = ("summary", "register", "findings", "cues", "performance", "method", "crosswalk")
BLOCKS = {"p", "li", "tr", "h2", "h3", "h4", "div", "figcaption", "dt", "dd", "section", "article"}


def scrubbed(text: str) -> str:
    """Return the text without times and versions, and the counts of the latest benchmark."""
    text = text.replace(rates_sentence(), "<rates>")
    text = re.sub(r"\d{4}-\d\d-\d\d(T[\d:]+Z)?", "<date>", text)
    return re.sub(r"concept-auditor \d[\w.]*", "concept-auditor <version>", text)


def plain(document: str) -> str:
    """Return what a reader reads, a line for every block."""
    body = document[document.index("<body") :]
    lines = [""]
    _read(tinyhtml5.parse(body, namespace_html_elements=False), lines)
    return "\n".join(line for line in (" ".join(each.split()) for each in lines) if line) + "\n"


def _read(element: Element, lines: list[str]) -> None:
    if element.tag in BLOCKS:
        lines.append("")
    lines[-1] += element.text or ""
    for child in element:
        _read(child, lines)
        lines[-1] += f" {child.tail or ''}" if child.tag in {"td", "th"} else child.tail or ""


def text_of(run: Run, name: str) -> str:
    result = read_result(run.folder)
    if name.endswith(".md"):
        return scrubbed(text_files(result, CONTEXT)[name].decode())
    context = CONTEXT.model_copy(update={"sections": [name.removesuffix(".txt")]})
    return scrubbed(plain(pdf_html(result, context, run.folder / "images")))


@pytest.mark.parametrize("name", ["summary.md", "model_card.md", *(f"{s}.txt" for s in SECTIONS)])
def test_the_text_is_as_accepted(run: Run, name: str) -> None:
    text = text_of(run, name)
    path = GOLDEN / name
    if os.environ.get("ACCEPT_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"{path} is missing: run with ACCEPT_GOLDEN=1 and read it"
    assert text == path.read_text(encoding="utf-8"), "read the change; then ACCEPT_GOLDEN=1"


def test_goldens_are_small_and_none_is_left_over() -> None:
    names = {path.name: path.stat().st_size for path in GOLDEN.iterdir()}
    assert set(names) == {"summary.md", "model_card.md", *(f"{s}.txt" for s in SECTIONS)}
    assert max(names.values()) < 30_000
