"""Which range tensors of a dataset have: told by its transforms, and checked against the values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Subset

from auditor.base.errors import ConfigError, DataError
from auditor.subject.collection import Item
from auditor.subject.given_data import Items, readable

LOOKED_AT = 64
SLACK = 0.02  # of the range: what interpolation may leave it by
STEP = 0.05  # of a step of 8 bits: a value this near to one is on it
ON_STEPS = 0.9
Three = tuple[float, float, float]


@dataclass(frozen=True)
class Normalisation:
    """Mean and std in units of ``scale``, and where they are from."""

    mean: Three
    std: Three
    scale: float
    origin: str

    def undone(self, values: Tensor) -> Tensor:
        """Return inputs (3, H, W) as pixels from 0 to 1."""
        return (values * _column(self.std) + _column(self.mean)) / self.scale

    def done(self, values: Tensor) -> Tensor:
        """Return pixels from 0 to 1 as inputs."""
        return (values * self.scale - _column(self.mean)) / _column(self.std)


NONE = Normalisation((0.0,) * 3, (1.0,) * 3, 1.0, "as they are, from 0 to 1")
USUAL = (
    NONE,
    Normalisation((0.0,) * 3, (1.0,) * 3, 255.0, "as they are, from 0 to 255"),
    Normalisation((0.5,) * 3, (0.5,) * 3, 1.0, "a guess: from -1 to 1"),
    Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1.0, "a guess: ImageNet's"),
    Normalisation(
        (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711), 1.0,
        "a guess: CLIP's",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Range:
    """What is known of the range: ``keys`` of the config's preprocess, notes, what to apply."""

    keys: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    apply: Callable[[Item], Item] | None = None


def range_of(items: Items, keys: Mapping[str, Any]) -> Range:
    """Return how the tensors of a dataset are shown as pictures, and whether they need normalising.

    ``keys`` are those of the config's preprocess that the caller gives. Pictures need nothing.

    Raises:
        ConfigError: ``keys`` say half of a normalisation.
        DataError: no normalisation that is known here gives these values, or it is done twice.
    """
    tensors = [each for each in readable(items, LOOKED_AT) if isinstance(each, Tensor)]
    if not tensors:
        return Range()
    if "mean" in keys and "std" in keys:
        return _told(tensors, keys)
    if said := sorted({"mean", "std", "scale"} & set(keys)):
        raise ConfigError(
            f"preprocess gives {' and '.join(said)} alone, and the data hands over tensors; give "
            "mean and std, or neither."
        )
    _check_once(items)
    stated = _stated(items)
    fitting = [each for each in (*stated, *USUAL) if _fits(each, tensors)]
    if not fitting:
        low, high = _ends(tensors)
        raise DataError(
            f"the data's tensors hold values from {low:.3g} to {high:.3g}, which no usual "
            "normalisation of pictures gives; give preprocess={'mean': [...], 'std': [...]}, or "
            "tensors from 0 to 1."
        )
    steps = [_on_steps(each, tensors) for each in fitting]
    best = steps.index(max(steps)) if max(steps) >= ON_STEPS else 0
    chosen = fitting[best]
    sure = max(steps) >= ON_STEPS or chosen in (*stated, NONE)
    return Range(_as_keys(chosen), _notes(chosen, tensors, steps[best], sure))


def _check_once(items: Items) -> None:
    """Refuse a transform that normalises what the dataset has normalised already.

    Raises:
        DataError: so it is.
    """
    if items.transform is None or not any(map(_has_three, _steps(items.transform))):
        return
    before = readable(replace(items, transform=None), LOOKED_AT)
    low = min((float(each.min()) for each in before if isinstance(each, Tensor)), default=0.0)
    if low < -SLACK:
        raise DataError(
            f"the data's tensors hold values down to {low:.3g}, so they are normalised already, "
            "and preprocess would normalise them again; leave preprocess out, or take the "
            "transform out of the dataset."
        )


def _told(tensors: Sequence[Tensor], keys: Mapping[str, Any]) -> Range:
    """Apply the caller's mean and std to tensors that lie from 0 to 1; others have them already."""
    scale = float(keys.get("scale") or 1.0)
    given = Normalisation(_three(keys["mean"]), _three(keys["std"]), scale, "as given")
    outside = sum(bool(each.min() < -SLACK or each.max() > 1 + SLACK) for each in tensors)
    count = len(tensors)
    if not outside:
        note = (
            f"none of {count} tensors looked at has a value below 0 or above 1: they are taken for "
            "pixels, and the given mean and std are applied"
        )
        return Range(notes=(note,), apply=_Applied(given))
    if not _fits(given, tensors):
        low, high = _ends([given.undone(each) for each in tensors])
        raise DataError(
            f"{outside} of {count} tensors looked at have values below 0 or above 1, but undoing "
            f"the given mean and std makes pixels from {low:.3g} to {high:.3g} of them, where 0 to "
            "1 is possible; give those that the data was normalised with."
        )
    note = (
        f"{outside} of {count} tensors looked at have values below 0 or above 1: they are taken as "
        "normalised already by the given mean and std"
    )
    return Range(notes=(note,))


@dataclass(frozen=True)
class _Applied:
    """Normalises an item that holds pixels from 0 to 1."""

    by: Normalisation

    def __call__(self, item: Item) -> Item:
        return self.by.done(item) if isinstance(item, Tensor) else item


def _stated(items: Items) -> tuple[Normalisation, ...]:
    """Return the normalisation among the transforms, the last one, in both possible units."""
    given = [] if items.transform is None else [items.transform]
    for transform in [*given, *_transforms(items.dataset)]:
        steps = [each for each in _steps(transform) if _has_three(each)]
        if steps:
            mean, std = _three(steps[-1].mean), _three(steps[-1].std)
            return tuple(
                Normalisation(mean, std, scale, "by its transforms") for scale in (1.0, 255.0)
            )
    return ()


def _transforms(dataset: Any) -> Iterator[Any]:
    for name in ("transform", "transforms"):
        if getattr(dataset, name, None) is not None:
            yield getattr(dataset, name)
    inner = [dataset.dataset] if isinstance(dataset, Subset) else []
    inner = list(dataset.datasets) if isinstance(dataset, ConcatDataset) else inner
    for each in inner:
        yield from _transforms(each)


def _steps(transform: Any) -> Iterator[Any]:
    """Yield a transform and those that it is made of, in order."""
    yield transform
    parts = getattr(transform, "transforms", None)
    if isinstance(transform, torch.nn.Sequential):
        parts = list(transform)
    if getattr(transform, "transform", None) is not None and parts is None:
        parts = [transform.transform]  # torchvision's StandardTransform
    for part in parts if isinstance(parts, list | tuple) else ():
        yield from _steps(part)


def _has_three(step: Any) -> bool:
    try:
        return len(_three(step.mean)) == len(_three(step.std)) == 3
    except (AttributeError, TypeError, ValueError):
        return False


def _three(values: Any) -> Three:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _fits(by: Normalisation, tensors: Sequence[Tensor]) -> bool:
    low, high = _ends([by.undone(each) for each in tensors])
    dark = by.scale > 1 and high * by.scale <= 2  # black pictures, or the other unit
    return low >= -SLACK and high <= 1 + SLACK and not dark


def _on_steps(by: Normalisation, tensors: Sequence[Tensor]) -> float:
    """Return the share of values that are whole steps of 8 bits when the normalisation is undone.

    Pixels are such steps unless they were resized as numbers; by a wrong normalisation they are so
    by chance alone. Values at the ends of the range are no evidence.
    """
    values = torch.cat([by.undone(each).flatten() * 255 for each in tensors])
    inner = values[(values > 0.5) & (values < 254.5)]
    if not len(inner):
        return 1.0 if by is NONE else 0.0
    return float(((inner - inner.round()).abs() < STEP).float().mean())


def _ends(tensors: Sequence[Tensor]) -> tuple[float, float]:
    return (
        min(float(each.min()) for each in tensors),
        max(float(each.max()) for each in tensors),
    )


def _as_keys(by: Normalisation) -> dict[str, Any]:
    return {"mean": list(by.mean), "std": list(by.std), "scale": by.scale}


def _notes(
    by: Normalisation, tensors: Sequence[Tensor], steps: float, sure: bool
) -> tuple[str, ...]:
    low, high = _ends(tensors)
    check = "" if sure else "CHECK: "
    shown = (
        f"mean {np.round(by.mean, 4).tolist()} and std {np.round(by.std, 4).tolist()} in units of "
        f"{by.scale:g} ({by.origin})"
    )
    return (
        f"{check}the data's tensors hold values from {low:.3g} to {high:.3g} and are shown as "
        f"pictures by {shown}; so {steps:.0%} of the values of {len(tensors)} tensors are whole "
        "steps of 8 bits",
    )


def _column(values: Three) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(3, 1, 1)
