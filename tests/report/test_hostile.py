"""Names are text: class, file and layer names that look like markup change nothing but the text."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
import tinyhtml5

from auditor.base.errors import IntegrityError
from auditor.language.speaking import languages, speaking
from auditor.report.document.result import AuditResult, LegendEntry, Picture
from auditor.report.show.html import render_html
from auditor.report.show.pdf import pdf_html
from auditor.report.show.summary import text_files
from auditor.report.show.tables import csv_files
from tests.report.conftest import SMALL, Run
from tests.report.example import CONTEXT, Example
from tests.report.names import NAMES, rounds

PAYLOADS = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    '" style="background:url(https://example.org/x)',
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "{{ ''.__class__.__mro__ }}",
    "<!-- ",
    "]]><![CDATA[<b>",
    "&lt;b&gt;&amp;&#x3c;script&#x3e;",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "</title><base href=https://example.org/>",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "</td></tr></table><form action=https://example.org>",
    "@import url(https://example.org/x.css)",
    "file:///etc/passwd",
    "../../../etc/passwd",
    "\u202egnp.exe\u2066",
    "$\\frac{1}{0}$",
    "ﬁ 犬 \U0001f415 é",
)


def hostile(payload: str):
    def say(text: str) -> str:
        return payload + text

    return say


def build(folder: Path, payload: str) -> AuditResult:
    return Example(folder / "images", say=hostile(payload), **SMALL).result()


def parse(text: str) -> Element:
    # Base64 holds no markup; without it parsing is twenty times faster.
    bare = re.sub(r"base64,[A-Za-z0-9+/=]+", "base64,", text)
    return tinyhtml5.parse(bare, namespace_html_elements=False)


def structure(text: str) -> list[tuple[str, tuple[str, ...]]]:
    root = parse(text)
    return [(str(element.tag), tuple(sorted(element.attrib))) for element in root.iter()]


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("harmless")
    return Run(folder, build(folder, "name "))


@pytest.fixture(scope="module")
def plain_structures(harmless: Run) -> tuple[list, list]:
    images = harmless.folder / "images"
    page = render_html(harmless.result, CONTEXT, images, max_mb=8)
    return structure(page), structure(pdf_html(harmless.result, CONTEXT, images))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_names_stay_text(harmless: Run, plain_structures: tuple[list, list], payload: str) -> None:
    images = harmless.folder / "images"
    plain = harmless.result.model_dump_json()
    result = AuditResult.model_validate_json(plain.replace("name ", _in_json(payload)))
    assert result.classes[0].name == payload + "brick"
    page = render_html(result, CONTEXT, images, max_mb=8)
    assert structure(page) == plain_structures[0]
    shown = "".join(parse(page).itertext())
    assert shown.count(payload) > 100
    document = pdf_html(result, CONTEXT, images)
    assert structure(document) == plain_structures[1]


@pytest.mark.parametrize("code", languages())
def test_sixty_names_are_text_in_every_sink(harmless: Run, code: str) -> None:
    assert len(set(NAMES)) >= 60
    images = harmless.folder / "images"
    plain = harmless.result.model_copy(update={"language": code}).model_dump_json()
    context = CONTEXT.model_copy(update={"language": code})

    def sinks(result: AuditResult) -> list[object]:
        texts = text_files(result, context)
        marked = [texts[name].decode() for name in ("summary.md", "model_card.md")]
        tables = {
            name: list(csv.reader(io.StringIO(content.decode(), newline="")))
            for name, content in csv_files(result).items()
        }
        cells = [cell for rows in tables.values() for row in rows for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t", "\r"))]
        return [
            structure(render_html(result, context, images, max_mb=8)),
            structure(pdf_html(result, context, images)),
            # What is left of a line of Markdown when all that is escaped is taken away.
            [re.findall(r"[`*_\[\]#|<>~&$@]", re.sub(r"\\.", "", text)) for text in marked],
            [text.count("\n") for text in marked],
            {name: [len(row) for row in rows] for name, rows in tables.items()},
        ]

    with speaking(code):
        expected = sinks(AuditResult.model_validate_json(plain))
        for text in rounds(plain):
            assert sinks(AuditResult.model_validate_json(text)) == expected


def test_hostile_names_can_be_drawn(tmp_path: Path) -> None:
    result = build(tmp_path, PAYLOADS[0] + PAYLOADS[-2] + PAYLOADS[-1])
    svgs = list((tmp_path / "images").glob("*.svg"))
    assert len(svgs) == 17  # nine figures, of which eight have words, in two languages
    assert not any(b"<script" in path.read_bytes() for path in svgs)
    assert result.overview is not None


WHOLE = CONTEXT.model_copy(update={"tier": "technical"})


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "x.jpg", "a" * 32 + ".exe", "https://example.org/x.jpg"],
)
def test_pictures_are_only_the_runs_own(harmless: Run, name: str) -> None:
    picture = Picture(file=name, alt="x", width=1, height=1)
    result = harmless.result.model_copy(update={"overview": picture})
    for render in (
        lambda: render_html(result, CONTEXT, harmless.folder / "images", max_mb=8),
        lambda: pdf_html(result, WHOLE, harmless.folder / "images"),
    ):
        with pytest.raises(IntegrityError, match="picture"):
            render()


def test_a_colour_is_only_a_colour(harmless: Run) -> None:
    entry = LegendEntry(colour="url(https://example.org)", concept="stage3/0", share=0.1)
    item = harmless.result.classes[0]
    atlas = [item.atlas[0].model_copy(update={"legend": [entry]})]
    result = harmless.result.model_copy(
        update={"classes": [item.model_copy(update={"atlas": atlas})]}
    )
    with pytest.raises(IntegrityError, match="colour"):
        render_html(result, CONTEXT, harmless.folder / "images", max_mb=8)


def _in_json(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)[1:-1]
