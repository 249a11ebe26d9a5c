"""Hugging Face's hub: a model card whose metadata hold the figures, for a model's README.md."""

from __future__ import annotations

import re
from typing import Any

import yaml

from auditor.completion.logged import figures
from auditor.exports.export import EXPORTS, Export, Files, Source
from auditor.report.document.result import AuditResult
from auditor.run.manifest import read_listed

TASK = "image-classification"
NAMES = {
    "accuracy": "Accuracy",
    "accuracy_low": "Accuracy, lower end of the 95 % interval",
    "accuracy_high": "Accuracy, upper end of the 95 % interval",
    "worst_class_accuracy": "Accuracy of the worst class",
    "calibration_error": "Expected calibration error",
    "conservation": "Share of the explained logit that relevance accounts for",
    "images": "Pictures audited",
}


def _make(source: Source) -> Files:
    result = source.result
    metadata = {"pipeline_tag": TASK, "tags": ["concept-audit"], "model-index": [_model(result)]}
    front = yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)
    section = read_listed(source.path, "model_card.md").decode().strip()
    return {"README.md": f"---\n{front}---\n\n{section}\n".encode()}


def _model(result: AuditResult) -> dict[str, Any]:
    """Return a model of the index: one result, of the data that was audited."""
    data = re.split(r"[/\\:]", result.data.source.rstrip("/\\"))[-1] or "data"
    metrics = [
        {"type": name, "value": value, "name": NAMES.get(name, name.replace("_", " ").capitalize())}
        for name, value in figures(result)
    ]
    found = {
        "task": {"type": TASK, "name": "Image classification"},
        "dataset": {
            "type": re.sub(r"[^\w.-]+", "-", data).lower(),
            "name": data,
            "revision": result.data.digest,
        },
        "metrics": metrics,
    }
    return {"name": result.scope.name, "results": [found]}


EXPORTS.enter(
    "hub-card",
    Export("a model card with its metadata for Hugging Face's hub (README.md)", _make),
    made_of=_make,
)
