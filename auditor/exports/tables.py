"""What several formats hold of each picture."""

from __future__ import annotations

import json
from collections import defaultdict
from io import BytesIO
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import softmax

from auditor.exports.export import Source


def probabilities(source: Source, rows: np.ndarray) -> Float[np.ndarray, "row output"]:
    """Return the probability of each output."""
    logits = np.asarray(source.pictures.samples.logits)[rows].astype(np.float64)
    found: np.ndarray = softmax(logits, axis=1)
    return found


def carried(source: Source) -> dict[str, list[str]]:
    """Return the ids of the findings whose region was seen in a picture, by its path."""
    found: dict[str, list[str]] = defaultdict(list)
    for finding in source.result.findings:
        for carrier in finding.carriers:
            found[carrier.picture].append(finding.id)
    return found


def packed(**arrays: np.ndarray) -> bytes:
    """Return arrays as an .npz that needs no pickle."""
    written = BytesIO()
    np.savez_compressed(written, **arrays)  # type: ignore[arg-type]
    return written.getvalue()


def text(names: Any) -> np.ndarray:
    """Return texts as an array of fixed width."""
    return np.array([str(name) for name in names], dtype=np.str_)


def as_json(document: Any) -> bytes:
    """Return a document as JSON."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False).encode()
