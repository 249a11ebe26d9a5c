"""Find a model's tensors in a checkpoint, however it was saved, and put them into the model.

Tensors are found by the model's own names: wherever in the file, and below whatever prefix, every
one of them is there. What could be meant in two ways is asked for, never guessed.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from auditor.base.errors import CheckpointError
from auditor.config.audit import ModelConfig
from auditor.subject.checkpoint_names import Place, flatten, listed, places_of
from auditor.subject.checkpoint_tensors import casts, refuse_changed, refuse_unusable
from auditor.subject.checkpoint_words import (
    Checkpoint as Checkpoint,
)
from auditor.subject.checkpoint_words import (
    Mismatch,
    advice,
    notes_of,
    nothing,
    several,
)
from auditor.subject.stand_ins import NumpyArray
from auditor.subject.weight_files import SAVE_ADVICE, read_weights

State = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Fitted:
    """The checkpoint's tensors under the model's names, how they differ from it, and notes."""

    state: State
    mismatch: Mismatch
    notes: tuple[str, ...]


def read_checkpoint(path: Path, config: ModelConfig) -> Checkpoint:
    """Return the tensors of a checkpoint; which of them are the model's, `fit` finds out.

    Raises:
        CheckpointError: missing, damaged, holding no tensors, or more than tensors.
    """
    loaded = read_weights(path)
    if not isinstance(loaded, Mapping | list | tuple):
        raise CheckpointError(
            f"the checkpoint '{path.name}' holds a {type(loaded).__name__}, not a state dict; "
            f"{SAVE_ADVICE}."
        )
    tensors, entries, others = flatten(loaded, path.name)
    keys = tuple(str(key) for key in loaded) if isinstance(loaded, Mapping) else ()
    if not tensors:
        arrays = any(isinstance(other, NumpyArray) for other in others)
        what = "NumPy arrays, not tensors" if arrays else "no tensors"
        raise CheckpointError(
            f"the checkpoint '{path.name}' holds {what} (its keys: {listed(keys) or 'none'}); "
            f"{SAVE_ADVICE}."
        )
    return Checkpoint(
        path.name, tensors, entries, keys, config.entry, config.prefix, tuple(config.ignore)
    )


def of_state(state: Mapping[str, Tensor], name: str) -> Checkpoint:
    """Return published weights, which are plain tensors by name, as a checkpoint."""
    return Checkpoint(name, state, dict.fromkeys(state, ""))


def fit(checkpoint: Checkpoint, model: nn.Module) -> Fitted:
    """Return the model's tensors of a checkpoint, or how the closest ones differ.

    Raises:
        CheckpointError: nothing in the file is called as in the model; several parts of it fit and
            hold other values; or what ``model.entry`` or ``model.prefix`` names is not there.
    """
    own = model.state_dict()
    if not own:
        raise CheckpointError(
            "the model has no weights to be read from a checkpoint; leave out model.weights."
        )
    places = places_of(
        checkpoint.entries,
        list(own),
        _needed(own, checkpoint.ignore),
        entry=checkpoint.entry,
        prefix=checkpoint.prefix,
    )
    if not places:
        raise CheckpointError(nothing(checkpoint, list(own)))
    fitted = [_fitted(place, checkpoint, own) for place in places]
    found = [each for each in fitted if not each.mismatch] or fitted
    if any(not _same(found[0].state, other.state) for other in found[1:]):
        chosen = [place for place, each in zip(places, fitted, strict=True) if each in found]
        raise CheckpointError(several(checkpoint.name, chosen))
    return found[0]


def load_into(model: nn.Module, checkpoint: Checkpoint) -> tuple[str, ...]:
    """Copy a checkpoint's tensors into the model, and return notes on what was done.

    Raises:
        CheckpointError: as `fit`; keys are missing, unexpected or of another shape, all of which
            are listed; or a tensor is of a kind that cannot be a weight.
    """
    fitted = fit(checkpoint, model)
    if fitted.mismatch:
        raise CheckpointError(
            f"the checkpoint '{checkpoint.name}' does not fit the model: "
            f"{fitted.mismatch.listing()}; {advice(fitted.mismatch, checkpoint.name)}."
        )
    own = model.state_dict()
    refuse_unusable(fitted.state, own, checkpoint.name)
    model.load_state_dict(fitted.state, strict=False)
    refuse_changed(fitted.state, model.state_dict(), checkpoint.name)
    return (*fitted.notes, *casts(fitted.state, own))


def _fitted(place: Place, checkpoint: Checkpoint, own: Mapping[str, Tensor]) -> Fitted:
    state = {key: checkpoint.tensors[path] for key, path in place.paths.items()}
    beside = {
        name: path
        for name, path in place.beside.items()
        if not (_matches(name, checkpoint.ignore) or _matches(path, checkpoint.ignore))
    }
    shapes = tuple(
        (key, tuple(value.shape), tuple(own[key].shape))
        for key, value in state.items()
        if not (nn.parameter.is_lazy(own[key]) or value.is_nested)
        if value.shape != own[key].shape
    )
    needed = _needed(own, checkpoint.ignore)
    missing = [same[0] for same in needed if not any(key in state for key in same)]
    kept = [key for key in own if key not in state and _matches(key, checkpoint.ignore)]
    used = {*place.paths.values(), *beside.values()}
    dropped = [path for path in checkpoint.tensors if path not in used]
    return Fitted(
        state,
        Mismatch(tuple(missing), tuple(beside), shapes),
        tuple(notes_of(place, checkpoint, dropped, kept)),
    )


def _needed(own: Mapping[str, object], ignore: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the model's keys that a checkpoint has to hold, one of each tuple.

    ``num_batches_tracked`` may be missing: old checkpoints lack it and evaluation never reads it.
    Of tensors that are one and the same, one is enough: safetensors keeps one.
    """
    needed: dict[object, tuple[str, ...]] = {}
    for key, value in own.items():
        if not key.endswith("num_batches_tracked") and not _matches(key, ignore):
            same = _identity(key, value)
            needed[same] = (*needed.get(same, ()), key)
    return list(needed.values())


def _identity(key: str, value: object) -> object:
    """Return what tensors that share their memory have in common."""
    if not isinstance(value, Tensor) or nn.parameter.is_lazy(value):
        return key
    if value.is_meta or value.layout is not torch.strided or not value.numel():
        return key
    return (value.data_ptr(), value.shape, value.stride())


def _matches(key: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(key, pattern) for pattern in patterns)


def _same(left: State, right: State) -> bool:
    """Return whether two readings are the same weights; counters aside."""
    keys = {key for key in left | right if not key.endswith("num_batches_tracked")}
    return all(key in left and key in right and _equal(left[key], right[key]) for key in keys)


def _equal(left: Tensor, right: Tensor) -> bool:
    if left is right:
        return True
    kinds = (left.dtype, left.layout, left.shape) == (right.dtype, right.layout, right.shape)
    plain = left.layout is torch.strided and not (left.is_meta or right.is_meta)
    return kinds and plain and torch.equal(left, right)
