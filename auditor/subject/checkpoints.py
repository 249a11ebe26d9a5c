"""Read weights from a file without running anything in it, and check that they fit the model."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from auditor.errors import CheckpointError

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params")
PREFIXES = ("module.", "_orig_mod.", "model.")
SAVE_ADVICE = (
    "save the weights alone with torch.save(model.state_dict(), 'weights.pt') or as safetensors"
)

State = dict[str, Tensor]


@dataclass(frozen=True)
class Mismatch:
    """How a checkpoint differs from the model; ``shapes`` are (key, checkpoint, model)."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    shapes: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.shapes)

    def listing(self) -> str:
        """Return what differs, in one line."""
        parts = []
        if self.missing:
            parts.append(f"missing {len(self.missing)} ({_first(self.missing)})")
        if self.unexpected:
            parts.append(f"unexpected {len(self.unexpected)} ({_first(self.unexpected)})")
        if self.shapes:
            shown = tuple(
                f"{key}: {list(there)} in the file, {list(here)} in the model"
                for key, there, here in self.shapes
            )
            parts.append(f"of another shape {len(self.shapes)} ({_first(shown, '; ')})")
        return "; ".join(parts)

    def head_size(self, default: int) -> int | None:
        """Return how many outputs the checkpoint has when only that differs from ``default``."""
        if self.missing or self.unexpected or not self.shapes:
            return None
        sizes = {there[:1] for _, there, _ in self.shapes}
        heads = all(
            here[:1] == (default,) and there[1:] == here[1:] for _, there, here in self.shapes
        )
        size = next(iter(sizes))
        return size[0] if heads and len(sizes) == 1 and size else None


def read_state(path: Path) -> tuple[State, tuple[str, ...]]:
    """Return the tensors of a checkpoint by name, and notes on how they were found.

    Raises:
        CheckpointError: missing, damaged, or holding more than tensors.
    """
    if path.is_dir() or not path.exists():
        kind = "is a folder" if path.is_dir() else "does not exist"
        raise CheckpointError(
            f"the checkpoint '{path.name}' {kind}; give a .safetensors file or a state dict "
            "saved by torch as model.weights."
        )
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path), ()
    return _read_torch(path)


def fit(state: Mapping[str, Tensor], model: nn.Module) -> State:
    """Return ``state`` under the model's own key names: a common prefix is taken off.

    Tries ``module.`` (DataParallel), ``_orig_mod.`` (torch.compile) and ``model.`` (Lightning).
    """
    own = set(model.state_dict())
    found = {_current_name(key): value for key, value in state.items()}
    stripped = True
    while stripped and found and not own & set(found):
        stripped = False
        for prefix in PREFIXES:
            if all(key.startswith(prefix) for key in found):
                found = {key.removeprefix(prefix): value for key, value in found.items()}
                stripped = True
                break
    return found


def compare(state: Mapping[str, Tensor], model: nn.Module) -> Mismatch:
    """Return how ``state`` differs from the model's keys and shapes.

    ``num_batches_tracked`` may be missing: old checkpoints lack it and evaluation never reads it.
    """
    own = model.state_dict()
    missing = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
    shapes = [
        (key, tuple(state[key].shape), tuple(value.shape))
        for key, value in own.items()
        if key in state and state[key].shape != value.shape
    ]
    unexpected = [key for key in state if key not in own]
    return Mismatch(tuple(missing), tuple(unexpected), tuple(shapes))


def load_into(model: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    """Copy the tensors of checkpoint ``name`` into the model.

    Raises:
        CheckpointError: keys are missing, unexpected or of another shape; all kinds are listed.
    """
    mismatch = compare(state, model)
    if mismatch:
        raise CheckpointError(
            f"the checkpoint '{name}' does not fit the model: {mismatch.listing()}; "
            f"{_advice(mismatch)}."
        )
    model.load_state_dict(dict(state), strict=False)


def _advice(mismatch: Mismatch) -> str:
    sizes = {(there[:1], here[:1]) for _, there, here in mismatch.shapes}
    heads = all(there[1:] == here[1:] for _, there, here in mismatch.shapes)
    if len(sizes) == 1 and heads and not mismatch.missing and not mismatch.unexpected:
        there, _ = next(iter(sizes))
        return (
            f"the file seems to have {there[0]} outputs: set model.options "
            f"{{num_classes: {there[0]}}}, or the builder's own option for it"
        )
    return "check model.source and model.options against the code that was trained"


def _read_safetensors(path: Path) -> State:
    try:
        return load_file(path, device="cpu")
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError, MemoryError) as error:
        raise CheckpointError(
            f"the checkpoint '{path.name}' is not a readable safetensors file "
            f"({_reason(error)}); export it again."
        ) from error


def _read_torch(path: Path) -> tuple[State, tuple[str, ...]]:
    try:
        # Training scripts, timm's among them, keep their parsed arguments beside the weights; a
        # Namespace runs nothing when it is read.
        with torch.serialization.safe_globals([argparse.Namespace]):
            loaded = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # the unpickler refuses in many ways; none of them is a crash
        raise CheckpointError(
            f"the checkpoint '{path.name}' is damaged or holds more than tensors (a whole pickled "
            f"model, TorchScript, or code), which is never loaded; {SAVE_ADVICE}."
        ) from error
    return _unwrap(loaded, path.name)


def _unwrap(loaded: object, name: str) -> tuple[State, tuple[str, ...]]:
    if not isinstance(loaded, Mapping):
        raise CheckpointError(
            f"the checkpoint '{name}' holds a {type(loaded).__name__}, not a state dict; "
            f"{SAVE_ADVICE}."
        )
    if loaded and all(isinstance(value, Tensor) for value in loaded.values()):
        return {str(key): value for key, value in loaded.items()}, ()
    held = [key for key in WRAPPERS if _is_state(loaded.get(key))]
    keys = ", ".join(str(key) for key in list(loaded)[:10]) or "nothing"
    if not held:
        raise CheckpointError(
            f"the checkpoint '{name}' holds no state dict that is known (its keys: {keys}; "
            f"looked for: {', '.join(WRAPPERS)}); {SAVE_ADVICE}."
        )
    if len(held) > 1:
        raise CheckpointError(
            f"the checkpoint '{name}' holds several state dicts ({', '.join(held)}); {SAVE_ADVICE}."
        )
    state = {str(key): value for key, value in loaded[held[0]].items()}
    return state, (f"weights are the entry '{held[0]}' of the checkpoint (its keys: {keys})",)


def _is_state(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(item, Tensor) for item in value.values())
    )


def _current_name(key: str) -> str:
    """Return the key as today's torchvision writes it: DenseNet's had dots that are gone."""
    return re.sub(
        r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.(?:weight|bias|running_mean|running_var))$",
        r"\1\2",
        key,
    )


def _first(names: tuple[str, ...], separator: str = ", ") -> str:
    return separator.join(names[:10]) + (f"{separator}..." if len(names) > 10 else "")


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
