"""A model and data that are objects of the caller's program, as a notebook or a test has them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from auditor.base.errors import ConfigError, DataError, ModelError
from auditor.base.factories import describe_failure
from auditor.config.audit import DataConfig, ModelConfig
from auditor.subject.collection import Collection
from auditor.subject.given_data import Items, collected, items_of
from auditor.subject.given_range import range_of
from auditor.subject.models import MODEL_SOURCES, BuiltModel
from auditor.subject.preprocessing import Preprocessing
from auditor.subject.presets import torchvision_preset
from auditor.subject.sources import DATA_SOURCES
from auditor.subject.wrappers import unwrap

SCHEME = "python"
HERE = "given in Python"


@dataclass(frozen=True, eq=False)
class Given:
    """What an audit is given instead of sources: a copy of the model, and the items of the data.

    ``device`` is where the caller's model lies, ``preprocess`` what the data says of the keys of
    the config's section of that name.
    """

    model: BuiltModel
    data: Collection
    device: str
    preprocess: Mapping[str, Any] = field(default_factory=dict)


def given(model: Any, data: Any, preprocess: Any = None) -> Given:
    """Return a copy of the model, and the data as items, with what they say of themselves.

    ``preprocess``: a transform that is applied to each picture, the transforms that torchvision
    publishes with weights, or a mapping of keys of the config's section. ``data``: a map-style
    dataset, a `DataLoader` or a list, of (picture, label) or mappings with ``image`` and ``label``.

    Raises:
        ModelError: it is no model, or cannot be copied.
        DataError: the data has no length, no labels, or tensors of no known range.
        ConfigError: ``preprocess`` is none of these.
    """
    if not (preprocess is None or isinstance(preprocess, Mapping) or callable(preprocess)):
        raise ConfigError(
            f"preprocess is a {type(preprocess).__name__}; give a transform that is called with a "
            "picture, or a mapping such as {'mean': [...], 'std': [...]}."
        )
    built, device = _copied(model)
    items = items_of(data)
    preset = _preset(preprocess, items)
    keys = dict(preprocess) if isinstance(preprocess, Mapping) else {}
    if preset is None and callable(preprocess):
        items = replace(items, transform=preprocess)
    found = range_of(items, keys)
    if found.apply is not None:
        items = replace(items, after=found.apply)
    collection = collected(items)
    noted = replace(collection, notes=(*collection.notes, *found.notes))
    return Given(replace(built, preset=preset), noted, device, {**keys, **found.keys})


def _copied(model: Any) -> tuple[BuiltModel, str]:
    if not isinstance(model, nn.Module):
        what = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        hint = "; call it to make a model" if isinstance(model, type) else ""
        raise ModelError(f"the model is {what}, not a torch.nn.Module{hint}.")
    inner, notes = unwrap(model)
    device = _device(inner)
    try:
        copied = copy.deepcopy(inner)
    except Exception as error:
        raise ModelError(
            "the model cannot be copied, and the audit changes no model of yours: "
            f"{describe_failure(error)}; give one that copy.deepcopy takes."
        ) from error
    if any(module.training for module in inner.modules()):
        notes = (*notes, "the model was in training mode: a copy in evaluation mode is audited")
    return BuiltModel(copied, f"{SCHEME}:{type(inner).__name__}", HERE, notes=notes), device


def _device(model: nn.Module) -> str:
    """Return where a model lies, as the config names devices.

    Raises:
        ModelError: on several devices, on none, or on one that audits do not run on.
    """
    held = (*model.parameters(), *model.buffers())
    found = sorted({str(each.device) for each in held}) or ["cpu"]
    if len(found) > 1:
        raise ModelError(
            f"the model's parameters lie on {' and '.join(found)}; move all of them to one device."
        )
    device = "mps" if found[0].startswith("mps") else found[0]
    if device.partition(":")[0] not in ("cpu", "cuda", "mps"):
        raise ModelError(f"the model lies on the device '{device}'; move it to cpu, cuda or mps.")
    return device


def _preset(preprocess: Any, items: Items) -> Preprocessing | None:
    """Return the preprocessing that weights come with, where pictures are still to be framed."""
    published = ("crop_size", "resize_size", "mean", "std", "interpolation")
    if all(hasattr(preprocess, name) for name in published) and not items.ready:
        return torchvision_preset(preprocess, "the transforms given")
    return None


@MODEL_SOURCES.register(SCHEME)
def _no_model(rest: str, config: ModelConfig, base: Path) -> BuiltModel:
    raise ModelError(
        f"the model '{rest}' was given to auditor.audit as an object; only that can audit it: "
        "name a factory as model.source to use the command line."
    )


@DATA_SOURCES.register(SCHEME)
def _no_data(rest: str, config: DataConfig, base: Path) -> Collection:
    raise DataError(
        f"the data '{rest}' was given to auditor.audit as an object; only that can audit it: name "
        "a factory as data.source to use the command line."
    )
