"""cleanlab: given labels and the model's probabilities, for `find_label_issues`."""

from __future__ import annotations

import csv
from io import StringIO

import numpy as np

from auditor.exports.export import EXPORTS, Export, Files, Source
from auditor.exports.tables import packed, probabilities, text
from auditor.report.show.tables import neutral


def _make(source: Source) -> Files:
    samples, rows = source.pictures.samples, source.rows
    manifest = samples.manifest
    labels = np.asarray(samples.labels)[rows].astype(np.int64)
    paths = [manifest.paths[row] for row in rows]
    found = probabilities(source, rows)
    table = StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["path", "label", *map(neutral, manifest.classes)])
    for path, label, each in zip(paths, labels, found, strict=True):
        writer.writerow([neutral(path), label, *(f"{value:.8g}" for value in each)])
    arrays = {
        "labels": labels,
        "pred_probs": found,
        "paths": text(paths),
        "classes": text(manifest.classes),
    }
    return {"cleanlab.npz": packed(**arrays), "cleanlab.csv": table.getvalue().encode()}


EXPORTS.enter(
    "cleanlab",
    Export("labels and probabilities for finding wrong labels (.npz, .csv)", _make),
    made_of=_make,
)
