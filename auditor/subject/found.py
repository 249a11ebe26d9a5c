"""What a source holds, by class, and what of it is not audited and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection as Names
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditor.base.errors import DataError
from auditor.records.accounting import BEYOND_LIMIT, NOT_ASKED, OUTSIDE
from auditor.subject.collection import Collection
from auditor.subject.folders import HIDDEN, NOT_AN_IMAGE
from auditor.subject.selection import OTHER_CLASS

NOT_PICTURES = (HIDDEN, NOT_AN_IMAGE)
BY_CHOICE = (OTHER_CLASS, BEYOND_LIMIT, NOT_ASKED)


@dataclass(frozen=True)
class Found:
    """How many files or items there are, by class, and by class and reason how many have no row."""

    found: Mapping[str, int]
    excluded: Mapping[str, Mapping[str, int]]


def count_found(
    data: Collection, chosen: Sequence[int], wanted: Names[str], names: Mapping[str, str]
) -> Found:
    """Count what ``data`` holds and what of it is not among the positions ``chosen``.

    ``wanted`` are the labels asked for; what has another label belongs to no class. ``names`` has
    the class that a label stands for; a label without any keeps its own name.
    """
    found: Counter[str] = Counter()
    excluded: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for label, reasons in data.excluded.items():
        asked = label in wanted
        name = names.get(label, label) if asked else OUTSIDE
        for reason, count in reasons.items():
            found[name] += count
            excluded[name][reason if asked or label == OUTSIDE else OTHER_CLASS] += count
    kept = set(chosen)
    for position, label in enumerate(data.labels):
        name = names.get(label, label) if label in wanted else OUTSIDE
        found[name] += 1
        if position not in kept:
            excluded[name][BEYOND_LIMIT if label in wanted else OTHER_CLASS] += 1
    return Found(
        dict(sorted(found.items())),
        {name: dict(sorted(excluded[name].items())) for name in sorted(excluded)},
    )


def check_any(data: Collection, wanted: Names[str]) -> None:
    """Refuse classes of which every file was set aside, with the reasons.

    Raises:
        DataError: none of the labels asked for has an item, but files that are none.
    """
    if any(label in wanted for label in data.labels):
        return
    reasons = Counter[str]()
    for label in wanted:
        reasons.update(data.excluded.get(label, {}))
    if reasons:
        counted = "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common())
        raise DataError(
            f"all that was found of {', '.join(sorted(wanted)[:10])} is set aside ({counted}); "
            "convert the pictures to a format that is read."
        )


def lost_classes(counted: Found, used: Names[str]) -> tuple[str, ...]:
    """Return a note for every class that lost all of its pictures before any was read."""
    notes = []
    for name, reasons in counted.excluded.items():
        lost = {each: n for each, n in reasons.items() if each not in (*NOT_PICTURES, *BY_CHOICE)}
        if name != OUTSIDE and name not in used and lost:
            why = "; ".join(f"{count} x {reason}" for reason, count in lost.items())
            notes.append(f"class '{name}': all {sum(lost.values())} pictures are set aside ({why})")
    return tuple(notes)
