"""Models of timm by name (``timm:NAME``), with timm's own preprocessing: an optional extra."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

from torch import nn

from auditor.base.errors import ConfigError, ModelError, UnknownNameError
from auditor.base.factories import describe_failure
from auditor.config.audit import ModelConfig
from auditor.subject import checkpoints
from auditor.subject.imagenet import COUNT
from auditor.subject.local_copy import file_of
from auditor.subject.models import MODEL_SOURCES, BuiltModel, build_to_fit
from auditor.subject.presets import timm_preset

PUBLISHED = "pretrained"


@MODEL_SOURCES.register("timm")
def from_timm(rest: str, config: ModelConfig, base: Path) -> BuiltModel:
    """Return ``NAME[.TAG][?weights=pretrained]`` of timm; nothing is downloaded unasked.

    Raises:
        ConfigError: timm has no such model, tag or option.
        ModelError: timm is missing, cannot build the model, or the weights do not fit.
    """
    timm = import_timm()
    name, _, query = rest.partition("?")
    published = _published(timm, name)
    download = _asked(query)
    _refuse(config.options)
    headless = published["num_classes"] == 0 and "num_classes" not in config.options
    implied = {"num_classes": COUNT} if headless else {}

    def build(extra: Mapping[str, Any], *, pretrained: bool = False) -> nn.Module:
        return _build(timm, name, pretrained, {**implied, **config.options, **extra})

    notes: tuple[str, ...] = ()
    if config.weights is not None:
        checkpoint = checkpoints.read_checkpoint(
            file_of(config.weights, base, "model.weights"), config
        )
        label = checkpoint.name
        model, notes = build_to_fit(
            build,
            checkpoint,
            outputs=published["num_classes"] or COUNT,
            adapt="num_classes" not in config.options,
        )
    elif download:
        if published["num_classes"] == 0:
            raise ModelError(
                f"timm publishes the weights of '{name}' without a classifier; name other weights "
                f"({_tags(timm, name)}), or give your own as model.weights."
            )
        model, label = build({}, pretrained=True), f"{PUBLISHED} {published['tag']}".rstrip()
    else:
        model, label = build({}), "random"
        notes = ("no weights given: random initialisation",)
        if headless:
            notes = (*notes, f"timm has no classifier for it: built with num_classes={COUNT}")
    preset, differences = timm_preset(_data(timm, model, config.options), name)
    notes = (*notes, *differences)
    return BuiltModel(model, f"timm:{name}", label, preset, imagenet=True, notes=notes)


def import_timm() -> ModuleType:
    """Import timm.

    Raises:
        ModelError: it is not installed, or cannot be imported.
    """
    try:
        return importlib.import_module("timm")
    except ModuleNotFoundError as error:
        if error.name != "timm":
            raise ModelError(f"timm cannot be imported: {describe_failure(error)}.") from error
        raise ModelError(
            "model.source asks for a model of timm, which is not installed; run "
            "pip install 'concept-auditor[timm]'."
        ) from error


def _published(timm: ModuleType, name: str) -> dict[str, Any]:
    """Return what timm publishes about the model: its number of classes and the tag of weights."""
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        known = timm.list_models()
        near = [other for other in known if other.startswith(architecture)]
        raise UnknownNameError("timm model", architecture, near if architecture and near else known)
    try:
        found = timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{architecture}.*")]
        raise UnknownNameError(f"weights of timm's {architecture}", tag, tags) from error
    if found is None:
        return {"num_classes": COUNT, "tag": ""}
    return {"num_classes": found.num_classes, "tag": found.tag or ""}


def _tags(timm: ModuleType, name: str) -> str:
    found = timm.list_pretrained(f"{name.partition('.')[0]}.*")
    return ", ".join(other for other in found if other != name) or "there are none"


def _asked(query: str) -> bool:
    """Return whether ``?weights=pretrained`` asks for timm's own weights."""
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key != "weights":
            raise UnknownNameError("option after '?' of model.source", key, ["weights"])
        if value != PUBLISHED:
            raise ConfigError(
                f"model.source asks timm for the weights '{value}'; write ?weights={PUBLISHED}, "
                "with the tag of other published weights in the name: "
                f"timm:resnet50.a1_in1k?weights={PUBLISHED}."
            )
    return bool(query)


def _refuse(options: Mapping[str, Any]) -> None:
    if "pretrained" in options:
        raise ConfigError(
            f"model.options has 'pretrained'; write timm:NAME?weights={PUBLISHED} as model.source."
        )


def _build(timm: ModuleType, name: str, pretrained: bool, options: Mapping[str, Any]) -> nn.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # timm's notes to its own developers
            model: nn.Module = timm.create_model(name, pretrained=pretrained, **options)
    except Exception as error:
        if pretrained:
            raise ModelError(
                f"the weights that timm publishes for '{name}' could not be had "
                f"({describe_failure(error)}); give a local file as model.weights."
            ) from error
        shown = ", ".join(f"{key}={value!r}" for key, value in options.items()) or "no options"
        raise ModelError(
            f"timm cannot build '{name}' with model.options {shown}: {describe_failure(error)}."
        ) from error
    return model


def _data(timm: ModuleType, model: nn.Module, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return timm's evaluation settings, at the size the model was built for."""
    data: dict[str, Any] = timm.data.resolve_model_data_config(model)
    size = options.get("img_size")
    if size is not None:
        sides = (size, size) if isinstance(size, int) else tuple(size)
        data["input_size"] = (3, *sides)
    return data
