"""A finished run as a Python object, against the files of its folder."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import auditor
from auditor.__main__ import run as command
from auditor.base.errors import ConfigError, IntegrityError, OutputError, UnknownNameError
from auditor.run.codec import load_record
from tests.api.objects import LEAN, TRANSFORM, Textures, model
from tests.pipeline.tiny import write_tiny_audit


def test_files_of_the_same_content_give_the_same_numbers(made: Path, tmp_path: Path) -> None:
    config = write_tiny_audit(tmp_path)
    assert command(["run", str(config), "--out", str(tmp_path / "runs"), "--quiet"]) == 0
    (folder,) = (tmp_path / "runs").glob("*/")
    of_files, of_objects = auditor.open_run(folder), auditor.open_run(made)
    for first, second in zip(
        load_record(folder / "stages" / "relevance")[1],
        load_record(made / "stages" / "relevance")[1],
        strict=True,
    ):
        # torchvision multiplies by 1/255 where files are divided by 255.
        assert np.allclose(first.relevance, second.relevance, rtol=1e-4, atol=1e-5)
    told = ["label", "prediction", "half", "leading_concepts"]
    assert of_files.images[told].equals(of_objects.images[told])
    assert of_files.evidence.equals(of_objects.evidence)


@pytest.mark.parametrize("name", ["findings", "evidence", "concepts", "classes", "images"])
def test_frames_are_the_tables_of_the_run(run: auditor.Run, name: str) -> None:
    frame = getattr(run, name)
    table = pd.read_csv(run.path / "tables" / f"{name}.csv")
    assert list(frame.columns) == list(table.columns)
    assert len(frame) == len(table)
    assert name in ("findings", "evidence") or len(frame)


def test_a_finding_names_the_pictures_that_carry_it(with_finding: auditor.Run) -> None:
    paths = [with_finding.images["path"][row] for row in (0, 3)]
    found = with_finding.finding("F1")
    frame = found.images()
    assert list(frame["path"]) == paths
    assert frame[["x", "y", "width", "height"]].to_numpy().tolist() == [[5, 6, 20, 10]] * 2
    assert list(frame["findings"]) == ["F1", "F1"]
    assert list(with_finding.images["findings"]).count("F1") == 2
    assert set(found.evidence()["finding"]) == {"F1"}
    assert repr(found).startswith("<Finding F1, grade A, critical: ")
    with pytest.raises(UnknownNameError, match="unknown finding 'F9'"):
        with_finding.finding("F9")


def test_relevance_is_that_of_the_stage(run: auditor.Run) -> None:
    _samples, layers = load_record(run.path / "stages" / "relevance")
    assert run.layers == tuple(each.layer for each in layers) == ("4",)
    frame = run.relevance("4")
    assert frame.shape == (15, 16)
    assert list(frame.columns[:2]) == ["4/0", "4/1"]
    assert list(frame.index) == list(run.images["path"])
    assert np.array_equal(frame.to_numpy(), layers[0].relevance)
    with pytest.raises(UnknownNameError, match="Known: 4"):
        run.relevance("5")


def test_a_gate_is_true_where_the_command_exits_with_0(run: auditor.Run) -> None:
    loose = {"fail_on": "never", "require_complete": False}
    policy = run.path.parent / "policy.yaml"
    for targets, passes in (({"accuracy": 0.1}, True), ({"accuracy": 1.0}, None)):
        document = {"version": 1, "policy": loose, "targets": targets}
        policy.write_text(json.dumps(document))
        code = command(["gate", str(run.path), "--policy", str(policy), "--quiet"])
        for found in (run.gate(loose, targets), run.gate(policy), run.gate(str(policy))):
            assert found.exit_code == code
            assert bool(found) is found.passed is (code == 0)
        assert passes is None or found.passed is passes
    assert run.verdict.code == found.judgement.code
    unmet = run.gate({"fail_on": "never"}, {"accuracy": 1.0, "worst_class_accuracy": 1.0})
    assert "accuracy" in unmet.judgement.policy["targets"]
    with pytest.raises(ConfigError, match="fail_onn"):
        run.gate({"fail_onn": "high"})


def test_the_report_is_shown_whole_and_drawn_again_after_a_gate(run: auditor.Run) -> None:
    shown = run.show(500)
    assert shown.page == (run.path / "report.html").read_text()
    assert shown._repr_html_().count("<iframe") == 1
    assert 'height: 500px"' in shown._repr_html_().replace("; border: 0", "")
    run.gate({"fail_on": "never"})
    now = (run.path / "review.json").stat().st_mtime_ns
    os.utime(run.path / "report.html", ns=(now - 1, now - 1))
    assert run.show().page != shown.page
    copied = run.to_html(run.path.parent / "mine.html")
    assert copied.read_text() == (run.path / "report.html").read_text()
    assert run._repr_html_() == run.show()._repr_html_()


def test_a_run_compared_with_itself_has_no_changes(run: auditor.Run) -> None:
    for other in (run, run.path, str(run.path)):
        assert {each.status for each in run.compare(other).findings} <= {"persisting"}


def test_what_is_no_run_is_an_error(run: auditor.Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        auditor.open_run(tmp_path / "nothing")
    (run.path / "audit.json").write_text("{}")
    with pytest.raises(IntegrityError, match="changed"):
        auditor.open_run(run.path)


def test_changed_stages_are_no_frame(run: auditor.Run) -> None:
    record = run.path / "stages" / "pictures" / "record.json"
    record.write_text(record.read_text() + " ")
    with pytest.raises(IntegrityError, match="damaged"):
        _ = run.images
    (values,) = (run.path / "stages" / "relevance").glob("r.1.0.relevance.npy")
    values.write_bytes(values.read_bytes()[:-1] + b"\1")
    with pytest.raises(IntegrityError, match="damaged"):
        run.relevance("4")


def test_the_repr_says_it_in_a_line(run: auditor.Run) -> None:
    assert repr(run).startswith(f"<Run {run.path.name}: {run.verdict.word}, ")
    assert "\n" not in repr(run)


def test_the_report_works_in_the_frame_of_a_notebook(run: auditor.Run) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is found on this machine")
    asked: list[str] = []
    errors: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.set_content(f"<!doctype html><body>{run.show()._repr_html_()}</body>")
        (frame,) = page.frames[1:]
        frame.wait_for_load_state()
        assert run.verdict.word in frame.inner_text("body")
        frame.locator("nav a[href^='#']:visible").last.click(timeout=5000)
        assert run.verdict.word in frame.inner_text("body")
        browser.close()
    assert errors == []
    assert [url for url in asked if not url.startswith(("data:", "about:", "blob:"))] == []


def test_an_audit_without_a_policy_is_not_told_by_an_earlier_gate(run: auditor.Run) -> None:
    before = run.result.verdict.code
    assert run.gate({"fail_on": "never", "require_complete": False}).passed
    assert run.verdict.code == "conditions" != before
    again = auditor.audit(model(), Textures(transform=TRANSFORM), out=run.path.parent, **LEAN)
    assert again.path == run.path
    assert again.verdict.code == before
    assert not (run.path / "junit.xml").exists()


def test_what_cannot_be_done_is_said(run: auditor.Run, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="give another file"):
        run.to_html(tmp_path / "missing" / "report.html")
    with pytest.raises(ConfigError, match="policy is a list"):
        run.gate(["high"])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="limit is 0"):
        run.export("sarif", tmp_path, limit=0)
