"""Rendering a run folder: what is checked before, what is written, and that torch stays out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from auditor.base.errors import IntegrityError, OutputError, UnknownNameError
from auditor.report.document.result import RenderContext
from auditor.report.show import render
from auditor.report.show.render import read_result, render_run
from auditor.report.show.templates import template_folder
from auditor.run.manifest import digest_in, read_manifest, write_listed
from tests.report.conftest import Run, copy_run, write_run
from tests.report.example import CONTEXT, empty_result
from tests.runs import list_as_written


def only_html(folder: Path) -> Path:
    done = render_run(folder, CONTEXT, formats=["html"], max_html_mb=8, pdf_timeout=60)
    return done["html"]


def test_writes_the_html_and_the_short_forms_and_nothing_else(
    tmp_path: Path, run: Run, html: str
) -> None:
    folder = copy_run(run, tmp_path / "run")
    assert only_html(folder).read_text(encoding="utf-8") == html
    made = {path.name for path in folder.iterdir()} - {"audit.json", "images", "manifest.json"}
    assert made == {"report.html", "summary.json", "summary.md", "model_card.md", "tables"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], "no JSON"),
        (lambda text: "[]", "not the result of an audit"),
        (lambda text: text.replace('"version":2', '"version":1'), "format version 1; .* version 2"),
        (lambda text: text.replace('"run":', '"walk":'), "does not fit"),
        (lambda text: text.replace('"total":0', '"total":"none"'), "data.total"),
        (lambda text: text.replace('"value":0.0', '"value":NaN'), "JSON|does not fit"),
    ],
)
def test_a_broken_result_is_named(
    tmp_path: Path, change: Callable[[str], str], message: str
) -> None:
    text = empty_result().model_dump_json()
    changed = change(text)
    assert changed != text
    (tmp_path / "audit.json").write_text(changed)
    list_as_written(tmp_path)
    with pytest.raises(IntegrityError, match=message):
        only_html(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_a_missing_result_is_named(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"audit\.json cannot be read"):
        read_result(list_as_written(tmp_path))


def test_a_missing_picture_is_named(tmp_path: Path, run: Run) -> None:
    write_run(tmp_path, run.result)
    with pytest.raises(IntegrityError, match="is missing from the run's images"):
        only_html(tmp_path)


def test_an_unknown_format_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'html'"):
        render_run(tmp_path, CONTEXT, formats=["htm"], max_html_mb=8, pdf_timeout=60)


def test_the_folder_holds_what_it_names_and_nothing_of_before(tmp_path: Path, run: Run) -> None:
    copy_run(run, tmp_path)
    old = tmp_path / "report" / "images" / ("0" * 32 + ".jpg")
    own = old.with_name("notes.txt")
    own.parent.mkdir(parents=True)
    for path in (old, own):
        path.write_text("x")
    options = {"formats": ["html"], "max_html_mb": 0.01, "pdf_timeout": 60}
    index = render_run(tmp_path, CONTEXT, layout="folder", **options)["html"]
    assert index == tmp_path / "report" / "index.html"
    assert {p.name for p in index.parent.iterdir()} == {
        "index.html",
        "style.css",
        "script.js",
        "images",
    }
    named = set(re.findall(r'"images/([0-9a-f]{32}\.\w+)"', index.read_text(encoding="utf-8")))
    assert len(named) > 100
    assert {path.name for path in own.parent.iterdir()} == named | {own.name}
    for name in named:
        assert (own.parent / name).read_bytes() == (run.folder / "images" / name).read_bytes()
    assert not (tmp_path / "report.html").exists()
    with pytest.raises(UnknownNameError, match="Did you mean 'folder'"):
        render_run(tmp_path, CONTEXT, layout="foldr", **options)


def test_json_survives_the_way_there_and_back(run: Run) -> None:
    document = json.loads((run.folder / "audit.json").read_text())
    assert read_result(run.folder) == run.result
    assert document["format"] == "concept-auditor/audit"


def test_rendering_never_imports_torch(run: Run, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from auditor.report.draw import figures\n"
        "from auditor.report.show import pdf, pdf_child, picture_store, render\n"
        "from auditor.report.document.result import RenderContext\n"
        "context = RenderContext(created='2026-01-01T00:00:00Z')\n"
        f"run = Path({str(tmp_path)!r})\n"
        "render.render_run(run, context, formats=['html'], max_html_mb=8, pdf_timeout=9)\n"
        "assert not {'torch', 'weasyprint', 'matplotlib'} & set(sys.modules), sorted(sys.modules)\n"
    )
    copy_run(run, tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def test_templates_are_found_beside_the_package() -> None:
    assert (template_folder() / "pdf" / "report.html.j2").is_file()


def draw(folder: Path, context: RenderContext = CONTEXT, *formats: str) -> Mapping[str, Path]:
    options = {"max_html_mb": 8, "pdf_timeout": 60}
    return render_run(folder, context, formats=formats or ("html", "pdf"), **options)


def broken_pdf(*_: object, **__: object) -> bytes:
    raise OutputError("making report.pdf took longer than 1 seconds and was stopped.")


def test_no_old_pdf_stays_beside_new_html(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_run(run, tmp_path / "run")
    monkeypatch.setattr(render, "make_pdf", lambda *_, **__: b"%PDF")
    draw(folder)
    listed = read_manifest(folder)["files"]
    monkeypatch.setattr(render, "make_pdf", broken_pdf)
    # The same HTML: the PDF shows what it shows.
    with pytest.raises(OutputError) as raised:
        draw(folder)
    assert "removed" not in str(raised.value)
    assert read_manifest(folder)["files"] == listed
    # Other HTML: it does not.
    other = CONTEXT.model_copy(update={"command": "auditor run other.yaml"})
    with pytest.raises(OutputError, match=r"report\.pdf that was there showed an earlier"):
        draw(folder, other)
    assert not (folder / "report.pdf").exists()
    assert "auditor run other.yaml" in (folder / "report.html").read_text(encoding="utf-8")
    found = verify_listed(folder)
    assert found == set()
    assert "report.pdf" not in read_manifest(folder)["files"]


def verify_listed(folder: Path) -> set[str]:
    """Return the listed files that are not as they were written."""
    listed = read_manifest(folder)["files"]
    return {name for name, digest in listed.items() if digest_in(folder, name) != digest}


def test_reports_that_were_not_drawn_again_are_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_run(run, tmp_path / "run")
    monkeypatch.setattr(render, "make_pdf", lambda *_, **__: b"%PDF")
    draw(folder)
    before = read_manifest(folder)["files"]
    written = draw(folder, CONTEXT, "html")
    assert render.older_reports(folder, CONTEXT, before, written.values()) == []
    other = CONTEXT.model_copy(update={"command": "auditor run other.yaml"})
    written = draw(folder, other, "html")
    assert render.older_reports(folder, other, before, written.values()) == ["report.pdf"]


def test_a_rendering_in_a_folder_lists_what_it_wrote(run: Run, tmp_path: Path) -> None:
    folder = copy_run(run, tmp_path / "run")
    options = {"formats": ["html"], "max_html_mb": 8, "pdf_timeout": 60, "layout": "folder"}
    render_run(folder, CONTEXT, **options)
    listed = {name for name in read_manifest(folder)["files"] if name.startswith("report/")}
    lying = {path.relative_to(folder).as_posix() for path in (folder / "report").rglob("*.*")}
    assert listed == lying
    assert verify_listed(folder) == set()
    # Pictures of an earlier rendering are neither there nor listed any more.
    old = "0" * 32 + ".jpg"
    write_listed(folder, {f"report/images/{old}": b"old"})
    render_run(folder, CONTEXT, **options)
    assert not (folder / "report" / "images" / old).exists()
    assert f"report/images/{old}" not in read_manifest(folder)["files"]
