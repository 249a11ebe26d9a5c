"""Logging to a real MLflow store on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.completion.logged import figures
from auditor.completion.mlflow_log import log_run
from auditor.report.document.result import AuditResult


def test_figures_are_those_of_the_result(result: AuditResult) -> None:
    found = dict(figures(result))
    assert found["accuracy"] == result.performance.accuracy.value
    assert found["worst_class_accuracy"] == 0.96
    assert (found["findings_critical"], found["findings_medium"]) == (1.0, 1.0)
    assert found["images"] == result.data.used
    empty = result.performance.model_copy(
        update={"accuracy": result.performance.accuracy.model_copy(update={"n": 0})}
    )
    assert "accuracy" not in dict(figures(result.model_copy(update={"performance": empty})))


def test_without_mlflow_it_says_what_to_install(
    result: AuditResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mlflow", None)
    warning = log_run(tmp_path, result, {"code": "do_not_use"})
    assert "pip install 'concept-auditor[mlflow]'" in warning


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["file", "sqlite"])
def test_figures_files_and_verdict_are_in_the_store(
    result: AuditResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    mlflow = pytest.importorskip("mlflow")
    if kind == "sqlite":
        pytest.importorskip("sqlalchemy")
        pytest.importorskip("alembic")
        pytest.importorskip("cryptography")
    store = f"sqlite:///{tmp_path}/mlflow.db" if kind == "sqlite" else (tmp_path / "s").as_uri()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(store)
    run = tmp_path / "audit-1"
    run.mkdir()
    (run / "summary.json").write_text(json.dumps({"code": "do_not_use"}))
    for code in ("do_not_use", "pass"):
        judged = {"code": "needs_look", "judgement": {"code": code}}
        assert log_run(run, result, judged, experiment="reviews") == ""
    found = mlflow.search_runs(experiment_names=["reviews"], output_format="list")
    assert len(found) == 1  # the same audit, judged again
    assert found[0].data.tags["auditor.verdict"] == "pass"
    assert found[0].data.metrics["accuracy"] == result.performance.accuracy.value
    listed = mlflow.artifacts.list_artifacts(run_id=found[0].info.run_id, artifact_path="audit")
    assert [item.path for item in listed] == ["audit/summary.json"]


@pytest.mark.filterwarnings("ignore")
def test_a_store_that_cannot_be_used_is_a_warning(
    result: AuditResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    warning = log_run(tmp_path, result, {"code": "do_not_use"}, experiment="x")
    assert warning.startswith("logging to MLflow failed: ")
