"""What identifies a model's weights and a validation set: sha256 over everything that counts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auditor.records.stages import Manifest


def value_digest(value: Any) -> str:
    """Return a sha256 over plain values, arrays, tensors and records, however they are nested.

    Each value counts with its kind and its length, numbers with every bit, mappings and records
    by the names of their fields and not by their order.

    Raises:
        TypeError: something has no content that is known here.
    """
    digest = hashlib.sha256()
    for part in _parts(value):
        digest.update(part)
    return digest.hexdigest()


def weights_digest(model: nn.Module) -> str:
    """Return a sha256 over names, shapes, dtypes and bytes of parameters and buffers.

    It is one half of what identifies a model; the other is what is done with them, the captured
    program (`Explainer.program`).
    """
    return value_digest({**dict(model.named_parameters()), **dict(model.named_buffers())})


def data_digest(manifest: Manifest, contents: Sequence[str], marks: str = "") -> str:
    """Return a sha256 over paths, labels, class names, metadata and the digest of each content.

    ``marks`` identifies where the objects are, empty when that is not said.
    """
    labels = manifest.labels.astype(np.int64)
    parts = [manifest.paths, labels, manifest.classes, manifest.metadata, contents, marks]
    return value_digest(parts if manifest.several is None else [*parts, manifest.several])


def _parts(value: Any) -> Iterator[bytes]:
    if isinstance(value, Tensor):
        yield from _tensor(value)
    elif isinstance(value, np.ndarray):
        yield from _array(value)
    elif isinstance(value, Mapping):
        yield f"mapping {len(value)};".encode()
        for key in sorted(value):
            yield from _parts(key)
            yield from _parts(value[key])
    elif isinstance(value, list | tuple):
        yield f"sequence {len(value)};".encode()
        for each in value:
            yield from _parts(each)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from _parts({each.name: getattr(value, each.name) for each in fields(value)})
    else:
        kind, data = _scalar(value)
        yield f"{kind} {len(data)};".encode() + data


def _scalar(value: Any) -> tuple[str, bytes]:
    if value is None or isinstance(value, bool | int):
        return type(value).__name__, str(value).encode()
    if isinstance(value, float):
        return "float", value.hex().encode()
    if isinstance(value, complex):
        return "complex", f"{value.real.hex()} {value.imag.hex()}".encode()
    if isinstance(value, str):
        return "str", value.encode("utf-8", "surrogatepass")
    if isinstance(value, np.generic):
        return _scalar(value.item())
    raise TypeError(f"a {type(value).__name__} has no content that can be digested")


def _array(array: np.ndarray) -> Iterator[bytes]:
    if array.dtype.hasobject:
        yield from _parts(array.tolist())
        return
    yield f"array {array.shape} {array.dtype.str};".encode()
    yield np.ascontiguousarray(array).tobytes()


def _tensor(tensor: Tensor) -> Iterator[bytes]:
    plain = tensor.detach().cpu()
    plain = plain.to_dense() if plain.layout != torch.strided else plain
    plain = plain.resolve_conj().resolve_neg().contiguous()
    yield f"tensor {tuple(plain.shape)} {plain.dtype};".encode()
    yield plain.reshape(-1).view(torch.uint8).numpy().tobytes()
