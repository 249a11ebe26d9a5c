"""Log an audit to MLflow: figures, artefacts and the verdict as a tag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from auditor.base.errors import on_one_line
from auditor.base.redaction import shared_text
from auditor.report.document.codes import code_of_summary
from auditor.report.document.result import AuditResult

ARTIFACTS = (
    "report.html",
    "report.pdf",
    "summary.md",
    "summary.json",
    "junit.xml",
    "model_card.md",
    "audit.json",
    "review.json",
    "config.yaml",
)


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
        return "nothing was logged to MLflow: pip install 'concept-auditor[mlflow]'."
    try:
        if experiment:
            mlflow.set_experiment(experiment)
        with mlflow.start_run(run_id=_known(mlflow, run.name), run_name=run.name):
            mlflow.set_tags(
                {
                    "auditor.run": run.name,
                    "auditor.verdict": code_of_summary(summary),
                    "auditor.model_digest": result.model.digest,
                    "auditor.data_digest": result.data.digest,
                }
            )
            mlflow.log_metrics(dict(figures(result)))
            for name in ARTIFACTS:
                if (run / name).is_file():
                    mlflow.log_artifact(str(run / name), artifact_path="audit")
    except Exception as error:  # MLflow, its store and its network raise nearly anything
        text = on_one_line(shared_text(str(error)))[:300]
        return f"logging to MLflow failed: {type(error).__name__}: {text}"
    return ""


def figures(result: AuditResult) -> Iterator[tuple[str, float]]:
    """Yield the figures that are logged: name -> value; what was not measured is left out."""
    performance = result.performance
    if performance.accuracy.n:
        yield "accuracy", performance.accuracy.value
        yield "accuracy_low", performance.accuracy.low
        yield "accuracy_high", performance.accuracy.high
    measured = [item.accuracy.value for item in performance.classes if item.accuracy.n]
    if measured:
        yield "worst_class_accuracy", min(measured)
    if performance.calibration:
        yield "calibration_error", performance.calibration.error.value
    if result.method.conservation is not None:
        yield "conservation", result.method.conservation
    for severity in ("critical", "high", "medium", "low"):
        count = sum(finding.severity == severity for finding in result.findings)
        yield f"findings_{severity}", float(count)
    yield "images", float(result.data.used)


def _known(mlflow: Any, name: str) -> str | None:
    """Return the MLflow run that holds this audit already, in the experiment that is set."""
    query = f"tags.`auditor.run` = '{name}'"
    found = mlflow.search_runs(filter_string=query, output_format="list", max_results=1)
    return found[0].info.run_id if found else None
