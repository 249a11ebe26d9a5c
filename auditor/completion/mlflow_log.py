"""Log an audit to MLflow: figures, artefacts and the verdict as a tag."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auditor.completion.logged import failed, figures, files_of, labels_of, missing
from auditor.report.document.result import AuditResult


def log_run(
    run: Path, result: AuditResult, summary: Mapping[str, Any], *, experiment: str = ""
) -> str:
    """Log one MLflow run; where it goes is MLflow's own setting (MLFLOW_TRACKING_URI).

    The tag ``auditor.run`` names the audit; the same audit again continues its MLflow run. Returns
    a warning, or an empty text.
    """
    try:
        import mlflow
    except ImportError:
        return missing("MLflow", "mlflow")
    try:
        if experiment:
            mlflow.set_experiment(experiment)
        with mlflow.start_run(run_id=_known(mlflow, run.name), run_name=run.name):
            mlflow.set_tags(labels_of(run, result, summary))
            mlflow.log_metrics(dict(figures(result)))
            for file in files_of(run):
                mlflow.log_artifact(str(file), artifact_path="audit")
    except Exception as error:  # MLflow, its store and its network raise nearly anything
        return failed("MLflow", error)
    return ""


def _known(mlflow: Any, name: str) -> str | None:
    """Return the MLflow run that holds this audit already, in the experiment that is set."""
    query = f"tags.`auditor.run` = '{name}'"
    found = mlflow.search_runs(filter_string=query, output_format="list", max_results=1)
    return found[0].info.run_id if found else None
