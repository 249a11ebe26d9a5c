"""Logging to TensorBoard: event files, read back by its own reader."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from auditor.cli.completion import complete
from auditor.completion.logged import figures
from auditor.completion.tensorboard_log import log_run
from auditor.config.audit import Config
from auditor.report.document.result import AuditResult
from tests.review.made import write


def test_without_the_package_it_says_what_to_install(
    result: AuditResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    warning = log_run(tmp_path, result, {"code": "pass"}, folder=tmp_path)
    assert "pip install 'concept-auditor[tensorboard]'" in warning


@pytest.mark.filterwarnings("ignore")
def test_figures_and_verdict_are_read_back(result: AuditResult, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run = tmp_path / "audit-1"
    run.mkdir()
    (run / "summary.md").write_text("# Audit: naïve", encoding="utf-8")
    for code in ("do_not_use", "pass"):  # the same audit, judged again
        assert log_run(run, result, {"code": code}, folder=tmp_path / "boards") == ""
    found = read(tmp_path / "boards" / "audit-1")
    tags = found.Tags()
    read_back = {name: found.Tensors(f"audit/{name}") for name, _ in figures(result)}
    for name, value in figures(result):
        (event,) = read_back[name]
        assert event.tensor_proto.float_val[0] == pytest.approx(value)
    assert len(tags["tensors"]) == len(read_back) + 5
    assert text_of(found, "auditor.verdict") == "pass"
    assert text_of(found, "auditor.summary") == "# Audit: naïve"


@pytest.mark.filterwarnings("ignore")
def test_a_folder_that_cannot_be_made_is_a_warning(result: AuditResult, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    (tmp_path / "boards").write_text("a file")
    warning = log_run(tmp_path / "audit-1", result, {"code": "pass"}, folder=tmp_path / "boards")
    assert warning.startswith("logging to TensorBoard failed: ")


def read(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload()


def text_of(found: Any, tag: str) -> str:
    (event,) = found.Tensors(tag)
    return bytes(event.tensor_proto.string_val[0]).decode()


def test_an_address_is_not_made_a_folder(result: AuditResult, tmp_path: Path) -> None:
    document = {"model": {"source": "a.py:b"}, "data": {"source": "c"}}
    document["completion"] = {"tensorboard": "s3://bucket/boards"}
    config = Config.model_validate(document)
    run = write(tmp_path / "runs" / "a", result)
    told: list[str] = []
    complete(config, tmp_path, run, {"code": "pass"}, told.append)
    assert told == [
        "warning: nothing was logged to TensorBoard: completion.tensorboard is the address "
        "s3://bucket/boards; give a folder of this machine."
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
