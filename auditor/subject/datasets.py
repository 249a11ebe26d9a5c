"""A dataset from the user's factory: pictures or ready inputs with integer labels."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import ConcatDataset, Subset

from auditor.base.errors import DataError
from auditor.base.factories import call_factory, describe_failure, load_factory
from auditor.base.redaction import shared_text
from auditor.config.audit import DataConfig
from auditor.records.accounting import OUTSIDE
from auditor.records.several import ABSENT_STATE, PRESENT_STATE, UNCERTAIN
from auditor.subject.bands import MOST, Bands, to_bands
from auditor.subject.collection import UNREADABLE, Changed, Collection, Gone, Item
from auditor.subject.depths import USUAL, Reading
from auditor.subject.images import Unreadable, converted
from auditor.subject.label_states import MEANS, LabelStates

CHANGED = (
    "differs from when it was first read: the dataset is not repeatable (random augmentation or "
    "shuffling, which an audit must not have), or the data behind it has changed"
)


@dataclass(frozen=True)
class DatasetReader:
    """Reads pictures or ready inputs from a map-style dataset.

    ``listed`` are the labels that the dataset lists apart from its items, by position: an item has
    to come with the same.
    """

    dataset: Any
    indices: tuple[int, ...]
    reading: Reading = USUAL
    listed: Mapping[int, Any] | None = None

    def digest(self, index: int) -> str:
        """Return a sha256 of the pixels or numbers, or why the item cannot be read."""
        try:
            return item_digest(self._item(index))
        except Unreadable as reason:
            return f"{UNREADABLE}{reason}"

    def read(self, index: int, digest: str) -> Item:
        """Return the item."""
        try:
            item = self._item(index)
        except Unreadable as reason:
            raise Gone(str(reason)) from None
        if item_digest(item) != digest:
            raise Changed(CHANGED)
        return item

    def size(self, index: int) -> tuple[int, int] | None:
        """Return the size of the picture or ready input."""
        try:
            return _size(self._item(index))
        except Unreadable:
            return None

    def ready_shape(self) -> tuple[int, int] | None:
        """Return (height, width) when the first readable item is a ready input."""
        for index in range(min(len(self.indices), 16)):
            try:
                item = self._item(index)
            except Unreadable:
                continue
            return None if isinstance(item, Image.Image | Bands) else _size(item)
        return None

    def channels(self) -> int | None:
        """Return how many channels the first ready input has."""
        for index in range(min(len(self.indices), 16)):
            try:
                item = self._item(index)
            except Unreadable:
                continue
            return None if isinstance(item, Image.Image | Bands) else int(item.shape[0])
        return None

    def take(self, indices: Sequence[int]) -> DatasetReader:
        """Return a reader of these items only."""
        return replace(self, indices=tuple(self.indices[index] for index in indices))

    def given(self, index: int) -> Any:
        """Return the image of an item as the dataset gives it.

        Raises:
            DataError: the item comes with another label than the dataset lists for it.
        """
        at = self.indices[index]
        try:
            item = self.dataset[at]
            image = item[0]
            if self.listed is not None and len(item) > 1:
                _check_listed(unpacked(item[1]), self.listed[at], at)
            return image
        except (MemoryError, DataError):  # not what this item is
            raise
        except Exception as error:  # the user's code, or a damaged file below it
            raise Unreadable(
                f"the dataset failed ({shared_text(describe_failure(error))})"
            ) from None

    def _item(self, index: int) -> Item:
        return to_item(self.given(index), self.reading)


def _check_listed(label: Any, listed: Any, at: int) -> None:
    try:
        same = bool(label == listed)
    except Exception:  # a tensor of several numbers
        same = False
    if not same:
        raise DataError(
            f"item {at} of the dataset comes with the label {str(label)[:60]!r}, but the dataset "
            f"lists {str(listed)!r} for it (targets): make them agree."
        )


def read_dataset(config: DataConfig, base: Path) -> Collection:
    """Return the items of the dataset that ``data.source`` makes; ids are ``item-000000``.

    With ``data.labels: multi`` labels are vectors of 1, 0 and -1 or NaN (uncertain).

    Labels come from ``dataset.targets`` when there is one of the right length (torchvision's
    convention), else from reading every item. With ``dataset.classes`` labels are named by it.

    Raises:
        DataError: the factory fails, or what it returns is not a map-style labelled dataset.
    """
    factory = load_factory(config.source, base, DataError)
    dataset = call_factory(factory, config.options, DataError)
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise DataError(
            f"'{factory.label}' returned a {type(dataset).__name__}; it must return a dataset with "
            "a length whose items are (image, label)."
        )
    if len(dataset) == 0:
        raise DataError(f"the dataset of '{factory.label}' is empty.")
    if config.labels == "multi":
        return _of_vectors(dataset, factory.label, factory.note)
    numbers, excluded = _numbers(dataset, factory.label)
    classes = class_names(dataset, factory.label)
    indices = tuple(numbers)
    if not indices:
        reasons = "; ".join(f"{count} x {reason}" for reason, count in excluded.items())
        raise DataError(f"no item of the dataset of '{factory.label}' has a label ({reasons}).")
    labels = tuple(_name(numbers[index], classes, index, factory.label) for index in indices)
    reader = DatasetReader(dataset, indices, listed=numbers)
    return Collection(
        paths=tuple(f"item-{index:06d}" for index in indices),
        labels=labels,
        names=classes or tuple(str(number) for number in sorted(set(numbers.values()))),
        reader=reader,
        excluded={OUTSIDE: excluded} if excluded else {},
        numbering="none" if classes else "certain",
        ordered=classes is not None,
        shape=reader.ready_shape(),
        channels=reader.channels(),
        notes=(factory.note,),
    )


def _of_vectors(dataset: Any, label: str, note: str) -> Collection:
    """Return the items of a dataset whose labels are vectors.

    Raises:
        DataError: a label is none, or not as long as the first.
    """
    count = len(dataset)
    targets = getattr(dataset, "targets", None)
    if targets is None or len(targets) != count:
        targets = [dataset[at][1] for at in range(count)]
    rows = [_states(target, at, label) for at, target in enumerate(targets)]
    for at, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise DataError(
                f"the label of item {at} of '{label}' has {len(row)} numbers, and that of item 0 "
                f"has {len(rows[0])}; give each item as many."
            )
    reader = DatasetReader(dataset, tuple(range(count)))
    return Collection(
        paths=tuple(f"item-{at:06d}" for at in range(count)),
        labels=tuple(",".join(map(str, row)) for row in rows),
        names=(),
        reader=reader,
        shape=reader.ready_shape(),
        channels=reader.channels(),
        states=LabelStates(
            class_names(dataset, label),
            np.array(rows, dtype=np.int8),
            f"several labels for each picture are read from the vectors of '{label}'",
        ),
        notes=(note,),
    )


def _states(value: Any, at: int, label: str) -> list[int]:
    """Return the state of each label of an item."""
    numbers = np.asarray(value.cpu() if isinstance(value, Tensor) else value)
    if numbers.ndim != 1 or numbers.dtype.kind not in "biuf" or len(numbers) < 2:
        raise DataError(
            f"the label of item {at} of '{label}' is {str(value)[:60]!r}; with data.labels: multi "
            f"it is a vector of {MEANS}, one number for each label."
        )
    floats = numbers.astype(float)
    floats = np.where(np.isnan(floats), UNCERTAIN, floats)
    strange = floats[~np.isin(floats, (PRESENT_STATE, ABSENT_STATE, UNCERTAIN))]
    if len(strange):
        raise DataError(
            f"the label of item {at} of '{label}' holds {strange[0]:g}; its numbers are {MEANS}."
        )
    found: list[int] = floats.astype(int).tolist()
    return found


def to_item(value: Any, reading: Reading = USUAL) -> Item:
    """Return a picture, or a ready input, from what a dataset yields.

    PIL images and uint8 arrays ((H, W), (H, W, 3), or a (3, H, W) tensor) are pictures, and where
    ``reading`` asks for bands (H, W, C) arrays of any numbers; floating (C, H, W) tensors and
    arrays of 1 to 16 channels are ready inputs.

    Raises:
        Unreadable: anything else, or numbers that are not finite.
    """
    if isinstance(value, Image.Image):
        return converted(value, reading)
    if isinstance(value, np.ndarray) and isinstance(reading.channels, tuple) and value.ndim == 3:
        return to_bands(np.moveaxis(value, 2, 0), reading.channels, reading)
    if isinstance(value, np.ndarray) and value.dtype == np.uint8:
        if value.ndim == 2 or (value.ndim == 3 and value.shape[2] == 3):
            return converted(Image.fromarray(np.ascontiguousarray(value)), reading)
        if value.ndim == 3 and value.shape[0] == 3:
            whole = np.ascontiguousarray(value.transpose(1, 2, 0))
            return converted(Image.fromarray(whole), reading)
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        value = torch.from_numpy(np.ascontiguousarray(value))
    if isinstance(value, Tensor) and value.ndim == 3 and value.shape[0] <= MOST:
        value = value.detach().cpu()
        if value.dtype == torch.uint8 and value.shape[0] in (1, 3):
            pixels = np.ascontiguousarray(value.permute(1, 2, 0).numpy())
            return converted(
                Image.fromarray(pixels.squeeze(2) if len(value) == 1 else pixels), reading
            )
        if value.is_floating_point():
            if not bool(torch.isfinite(value).all()):
                raise Unreadable("holds numbers that are not finite")
            ready: Tensor = value.to(torch.float32)
            return ready
    shape = tuple(getattr(value, "shape", ()))
    kind = type(value).__name__
    if shape:
        kind += f" of {getattr(value, 'dtype', 'unknown')} {shape}"
    raise Unreadable(
        f"the dataset gave a {kind}; expected a PIL image, a (C, H, W) tensor of 1 to {MOST} "
        "channels or a uint8 array"
    )


def item_digest(item: Item) -> str:
    """Return a sha256 over kind, shape and content."""
    if isinstance(item, Bands):
        return hashlib.sha256("".join(map(item_digest, item.images)).encode()).hexdigest()
    if isinstance(item, Image.Image):
        head, data = f"{item.mode}:{item.size}", item.tobytes()
    else:
        head, data = f"{item.dtype}:{tuple(item.shape)}", item.contiguous().numpy().tobytes()
    return hashlib.sha256(head.encode() + data).hexdigest()


def _numbers(dataset: Any, label: str) -> tuple[dict[int, int], dict[str, int]]:
    """Return the label of each item by position, and what has no readable label."""
    count = len(dataset)
    targets = getattr(dataset, "targets", None)
    if targets is not None and len(targets) == count:
        return {at: _integer(target, at, label) for at, target in enumerate(targets)}, {}
    found: dict[int, int] = {}
    excluded: Counter[str] = Counter()
    for at in range(count):
        try:
            pair = dataset[at]
        except Exception as error:  # the user's code
            excluded[f"the dataset failed before giving a label ({type(error).__name__})"] += 1
            continue
        if not isinstance(pair, tuple | list) or len(pair) < 2:
            raise DataError(
                f"item {at} of '{label}' is a {type(pair).__name__}; items must be (image, label)."
            )
        found[at] = _integer(pair[1], at, label)
    return found, dict(sorted(excluded.items()))


def _integer(value: Any, at: int, label: str) -> int:
    value = unpacked(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise DataError(f"the label of item {at} of '{label}' is {value!r}; labels are integers.")
    return value


def unpacked(value: Any) -> Any:
    """Return the only number of a tensor or array, and anything else as it is."""
    if isinstance(value, Tensor):
        return value.item() if value.numel() == 1 else value
    return value.item() if isinstance(value, np.ndarray | np.generic) and value.size == 1 else value


def class_names(dataset: Any, label: str) -> tuple[str, ...] | None:
    """Return what the numbers of labels are called, by the dataset or the ones that it wraps.

    Raises:
        DataError: names are not unique, or wrapped datasets call the same number differently.
    """
    classes = getattr(dataset, "classes", None)
    if classes is None:
        wrapped = _wrapped(dataset)
        named = [class_names(inner, label) for inner in wrapped]
        for names in named:
            if names != named[0]:
                raise DataError(
                    f"the datasets that '{label}' joins name their classes differently "
                    f"({_first_names(named[0])}; {_first_names(names)}), so a number does not mean "
                    "one class: give the joined dataset a `classes` and labels that count them."
                )
        return named[0] if named else None
    names = tuple(str(name) for name in classes)
    if len(set(names)) != len(names):
        raise DataError(f"the classes of '{label}' are not unique: {', '.join(names[:20])}.")
    _check_numbers(getattr(dataset, "class_to_idx", None), names, label)
    return names


def _wrapped(dataset: Any) -> list[Any]:
    """Return what torch's own wrappers hold, which keep the numbers of labels."""
    if isinstance(dataset, ConcatDataset):
        return list(dataset.datasets)
    return [dataset.dataset] if isinstance(dataset, Subset) else []


def _first_names(names: tuple[str, ...] | None) -> str:
    return "no names" if names is None else f"{', '.join(names[:5])}{', ...' * (len(names) > 5)}"


def _check_numbers(numbers: Any, names: tuple[str, ...], label: str) -> None:
    """Refuse a dataset that numbers its classes in two ways.

    Raises:
        DataError: ``class_to_idx`` gives a class another number than its place in ``classes``.
    """
    if not isinstance(numbers, Mapping):
        return
    given = {str(name): number for name, number in numbers.items()}
    for place, name in enumerate(names):
        if given.get(name, place) != place:
            raise DataError(
                f"the dataset '{label}' numbers its classes in two ways: '{name}' is {place} in "
                f"its classes and {given[name]} in its class_to_idx; make them agree, or leave "
                "one out."
            )


def _name(number: int, classes: tuple[str, ...] | None, at: int, label: str) -> str:
    if classes is None:
        return str(number)
    if not 0 <= number < len(classes):
        raise DataError(
            f"the label of item {at} of '{label}' is {number}, but its classes are 0 to "
            f"{len(classes) - 1}."
        )
    return classes[number]


def _size(item: Item) -> tuple[int, int]:
    if isinstance(item, Image.Image | Bands):
        return item.height, item.width
    return item.shape[1], item.shape[2]
