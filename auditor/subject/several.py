"""How several labels for each picture meet the outputs, and the rows that are audited of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Int8

from auditor.base.errors import LabelError, UnknownNameError, nearest
from auditor.language.speaking import gettext as _
from auditor.records.accounting import BEYOND_LIMIT
from auditor.records.several import ABSENT, ABSENT_STATE, PRESENT_STATE, UNCERTAIN, Several
from auditor.subject.found import Found
from auditor.subject.label_states import NOTHING, LabelStates
from auditor.subject.labels import plain
from auditor.subject.matching import Matching, Outputs
from auditor.subject.selection import stratified_sample

MOST = 10  # names in a message


@dataclass(frozen=True, eq=False)
class LabelRows:
    """The rows that are audited: ``item`` of the data, the output ``label`` that each stands for.

    ``several`` has the labels of each row's picture.
    """

    item: Int[np.ndarray, "row"]
    label: Int[np.ndarray, "row"]
    several: Several


def match_states(found: LabelStates, outputs: Outputs) -> tuple[Matching, LabelStates, list[str]]:
    """Return which output each label is, the states in the order of outputs, and notes.

    By name where the outputs have names; else by order, where there are as many.

    Raises:
        LabelError: they do not meet.
    """
    if found.names is None or outputs.names is None:
        return _by_order(found, outputs)
    places = {plain(name): at for at, name in enumerate(outputs.names)}
    strange = [name for name in found.names if plain(name) not in places]
    nothing = [name for name in strange if plain(name) in NOTHING]
    left = [name for name in strange if name not in nothing]
    if left and (found.chosen or "divided" in found.how or len(left) == len(found.names)):
        near = nearest(left[0], outputs.names)
        raise LabelError(
            f"{len(left)} of {len(found.names)} labels of the data are no output of the model: "
            f"{_first(left)}{f' (did you mean {near!r}?)' if near else ''}; the outputs are "
            f"{_first(outputs.names)}: name the outputs by model.classes as the data does, or name "
            "the columns that are labels by data.columns.label."
        )
    states = np.full((len(found.states), outputs.count), UNCERTAIN, dtype=np.int8)
    matched: dict[str, int] = {}
    for at, name in enumerate(found.names):
        if name not in strange:
            matched[name] = places[plain(name)]
            states[:, matched[name]] = found.states[:, at]
    notes = []
    if left:
        notes.append(f"columns of 0 and 1 that are no output and are not used: {_first(left)}")
    if nothing:
        notes.append(f"{_first(nothing)} is no output: it is read as no label present")
    lacking = [name for at, name in enumerate(outputs.names) if at not in matched.values()]
    if lacking:
        notes.append(
            f"CHECK: outputs that the data has no label for, not audited: {_first(lacking)}"
        )
    matching = Matching(matched, (*outputs.names, _(ABSENT)), _("by label name"), insist="multi")
    return matching, LabelStates(outputs.names, states, found.how), notes


def _by_order(found: LabelStates, outputs: Outputs) -> tuple[Matching, LabelStates, list[str]]:
    count = found.states.shape[1]
    if count != outputs.count:
        named = f": {_first(found.names)}" if found.names else ""
        raise LabelError(
            f"the data has {count} labels{named}, and the model has {outputs.count} outputs; name "
            "the columns that are labels, in the order of the outputs, by data.columns.label, or "
            "set model.classes to the names of the outputs."
        )
    names = outputs.names or found.names or outputs.named()
    guess = found.names is not None and not found.chosen
    matched = {name: at for at, name in enumerate(found.names or names)}
    matching = Matching(
        matched, (*names, _(ABSENT)), _("by the order of the labels in the data"),
        guess=guess, insist="multi",
    )  # fmt: skip
    return matching, LabelStates(names, found.states, found.how), []


def thresholds_of(asked: float | Mapping[str, float], classes: Sequence[str]) -> tuple[float, ...]:
    """Return the threshold of each label, a probability.

    Raises:
        UnknownNameError: one is given for no label.
    """
    if not isinstance(asked, Mapping):
        return (float(asked),) * len(classes)
    known = {plain(name): at for at, name in enumerate(classes)}
    found = [0.5] * len(classes)
    for name, value in asked.items():
        if plain(name) not in known:
            raise UnknownNameError("label in model.threshold", name, classes)
        found[known[plain(name)]] = float(value)
    return tuple(found)


def label_rows(
    states: Int8[np.ndarray, "item label"], items: Sequence[int], thresholds: tuple[float, ...]
) -> LabelRows:
    """Return a row for each label that is present in an item, and one for an item without any."""
    item: list[int] = []
    label: list[int] = []
    for number in items:
        present = np.flatnonzero(states[number] == PRESENT_STATE).tolist() or [states.shape[1]]
        item += [int(number)] * len(present)
        label += present
    rows = np.array(item, dtype=np.int64)
    picture = np.unique(rows, return_inverse=True)[1].astype(np.int64)
    several = Several(picture, states[rows].astype(np.int8), thresholds)
    return LabelRows(rows, np.array(label, dtype=np.int64), several)


def row_names(
    paths: Sequence[str], labels: Sequence[int], classes: Sequence[str]
) -> tuple[str, ...]:
    """Return a name for each row: its picture's path, and after the first row the label too."""
    seen: set[str] = set()
    names = []
    for path, label in zip(paths, labels, strict=True):
        names.append(f"{path} [{classes[label]}]" if path in seen else path)
        seen.add(path)
    return tuple(names)


def drawn_items(
    states: Int8[np.ndarray, "item label"], limit: int | None, seed: int
) -> tuple[int, ...]:
    """Return the items that are audited: all, or ``limit`` drawn, stratified by rarest label."""
    count = len(states)
    if limit is None or limit >= count:
        return tuple(range(count))
    present = states == PRESENT_STATE
    rarity = np.where(present, present.sum(axis=0), count + 1)
    rarest = np.where(present.any(axis=1), rarity.argmin(axis=1), states.shape[1])
    return tuple(stratified_sample([f"{each:05d}" for each in rarest.tolist()], limit, seed))


def count_labels(
    states: Int8[np.ndarray, "item label"],
    kept: Sequence[int],
    classes: Sequence[str],
    excluded: Mapping[str, Mapping[str, int]],
) -> Found:
    """Count the rows that the items make, by label, and those of items beyond the limit."""
    inside = set(kept)
    found: Counter[str] = Counter()
    left: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for number, row in enumerate(states):
        present = np.flatnonzero(row == PRESENT_STATE).tolist() or [states.shape[1]]
        for label in present:
            found[classes[label]] += 1
            if number not in inside:
                left[classes[label]][BEYOND_LIMIT] += 1
    for name, reasons in excluded.items():
        for reason, count in reasons.items():
            found[name] += count
            left[name][reason] += count
    return Found(
        dict(sorted(found.items())),
        {name: dict(sorted(left[name].items())) for name in sorted(left)},
    )


def label_notes(states: Int8[np.ndarray, "item label"], names: Sequence[str]) -> list[str]:
    """Say how many labels are uncertain, and of which labels nothing is present or absent."""
    notes = []
    uncertain = (states == UNCERTAIN).sum(axis=0)
    if uncertain.any():
        most = int(uncertain.argmax())
        notes.append(
            f"{int(uncertain.sum()):,} of {states.size:,} labels are uncertain (-1 or empty) and "
            f"masked, most of '{names[most]}': {int(uncertain[most]):,} of {len(states):,}"
        )
    never = [
        name for at, name in enumerate(names)
        if (states[:, at] == PRESENT_STATE).any() and not (states[:, at] == ABSENT_STATE).any()
    ]  # fmt: skip
    if never:
        notes.append(
            f"CHECK: no picture is known to be without {_first(never)}: empty cells are uncertain; "
            "write 0 where a label is absent"
        )
    return notes


def _first(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:MOST])
    return f"{shown}, ... ({len(names)} in all)" if len(names) > MOST else shown
