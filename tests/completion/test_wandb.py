"""Logging to Weights & Biases, into a folder without its server."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.completion.logged import figures
from auditor.completion.wandb_log import log_run
from auditor.report.document.result import AuditResult


@pytest.fixture(autouse=True)
def _settings_anew() -> Iterator[None]:
    """Let each test have its own variables: W&B reads them once in a process."""
    yield
    if sys.modules.get("wandb"):
        sys.modules["wandb"].teardown()


def test_without_the_package_it_says_what_to_install(
    result: AuditResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    assert "pip install 'concept-auditor[wandb]'" in log_run(tmp_path, result, {"code": "pass"})


@pytest.mark.filterwarnings("ignore")
def test_figures_files_and_verdict_are_in_the_run(
    result: AuditResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    run = tmp_path / "audit-1"
    run.mkdir()
    (run / "summary.json").write_text(json.dumps({"code": "do_not_use"}))
    assert log_run(run, result, {"code": "do_not_use"}, project="reviews") == ""
    wandb.teardown()  # its other process has written all when it ends
    (file,) = tmp_path.glob("wandb/offline-run-*-audit-1/run-audit-1.wandb")
    records = list(read(file))
    (begun,) = [record.run for record in records if record.HasField("run")]
    assert (begun.run_id, begun.project, begun.job_type) == ("audit-1", "reviews", "audit")
    assert (begun.git.remote_url, begun.host) == ("", "-")
    told = {
        update.key: json.loads(update.value_json)
        for record in records
        for update in record.summary.update
    }
    assert told["auditor.verdict"] == "do_not_use"
    assert {name: told[name] for name, _ in figures(result)} == dict(figures(result))
    (artifact,) = [each.artifact for each in records if each.HasField("artifact")]
    assert (artifact.type, artifact.name) == ("audit", "audit-audit-1")
    assert [entry.path for entry in artifact.manifest.contents] == ["summary.json"]


@pytest.mark.filterwarnings("ignore")
def test_without_a_login_it_is_a_warning_and_nobody_is_asked(
    result: AuditResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert log_run(tmp_path, result, {"code": "pass"}).startswith(
        "logging to Weights & Biases failed: "
    )


def read(file: Path) -> Iterator[Any]:
    """Yield the records of W&B's own file of a run: a log of LevelDB's format after 7 bytes.

    Each block of 32 KiB holds pieces, with checksum, length and kind (1: whole, 4: the last).
    """
    from wandb.proto.wandb_internal_pb2 import Record

    content, place, held = file.read_bytes(), 7, b""
    while place + 7 <= len(content):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        held += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            yield Record.FromString(held)
            held = b""
