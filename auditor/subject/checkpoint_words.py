"""What is said of a checkpoint: where its weights were found, what was left out, what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from auditor.base.errors import on_one_line
from auditor.subject.checkpoint_names import Place, groups, is_counter, listed

# What timm's own loading prefers where a checkpoint holds several.
TIMM_TAKES = ("state_dict_ema", "model_ema")


@dataclass(frozen=True)
class Checkpoint:
    """Every tensor of a file by its path in it, such as ``state_dict.conv.weight``.

    ``entries``: for each, how much of the path leads to the mapping that holds it. ``entry``,
    ``prefix`` and ``ignore`` are what the config says of the file.
    """

    name: str
    tensors: Mapping[str, Tensor]
    entries: Mapping[str, str]
    keys: tuple[str, ...] = ()
    entry: str | None = None
    prefix: str | None = None
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mismatch:
    """How a checkpoint differs from the model; ``shapes`` are (key, checkpoint, model)."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    shapes: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.shapes)

    def listing(self) -> str:
        """Return what differs, in one line."""
        parts = []
        if self.missing:
            parts.append(f"missing {len(self.missing)} ({listed(self.missing)})")
        if self.unexpected:
            parts.append(f"unexpected {len(self.unexpected)} ({listed(self.unexpected)})")
        if self.shapes:
            shown = tuple(
                f"{key}: {list(there)} in the file, {list(here)} in the model"
                for key, there, here in self.shapes
            )
            parts.append(f"of another shape {len(self.shapes)} ({listed(shown, '; ')})")
        return "; ".join(parts)

    def head_size(self, default: int) -> int | None:
        """Return how many outputs the checkpoint has when only that differs from ``default``."""
        if self.missing or self.unexpected or not self.shapes:
            return None
        sizes = {there[:1] for _, there, _ in self.shapes}
        heads = all(
            here[:1] == (default,) and there[1:] == here[1:] for _, there, here in self.shapes
        )
        size = next(iter(sizes))
        return size[0] if heads and len(sizes) == 1 and size else None


def notes_of(
    place: Place, checkpoint: Checkpoint, dropped: Sequence[str], kept: Sequence[str]
) -> Iterator[str]:
    """Yield what was found where, and what was ``dropped`` or ``kept`` (of the model's own)."""
    if place.entry or place.prefix:
        keys = f" (its keys: {listed(checkpoint.keys)})" if place.entry else ""
        yield f"weights are {_words(place)} of the checkpoint{keys}"
    if dropped:
        beside = [path for path in dropped if checkpoint.entries[path] == place.entry]
        open_question = checkpoint.prefix is None and not all(map(is_counter, beside))
        doubt = "; if the trained model's answers depend on them, this is another model"
        yield (
            f"{len(dropped)} of the checkpoint's {len(checkpoint.tensors)} tensors are left out: "
            f"{groups(dropped, checkpoint.entries, place)}{doubt if open_question else ''}"
        )
    if kept:
        yield (
            f"{len(kept)} tensors of the model are not in the checkpoint and keep the values that "
            f"its code gives them (model.ignore): {listed(kept)}"
        )


def _words(place: Place) -> str:
    entry = f"the entry '{on_one_line(place.entry)}'" if place.entry else ""
    prefix = f"what begins with '{on_one_line(place.prefix)}.'" if place.prefix else ""
    return " and in it ".join(part for part in (entry, prefix) if part) or "the outermost level"


def several(name: str, places: Sequence[Place]) -> str:
    """Ask which of several weights are meant."""
    shown = "; ".join(f"{_words(place)} ({len(place.paths)} tensors)" for place in places)
    entries = {place.entry for place in places}
    if len(entries) == len(places):
        examples = [f"model.entry: {place.entry!r}" for place in places]
    elif len(entries) == 1:
        examples = [f"model.prefix: {place.prefix!r}" for place in places]
    else:
        examples = [f"model.entry: {p.entry!r} with model.prefix: {p.prefix!r}" for p in places]
    usual = next((entry for entry in TIMM_TAKES if entry in entries), None)
    hint = f" (timm itself takes '{usual}')" if usual else ""
    return (
        f"the checkpoint '{name}' holds these weights more than once, with different values: "
        f"{shown}; say which are meant: {' or '.join(examples)}{hint}."
    )


def nothing(checkpoint: Checkpoint, own: Sequence[str]) -> str:
    """Say that nothing is called as in the model, or that what was asked for is not there."""
    asked = [
        f"{key} is '{on_one_line(value)}'"
        for key, value in (("model.entry", checkpoint.entry), ("model.prefix", checkpoint.prefix))
        if value is not None
    ]
    paths = sorted(checkpoint.tensors)
    held = (
        f"it holds {groups(paths, checkpoint.entries)}, such as '{on_one_line(paths[0])}'; the "
        f"model's names begin with '{on_one_line(own[0])}'"
    )
    if asked:
        return (
            f"{' and '.join(asked)}, and nothing there in the checkpoint '{checkpoint.name}' is "
            f"called as in the model: {held}."
        )
    return (
        f"the checkpoint '{checkpoint.name}' holds nothing that is called as in the model: {held}; "
        "check model.source and model.options against the code that was trained."
    )


def advice(mismatch: Mismatch, name: str) -> str:
    """Return what to do about a checkpoint that does not fit."""
    sizes = {(there[:1], here[:1]) for _, there, here in mismatch.shapes}
    heads = all(there[1:] == here[1:] for _, there, here in mismatch.shapes)
    if len(sizes) == 1 and heads and not mismatch.missing and not mismatch.unexpected:
        there, _ = next(iter(sizes))
        return (
            f"the file seems to have {there[0]} outputs: set model.options "
            f"{{num_classes: {there[0]}}}, or the builder's own option for it"
        )
    if mismatch.missing and re.search(r"\d-of-\d|\bshard|mp_rank_\d|zero_pp_rank", name):
        return "the file seems to be one part of a checkpoint in several files: join them first"
    check = "check model.source and model.options against the code that was trained"
    if mismatch.unexpected and not (mismatch.missing or mismatch.shapes):
        return f"{check}, or name in model.ignore what the answers do not depend on"
    return check
