"""FiftyOne: labels and predictions as FiftyOneImageClassificationDataset reads them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import numpy as np

from auditor.base.errors import OutputError
from auditor.exports.export import EXPORTS, Export, Files, Source
from auditor.exports.tables import as_json, carried


def _make(source: Source) -> Files:
    samples, facts = source.pictures
    manifest, rows = samples.manifest, source.rows
    names = {
        int(row): PurePosixPath(manifest.paths[row]).with_suffix("").as_posix() for row in rows
    }
    if len(set(names.values())) != len(names):
        raise OutputError(
            "FiftyOne names pictures by their paths without the suffix, and two of them differ in "
            "nothing else; rename one of each pair."
        )
    found = carried(source)
    labels, predictions = {}, {}
    for row, name in names.items():
        labels[name] = int(samples.labels[row])
        attributes: dict[str, Any] = {
            "findings": "; ".join(found.get(manifest.paths[row], ())),
            "correct": bool(samples.prediction[row] == samples.labels[row]),
        }
        predictions[name] = {
            "label": int(samples.prediction[row]),
            "confidence": float(np.asarray(facts.predicted)[row]),
            "attributes": attributes,
        }
    classes = list(manifest.classes)
    return {
        "labels.json": as_json({"classes": classes, "labels": labels}),
        "predictions.json": as_json({"classes": classes, "labels": predictions}),
    }


EXPORTS.enter(
    "fiftyone",
    Export("labels and predictions of FiftyOneImageClassificationDataset (.json)", _make),
    made_of=_make,
)
