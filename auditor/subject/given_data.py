"""A dataset that is an object of the caller's: its items, labels and the names of its pictures."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    default_collate,
)

from auditor.base.errors import DataError
from auditor.base.factories import describe_failure
from auditor.base.redaction import shared_text
from auditor.records.accounting import OUTSIDE
from auditor.subject.collection import Collection, Item, sorted_names, text_path
from auditor.subject.datasets import DatasetReader, class_names, to_item, unpacked
from auditor.subject.images import Unreadable

IMAGE_KEYS = ("image", "img", "pixel_values")
LABEL_KEYS = ("label", "labels")
COMPARED = 8  # items whose label is compared with the list that the dataset has of all
Label = int | str


@dataclass(frozen=True, eq=False)
class Items:
    """A dataset whose items are pairs of picture and label, whatever the caller's are.

    ``order`` are the positions that count, ``collate`` the loader's own function, ``transform``
    and then ``after`` are applied to each picture.
    """

    dataset: Any
    order: Sequence[int]
    collate: Callable[[list[Any]], Any] | None = None
    transform: Callable[[Any], Any] | None = None
    after: Callable[[Item], Item] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, at: int) -> tuple[Any, Any]:
        image, label = self._pair(at)
        if self.transform is not None:
            image = self.transform(image)
        if self.after is not None:
            image = self.after(to_item(image))
        return image, label

    def label(self, at: int) -> Label:
        """Return the label of an item, as a number or a text.

        Raises:
            DataError: it is neither.
        """
        return _label(self._pair(at)[1], at)

    @property
    def ready(self) -> bool:
        """Say whether pictures come as inputs of the model: as tensors of floating numbers."""
        return DatasetReader(self, tuple(range(len(self)))).ready_shape() is not None

    def _pair(self, at: int) -> tuple[Any, Any]:
        item = self.dataset[self.order[at]]
        if self.collate is None:
            return _parts(item, at)
        image, label = _parts(self.collate([item]), at)
        return image[0], label[0]


def items_of(data: Any) -> Items:
    """Return the items of a dataset, a loader or a list.

    Raises:
        DataError: it has no length, no items, or items without labels.
    """
    dataset = data
    order: Sequence[int] | None = None
    collate: Callable[[list[Any]], Any] | None = None
    notes: tuple[str, ...] = ()
    if isinstance(data, DataLoader):
        dataset = data.dataset
        if not isinstance(dataset, IterableDataset):
            order, collate, notes = _of_loader(data)
    kind = type(dataset).__name__
    if isinstance(dataset, IterableDataset):
        raise DataError(
            f"the data is an iterable dataset ({kind}), which has no length and no order to come "
            "back to; make it a list first, such as list(dataset)."
        )
    if isinstance(dataset, Mapping):
        raise DataError(
            f"the data is a {kind} of {', '.join(map(str, list(dataset)[:5]))}; give one of them."
        )
    if isinstance(dataset, str) or not (
        hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")
    ):
        raise DataError(
            f"the data is a {kind}; give a dataset with a length, a DataLoader or a list, whose "
            "items are (image, label)."
        )
    order = range(len(dataset)) if order is None else order
    items = Items(dataset, order, collate, notes=notes)
    if not len(items):
        raise DataError(f"the data ({kind}) is empty.")
    return items


def collected(items: Items) -> Collection:
    """Return the items as a source of data hands them over.

    Raises:
        DataError: labels are missing, of two kinds, or no numbers of the dataset's classes.
    """
    labels, excluded = _labels(items)
    kinds = {type(label) for label in labels.values()}
    if not labels:
        reasons = "; ".join(f"{count} x {reason}" for reason, count in excluded.items())
        raise DataError(f"no item of the data has a label ({reasons}).")
    if len(kinds) > 1:
        raise DataError("some labels of the data are numbers and some are text; give one kind.")
    names = _names(items.dataset)
    numbers, listed = kinds == {int}, labels
    if numbers and names is not None:
        labels = {at: _named(int(label), names, at) for at, label in labels.items()}
    texts = {at: str(label) for at, label in labels.items()}
    known = names is not None and set(texts.values()) <= set(names)
    rows = tuple(texts)
    paths = _paths(items.dataset, items.order)
    reader = DatasetReader(items, rows, listed=listed)
    return Collection(
        paths=tuple(paths[at] if paths else f"item-{items.order[at]:06d}" for at in rows),
        labels=tuple(texts.values()),
        names=names if known and names else _in_order(texts.values(), numbers=numbers),
        reader=reader,
        excluded={OUTSIDE: excluded} if excluded else {},
        numbering="certain" if numbers and names is None else "none",
        ordered=known,
        shape=reader.ready_shape(),
        channels=reader.channels(),
        notes=items.notes,
    )


def _of_loader(
    loader: DataLoader[Any],
) -> tuple[Sequence[int] | None, Callable[[list[Any]], Any] | None, tuple[str, ...]]:
    """Return which items a loader gives (None: all), its own collate function, and notes."""
    notes: list[str] = []
    collate = None
    if loader.batch_size is not None and loader.collate_fn is not default_collate:
        collate = loader.collate_fn
        notes.append("the loader's own collate function is applied to each picture alone")
    sampler = loader.sampler
    if loader.batch_sampler is not None:
        sampler = getattr(loader.batch_sampler, "sampler", loader.batch_sampler)
    if isinstance(sampler, SubsetRandomSampler):
        order = sorted(int(index) for index in sampler.indices)
        total = len(loader.dataset)  # type: ignore[arg-type]
        notes.append(f"the loader's sampler takes {len(order)} of {total} items: these are audited")
        return order, collate, tuple(notes)
    if not isinstance(sampler, SequentialSampler | RandomSampler):
        notes.append(
            f"the loader's sampler ({type(sampler).__name__}) is not asked: every item of its "
            "dataset is audited once"
        )
    return None, collate, tuple(notes)


def _parts(item: Any, at: int) -> tuple[Any, Any]:
    """Return picture and label of an item.

    Raises:
        DataError: it is no pair and no mapping that has both.
    """
    if isinstance(item, Mapping):
        image = next((key for key in IMAGE_KEYS if key in item), None)
        label = next((key for key in LABEL_KEYS if key in item), None)
        if image is not None and label is not None:
            return item[image], item[label]
        keys = ", ".join(f"'{key}'" for key in list(item)[:10])
        lacking = "image" if image is None else "label"
        raise DataError(
            f"item {at} of the data has no '{lacking}', only {keys}; items are (image, label) or "
            "mappings with 'image' and 'label'."
        )
    if isinstance(item, tuple | list) and len(item) >= 2:
        return item[0], item[1]
    size = f" of {len(item)}" if isinstance(item, tuple | list) else ""
    raise DataError(
        f"item {at} of the data is a {type(item).__name__}{size} without a label; items are "
        "(image, label) or mappings with 'image' and 'label'."
    )


def _label(value: Any, at: int) -> Label:
    value = unpacked(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | str) and not isinstance(value, bool):
        return value
    shape = tuple(getattr(value, "shape", ()))
    shown = f"a {type(value).__name__} of shape {shape}" if shape else repr(value)
    raise DataError(
        f"the label of item {at} of the data is {shown}; a label is the number of an output or the "
        "name of a class."
    )


def _labels(items: Items) -> tuple[dict[int, Label], dict[str, int]]:
    """Return the label of each item by position, and why others have none that can be read."""
    count = len(items)
    listed = None if items.collate is not None else _listed(items.dataset)
    if listed is not None:
        spread = {round(step * (count - 1) / (COMPARED - 1)) for step in range(COMPARED)}
        try:
            found = [_label(listed[items.order[at]], at) for at in range(count)]
            if all(found[at] == items.label(at) for at in spread):
                return dict(enumerate(found)), {}
        except Exception:  # noqa: S110  (a list of something else: every item is asked)
            pass
    labels: dict[int, Label] = {}
    excluded: Counter[str] = Counter()
    for at in range(count):
        try:
            labels[at] = items.label(at)
        except DataError:
            raise
        except Exception as error:  # the user's code
            reason = shared_text(describe_failure(error))
            excluded[f"the dataset failed before giving a label ({reason})"] += 1
    return labels, dict(sorted(excluded.items()))


def _listed(dataset: Any) -> Sequence[Any] | None:
    """Return the labels of all items where a dataset lists them, so that no picture is read."""
    if isinstance(dataset, Subset):
        inner = _listed(dataset.dataset)
        return None if inner is None else [inner[index] for index in dataset.indices]
    if isinstance(dataset, ConcatDataset):
        parts = [_listed(each) for each in dataset.datasets]
        if any(part is None for part in parts):
            return None
        return [label for part in parts for label in (part or ())]
    if isinstance(dataset, TensorDataset):
        return list(dataset.tensors[1]) if len(dataset.tensors) > 1 else None
    if getattr(dataset, "target_transform", None) is not None:
        return None
    listed = getattr(dataset, "targets", None)
    if listed is None and hasattr(dataset, "column_names"):  # a data set of Hugging Face
        key = next((key for key in LABEL_KEYS if key in dataset.column_names), None)
        listed = None if key is None else list(dataset[key])
    return listed if listed is not None and len(listed) == len(dataset) else None


def _names(dataset: Any) -> tuple[str, ...] | None:
    """Return what the numbers of labels are called, by the dataset or the ones that it wraps."""
    features = getattr(dataset, "features", None)
    if isinstance(features, Mapping):
        key = next((key for key in LABEL_KEYS if key in features), "")
        names = getattr(features.get(key), "names", None)
        return None if names is None else tuple(map(str, names))
    return class_names(dataset, "data")


def _named(number: int, names: Sequence[str], at: int) -> str:
    if not 0 <= number < len(names):
        raise DataError(
            f"the label of item {at} of the data is {number}, but its classes are 0 to "
            f"{len(names) - 1}."
        )
    return names[number]


def _in_order(labels: Any, *, numbers: bool) -> tuple[str, ...]:
    found = sorted_names(tuple(labels))
    return tuple(sorted(found, key=int)) if numbers else found


def _paths(dataset: Any, order: Sequence[int]) -> list[str] | None:
    """Return the pictures' paths below the dataset's root, where it has them for all items."""
    if isinstance(dataset, Subset):
        return _paths(dataset.dataset, [dataset.indices[index] for index in order])
    samples, root = getattr(dataset, "samples", None), getattr(dataset, "root", None)
    if samples is None or root is None:
        return None
    try:
        files = [Path(samples[index][0]) for index in order]
        below = [text_path(os.path.relpath(file, root)) for file in files]
    except (TypeError, ValueError, IndexError, KeyError):
        return None
    inside = not any(path.startswith("..") or Path(path).is_absolute() for path in below)
    return below if inside and len(set(below)) == len(below) else None


def readable(items: Items, count: int) -> list[Item]:
    """Return up to ``count`` pictures, spread over the data, of those that can be read."""
    last = len(items) - 1
    found = []
    for at in sorted({round(step * last / max(count - 1, 1)) for step in range(count)}):
        try:
            found.append(to_item(items[at][0]))
        except DataError:
            raise
        except (Unreadable, Exception):  # noqa: S112  (the pass over the data says so)
            continue
    return found
