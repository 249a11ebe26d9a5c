"""What the model answers: how many outputs, what they are called, and whether it is sound."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter
from torch.utils import _pytree as pytree

from auditor.base.errors import ConfigError, ModelError
from auditor.base.factories import describe_failure, find_file
from auditor.config.audit import ModelConfig
from auditor.subject.answers import Answer, find_answer, logits
from auditor.subject.calling import ask
from auditor.subject.imagenet import COUNT, imagenet_names
from auditor.subject.matching import Outputs
from auditor.subject.models import BuiltModel
from auditor.subject.scores import decided, kind_of, trial_inputs

SEVERAL = 5  # not two: as many logits of one picture would look like one logit for each
SINGLE = " (its single logit stands for two: against the class, and for it)"


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


def read_answer(
    model: nn.Module,
    example: Float[Tensor, "image channel height width"],
    wanted: str | None = None,
) -> tuple[Answer, int]:
    """Return which part of the model's result holds the logits and how many outputs it has.

    ``wanted`` names that part where there are several. A single logit counts as two outputs.

    Raises:
        ModelError: the model fails, or does not answer with one row of logits per picture.
        UnknownNameError: ``wanted`` names no part that can be logits.
    """
    try:
        return _read(model, example, wanted)
    except ModelError as error:
        first = error
    try:  # a head that squeezes takes the axis of a single picture away too
        return _read(model, example.repeat(SEVERAL, 1, 1, 1), wanted)
    except ModelError:
        raise first from None


def _read(model: nn.Module, example: Tensor, wanted: str | None) -> tuple[Answer, int]:
    try:
        result = ask(model, example)
    except Exception as error:
        raise ModelError(_why(error, tuple(example.shape[1:]))) from error
    answer = find_answer(result, wanted)
    found = logits(result, answer)
    if len(found) != len(example):
        held = pytree.tree_leaves(result)[answer.place]
        raise ModelError(
            f"the model returns a tensor of shape {tuple(held.shape)} for {len(example)} "
            f"picture{'s' if len(example) > 1 else ''}; it must return one row of logits per "
            "picture, of shape (pictures, outputs)."
        )
    if not bool(torch.isfinite(found).all()):
        raise ModelError("the model answers an ordinary picture with numbers that are not finite.")
    return answer, int(found.shape[1])


def refuse_other_probabilities(
    model: nn.Module, answer: Answer, example: Float[Tensor, "1 channel height width"]
) -> None:
    """Say that outputs are the levels of an ordinal classifier, or a sigmoid each, if they are.

    Raises:
        ModelError: they are.
    """
    values = []
    for inputs in (example, *trial_inputs(example)):
        with torch.no_grad():
            found = pytree.tree_leaves(model(inputs))[answer.place]
        values.append(found.reshape(len(inputs), -1))
    decided(kind_of(torch.cat(values[:-1]), values[-1]))


def _why(error: Exception, shape: tuple[int, ...]) -> str:
    size = " x ".join(map(str, shape))
    return f"the model fails on an input of {size}: {describe_failure(error)}; {_advice(error)}."


def _advice(error: Exception) -> str:
    text = str(error)
    if isinstance(error, TypeError) and "positional argument" in text:
        kind = "needs more than a picture" if "missing" in text else "takes no picture as it is"
        return f"it {kind}: wrap it in a factory whose model takes pictures as its first argument"
    if isinstance(error, (RuntimeError, ValueError, AssertionError)) and "NVIDIA" not in text:
        return (
            "set preprocess.resize and crop to the size that it was trained with, and "
            "preprocess.channels to the channels"
        )
    return "it must run on one tensor of pictures, on any device"


def name_outputs(
    config: ModelConfig, built: BuiltModel, count: int, base: Path, *, single: bool = False
) -> Outputs:
    """Return the outputs with their names: from the config, the weights, or ImageNet's list.

    ``single``: the two outputs stand for one logit, so unnamed they are negative and positive.

    Raises:
        ConfigError: ``model.classes`` does not name each output once.
    """
    imagenet = built.imagenet and count == COUNT
    natural = built.source.startswith("timm:")
    if config.classes is not None:
        names = _configured_names(config.classes, base)
        if len(names) != count:
            raise ConfigError(
                f"model.classes names {len(names)} outputs but the model has {count}"
                f"{SINGLE if single else ''}; give one name per output, in order."
            )
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"model.classes names '{twice[0]}' more than once.")
        return Outputs(count, names)
    if built.categories is not None and len(built.categories) == count:
        return Outputs(count, built.categories, imagenet and built.categories == imagenet_names())
    if imagenet:
        return Outputs(count, imagenet_names(), True)
    return Outputs(count, None, single=single, natural=natural)


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
