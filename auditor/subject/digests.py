"""What identifies a model and a validation set: sha256 over everything that counts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from auditor.records import Manifest


def model_digest(model: nn.Module) -> str:
    """Return a sha256 over sorted names, shapes, dtypes and bytes of parameters and buffers."""
    digest = hashlib.sha256()
    tensors: dict[str, Tensor] = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}|{tuple(tensor.shape)}|{tensor.dtype}|".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def data_digest(manifest: Manifest, contents: Sequence[str], marks: str = "") -> str:
    """Return a sha256 over paths, labels, class names, metadata and the digest of each content.

    ``marks`` identifies where the objects are, empty when that is not said.
    """
    digest = hashlib.sha256()

    def add(text: str) -> None:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(f"{len(data)}:".encode() + data)

    for name in manifest.classes:
        add(name)
    for path, label, content in zip(manifest.paths, manifest.labels, contents, strict=True):
        add(path)
        add(str(int(label)))
        add(content)
    for column in sorted(manifest.metadata):
        add(column)
        for value in manifest.metadata[column]:
            add(value)
    if marks:
        add(marks)
    return digest.hexdigest()
