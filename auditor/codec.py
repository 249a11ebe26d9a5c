"""Records to files and back: JSON for structure, one ``.npy`` per array, never pickle.

A frozen dataclass becomes ``{"$record": name, ...}``, an array ``{"$array": file}``, a tuple a
list. Loading checks the format version and that every named array is there.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from auditor import concept_records, detail_records, records, shortcut_records
from auditor.errors import IntegrityError

FORMAT = {"format": "concept-auditor/record", "version": 1}


def save_record(folder: Path, value: Any) -> None:
    """Write ``value`` (records, tuples, mappings, arrays, plain values) into an empty folder."""
    body = _encode(value, folder, "r")
    text = json.dumps({**FORMAT, "value": body}, allow_nan=False, indent=1)
    (folder / "record.json").write_text(text, encoding="utf-8")


def load_record(folder: Path) -> Any:
    """Return what `save_record` wrote; arrays are memory-mapped and read-only.

    Raises:
        IntegrityError: a file is missing, unreadable, or of another version.
    """
    try:
        document = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        if {key: document.get(key) for key in FORMAT} != FORMAT:
            raise IntegrityError(
                f"{folder.name}/record.json has a format this version cannot read."
            )
        return _decode(document["value"], folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"stage '{folder.name}' cannot be read back: {error}.") from error


def _encode(value: Any, folder: Path, name: str) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {
            field.name: _encode(getattr(value, field.name), folder, f"{name}.{field.name}")
            for field in dataclasses.fields(value)
        }
        return {"$record": type(value).__name__, **parts}
    if isinstance(value, np.ndarray):
        file = f"{name}.npy"
        np.save(folder / file, value, allow_pickle=False)
        return {"$array": file}
    if isinstance(value, Mapping):
        pairs = [
            [_encode(key, folder, f"{name}.k{index}"), _encode(item, folder, f"{name}.{index}")]
            for index, (key, item) in enumerate(value.items())
        ]
        return {"$map": pairs}
    if isinstance(value, tuple | list):
        return [_encode(item, folder, f"{name}.{index}") for index, item in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _decode(value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item, folder) for item in value)
    if not isinstance(value, dict):
        return value
    if "$array" in value:
        return np.load(folder / value["$array"], mmap_mode="r", allow_pickle=False)
    if "$map" in value:
        return {_decode(key, folder): _decode(item, folder) for key, item in value["$map"]}
    kind = _kind(value["$record"])
    return kind(**{key: _decode(item, folder) for key, item in value.items() if key != "$record"})


def _kind(name: str) -> Any:
    for module in (records, concept_records, detail_records, shortcut_records):
        if hasattr(module, name):
            return getattr(module, name)
    raise ValueError(f"it holds a '{name}', which this version does not know")
