"""How the labels of the data meet the outputs of the model: by rule, and a guess is called one."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from auditor.base.errors import LabelError, nearest
from auditor.language.speaking import gettext as _
from auditor.subject.collection import Numbering
from auditor.subject.imagenet import SHARED_NAMES, imagenet_names, wnid_of
from auditor.subject.label_order import by_code_point, naturally
from auditor.subject.matching import BINARY, Matching, Outputs

Rule = Literal["auto", "name", "wnid", "number", "order", "natural"] | Mapping[str, int | str]
_SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing"}
WRITE_MAP = "write data.labels as a map from label to output"


def match_labels(
    used: Sequence[str],
    names: Sequence[str],
    outputs: Outputs,
    rule: Rule,
    numbering: Numbering,
    *,
    ordered: bool = False,
) -> Matching:
    """Match the labels that are ``used`` (of all ``names`` the data has) to outputs.

    ``ordered`` names stand in the order of the outputs already; others are sorted for ``order``.

    Raises:
        LabelError: no rule applies without guessing; the message shows what was seen.
    """
    if not isinstance(rule, str):
        return _by_map(used, names, outputs, rule)
    if rule == "name":
        return _by_name(used, outputs)
    if rule == "wnid":
        return _by_wnid(used, outputs)
    if rule == "number":
        return _by_number(used, outputs)
    if rule in ("order", "natural"):
        return _by_order(names, outputs, ordered, natural=rule == "natural")
    return _automatic(used, names, outputs, numbering, ordered)


def plain(name: str) -> str:
    """Return the name in the form that is compared: case, spaces, ``_`` and ``-`` do not count."""
    return re.sub(r"[\s_\-]+", " ", unicodedata.normalize("NFC", name).casefold()).strip()


def _automatic(
    used: Sequence[str],
    names: Sequence[str],
    outputs: Outputs,
    numbering: Numbering,
    ordered: bool,
) -> Matching:
    if numbering == "certain":
        return _by_number(used, outputs)
    if all(wnid_of(label) for label in used) and outputs.wnids(assume=outputs.names is None):
        return _by_wnid(used, outputs)
    if outputs.names is not None:
        found = _positions(outputs)
        if any(plain(label) in found for label in used):
            return _by_name(used, outputs)
    if len(names) > 1 and {name.lower() for name in names} <= _SPLITS:
        raise LabelError(
            f"the labels are {_first(names)}, which looks like splits of the data and not like "
            f"classes; point data.source to one of them, or {WRITE_MAP}."
        )
    if outputs.names is not None:
        numbers = numbering == "possible"
        rule = "number' when they count" if numbers else "order' when, sorted, they are"
        raise LabelError(
            f"no label of the data is the name of an output: {_saw(used, outputs)}; {WRITE_MAP}, "
            f"or as '{rule} the outputs{' from 0' if numbers else ' in order'}."
        )
    if numbering == "possible" and "0" in names:
        return _guessed_numbers(used, names, outputs)
    in_order = _by_order(names, outputs, ordered, natural=outputs.natural)
    return replace(in_order, guess=True) if ordered else _guessed_order(in_order, names)


def _guessed_numbers(used: Sequence[str], names: Sequence[str], outputs: Outputs) -> Matching:
    """Take labels for the numbers of outputs, if there is a label for each of them."""
    numbers = {int(name) for name in names}
    if numbers != set(range(outputs.count)):
        raise LabelError(
            f"the labels are numbers, and nothing says which outputs they are: "
            f"{_saw(by_code_point(names), outputs)}; write data.labels: number when they count the "
            f"outputs from 0, or {WRITE_MAP}."
        )
    return replace(_by_number(used, outputs), guess=True)


def _guessed_order(found: Matching, names: Sequence[str]) -> Matching:
    """Mark an order that nobody stated as a guess, with the other order where it differs."""
    other = by_code_point(names) if found.insist == "natural" else naturally(names)
    moved = {name: at for at, name in enumerate(other)}
    differs = any(moved[name] != at for name, at in found.outputs.items())
    return replace(found, guess=True, other=moved if differs else None)


def _by_map(
    used: Sequence[str],
    names: Sequence[str],
    outputs: Outputs,
    rule: Mapping[str, int | str],
) -> Matching:
    unknown = [key for key in rule if key not in names]
    if unknown:
        near = nearest(unknown[0], names)
        raise LabelError(
            f"data.labels maps {_first(unknown)}, which the data does not have"
            f"{f' (did you mean {near!r}?)' if near else ''}; the data has {_first(names)}."
        )
    absent = [label for label in used if label not in rule]
    if absent:
        raise LabelError(
            f"data.labels says nothing about {_first(absent)}; add them to the map, or leave "
            "them out with data.classes."
        )
    known = outputs if outputs.names or not outputs.single else replace(outputs, names=BINARY)
    matched = {label: _target(label, rule[label], known) for label in used}
    classes = list(outputs.named())
    if outputs.names is None:
        owners: dict[int, list[str]] = defaultdict(list)
        for label in used:
            owners[matched[label]].append(label)
        for at, labels in owners.items():
            classes[at] = " / ".join(labels)
    return Matching(matched, tuple(classes), _("by the map in data.labels"), insist="that map")


def _target(label: str, value: int | str, outputs: Outputs) -> int:
    if isinstance(value, int):
        if not 0 <= value < outputs.count:
            raise LabelError(
                f"data.labels maps '{label}' to output {value}; the model's outputs are 0 to "
                f"{outputs.count - 1}."
            )
        return value
    if outputs.names is None:
        raise LabelError(
            f"data.labels maps '{label}' to '{value}', but the outputs of the model have no names; "
            f"use numbers from 0 to {outputs.count - 1}, or set model.classes."
        )
    positions = _positions(outputs).get(plain(value), ())
    if len(positions) == 1:
        return positions[0]
    if positions:
        raise LabelError(
            f"data.labels maps '{label}' to '{value}', which is ambiguous: outputs "
            f"{_numbers(positions)} can be meant; use the number."
        )
    near = nearest(value, outputs.names)
    raise LabelError(
        f"data.labels maps '{label}' to '{value}', which is no output"
        f"{f' (did you mean {near!r}?)' if near else ''}; the outputs are {_first(outputs.names)}."
    )


def _by_name(used: Sequence[str], outputs: Outputs) -> Matching:
    if outputs.names is None:
        raise LabelError(
            "labels cannot be matched by name because the outputs of the model have no names; set "
            f"model.classes to {outputs.count} names, or {WRITE_MAP}."
        )
    positions = _positions(outputs)
    unmatched = [label for label in used if plain(label) not in positions]
    if unmatched:
        near = nearest(unmatched[0], outputs.names)
        raise LabelError(
            f"{len(unmatched)} of {len(used)} labels are no output's name: {_first(unmatched)}"
            f"{f' (did you mean {near!r}?)' if near else ''}; the outputs are "
            f"{_first(outputs.names)}; {WRITE_MAP}, or leave classes out with data.classes."
        )
    shared = [label for label in used if len(positions[plain(label)]) > 1]
    if shared:
        at = positions[plain(shared[0])]
        raise LabelError(
            f"the label '{shared[0]}' is ambiguous: outputs {_numbers(at)} are both called that; "
            f"{WRITE_MAP}, or name the folders by wnid."
        )
    matched = {label: positions[plain(label)][0] for label in used}
    _refuse_shared_outputs(matched)
    return Matching(matched, outputs.names, _("by class name"), insist="name")


def _by_wnid(used: Sequence[str], outputs: Outputs) -> Matching:
    wnids = outputs.wnids(assume=True)
    if wnids is None:
        raise LabelError(
            f"labels cannot be matched by wnid because the {outputs.count} outputs of the model "
            f"are not ImageNet's; {WRITE_MAP}."
        )
    index = {wnid: at for at, wnid in enumerate(wnids)}
    matched = {}
    unmatched = []
    for label in used:
        wnid = wnid_of(label)
        if wnid is None or wnid not in index:
            unmatched.append(label)
        else:
            matched[label] = index[wnid]
    if unmatched:
        raise LabelError(
            f"{len(unmatched)} of {len(used)} labels are not the wnid of an output: "
            f"{_first(unmatched)}; expected names such as {_first(wnids[:3])}; {WRITE_MAP}, or "
            "leave classes out with data.classes."
        )
    _refuse_shared_outputs(matched)
    classes = outputs.names or imagenet_names()
    return Matching(matched, classes, _("by ImageNet wnid"), insist="wnid")


def _by_number(used: Sequence[str], outputs: Outputs) -> Matching:
    words = [label for label in used if not label.isdecimal()]
    if words:
        raise LabelError(
            f"labels cannot be taken as output numbers: {_first(words)} is no number; {WRITE_MAP}."
        )
    outside = [label for label in used if not 0 <= int(label) < outputs.count]
    if outside:
        raise LabelError(
            f"the labels are numbers, but {_first(outside)} is no output: the model's outputs are "
            f"0 to {outputs.count - 1}; {WRITE_MAP}."
        )
    matched = {label: int(label) for label in used}
    _refuse_shared_outputs(matched)
    return Matching(matched, outputs.named(), "labels are output numbers", insist="number")


def _by_order(
    names: Sequence[str], outputs: Outputs, ordered: bool, *, natural: bool = False
) -> Matching:
    in_order = naturally(names) if natural else by_code_point(names)
    if ordered:
        in_order = list(names)
    if len(in_order) != outputs.count:
        numbers = all(name.isdecimal() for name in in_order)
        hint = "set data.labels to number when they count the outputs from 0, " if numbers else ""
        raise LabelError(
            f"the data has {len(in_order)} labels but the model has {outputs.count} outputs, so "
            f"they cannot be matched by order: {_saw(in_order, outputs)}; {hint}{WRITE_MAP}, "
            "or set model.classes to the names of the outputs."
        )
    matched = {name: at for at, name in enumerate(in_order)}
    rule = _("by sorted order of the labels")
    if ordered:
        rule = _("by the dataset's own order")
    elif natural:
        rule = _("by natural order of the labels, upper and lower case alike")
    return Matching(
        matched, outputs.names or tuple(in_order), rule, insist="natural" if natural else "order"
    )


def _positions(outputs: Outputs) -> dict[str, tuple[int, ...]]:
    """Return every output that each compared name can mean."""
    found: dict[str, tuple[int, ...]] = {}
    for at, name in enumerate(outputs.names or ()):
        found[plain(name)] = (*found.get(plain(name), ()), at)
    if outputs.imagenet:
        found.update(SHARED_NAMES)
    return found


def _refuse_shared_outputs(matched: Mapping[str, int]) -> None:
    owner: dict[int, str] = {}
    for label, at in matched.items():
        if at in owner:
            raise LabelError(
                f"the labels '{owner[at]}' and '{label}' both match output {at}; {WRITE_MAP} if "
                "they are one class, or rename one of them."
            )
        owner[at] = label


def _saw(labels: Sequence[str], outputs: Outputs) -> str:
    names = _first(outputs.names) if outputs.names else "unnamed"
    return f"labels are {_first(labels)}; the {outputs.count} outputs are {names}"


def _first(names: Sequence[str], count: int = 10) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:count])
    return f"{shown}, ... ({len(names)} in all)" if len(names) > count else shown


def _numbers(positions: Sequence[int]) -> str:
    return " and ".join(str(at) for at in positions)
