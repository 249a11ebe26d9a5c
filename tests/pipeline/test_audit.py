"""Whole audits through the real command line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auditor.__main__ import run
from auditor.pipeline.plan import planned
from auditor.report.document.result import AuditResult
from auditor.run.codec import load_record
from tests.pipeline.small import write_own_model_audit, write_table_audit
from tests.pipeline.tiny import AS_OPTIONS, LEAN, TINY


def audit(config: Path, out: Path, *options: str) -> Path:
    assert run(["run", str(config), "--out", str(out), "--quiet", *options]) == 0
    (folder,) = out.glob("*/")
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    config = write_own_model_audit(folder, audit={"references": 4, "class_references": 2})
    return audit(config, folder / "runs", "--format", "html")


def test_the_run_folder_is_complete(finished: Path) -> None:
    result = AuditResult.model_validate_json((finished / "audit.json").read_text())
    assert result.data.used == 36
    assert result.performance.accuracy.value > 0.9
    assert [report.name for report in result.classes] == ["cat", "dog", "horse"]
    assert all(table.rows for report in result.classes for table in report.tables)
    assert all(row.crops for r in result.classes for table in r.tables for row in table.rows)
    assert all(report.atlas for report in result.classes)
    assert result.method.conservation is not None
    assert (finished / "report.html").stat().st_size > 10_000


def test_the_stages_are_those_that_were_planned_and_in_that_order(finished: Path) -> None:
    manifest = json.loads((finished / "manifest.json").read_text())
    found = [name for name in manifest["stages"] if not name.startswith("search-")]
    layers = sum(name.startswith("concepts-") for name in found)
    names = planned(layers, search="shortcuts" in found)
    assert found == [name for name in names if name in found]
    assert set(names) - set(found) <= {"finding-pictures"}


def test_shares_of_a_class_are_at_most_one(finished: Path) -> None:
    result = AuditResult.model_validate_json((finished / "audit.json").read_text())
    for report in result.classes:
        for table in report.tables:
            assert 0 < table.coverage <= 1 + 1e-6


def test_every_picture_of_the_result_is_there(finished: Path) -> None:
    def files(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [value["file"]] if "alt" in value else []
            return own + [name for item in value.values() for name in files(item)]
        if isinstance(value, list):
            return [name for item in value for name in files(item)]
        return []

    names = files(json.loads((finished / "audit.json").read_text()))
    assert len(names) > 50
    assert all((finished / "images" / name).is_file() for name in names)


def test_the_result_holds_no_path_of_this_machine(finished: Path) -> None:
    assert str(finished.parent.parent) not in (finished / "audit.json").read_text()
    assert str(finished.parent.parent) not in (finished / "report.html").read_text()


def test_the_table_of_all_pictures_says_what_the_stages_hold(finished: Path) -> None:
    frame = pd.read_csv(finished / "tables" / "images.csv", keep_default_na=False)
    samples, layers = load_record(finished / "stages" / "relevance")
    assert list(frame["path"]) == list(samples.manifest.paths)
    names = samples.manifest.classes
    assert list(frame["label"]) == [names[label] for label in samples.labels]
    assert list(frame["prediction"]) == [names[output] for output in samples.prediction]
    odds = np.exp(np.array(samples.logits, dtype=float))
    assert frame["probability"].to_numpy() == pytest.approx(
        (odds / odds.sum(1, keepdims=True)).max(1), rel=1e-5
    )
    assert set(frame["correct"]) <= {True, False}
    last = layers[-1]
    for row, (concepts, shares) in enumerate(
        zip(frame["leading_concepts"], frame["leading_shares"], strict=True)
    ):
        relevance = np.array(last.relevance[row], dtype=float)
        channel = int(relevance.argmax())
        assert concepts.split("; ")[0] == f"{last.layer}/{channel}"
        share = relevance[channel] / np.abs(relevance).sum()
        assert float(shares.split("; ")[0]) == pytest.approx(share, abs=6e-4)
    packed = pd.read_parquet(finished / "tables" / "images.parquet")
    assert list(packed.columns) == list(frame.columns)
    assert list(packed["path"]) == list(frame["path"])


def test_the_same_command_again_changes_nothing(finished: Path) -> None:
    before = (finished / "audit.json").read_bytes()
    config = finished.parent.parent / "own_model.yaml"
    assert audit(config, finished.parent, "--format", "html") == finished
    assert (finished / "audit.json").read_bytes() == before


def test_a_table_with_metadata(tmp_path: Path) -> None:
    config = write_table_audit(tmp_path)
    folder = audit(config, tmp_path / "runs", "--format", "html", *AS_OPTIONS)
    result = AuditResult.model_validate_json((folder / "audit.json").read_text())
    assert result.data.metadata == ["camera", "site"]
    assert [report.name for report in result.classes] == ["ok", "scratched"]
    assert result.factors is not None
    assert [column.column for column in result.factors.columns] == ["camera"]
    assert any("site (one value only)" in note for note in result.search.notes)
    frame = pd.read_csv(folder / "tables" / "images.csv")
    assert set(frame["metadata.camera"]) == {"A", "B"}


def test_pdf_has_bookmarks_page_numbers_and_a_first_page_that_decides(tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    config = write_own_model_audit(tmp_path, audit=LEAN)
    folder = audit(config, tmp_path / "runs", "--format", "pdf")
    reader = pypdf.PdfReader(folder / "report.pdf")
    assert len(reader.outline) > 5
    text = "\n".join(page.extract_text() for page in reader.pages)
    assert f"of {len(reader.pages)}" in text
    assert "What this audit does not show" in reader.pages[0].extract_text()


@pytest.mark.slow
def test_killed_and_started_again_gives_the_same_result(tmp_path: Path) -> None:
    config = write_own_model_audit(tmp_path, audit=LEAN | {"shard": 4, "batch": 2})
    whole = audit(config, tmp_path / "whole", "--format", "html")
    command = [sys.executable, "-m", "auditor", "run", str(config), "--quiet"]
    command += ["--out", str(tmp_path / "killed"), "--format", "html"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("killed/*/tasks/pass/shard-00001/done.json")):
        assert time.monotonic() < deadline
        assert process.poll() is None, "finished before it could be killed"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (stopped,) = (tmp_path / "killed").glob("*/")
    assert not (stopped / "audit.json").exists()
    kept = sorted((stopped / "tasks" / "pass").glob("*/done.json"))
    times = {path: path.stat().st_mtime_ns for path in kept}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert {path: path.stat().st_mtime_ns for path in kept} == times
    assert (stopped / "audit.json").read_bytes() == (whole / "audit.json").read_bytes()


def test_a_damaged_shard_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_own_model_audit(tmp_path, audit=TINY)
    folder = audit(config, tmp_path / "runs", "--format", "html")
    shard = folder / "tasks" / "pass" / "shard-00001" / "record.json"
    shard.write_bytes(shard.read_bytes()[:100])
    for file in (folder / "stages" / "relevance").iterdir():
        file.unlink()
    assert run(["run", str(config), "--out", str(tmp_path / "runs"), "--quiet"]) == 5
    assert "shard-00001" in capsys.readouterr().err


def test_broken_images_are_counted_and_names_are_text(tmp_path: Path) -> None:
    config = write_own_model_audit(tmp_path, per_class=5, audit=TINY)
    images = tmp_path / "photos" / "val"
    (images / "cat" / "broken.png").write_bytes((images / "cat" / "00.png").read_bytes()[:200])
    (images / "dog" / "00.png").rename(images / "dog" / "<script>alert(1)<script>.png")
    (images / "dog" / "notes.txt").write_text("no image")
    for path in (images / "horse").glob("*.png"):
        path.with_suffix(".psd").write_bytes(b"8BPS\0\1")
        path.unlink()
    folder = audit(config, tmp_path / "runs", "--format", "html")
    result = AuditResult.model_validate_json((folder / "audit.json").read_text())
    assert [item.path for item in result.data.quarantined] == ["cat/broken.png"]
    assert (result.data.total, result.data.used) == (11, 10)
    frame = pd.read_csv(folder / "tables" / "images.csv", keep_default_na=False)
    (broken,) = frame[frame["path"] == "cat/broken.png"].to_dict("records")
    assert broken["quarantined"] == result.data.quarantined[0].reason
    assert {broken[name] for name in ("prediction", "probability", "half", "correct")} == {""}
    assert sum(frame["quarantined"] != "") == 1
    assert sum(result.data.excluded.values()) == 6
    assert (result.data.found, result.data.unusable) == (16, 6)
    accounts = {each.name: each for each in result.data.classes}
    assert all(a.found == a.used + sum(a.set_aside.values()) for a in accounts.values())
    assert result.verdict.code == "incomplete"
    assert (
        "class 'horse': all 5 pictures are set aside (5 x image format" in result.verdict.sentence
    )
    assert "class 'cat': 1 of 6 pictures are set aside (1 x " in result.verdict.sentence
    assert "6 of 16 images could not be used" in result.verdict.sentence
    said = " ".join([result.verdict.sentence, *result.method.notes])
    assert "hold no pictures" not in said
    html = (folder / "report.html").read_text()
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_the_time_of_writing_the_result_is_kept_beside_the_stages(finished: Path) -> None:
    assert json.loads((finished / "manifest.json").read_text())["seconds"] > 0
    text = (finished / "report.html").read_text(encoding="utf-8")
    assert "<td>result</td>" in text
