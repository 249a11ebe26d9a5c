"""What a tracker of experiments is told of an audit: figures, labels and files."""

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


def files_of(run: Path) -> Iterator[Path]:
    """Yield the files of a run that are logged, those that are there."""
    yield from (run / name for name in ARTIFACTS if (run / name).is_file())


def labels_of(run: Path, result: AuditResult, summary: Mapping[str, Any]) -> dict[str, str]:
    """Return what names an audit and how it ended, each by its key."""
    return {
        "auditor.run": run.name,
        "auditor.verdict": code_of_summary(summary),
        "auditor.model_digest": result.model.digest,
        "auditor.data_digest": result.data.digest,
    }


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


def missing(tracker: str, extra: str) -> str:
    """Return the warning where the package of a tracker is not installed."""
    return f"nothing was logged to {tracker}: pip install 'concept-auditor[{extra}]'."


def failed(tracker: str, error: Exception) -> str:
    """Return the warning where a tracker, its store or its network failed."""
    text = on_one_line(shared_text(str(error)))[:300]
    return f"logging to {tracker} failed: {type(error).__name__}: {text}"
