"""A changed, missing or extra byte of a run is found and named."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest

from auditor.__main__ import run as auditor
from auditor.report.document.result import RenderContext
from auditor.report.show.render import render_run
from auditor.review.keep.verify import verify
from tests.review.made import audit, write
from tests.runs import list_as_written


@pytest.fixture(scope="module")
def drawn(base, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write(tmp_path_factory.mktemp("verify") / "run", audit(base))
    copytree(images, path / "images")
    list_as_written(path)
    context = RenderContext(created="2026-03-04T05:06:07Z")
    render_run(path, context, formats=["html"], max_html_mb=8, pdf_timeout=60)
    return path


@pytest.fixture
def rendered(drawn: Path, tmp_path: Path) -> Path:
    return Path(copytree(drawn, tmp_path / "run"))


def test_a_run_as_written_is_whole(rendered, capsys) -> None:
    found = verify(rendered)
    assert found.whole
    assert found.files > 20
    assert auditor(["verify", str(rendered)]) == 0
    digest = capsys.readouterr().out.strip()
    assert auditor(["verify", str(rendered), "--manifest", digest]) == 0
    assert auditor(["verify", str(rendered), "--manifest", "0" * 64]) == 5


@pytest.mark.parametrize(
    "name", ["audit.json", "report.html", "summary.json", "tables/classes.csv", "config.yaml"]
)
def test_one_changed_byte_is_named(rendered: Path, name: str, capsys) -> None:
    data = bytearray((rendered / name).read_bytes())
    data[len(data) // 2] ^= 1
    (rendered / name).write_bytes(data)
    assert verify(rendered).changed == (name,)
    assert auditor(["verify", str(rendered)]) == 5
    assert f"changed: {name}" in capsys.readouterr().err


def test_missing_and_extra_files_are_named(rendered: Path, capsys) -> None:
    picture = next((rendered / "images").iterdir()).name
    (rendered / "images" / picture).unlink()
    (rendered / "images" / "added.jpg").write_bytes(b"x")
    (rendered / ".hidden").write_bytes(b"x")
    assert auditor(["verify", str(rendered), "--json"]) == 5
    out, err = capsys.readouterr()
    assert err.splitlines()[1:] == [
        f"  missing: images/{picture}",
        "  not part of the run: .hidden",
        "  not part of the run: images/added.jpg",
    ]
    found = json.loads(out)
    assert found["missing"] == [f"images/{picture}"]
    assert found["extra"] == [".hidden", "images/added.jpg"]


def test_a_link_in_place_of_a_file_is_a_change(rendered: Path, tmp_path: Path) -> None:
    (rendered / "summary.md").rename(tmp_path / "elsewhere.md")
    (rendered / "summary.md").symlink_to(tmp_path / "elsewhere.md")
    assert verify(rendered).changed == ("summary.md",)


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("log.jsonl", lambda path: path.write_text("{}\n"), "log.jsonl"),
        (".lock", lambda path: path.write_text("anything"), ".lock"),
        (".lock", lambda path: path.mkdir(), ".lock/"),
        (".lock", lambda path: path.symlink_to("audit.json"), ".lock"),
        ("empty", lambda path: path.mkdir(), "empty/"),
        ("images/deep", lambda path: path.mkdir(), "images/deep/"),
        ("stages", lambda path: path.mkdir(), "stages/"),
        ("pipe", os.mkfifo, "pipe"),
        ("linked", lambda path: path.symlink_to(path.parent / "images"), "linked"),
        (".audit.json.7.tmp", lambda path: path.write_text("{"), ".audit.json.7.tmp"),
        ("audit.json.part", lambda path: path.write_text("{"), "audit.json.part"),
    ],
)
def test_whatever_is_not_accounted_for_is_named(
    rendered: Path, name: str, make: Callable[[Path], object], said: str, capsys
) -> None:
    make(rendered / name)
    assert verify(rendered).extra == (said,)
    assert auditor(["verify", str(rendered)]) == 5
    assert f"not part of the run: {said}" in capsys.readouterr().err


def test_a_lock_is_accounted_for(rendered: Path) -> None:
    (rendered / ".lock").touch()
    assert verify(rendered).whole


@pytest.mark.parametrize("how", [os.mkfifo, lambda path: path.mkdir()])
def test_a_file_that_is_none_any_more_is_a_change(rendered: Path, how) -> None:
    (rendered / "summary.md").unlink()
    how(rendered / "summary.md")
    found = verify(rendered)
    assert (found.changed, found.missing, found.extra) == (("summary.md",), (), ())


def test_files_behind_a_link_are_missing(rendered: Path, tmp_path: Path) -> None:
    (rendered / "tables").rename(tmp_path / "elsewhere")
    (rendered / "tables").symlink_to(tmp_path / "elsewhere")
    found = verify(rendered)
    assert found.extra == ("tables",)
    assert "tables/classes.csv" in found.missing


def test_rendering_again_stays_whole_and_refuses_a_changed_audit(rendered: Path) -> None:
    assert auditor(["render", str(rendered), "--format", "html", "--layout", "folder"]) == 0
    assert verify(rendered).whole
    path = rendered / "audit.json"
    path.write_text(path.read_text().replace("brick", "brack"))
    assert auditor(["render", str(rendered), "--format", "html"]) == 5


def test_an_unfinished_run_is_not_whole(tmp_path: Path, base) -> None:
    path = write(tmp_path / "run", audit(base))
    (path / "audit.json").unlink()
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["files"] = {}
    (path / "manifest.json").write_text(json.dumps(manifest))
    assert not verify(path).complete
    assert auditor(["verify", str(path)]) == 5


def test_what_is_no_run_is_an_error(tmp_path: Path) -> None:
    assert auditor(["verify", str(tmp_path)]) == 5
