"""report.pdf: bookmarks, contents, page numbers, attachment, same bytes, and nothing fetched."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pypdf
import pytest

from auditor.base.errors import IntegrityError, OutputError
from auditor.report.document.result import RenderContext
from auditor.report.sections.order import sections_of
from auditor.report.show import pdf_child
from auditor.report.show.pdf import make_pdf
from auditor.report.show.render import render_run
from auditor.report.show.tables import csv_files
from tests.report.conftest import Run, copy_run, write_run
from tests.report.example import CONTEXT, empty_result

TECHNICAL = CONTEXT.model_copy(update={"tier": "technical"})


def make(run: Run, context: RenderContext = CONTEXT) -> bytes:
    audit = (run.folder / "audit.json").read_bytes()
    images = run.folder / "images"
    return make_pdf(run.result, context, images, audit=audit, name="report.pdf", timeout=300)


@pytest.fixture(scope="module")
def made(run: Run) -> bytes:
    return make(run)


@pytest.fixture(scope="module")
def reader(made: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(made))


@pytest.fixture(scope="module")
def whole(run: Run) -> pypdf.PdfReader:
    """The PDF of the technical tier, with cover, contents and appendix."""
    return pypdf.PdfReader(io.BytesIO(make(run, TECHNICAL)))


def bookmarks(reader: pypdf.PdfReader) -> dict[str, int]:
    tops = [item for item in reader.outline if not isinstance(item, list)]
    return {str(item.title): reader.get_destination_page_number(item) + 1 for item in tops}


def test_bookmarks_are_the_sections(
    reader: pypdf.PdfReader, whole: pypdf.PdfReader, run: Run
) -> None:
    for tier, made, start in (("standard", reader, []), ("technical", whole, ["Contents"])):
        sections = sections_of(run.result, tier)
        wanted = [f"{section.number} {section.title}" for section in sections]
        assert list(bookmarks(made)) == [*start, *wanted]


def test_the_contents_name_the_right_pages(whole: pypdf.PdfReader) -> None:
    contents = re.sub(r"[\s.]+", " ", whole.pages[1].extract_text())
    for title, page in bookmarks(whole).items():
        if title != "Contents":
            assert re.search(rf"{re.escape(title)} {page}\b", contents), (title, page)


def test_the_first_page_of_a_short_report_decides(reader: pypdf.PdfReader, run: Run) -> None:
    """Verdict, the first finding in pictures, the classes, what was searched and what not."""
    page = reader.pages[0]
    text = " ".join(page.extract_text().split())
    first = run.result.findings[0]
    assert run.result.verdict.sentence[:40] in text
    assert first.title in text
    assert len(page.images) >= 3
    for words in ("What to do first", "Searched:", "What this audit does not show"):
        assert words in text
    for item in run.result.classes:
        assert f"{item.name} " in text
    assert len(reader.pages) <= 15
    second = reader.pages[1].extract_text()
    assert first.title in second
    assert "How a fix will be checked" in second


def test_every_page_has_its_number_and_label(reader: pypdf.PdfReader) -> None:
    count = len(reader.pages)
    for number, page in enumerate(reader.pages, start=1):
        text = page.extract_text()
        assert f"page {number} of {count}" in text
        assert "Internal" in text
    assert "run 0f3c9a7b" in reader.pages[1].extract_text()


def test_the_result_its_tables_and_its_config_are_attached(
    reader: pypdf.PdfReader, run: Run
) -> None:
    wanted = {"audit.json": (run.folder / "audit.json").read_bytes(), **csv_files(run.result)}
    wanted["config.yaml"] = run.result.config.encode()
    assert {name: data for name, (data,) in reader.attachments.items()} == wanted


def test_attachments_say_how_they_relate_and_are_found_by_name(reader: pypdf.PdfReader) -> None:
    catalog = reader.trailer["/Root"]
    names = catalog["/Names"]["/EmbeddedFiles"]["/Names"]
    assert list(names[::2]) == sorted(names[::2])
    kinds = {}
    for reference in catalog["/AF"]:
        item = reference.get_object()
        assert item["/Desc"]
        kinds[item["/UF"]] = (item["/AFRelationship"], item["/EF"]["/F"]["/Subtype"])
    assert kinds.pop("audit.json") == ("/Source", "/application/json")
    assert kinds.pop("config.yaml")[0] == "/Supplement"
    assert set(kinds.values()) == {("/Data", "/text/csv")}
    assert set(kinds) == set(names[::2]) - {"audit.json", "config.yaml"}


def test_pages_are_labelled_as_they_are_numbered(
    reader: pypdf.PdfReader, whole: pypdf.PdfReader
) -> None:
    assert reader.page_labels == [str(number) for number in range(1, len(reader.pages) + 1)]
    after = [str(number) for number in range(2, len(whole.pages) + 1)]
    assert whole.page_labels == ["Cover", *after]
    catalog = reader.trailer["/Root"]
    assert catalog["/ViewerPreferences"]["/DisplayDocTitle"]
    assert catalog["/PageMode"] == "/UseOutlines"


def test_a_sheet_is_one_page(reader: pypdf.PdfReader, run: Run) -> None:
    texts = [page.extract_text() for page in reader.pages]
    sheets = [finding for finding in run.result.findings if finding.grade in ("A", "B")]
    assert sheets
    for finding in sheets:
        (text,) = [text for text in texts if f"fingerprint {finding.fingerprint}" in text]
        assert finding.title in text
        assert "How a fix will be checked" in text


def test_a_long_register_lies_on_a_wide_page(run: Run, tmp_path: Path) -> None:
    finding = run.result.findings[0]
    many = [finding.model_copy(update={"id": f"F{i}", "grade": "C"}) for i in range(1, 31)]
    result = run.result.model_copy(update={"findings": many})
    context = CONTEXT.model_copy(update={"sections": ["scope", "register", "signoff"]})
    images = run.folder / "images"
    content = make_pdf(result, context, images, timeout=300, audit=b"{}", name="report.pdf")
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    wide = [page for page in pages if page.mediabox.width > page.mediabox.height]
    assert "F30" in "".join(page.extract_text() for page in wide)
    assert 0 < len(wide) < len(pages)


def test_it_is_tagged_archivable_and_links_only_inside(
    reader: pypdf.PdfReader, made: bytes
) -> None:
    catalog = reader.trailer["/Root"]
    assert catalog["/MarkInfo"]["/Marked"]
    assert catalog["/Lang"] == "en"
    metadata = catalog["/Metadata"].get_data().decode()
    assert re.search(r"part[=>\"]+3", metadata)
    assert re.search(r"conformance[=>\"]+A", metadata)
    for page in reader.pages:
        for note in page.get("/Annots", []):
            assert "/A" not in note.get_object() or "/URI" not in note.get_object()["/A"]
    assert b"/JavaScript" not in made


def tags(reader: pypdf.PdfReader) -> list[pypdf.generic.DictionaryObject]:
    found = []
    waiting = [reader.trailer["/Root"]["/StructTreeRoot"]]
    while waiting:
        item = waiting.pop().get_object()
        if isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, dict):
            found.append(item)
            waiting.extend([item["/K"]] if "/K" in item else [])
    return found


def test_every_figure_has_an_alternative_text(whole: pypdf.PdfReader, run: Run) -> None:
    pictures = [item for item in tags(whole) if item.get("/S") == "/Figure"]
    assert len(pictures) > 50
    assert all(str(item.get("/Alt", "")).strip() for item in pictures)
    alts = {str(item["/Alt"]) for item in pictures}
    assert run.result.classes[0].tables[0].rows[0].crops[0].crop.alt in alts
    assert any(alt.startswith("What the decision for brick is made of") for alt in alts)


def test_headings_and_tables_are_tagged(reader: pypdf.PdfReader) -> None:
    kinds = {str(item.get("/S")) for item in tags(reader)}
    assert {"/H1", "/H2", "/H3", "/Table", "/TR", "/TH", "/TD", "/L", "/LI", "/Link"} <= kinds


def test_graphs_have_their_pictures_in_the_pdf(whole: pypdf.PdfReader) -> None:
    (page,) = [p for p in whole.pages[2:] if "Behind finding F1" in p.extract_text()]
    assert len(page.images) >= 4
    text = page.extract_text()
    assert "· 77" in text
    assert "63 %" in text


def test_same_inputs_same_bytes(made: bytes, run: Run) -> None:
    assert make(run) == made


def test_an_empty_result_becomes_a_pdf(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", empty_result())
    (run.folder / "images").mkdir()
    reader = pypdf.PdfReader(io.BytesIO(make(run)))
    assert len(reader.pages) >= 2


def fake_weasyprint(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = folder / "fake" / "weasyprint"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(folder / "fake"))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("print('banner')\nraise OSError('cannot load library libpango')", "apt install"),
        ("raise RuntimeError('out of ink')", "out of ink"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "could not be made"),
        ("import time\ntime.sleep(600)", "longer than 2 seconds"),
    ],
)
def test_a_failing_pdf_keeps_the_html(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    module: str,
    message: str,
) -> None:
    folder = copy_run(run, tmp_path / "run")
    fake_weasyprint(tmp_path, module, monkeypatch)
    with pytest.raises(OutputError, match=message):
        render_run(folder, CONTEXT, formats=["html", "pdf"], max_html_mb=8, pdf_timeout=2)
    assert (folder / "report.html").stat().st_size > 10_000
    assert not (folder / "report.pdf").exists()
    assert (folder / "summary.json").is_file()
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/x.jpg",
        "https://example.org/x.jpg",
        "ftp://127.0.0.1/x.jpg",
        "file:///etc/passwd",
        "run-image:../../audit.json",
        "run-image:/etc/passwd",
        "run-image:" + "0" * 32 + ".jpg",
        "data:text/html,<b>x</b>",
        "data:image/svg+xml;base64,PHN2Zy8+",
        "//example.org/x.jpg",
        "gopher://example.org/",
        "RUN-IMAGE:" + "0" * 32 + ".jpg",
    ],
)
def test_the_fetcher_refuses_everything_else(run: Run, url: str) -> None:
    fetch = pdf_child._fetcher(run.folder / "images")
    with pytest.raises(ValueError, match=r"no picture of it|is missing"):
        fetch(url)


def test_the_fetcher_serves_no_link_out_of_the_run(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    name = "0" * 32 + ".jpg"
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / name).symlink_to(secret)
    with pytest.raises(ValueError, match="is missing"):
        pdf_child._fetcher(tmp_path / "images")(f"run-image:{name}")


@pytest.mark.parametrize(
    "document",
    [
        "<img src='file:///etc/hostname' alt=x>",
        "<img src='run-image:" + "0" * 32 + ".jpg' alt=x>",
        "<style>@import url(http://127.0.0.1:9/x.css)</style>",
    ],
)
def test_a_document_that_asks_for_more_fails(run: Run, tmp_path: Path, document: str) -> None:
    command = [sys.executable, "-m", "auditor.report.show.pdf_child"]
    command += ["--images", str(run.folder / "images"), "--created", CONTEXT.created]
    command += ["--attach", str(run.folder / "audit.json"), "--out", str(tmp_path / "x.pdf")]
    done = subprocess.run(command, input=document.encode(), capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stdout == b""
    assert not (tmp_path / "x.pdf").exists()


def test_a_changed_picture_stops_the_pdf(run: Run, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for path in (run.folder / "images").iterdir():
        (images / path.name).write_bytes(path.read_bytes())
    changed = images / run.result.findings[0].outlined[0].file
    changed.write_bytes(changed.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match="changed after the audit"):
        make_pdf(run.result, CONTEXT, images, audit=b"{}", name="x.pdf", timeout=60)
