"""Single figures of a report: named, written, and opened again."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

import pypdf
import pytest

from auditor.__main__ import run as auditor
from auditor.report.show.single_figures import figures_of
from tests.report.conftest import Run, copy_run

SVG = "{http://www.w3.org/2000/svg}svg"


def test_every_drawing_of_the_report_has_a_name_of_its_own(run: Run, html: str) -> None:
    found = figures_of(run.result)
    assert {"overview", "performance-confusion", "performance-calibration"} <= set(found)
    assert "findings-F1-details-zeroing" in found
    files = {picture.file for picture in found.values()}
    assert all((run.folder / "images" / file).is_file() for file in files)
    assert html.count("data:image/svg+xml,") == len(files) - 1  # the matrix is a table there


def test_figures_are_listed_and_written(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy_run(run, tmp_path / "run")
    assert auditor(["figures", str(folder), "--list"]) == 0
    listed = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    found = figures_of(run.result)
    assert listed == {name: picture.alt for name, picture in found.items()}
    out = tmp_path / "figures"
    words = ["figures", str(folder), "--out", str(out), "--format", "svg"]
    assert auditor(words) == 0
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [path.name for path in written] == [f"{name}.svg" for name in found]
    for path in written:
        assert ElementTree.parse(path).getroot().tag == SVG


def test_a_pdf_is_as_large_as_its_figure_and_needs_no_font(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy_run(run, tmp_path / "run")
    words = ["figures", str(folder), "--out", str(tmp_path), "--format", "pdf"]
    names = ("overview", "performance-calibration")
    for name in names:
        words += ["--figure", name]
    assert auditor(words) == 0
    for name in names:
        picture = figures_of(run.result)[name]
        content = (tmp_path / f"{name}.pdf").read_bytes()
        (page,) = pypdf.PdfReader(io.BytesIO(content)).pages
        assert float(page.mediabox.width) == pytest.approx(picture.width * 0.75, abs=1)
        assert float(page.mediabox.height) == pytest.approx(picture.height * 0.75, abs=1)
        assert len(page.get_contents().get_data()) + len(page["/Resources"]) > 10
        fonts = page["/Resources"].get("/Font", {})
        embedded = [font.get_object()["/DescendantFonts"] for font in fonts.values()]
        assert embedded == [] or all(embedded)
    capsys.readouterr()
    assert auditor([*words, "--figure", "overvew"]) == 2
    assert "unknown figure 'overvew'. Did you mean 'overview'?" in capsys.readouterr().err
