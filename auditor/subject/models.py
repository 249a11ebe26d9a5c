"""Where the model comes from: torchvision, or the user's factory; and its weights.

``timm:NAME`` is in ``timm_models``.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import torch
import torchvision
from torch import nn

from auditor.base.errors import (
    CheckpointError,
    ConfigError,
    ModelError,
    UnknownNameError,
    did_you_mean,
)
from auditor.base.factories import (
    call_factory,
    describe_failure,
    is_factory,
    load_factory,
    may_be_code,
)
from auditor.base.registry import Registry
from auditor.config.audit import ModelConfig
from auditor.subject import checkpoints
from auditor.subject.imagenet import COUNT
from auditor.subject.local_copy import file_of
from auditor.subject.preprocessing import Preprocessing
from auditor.subject.presets import torchvision_preset
from auditor.subject.wrappers import unwrap


@dataclass(frozen=True)
class BuiltModel:
    """A model with its weights in place, and what is known about it.

    ``categories`` name the outputs when the weights say so; ``imagenet`` is True when 1,000
    outputs are ImageNet-1k's. ``weights`` is a file name, the name of weights, or "random".
    """

    model: nn.Module
    source: str
    weights: str
    preset: Preprocessing | None = None
    categories: tuple[str, ...] | None = None
    imagenet: bool = False
    notes: tuple[str, ...] = ()


# The part of ``model.source`` after ``name:``, the model's config, and the folder of the config.
ModelSource = Callable[[str, ModelConfig, Path], BuiltModel]
MODEL_SOURCES: Registry[ModelSource] = Registry("model source", group="model_sources")


def build_model(config: ModelConfig, base: Path) -> BuiltModel:
    """Return the model that the config names, in evaluation mode, on the CPU, in float32.

    Raises:
        ConfigError: ``model.source`` is of no known form.
        ModelError: it cannot be built or its weights do not fit.
    """
    scheme, _, rest = config.source.partition(":")
    if scheme in MODEL_SOURCES:
        return MODEL_SOURCES[scheme](rest, config, base)
    if is_factory(config.source) and may_be_code(config.source, base):
        return _from_factory(config, base)
    known = ", ".join(f"{name}:" for name in MODEL_SOURCES if name != "python")
    hint = _meant(config.source, base) or did_you_mean(scheme, MODEL_SOURCES)
    raise ConfigError(
        f"model.source is '{config.source}', and '{scheme}' is neither a model source "
        f"({known}) nor a module that is found here.{hint} Write "
        "torchvision:NAME, timm:NAME, hf:FOLDER, package.module:factory or path/file.py:factory."
    )


def _meant(source: str, base: Path) -> str:
    """Return what a source without a scheme is, and how it is written; empty where it is open."""
    place = base / source
    if (place / "config.json").is_file():
        return f" '{source}' is a folder with a config.json, as Hugging Face's are: hf:{source}."
    if place.is_file() and place.suffix == ".py":
        return f" '{source}' is a file of Python: name its function, {source}:FUNCTION."
    if place.is_file() and place.suffix in (".safetensors", ".pt", ".pth", ".bin", ".ckpt"):
        return (
            f" '{source}' is a file of weights, which is given as model.weights (--weights) beside "
            "the model that they are for."
        )
    if source in torchvision.models.list_models(module=torchvision.models):
        return f" torchvision has a model of that name: torchvision:{source}."
    return ""


def build_to_fit(
    build: Callable[[dict[str, Any]], nn.Module],
    checkpoint: checkpoints.Checkpoint,
    *,
    outputs: int,
    adapt: bool,
) -> tuple[nn.Module, tuple[str, ...]]:
    """Return the model that ``build`` makes with a checkpoint in it, and notes.

    ``outputs`` is how many it has unasked; when only the head differs from the checkpoint's and
    ``adapt`` is True, it is built again with ``num_classes``.

    Raises:
        CheckpointError: the weights do not fit.
    """
    model = build({})
    found = checkpoints.fit(checkpoint, model).mismatch.head_size(outputs) if adapt else None
    notes: tuple[str, ...] = ()
    if found is not None:
        model = build({"num_classes": found})
        notes = (f"the checkpoint has {found} outputs: built with num_classes={found}",)
    return model, (*checkpoints.load_into(model, checkpoint), *notes)


def resolve_device(wanted: str) -> torch.device:
    """Return the device that ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps`` means here.

    Raises:
        ModelError: this machine has no such device.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "auto":
        wanted = "cuda" if gpus else "cpu"
    device = torch.device(wanted)
    if device.type == "cuda" and not gpus:
        raise ModelError(
            f"model.device is {wanted} but torch finds no CUDA device; use auto or cpu."
        )
    if device.type == "cuda" and (device.index or 0) >= gpus:
        known = ", ".join(f"cuda:{index}" for index in range(gpus))
        raise ModelError(
            f"model.device is {wanted}, but this machine has {known}; use one of them."
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ModelError("model.device is mps but torch finds no Apple GPU; use auto or cpu.")
    return device


@MODEL_SOURCES.register("torchvision")
def _from_torchvision(rest: str, config: ModelConfig, base: Path) -> BuiltModel:
    name, _, query = rest.partition("?")
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise UnknownNameError("torchvision classifier", name, known)
    published = torchvision.models.get_model_weights(name)
    asked = _asked_weights(query, published)
    notes: tuple[str, ...] = ()
    if config.weights is None and asked is None:
        model = _build(name, config.options, {"init_weights": True})
        notes = ("no weights given: random initialisation",)
        return BuiltModel(
            model,
            f"torchvision:{name}",
            "random",
            _preset(published.DEFAULT),
            imagenet=True,
            notes=notes,
        )
    if config.weights is not None:
        checkpoint = checkpoints.read_checkpoint(
            file_of(config.weights, base, "model.weights"), config
        )
        preset = _preset(asked or published.DEFAULT)
        notes = _assumed_preset(published, asked)
        implied = _implied_by(asked) if asked is not None else {"init_weights": False}
        categories = None
    else:
        checkpoint = checkpoints.of_state(_download(asked), asked.name)
        preset = _preset(asked)
        implied = _implied_by(asked)
        categories = tuple(asked.meta["categories"])
    model, fitted = build_to_fit(
        lambda extra: _build(name, config.options, {**implied, **extra}),
        checkpoint,
        outputs=COUNT,
        adapt="num_classes" not in config.options,
    )
    return BuiltModel(
        model,
        f"torchvision:{name}",
        checkpoint.name,
        preset,
        categories,
        imagenet=True,
        notes=(*notes, *fitted),
    )


def _from_factory(config: ModelConfig, base: Path) -> BuiltModel:
    factory = load_factory(config.source, base, ModelError)
    if isinstance(factory.target, nn.Module):
        model: Any = factory.target
    else:
        model = call_factory(factory, config.options, ModelError)
    if not isinstance(model, nn.Module):
        raise ModelError(
            f"'{factory.label}' returned a {type(model).__name__}; it must return a "
            "torch.nn.Module."
        )
    model, wrappers = unwrap(model)
    notes: tuple[str, ...] = (factory.note, *wrappers)
    if config.weights is None:
        weights = "from the factory"
    else:
        checkpoint = checkpoints.read_checkpoint(
            file_of(config.weights, base, "model.weights"), config
        )
        weights, notes = checkpoint.name, (*notes, *checkpoints.load_into(model, checkpoint))
    return BuiltModel(model, factory.label, weights, notes=notes)


def _asked_weights(query: str, published: Any) -> Any:
    """Return the member of ``published`` that ``weights=NAME`` asks for, or None."""
    if not query:
        return None
    pairs = dict(parse_qsl(query, keep_blank_values=True))
    for key in pairs:
        if key != "weights":
            raise UnknownNameError("option after '?' of model.source", key, ["weights"])
    name = pairs.get("weights", "").rpartition(".")[2]
    if name not in published.__members__:
        raise UnknownNameError("weights of this torchvision model", name, published.__members__)
    return published[name]


def _preset(weights: Any) -> Preprocessing:
    return torchvision_preset(weights.transforms(), str(weights).replace("_Weights.", " "))


def _assumed_preset(published: Any, asked: Any) -> tuple[str, ...]:
    """Return a note when the presets of a model's published weights differ and none was named."""
    geometries = {(p.resize, p.crop) for p in map(_preset, published)}
    if asked is not None or len(geometries) == 1:
        return ()
    return (
        f"the preprocessing is that of {published.DEFAULT.name}; other published weights of this "
        f"model ({', '.join(published.__members__)}) have another: name them as ?weights=... or "
        "set preprocess",
    )


def _implied_by(weights: Any) -> dict[str, Any]:
    """Return the builder options that torchvision itself derives from published weights."""
    smallest = weights.meta["min_size"]
    return {
        "num_classes": len(weights.meta["categories"]),
        "image_size": smallest[0],
        "input_size": smallest,
        "transform_input": True,
        "init_weights": False,
    }


def _build(name: str, options: dict[str, Any], implied: dict[str, Any]) -> nn.Module:
    """Build a torchvision model; ``implied`` options apply where the builder's model has them."""
    builder = torchvision.models.get_model_builder(name)
    accepted = _accepted(name)
    chosen = {key: value for key, value in implied.items() if key in accepted}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            model: nn.Module = builder(weights=None, **{**chosen, **options})
    except Exception as error:
        shown = ", ".join(f"{key}={value!r}" for key, value in options.items()) or "no options"
        raise ModelError(
            f"torchvision cannot build '{name}' with model.options {shown}: "
            f"{describe_failure(error)}."
        ) from error
    return model


def _accepted(name: str) -> set[str]:
    """Return those implied options that the model's class takes (they differ by family)."""
    family = {"googlenet": "GoogLeNet", "inception_v3": "Inception3"}
    accepted = {"num_classes"}
    if name in family:
        known = inspect.signature(getattr(torchvision.models, family[name])).parameters
        accepted |= {"transform_input", "init_weights"} & set(known)
    if name.startswith("vit_"):
        accepted.add("image_size")
    if name == "maxvit_t":
        accepted.add("input_size")
    return accepted


def _download(weights: Any) -> checkpoints.State:
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it announces itself on stdout
            state: checkpoints.State = weights.get_state_dict(
                progress=False, check_hash=True, weights_only=True, map_location="cpu"
            )
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"the weights {weights} could not be downloaded ({describe_failure(error)}); give a "
            "local file as model.weights."
        ) from error
    except Exception as error:
        raise CheckpointError(
            f"the downloaded weights {weights} cannot be read as plain tensors; give a local "
            "file as model.weights."
        ) from error
    return state
