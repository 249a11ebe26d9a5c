"""Records to files and back: JSON for structure, one ``.npy`` per array, never pickle.

A frozen dataclass or `Part` becomes ``{"$record": "module:class", ...}``, an array
``{"$array": file}``, a text ``{"$text": how it is made}``, a tuple a list. Loading checks the
format version and that every named array is there.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np

from auditor.base.errors import IntegrityError
from auditor.language.speaking import Text
from auditor.records.part import Part, Picture
from auditor.run.mirror import mirror_of
from auditor.run.storage import Writer, write_atomic, writing

PACKAGE = __name__.partition(".")[0]
FORMAT = {"format": "concept-auditor/record", "version": 2}


class Stacked(np.ndarray):
    """An array that is written row after row from its parts, and is never in memory as a whole.

    It has the shape and type of its parts one after the other; its own values are all 0, so that it
    is good for nothing but to be written, with the bytes of `numpy.save`.
    """

    parts: Sequence[np.ndarray]

    @classmethod
    def of(cls, parts: Sequence[np.ndarray]) -> Stacked:
        """Return parts, of which there is at least one, on top of each other."""
        shapes = [part.shape for part in parts]
        shape = (sum(rows for rows, *_rest in shapes), *shapes[0][1:])
        stacked = np.broadcast_to(np.zeros((), parts[0].dtype), shape).view(cls)
        stacked.parts = parts
        return stacked

    def write(self, file: Writer) -> None:
        """Write the array as ``.npy``, part by part."""
        head = {
            "descr": np.lib.format.dtype_to_descr(self.dtype),
            "fortran_order": False,
            "shape": self.shape,
        }
        np.lib.format.write_array_header_1_0(file, head)
        for part in self.parts:
            file.write(np.ascontiguousarray(part, self.dtype).tobytes())


def save_record(
    folder: Path, value: Any, shared: Mapping[str, object] | None = None
) -> dict[str, str]:
    """Write ``value`` (records, tuples, mappings, arrays, plain values) into an empty folder.

    Where one of the ``shared`` objects stands in it, itself and no equal one, its name is written.
    Returns the digest of each file's bytes as they were written. The folder is not synced.

    Raises:
        StorageError: a file cannot be written.
    """
    digests: dict[str, str] = {}
    names = {id(each): name for name, each in (shared or {}).items()}
    body = _encode(value, "r", _Arrays(folder, digests, names))
    text = json.dumps({**FORMAT, "value": body}, allow_nan=False, indent=1)
    digests["record.json"] = write_atomic(folder / "record.json", text.encode(), sync=False)
    return dict(sorted(digests.items()))


def load_record(folder: Path, shared: Mapping[str, Any] | None = None) -> Any:
    """Return what `save_record` wrote; arrays are memory-mapped and read-only.

    With ``shared`` objects, which stand where the record names them, arrays are mapped so that they
    can be written to in memory, which leaves the files as they are.

    Raises:
        IntegrityError: a file is missing, unreadable, or of another version.
    """
    mirror = mirror_of(folder)
    if mirror is not None and not (folder / "record.json").exists():
        mirror.fetch_folder(folder)
    try:
        document = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        if {key: document.get(key) for key in FORMAT} != FORMAT:
            raise IntegrityError(
                f"{folder.name}/record.json has a format this version cannot read."
            )
        return _decode(document["value"], folder, shared)
    except FileNotFoundError as error:
        raise IntegrityError(
            f"stage '{folder.name}' is not there whole ({Path(error.filename).name} is missing): "
            "run the audit again with --repair, which makes it again."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"stage '{folder.name}' cannot be read back: {error}.") from error


def pictures_in(value: Any) -> Iterator[str]:
    """Yield the files of all pictures that a record names, at any depth."""
    if isinstance(value, Picture):
        yield value.file
    elif (fields := _fields(value)) is not None:
        yield from pictures_in(fields)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from pictures_in(each)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from pictures_in(each)


@dataclasses.dataclass(frozen=True)
class _Arrays:
    """Where arrays go: a file each, whose digest is noted; ``shared`` are names of objects by id.

    An array that stands in several places of a record is written once.
    """

    folder: Path
    digests: dict[str, str]
    shared: Mapping[int, str]
    kept: dict[int, str] = dataclasses.field(default_factory=dict)

    def keep(self, name: str, value: np.ndarray) -> str:
        if id(value) in self.kept:
            return self.kept[id(value)]
        self.kept[id(value)] = name
        with writing(self.folder / name, sync=False) as file:
            if isinstance(value, Stacked):
                value.write(file)
            else:
                np.save(file, value, allow_pickle=False)
        self.digests[name] = file.digest
        return name


def _encode(value: Any, name: str, arrays: _Arrays) -> Any:
    if id(value) in arrays.shared:
        return {"$shared": arrays.shared[id(value)]}
    if (fields := _fields(value)) is not None:
        parts = {key: _encode(item, f"{name}.{key}", arrays) for key, item in fields.items()}
        return {"$record": f"{type(value).__module__}:{type(value).__name__}", **parts}
    if isinstance(value, Text):
        return {"$text": value.to_json()}
    if isinstance(value, np.ndarray):
        return {"$array": arrays.keep(f"{name}.npy", value)}
    if isinstance(value, Mapping):
        pairs = [
            [_encode(key, f"{name}.k{index}", arrays), _encode(item, f"{name}.{index}", arrays)]
            for index, (key, item) in enumerate(value.items())
        ]
        return {"$map": pairs}
    if isinstance(value, tuple | list):
        return [_encode(item, f"{name}.{index}", arrays) for index, item in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _fields(value: Any) -> dict[str, Any] | None:
    """Return the fields of a record by name, None for anything else."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return dict(value) if isinstance(value, Part) else None


def _decode(value: Any, folder: Path, shared: Mapping[str, Any] | None) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item, folder, shared) for item in value)
    if not isinstance(value, dict):
        return value
    if "$shared" in value:
        return (shared or {})[value["$shared"]]
    if "$array" in value:
        mode: Literal["r", "c"] = "r" if shared is None else "c"
        return np.load(folder / value["$array"], mmap_mode=mode, allow_pickle=False)
    if "$text" in value:
        return Text.from_json(value["$text"])
    if "$map" in value:
        return {
            _decode(key, folder, shared): _decode(item, folder, shared)
            for key, item in value["$map"]
        }
    kind = _kind(value["$record"])
    fields = {key: item for key, item in value.items() if key != "$record"}
    return kind(**{key: _decode(item, folder, shared) for key, item in fields.items()})


def _kind(name: str) -> Any:
    """Return the class that a file names: a record or a part of this package, nothing else."""
    module, _, qualified = name.partition(":")
    if module.startswith(f"{PACKAGE}."):
        with suppress(ImportError):
            kind = getattr(importlib.import_module(module), qualified, None)
            if isinstance(kind, type) and (
                dataclasses.is_dataclass(kind) or issubclass(kind, Part)
            ):
                return kind
    raise ValueError(f"it holds a '{name}', which this version does not know")
