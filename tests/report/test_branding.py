"""What an organisation brings of its own: templates, a style, a logo; and what is refused."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from pathlib import Path

import pypdf
import pytest
from click.testing import CliRunner
from PIL import Image, ImageFile

from auditor.base.errors import OutputError
from auditor.cli import cli
from auditor.report.show.branding import LOGO_BOX, Branding, read_branding
from auditor.report.show.html import render_html
from auditor.report.show.pdf import make_pdf, pdf_html
from auditor.report.show.summary import text_files
from auditor.report.show.templates import template_folder
from tests.report.conftest import Run, copy_run
from tests.report.example import CONTEXT
from tests.runs import list_as_written

STYLE = "h1 { letter-spacing: 0.5px; }\n"


def put(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def picture(kind: str = "PNG", size: tuple[int, int] = (300, 90), mode: str = "RGB") -> bytes:
    made = io.BytesIO()
    Image.new(mode, size, "navy").save(made, kind)
    return made.getvalue()


def in_html(run: Run, branding: Branding) -> str:
    return render_html(run.result, CONTEXT, run.folder / "images", max_mb=8, branding=branding)


def test_a_template_wins_and_the_rest_stays_ours(run: Run, tmp_path: Path, html: str) -> None:
    put(tmp_path / "sections" / "scope.html.j2", "<p>House scope of {{ result.scope.name }}</p>")
    put(tmp_path / "text" / "summary.md.j2", "house: {{ result.verdict.word }}")
    branding = read_branding(templates=tmp_path)
    page = in_html(run, branding)
    assert f"House scope of {run.result.scope.name}" in page
    assert "House scope" not in html
    assert 'id="method"' in page
    assert "House scope" in pdf_html(run.result, CONTEXT, run.folder / "images", branding=branding)
    texts = text_files(run.result, CONTEXT, branding=branding)
    assert texts["summary.md"].decode() == f"house: {run.result.verdict.word}"
    assert texts["model_card.md"] == text_files(run.result, CONTEXT)["model_card.md"]


def test_a_style_comes_last_and_the_policy_allows_it(run: Run, tmp_path: Path) -> None:
    branding = read_branding(css=put(tmp_path / "house.css", STYLE))
    page = in_html(run, branding)
    found = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert found is not None
    assert found[1].endswith(STYLE)
    digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
    policy = page[: page.index("<style>")]
    assert f"style-src 'sha256-{digest}'" in policy.replace("&#39;", "'")
    document = pdf_html(run.result, CONTEXT, run.folder / "images", branding=branding)
    assert f"{STYLE}</style>" in document


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_logo_is_on_the_cover_and_in_the_head(run: Run, tmp_path: Path, kind: str) -> None:
    path = put(tmp_path / "logo", picture(kind, (2000, 400)))
    branding = read_branding(logo=path, logo_text='The "house"')
    assert branding.logo is not None
    assert branding.logo.width == LOGO_BOX[0]
    assert branding.logo.height == 144
    page = in_html(run, branding)
    assert page.count(branding.logo.href) == 1
    assert 'alt="The &#34;house&#34;"' in page
    assert page.index('class="logo"') < page.index("<h1")


def test_the_pdf_has_the_logo_with_its_alternative_text(run: Run, tmp_path: Path) -> None:
    branding = read_branding(
        logo=put(tmp_path / "logo.png", picture(mode="RGBA")), logo_text="House"
    )
    context = CONTEXT.model_copy(update={"sections": ["scope"]})
    files = {"audit": b"{}", "name": "report.pdf"}
    images = run.folder / "images"
    made = make_pdf(run.result, context, images, timeout=300, branding=branding, **files)
    reader = pypdf.PdfReader(io.BytesIO(made))
    (image,) = reader.pages[0].images
    assert image.image is not None
    assert image.image.size == (300, 90)
    waiting, alts = [reader.trailer["/Root"]["/StructTreeRoot"]], set()
    while waiting:
        item = waiting.pop().get_object()
        if isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, dict):
            alts.add(str(item.get("/Alt", "")))
            waiting.extend([item["/K"]] if "/K" in item else [])
    assert "House" in alts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p{}\n</STYLE><script>", r"house\.css:2: '</STYLE' cannot"),
        ("a { background: url(http://x.example/a) }", r"'url\('"),
        ("a { background: URL  (x) }", "cannot be used"),
        ("@import 'x.css';", "'@import'"),
        ("a { background: \\75rl(x) }", "cannot be used"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("a{}" * 70_000, "200,000 is the most"),
    ],
)
def test_a_style_that_leaves_the_report_is_refused(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    with pytest.raises(OutputError, match=message):
        read_branding(css=put(tmp_path / "house.css", text))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "export it as PNG"),
        (picture("GIF"), "is GIF"),
        (picture()[:60], "no picture that can be read"),
        (b"x" * 5_000_001, "is the most"),
    ],
)
def test_what_is_no_logo_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(OutputError, match=message):
        read_branding(logo=put(tmp_path / "logo.png", content))


def test_half_a_picture_is_refused_after_weasyprint_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(OutputError, match="no picture that can be read"):
        read_branding(logo=put(tmp_path / "logo.png", picture()[:60]))
    assert ImageFile.LOAD_TRUNCATED_IMAGES


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for given in ({"css": nowhere}, {"logo": nowhere}, {"templates": nowhere}):
        with pytest.raises(OutputError, match="nowhere"):
            read_branding(**given)


def test_a_folder_with_none_of_our_names_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "sections" / "summmary.html.j2", "x")
    with pytest.raises(OutputError, match=r"Did you mean 'sections/summary\.html\.j2'"):
        read_branding(templates=tmp_path)


def test_our_own_styles_may_be_added_to_themselves() -> None:
    for medium in ("html", "pdf"):
        style = template_folder() / medium / "style.css"
        assert read_branding(css=style).style(medium).count("html {") >= 2


def finished(folder: Path, run: Run, report: str = "") -> Path:
    """Write a run folder as an audit leaves it, with more of its config's report section."""
    copy_run(run, folder)
    config = f"model: {{source: 'a:b'}}\ndata: {{source: d}}\nreport:\n  formats: [html]\n{report}"
    put(folder / "config.yaml", config)
    return list_as_written(folder, created="2026-03-04")


def test_the_command_takes_all_three(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = finished(tmp_path / "run", run, "  css: other.css\n")
    put(tmp_path / "house.css", STYLE)
    put(tmp_path / "logo.png", picture())
    put(tmp_path / "ours" / "sections" / "scope.html.j2", "House scope")
    monkeypatch.chdir(tmp_path)
    options = ["--css", "house.css", "--logo", "logo.png", "--template", "ours", "--quiet"]
    done = CliRunner().invoke(cli, ["render", str(folder), *options], catch_exceptions=False)
    assert done.exit_code == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    for wanted in (STYLE, 'class="logo"', "House scope"):
        assert wanted in page


def test_the_configs_own_are_looked_for_from_here(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = finished(tmp_path / "run", run, "  css: house.css\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match=r"report\.css: .*house\.css cannot be read"):
        CliRunner().invoke(cli, ["render", str(folder)], catch_exceptions=False)
    put(tmp_path / "house.css", STYLE)
    CliRunner().invoke(cli, ["render", str(folder)], catch_exceptions=False)
    assert STYLE in (folder / "report.html").read_text(encoding="utf-8")
