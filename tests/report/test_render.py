"""Rendering a run folder: what is checked before, what is written, and that torch stays out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.errors import IntegrityError, UnknownNameError
from auditor.report.render import read_result, render_run
from auditor.report.templates import template_folder
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
        (lambda text: text.replace('"version":1', '"version":2'), "format version 2"),
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
        "from auditor.report import figures, images, pdf, pdf_child, render\n"
        "from auditor.report.model import RenderContext\n"
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
