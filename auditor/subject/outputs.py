"""What the model answers: how many outputs, what they are called, and whether it is sound."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from auditor.config import ModelConfig
from auditor.errors import ConfigError, ModelError
from auditor.subject.factories import describe_failure, find_file
from auditor.subject.imagenet import COUNT, imagenet_names
from auditor.subject.labels import Outputs
from auditor.subject.models import BuiltModel


def prepare(model: nn.Module, device: torch.device) -> tuple[nn.Module, tuple[str, ...]]:
    """Return the model in evaluation mode, in float32, on ``device``, and notes.

    Raises:
        ModelError: a weight is not finite or was never initialised.
    """
    notes: list[str] = []
    for name, parameter in model.named_parameters():
        if isinstance(parameter, UninitializedParameter):
            raise ModelError(
                f"the parameter '{name}' has no shape yet (a lazy module); give weights, or run "
                "the model once in its factory."
            )
        if not bool(torch.isfinite(parameter).all()):
            raise ModelError(f"the parameter '{name}' holds numbers that are not finite.")
        if parameter.dtype != torch.float32 and not notes:
            notes.append(f"the weights are {parameter.dtype}; the audit computes in float32")
    for name, buffer in model.named_buffers():
        statistic = name.endswith(("running_mean", "running_var"))
        if bool(torch.isnan(buffer).any()) or (
            statistic and not bool(torch.isfinite(buffer).all())
        ):
            raise ModelError(f"the buffer '{name}' holds numbers that are not finite.")
    return model.float().eval().to(device), tuple(notes)


def count_outputs(model: nn.Module, example: Float[Tensor, "1 3 height width"]) -> int:
    """Return the number of outputs, from one forward pass.

    Raises:
        ModelError: the model fails, or does not answer with one row of logits per picture.
    """
    height, width = example.shape[2:]
    try:
        with torch.no_grad():
            answer = model(example)
    except Exception as error:
        raise ModelError(
            f"the model fails on an input of 3 x {height} x {width}: {describe_failure(error)}; "
            "set preprocess.resize and crop to the size it was trained with."
        ) from error
    if not isinstance(answer, Tensor):
        raise ModelError(
            f"the model returns a {type(answer).__name__}; it must return one tensor of logits "
            "(picture, output): wrap it in a factory that does."
        )
    if answer.ndim != 2 or answer.shape[0] != 1:
        raise ModelError(
            f"the model returns a tensor of shape {tuple(answer.shape)} for one picture; it must "
            "return logits of shape (1, outputs)."
        )
    if answer.shape[1] < 2:
        raise ModelError(
            "the model has a single output; wrap it in a factory that returns two logits "
            "(for example [0, z])."
        )
    if not bool(torch.isfinite(answer).all()):
        raise ModelError("the model answers an ordinary picture with numbers that are not finite.")
    return int(answer.shape[1])


def name_outputs(config: ModelConfig, built: BuiltModel, count: int, base: Path) -> Outputs:
    """Return the outputs with their names: from the config, the weights, or ImageNet's list.

    Raises:
        ConfigError: ``model.classes`` does not name each output once.
    """
    imagenet = built.imagenet and count == COUNT
    if config.classes is not None:
        names = _configured_names(config.classes, base)
        if len(names) != count:
            raise ConfigError(
                f"model.classes names {len(names)} outputs but the model has {count}; give one "
                "name per output, in order."
            )
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"model.classes names '{twice[0]}' more than once.")
        return Outputs(count, names)
    if built.categories is not None and len(built.categories) == count:
        return Outputs(count, built.categories, imagenet and built.categories == imagenet_names())
    if imagenet:
        return Outputs(count, imagenet_names(), True)
    return Outputs(count, None)


def _configured_names(classes: list[str] | str, base: Path) -> tuple[str, ...]:
    if isinstance(classes, list):
        return tuple(classes)
    path = find_file(classes, base)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(
            f"model.classes '{classes}' cannot be read: {reason}; give a list of names or a text "
            "file with one name a line."
        ) from error
    return tuple(line.strip() for line in lines if line.strip())
