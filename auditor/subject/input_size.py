"""Find the input size of a model that takes one only, where neither config nor weights say it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isqrt
from typing import Any

from torch import nn

from auditor.base.errors import ModelError
from auditor.base.factories import describe_failure
from auditor.subject.answers import find_answer
from auditor.subject.calling import ask
from auditor.subject.preprocessing import Preprocessing

Size = tuple[int, int]
SAID = ("input_size", "img_size", "image_size", "input_resolution", "input_shape")
SETTINGS = ("default_cfg", "pretrained_cfg", "config", "hparams")
# Sizes that classifiers are trained at.
USUAL = (
    28, 32, 48, 56, 64, 84, 96, 112, 128, 144, 160, 176, 192, 208, 224, 227, 240, 256, 260, 288,
    299, 300, 320, 331, 336, 380, 384, 448, 456, 480, 512, 528, 600,
)  # fmt: skip


def fitting(
    model: nn.Module, assumed: Preprocessing, notes: tuple[str, ...]
) -> tuple[Preprocessing, tuple[str, ...]]:
    """Return ``assumed``, or where the model fails on it, the size that the model takes, and notes.

    A size that the model itself names or that its first layer implies is used; else the only one
    of the usual sizes that it runs on.

    Raises:
        ModelError: it runs on several of the usual sizes, but not on the assumed one.
    """
    failure = _fails(model, assumed)
    if failure is None:
        return assumed, notes
    for size, origin in _implied(model, assumed.count):
        if size != assumed.size and _fails(model, _sized(assumed, size)) is None:
            return _chosen(assumed, size, origin, notes)
    usual = [(side, side) for side in USUAL if (side, side) != assumed.size]
    run = [size for size in usual if _fails(model, _sized(assumed, size)) is None]
    if len(run) == 1:
        return _chosen(assumed, run[0], "the only usual size that it runs on", notes)
    if run:
        height, width = assumed.size
        raise ModelError(
            f"the model fails on pictures of {height} x {width} ({describe_failure(failure)}); of "
            f"the usual sizes it runs on {_listed(run)}: set preprocess.resize to the one that it "
            "was trained with."
        )
    return assumed, notes  # it fails for another reason, which its caller meets


def _fails(model: nn.Module, chosen: Preprocessing) -> Exception | None:
    """Return why the model does not answer a picture of this size, None where it does."""
    try:
        find_answer(ask(model, chosen.neutral().repeat(2, 1, 1, 1)))
    except Exception as error:
        several = isinstance(error, ModelError)  # which of its outputs is asked is not known here
        return None if several else error
    return None


def _sized(assumed: Preprocessing, size: Size) -> Preprocessing:
    if size[0] == size[1]:
        return replace(assumed, size=size, resize=size[0], crop=size)
    return replace(assumed, size=size, resize=size, crop=None)


def _chosen(
    assumed: Preprocessing, size: Size, origin: str, notes: tuple[str, ...]
) -> tuple[Preprocessing, tuple[str, ...]]:
    way = "the shorter side is resized, then the centre is cropped"
    said = (
        f"preprocess.resize is not given, and the model does not run on {assumed.size[0]} x "
        f"{assumed.size[1]}: its inputs are {size[0]} x {size[1]} ({origin}); "
        f"{way if size[0] == size[1] else 'pictures are resized to that'}"
    )
    kept = [each for each in notes if not each.startswith("preprocess.resize is not given")]
    return _sized(assumed, size), (said, *kept)


def _implied(model: nn.Module, count: int) -> Iterator[tuple[Size, str]]:
    """Yield the sizes that the model itself speaks of, and where."""
    for module in model.modules():
        for holder in (module, *(getattr(module, name, None) for name in SETTINGS)):
            for name in SAID:
                found = (
                    holder.get(name) if isinstance(holder, dict) else getattr(holder, name, None)
                )
                size = _as_size(found)
                if size is not None:
                    yield size, f"its {name}"
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            side = isqrt(module.in_features // count)
            if count * side * side == module.in_features:
                said = f"{module.in_features} = {count} x {side}²"
                yield (side, side), f"its layer '{name}' takes {said}"
            return


def _as_size(value: Any) -> Size | None:
    """Read an integer, (height, width) or (channels, height, width)."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value, value
    if isinstance(value, (tuple, list)) and len(value) in (2, 3):
        height, width = value[-2:]
        if isinstance(height, int) and isinstance(width, int) and min(height, width) > 0:
            return height, width
    return None


def _listed(sizes: list[Size]) -> str:
    words = [str(side) for side, _ in sizes]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
