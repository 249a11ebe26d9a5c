"""Quantus: inputs, explained classes and heatmaps, as its metrics take them."""

from __future__ import annotations

import numpy as np

from auditor.exports.export import EXPORTS, Export, Files, Source
from auditor.exports.tables import packed, text


def _make(source: Source) -> Files:
    found, rows = source.again("quantus"), source.spread()
    samples = source.pictures.samples
    chosen = [int(row) for row in rows]
    arrays = {
        "x_batch": found.inputs(chosen).astype(np.float32),
        "y_batch": np.asarray(samples.target)[rows].astype(np.int64),
        "a_batch": found.heatmaps(chosen)[:, None].astype(np.float32),
        "paths": text(samples.manifest.paths[row] for row in rows),
        "classes": text(samples.manifest.classes),
    }
    return {"quantus.npz": packed(**arrays)}


EXPORTS.enter(
    "quantus",
    Export("inputs, classes and heatmaps for metrics of explanations (.npz)", _make, pixels=True),
    made_of=_make,
)
