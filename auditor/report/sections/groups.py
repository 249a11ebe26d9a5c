"""Accuracy of groups, of a class and the values of columns each: which one fares worst?"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from auditor.language.numbers import number
from auditor.language.speaking import gettext as _
from auditor.language.speaking import joined
from auditor.records.part import Interval
from auditor.records.stages import Samples
from auditor.report.document.result import GroupTable, SliceRow
from auditor.report.sections.slices import LEAST
from auditor.shortcuts.statistics import wilson

# What people call columns of groups, as WILDS and its kin do; without signs and case.
NAMES = frozenset({"group", "groups", "groupid", "subgroup", "place", "confounder", "spurious"})
MOST_GROUPS = 1000


def grouping(samples: Samples, asked: Sequence[str] | None) -> list[str]:
    """Return the columns that make groups: those asked for, else those called so."""
    columns = samples.manifest.metadata
    if asked is not None:
        return [name for name in asked if name in columns]
    return [name for name in columns if re.sub(r"[\s_.-]+", "", name).lower() in NAMES]


def groups(samples: Samples, asked: Sequence[str] | None) -> GroupTable | None:
    """Return the accuracy of every class with every combination of values; None without columns.

    The worst group's interval holds for all groups at once (Bonferroni): the true accuracy of the
    group that is truly worst lies in it in 95 % of audits, whichever group that is. Groups of fewer
    than `LEAST` usable pictures are counted and not judged.
    """
    columns = grouping(samples, asked)
    if not columns:
        return None
    rows, manifest = len(samples.labels), samples.manifest
    values = [[" ".join(cell.split()) for cell in manifest.metadata[name]] for name in columns]
    keys = [
        (manifest.classes[int(samples.labels[row])], *(column[row] for column in values))
        for row in range(rows)
    ]
    known = np.array(["" not in key[1:] for key in keys], dtype=bool)
    found = sorted({key for key, has in zip(keys, known, strict=True) if has})
    table = GroupTable(
        columns=columns, worst=None, name="", rows=[], groups=len(found), small=0,
        unknown=int((~known).sum()), note="",
    )  # fmt: skip
    if len(found) > MOST_GROUPS:
        why = _("there are %(groups)s groups", groups=number(len(found)))
        return table.model_copy(update={"note": why})
    place = {key: at for at, key in enumerate(found)}
    used = known & samples.valid
    at = np.array([place[keys[row]] for row in np.flatnonzero(used)], dtype=int)
    right = (samples.labels == samples.prediction)[used]
    n = np.bincount(at, minlength=len(found))
    correct = np.bincount(at[right], minlength=len(found))
    judged = np.flatnonzero(n >= LEAST)
    update = {
        "rows": sorted(
            (
                SliceRow(
                    value=_named(columns, found[each]),
                    accuracy=wilson(int(correct[each]), int(n[each])),
                )
                for each in judged
            ),
            key=lambda row: (row.accuracy.value, row.value),
        ),
        "small": int((n < LEAST).sum()),
        "note": "" if len(judged) else _("no group has %(least)s pictures", least=LEAST),
    }
    table = table.model_copy(update=update)
    if not len(judged):
        return table
    worst = _worst([(int(correct[each]), int(n[each])) for each in judged])
    return table.model_copy(update={"worst": worst, "name": table.rows[0].value})


def _worst(counts: Sequence[tuple[int, int]]) -> Interval:
    """Return the smallest share of several, with an interval that holds for all of them at once."""
    level = 1 - 0.05 / len(counts)
    found = [wilson(right, n, level=level) for right, n in counts]
    worst = min(found, key=lambda each: each.value)
    low, high = min(each.low for each in found), min(each.high for each in found)
    return Interval(value=worst.value, low=low, high=max(high, worst.value), n=worst.n)


def _named(columns: Sequence[str], key: Sequence[str]) -> str:
    """Return a class and the values of columns in words."""
    pairs = (f"{name} = {value}" for name, value in zip(columns, key[1:], strict=True))
    return joined([f"'{key[0]}'", *pairs], ", ")
