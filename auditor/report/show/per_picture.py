"""The table of all pictures: a row for each, with what the model and the audit say of it."""

from __future__ import annotations

import csv
import importlib.util
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from auditor.base.errors import IntegrityError
from auditor.base.redaction import without_folders
from auditor.language.speaking import translated
from auditor.records.part import concept_id
from auditor.records.stages import PictureFacts, Samples
from auditor.report.document.result import AuditResult
from auditor.report.show.tables import neutral
from auditor.run.codec import load_record
from auditor.run.folder import STAGES, damage
from auditor.run.manifest import read_manifest

NAME = "images"
METADATA = "metadata."  # what the names of columns of the data's own begin with
TOLD = ("correct", "prediction", "probability", "label_probability")  # only of usable pictures


class Pictures(NamedTuple):
    """What the stages of a run hold of every picture."""

    samples: Samples
    facts: PictureFacts


def read_pictures(run: Path) -> Pictures | None:
    """Return what a run folder holds of every picture; None where that was not kept.

    Raises:
        IntegrityError: it was changed or is gone.
    """
    facts = read_stage(run, "pictures")
    found = read_stage(run, "relevance", only=("record.json", "r.0."))
    return None if facts is None or found is None else Pictures(found[0], facts)


def read_stage(run: Path, stage: str, *, only: tuple[str, ...] = ("",)) -> Any:
    """Return the record of a stage of a finished run; None where the run has no such stage.

    Of its files those are checked whose names begin with one of ``only``.

    Raises:
        IntegrityError: it was changed or is gone.
    """
    entry = read_manifest(run)["stages"].get(stage)
    if entry is None:
        return None
    own = {
        f"{STAGES}/{stage}/{name}": digest
        for name, digest in entry["files"].items()
        if name.startswith(only)
    }
    for name, how in damage(run, own).items():
        raise IntegrityError(
            f"{run / name} {how}: run the audit again with --repair, which makes it again."
        )
    return load_record(run / STAGES / stage)


def picture_table(found: Pictures, result: AuditResult) -> pd.DataFrame:
    """Return the row of every picture, in the order of the data; the manual says what is in it."""
    samples, facts = found
    manifest, valid = samples.manifest, np.asarray(samples.valid)
    classes = np.array(manifest.classes, dtype=object)
    odd = {each.sample: str(each.why) for each in (result.factors.odd if result.factors else ())}
    carried = _carried(result)
    frame = pd.DataFrame(
        {
            "path": list(manifest.paths),
            "label": classes[samples.labels],
            "prediction": classes[samples.prediction],
            "correct": pd.array(samples.prediction == samples.labels, dtype="boolean"),
            "probability": np.asarray(facts.predicted),
            "label_probability": np.asarray(facts.labelled),
            "half": np.where(samples.discovery, "discovery", "test"),
            "quarantined": [translated(reason) or "" for reason in samples.quarantine],
            "findings": ["; ".join(carried.get(path, ())) for path in manifest.paths],
            "leading_concepts": _leading(facts),
            "leading_shares": _shares(facts),
            "odd": [odd.get(path, "") for path in manifest.paths],
        }
    )
    frame.loc[~valid, list(TOLD)] = None
    frame.loc[~valid, "half"] = ""
    for column, values in manifest.metadata.items():
        frame[f"{METADATA}{column}"] = [without_folders(value) for value in values]
    return frame


def picture_files(run: Path, result: AuditResult) -> Mapping[str, bytes]:
    """Return file name -> content of the table: CSV, and Parquet where pyarrow is installed.

    Empty where the run does not hold what it is made of.
    """
    found = read_pictures(run)
    if found is None:
        return {}
    frame = picture_table(found, result)
    text = frame.map(neutral).to_csv(
        index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC, float_format="%.6g"
    )
    files = {f"{NAME}.csv": text.encode()}
    if importlib.util.find_spec("pyarrow") is not None:
        packed = io.BytesIO()
        frame.to_parquet(packed, index=False, engine="pyarrow")
        files[f"{NAME}.parquet"] = packed.getvalue()
    return files


def _carried(result: AuditResult) -> dict[str, list[str]]:
    """Return which findings each picture carries, by its path."""
    found: dict[str, list[str]] = defaultdict(list)
    for finding in result.findings:
        for carrier in finding.carriers:
            found[carrier.picture].append(finding.id)
    return found


def _leading(facts: PictureFacts) -> list[str]:
    return _joined(
        [concept_id(facts.layer, concept) for concept in row if concept >= 0]
        for row in facts.leading.tolist()
    )


def _shares(facts: PictureFacts) -> list[str]:
    return _joined(
        [f"{share:.3f}" for concept, share in zip(*pair, strict=True) if concept >= 0]
        for pair in zip(facts.leading, facts.share, strict=True)
    )


def _joined(rows: Iterable[list[str]]) -> list[str]:
    return ["; ".join(row) for row in rows]
