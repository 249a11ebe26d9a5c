"""Where in a checkpoint the tensors of a model are, by their names alone.

A tensor's path is the keys of the mappings that lead to it and its own key, joined by dots:
``state_dict.model.conv.weight``. The mapping is the *entry* (``state_dict``); what stands before
the model's name in it is the *prefix* (``model.``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from auditor.base.errors import CheckpointError, on_one_line

MOST_DEEP = 40
MOST_VALUES = 1_000_000
# What an optimiser keeps for each parameter is named like the parameter, and is no weight.
NO_WEIGHTS = re.compile(r"optim$|optimizer|exp_avg|momentum_buffer", re.IGNORECASE)
# Parts of a name that wrappers put in: DataParallel, torch.compile, FSDP, activation checkpoints.
WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
# Counters that tools leave on modules, which no answer depends on.
COUNTERS = {"total_ops", "total_params", "n_averaged", "num_batches_tracked"}


@dataclass(frozen=True)
class Place:
    """Where a model's tensors may be: ``paths`` by the model's own keys.

    ``beside`` are those that stand in a module that the model has too, and are none of its own
    (name without the prefix -> path). The prefix is without its last dot.
    """

    entry: str
    prefix: str
    paths: Mapping[str, str]
    beside: Mapping[str, str]


def flatten(loaded: object, name: str) -> tuple[dict[str, Tensor], dict[str, str], list[Any]]:
    """Return tensors by path, the entry of each path, and the other values that were met.

    Raises:
        CheckpointError: two tensors have one path, or there is no end to it.
    """
    tensors: dict[str, Tensor] = {}
    entries: dict[str, str] = {}
    others: list[Any] = []
    for met, (entry, key, value) in enumerate(_walk(loaded, "", ())):
        if met >= MOST_VALUES:
            raise CheckpointError(
                f"the checkpoint '{name}' holds more than {MOST_VALUES} values, or holds itself; "
                "save the weights alone with torch.save(model.state_dict(), 'weights.pt')."
            )
        path = f"{entry}.{key}" if entry else key
        if not isinstance(value, Tensor):
            others.append(value)
        elif path in tensors and tensors[path] is not value:
            raise CheckpointError(
                f"the checkpoint '{name}' holds two tensors that are both called "
                f"'{on_one_line(path)}'; save the weights alone with "
                "torch.save(model.state_dict(), 'weights.pt')."
            )
        else:
            tensors[path], entries[path] = value, entry
    return tensors, entries, others


def _walk(value: object, entry: str, above: tuple[int, ...]) -> Iterator[tuple[str, str, object]]:
    """Yield entry, key and value of all that is held; ``above``: the mappings that lead here."""
    items: Iterator[tuple[object, object]]
    if isinstance(value, Mapping):
        items = iter(value.items())
    elif isinstance(value, list | tuple):
        items = iter(enumerate(value))
    else:
        return
    above = (*above, id(value))
    for key, inner in items:
        name = str(key)
        yield entry, name, inner
        if len(above) < MOST_DEEP and id(inner) not in above and not NO_WEIGHTS.match(name):
            yield from _walk(inner, f"{entry}.{name}" if entry else name, above)


def places_of(
    entries: Mapping[str, str],
    own: Collection[str],
    needed: Sequence[tuple[str, ...]],
    *,
    entry: str | None = None,
    prefix: str | None = None,
) -> list[Place]:
    """Return where all that is needed is (one key of each tuple); if nowhere, where most of it is.

    ``entries``: path -> entry; ``entry`` and ``prefix`` keep to what lies there. Names are compared
    as they are; where that finds nothing in an entry, without the parts that wrappers put in, and
    then without what all of the model's own names begin with.
    """
    whole: dict[str, list[Place]] = {}
    partial: list[Place] = []
    for renamed, outer in _readings(own):
        here: dict[str, list[Place]] = {}
        for place in _places(entries, {renamed(k)[len(outer) :]: k for k in own}, renamed):
            if prefix is not None and place.prefix != prefix.rstrip("."):
                continue
            if entry is not None and place.entry != entry:
                continue
            if not all(any(key in place.paths for key in same) for same in needed):
                partial.append(place)
            elif place.entry not in whole:
                here.setdefault(place.entry, []).append(place)
        whole |= here
    found = [place for places in whole.values() for place in places]
    return found or sorted(partial, key=lambda place: -len(place.paths))[:1]


def current_name(key: str) -> str:
    """Return a key without wrappers' parts, as today's torchvision writes it.

    DenseNet's names had dots that are gone.
    """
    key = ".".join(part for part in key.split(".") if part not in WRAPPERS)
    return re.sub(
        r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.(?:weight|bias|running_mean|running_var))$",
        r"\1\2",
        key,
    )


def groups(paths: Collection[str], entries: Mapping[str, str], place: Place | None = None) -> str:
    """Return what paths begin with, with counts: ``criterion (1), state_dict_ema (122)``.

    In the entry of ``place`` that is what comes after its prefix.
    """
    counted: Counter[str] = Counter()
    for path in paths:
        entry = entries[path]
        if place is None or entry != place.entry:
            counted[entry or path.partition(".")[0]] += 1
        else:
            inner = path[len(entry) + 1 :] if entry else path
            counted[inner.removeprefix(f"{place.prefix}.").partition(".")[0]] += 1
    return listed([f"{name} ({count})" for name, count in counted.most_common()])


def is_counter(path: str) -> bool:
    """Return whether a tensor only counts something that no answer depends on."""
    return path.rpartition(".")[2] in COUNTERS


def listed(names: Sequence[str], separator: str = ", ") -> str:
    """Return the first names of a list."""
    shown = separator.join(on_one_line(name[:80]) for name in names[:10])
    return shown + (f"{separator}..." if len(names) > 10 else "")


def _readings(own: Collection[str]) -> Iterator[tuple[Callable[[str], str], str]]:
    """Yield how names may be read: how each is renamed, and what the model's own lose in front."""
    for renamed in (str, current_name):
        names = {renamed(key) for key in own}
        if len(names) < len(own):
            continue  # what wrappers put in tells them apart
        outer = ""
        yield renamed, outer
        while names and len({name[len(outer) :].partition(".")[0] for name in names}) == 1:
            first, dot, _ = next(iter(names))[len(outer) :].partition(".")
            if not dot:
                break
            outer += f"{first}."
            yield renamed, outer


def _places(
    entries: Mapping[str, str], ours: Mapping[str, str], renamed: Callable[[str], str]
) -> Iterator[Place]:
    """Yield where names of the model are below one beginning; ``ours``: name -> the model's key."""
    theirs: dict[str, str] = {}
    for path, entry in entries.items():
        name = f"{entry}.{renamed(path[len(entry) + 1 :])}" if entry else renamed(path)
        if theirs.setdefault(name, path) != path:
            return  # a wrapped and a bare tensor of one name: only as they are
    votes: Counter[str] = Counter()
    for name in theirs:
        parts = name.split(".")
        votes.update(
            "".join(f"{part}." for part in parts[:cut])
            for cut in range(len(parts))
            if ".".join(parts[cut:]) in ours
        )
    most = max(votes.values(), default=0)
    for begin, count in votes.items():
        if count == most or 2 * count > len(ours):
            yield _place(begin, ours, theirs, entries)


def _place(
    begin: str, ours: Mapping[str, str], theirs: Mapping[str, str], entries: Mapping[str, str]
) -> Place:
    below = {name[len(begin) :]: path for name, path in theirs.items() if name.startswith(begin)}
    paths = {key: below[name] for name, key in ours.items() if name in below}
    held = {entries[path] for path in paths.values()}
    entry = next(iter(held)) if len(held) == 1 else begin.rstrip(".")
    inner = f"{entry}." if entry else ""
    prefix = begin.removeprefix(inner) if begin.startswith(inner) else ""
    starts = {_start(name) for name in ours}
    beside = {
        name: path
        for name, path in below.items()
        if name not in ours and entries[path] in held and _start(name) in starts
        if not is_counter(name)
    }
    return Place(entry, prefix.rstrip("."), paths, beside)


def _start(name: str) -> str:
    """Return a name's first part; layers that are numbered are one thing."""
    first = name.partition(".")[0]
    return "0" if first.isdigit() else first
