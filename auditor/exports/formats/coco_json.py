"""COCO: the regions of the findings as boxes and masks, one category for each finding."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool

from auditor.exports.export import EXPORTS, Export, Files, Source
from auditor.exports.tables import as_json
from auditor.records.stages import ShortcutReport
from auditor.report.sections.findings import finding_ids
from auditor.report.show.per_picture import read_stage

FRAME = (
    "Boxes and masks are in pixels of the pictures as the model sees them, after resize and crop."
)


def _make(source: Source) -> Files:
    samples, result = source.pictures.samples, source.result
    height, width = result.model.input_size
    manifest = samples.manifest
    places = {path: row for row, path in enumerate(manifest.paths)}
    masks = _masks(source)
    annotations: list[dict[str, Any]] = []
    for number, finding in enumerate(result.findings, start=1):
        for carrier in finding.carriers:
            row = places[carrier.picture]
            mask = masks.get((finding.id, row), _filled(carrier.box, (height, width)))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": row + 1,
                    "category_id": number,
                    "bbox": list(carrier.box),
                    "area": int(mask.sum()),
                    "iscrowd": 0,
                    "segmentation": run_lengths(mask),
                }
            )
    document = {
        "info": {"description": f"{result.scope.name}: regions of findings. {FRAME}"},
        "categories": [
            {"id": number, "name": f"{each.id} {each.title}", "supercategory": each.class_name}
            for number, each in enumerate(result.findings, start=1)
        ],
        "images": [
            {
                "id": int(row) + 1,
                "file_name": manifest.paths[row],
                "width": width,
                "height": height,
                "label": manifest.classes[samples.labels[row]],
                "prediction": manifest.classes[samples.prediction[row]],
            }
            for row in source.rows
        ],
        "annotations": annotations,
    }
    return {"findings.json": as_json(document)}


def run_lengths(mask: Bool[np.ndarray, "height width"]) -> dict[str, Any]:
    """Return a mask as COCO's uncompressed run lengths: columns first, background first."""
    flat = mask.flatten(order="F")
    ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate(([0], ends, [len(flat)]))).tolist()
    return {"size": list(mask.shape), "counts": [0, *counts] if flat[0] else counts}


def _masks(source: Source) -> dict[tuple[str, int], np.ndarray]:
    """Return the region of each member that the search outlined, by finding and row."""
    report: ShortcutReport | None = read_stage(source.path, "shortcuts")
    names = finding_ids(report)
    return {
        (names[finding.candidate.id], int(row)): np.asarray(mask, dtype=bool)
        for finding in (report.findings if report else ())
        for row, mask in zip(finding.candidate.rows, finding.candidate.masks, strict=True)
    }


def _filled(box: tuple[int, int, int, int], size: tuple[int, int]) -> np.ndarray:
    x, y, width, height = box
    mask = np.zeros(size, dtype=bool)
    mask[y : y + height, x : x + width] = True
    return mask


EXPORTS.enter(
    "coco-json", Export("regions of findings as boxes and masks (.json)", _make), made_of=_make
)
