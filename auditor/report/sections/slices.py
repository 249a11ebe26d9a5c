"""Accuracy by the metadata that came with the data: who is served worse?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Bool

from auditor.language.numbers import number
from auditor.language.speaking import gettext as _
from auditor.records.stages import Samples
from auditor.report.document.result import SliceRow, SliceTable
from auditor.shortcuts.statistics import wilson

# A column of more values than this is cut into quarters if it holds numbers, else left out.
MOST_VALUES = 12
QUARTERS = 4
# A slice of fewer pictures has no interval to speak of.
LEAST = 8


def slices(samples: Samples) -> list[SliceTable]:
    """Return a table per metadata column, worst value first; a note where there is none."""
    used = samples.valid
    right = (samples.labels == samples.prediction)[used]
    return [
        _table(name, pd.Series(values)[used].reset_index(drop=True), right)
        for name, values in sorted(samples.manifest.metadata.items())
    ]


def _table(name: str, values: pd.Series, right: Bool[np.ndarray, "sample"]) -> SliceTable:
    given = values.astype(str).str.strip()
    known = given != ""
    groups = given[known]
    if groups.nunique() > MOST_VALUES:
        numbers = pd.to_numeric(groups, errors="coerce")
        if numbers.isna().any():
            why = _(
                "it has %(nunique)s values, and not all are numbers",
                nunique=number(groups.nunique()),
            )
            return SliceTable(column=name, rows=[], unknown=0, small=0, note=why)
        groups = pd.qcut(numbers, QUARTERS, duplicates="drop").map(_range).astype(object)
    if groups.nunique() < 2:
        why = _("it has one value only") if groups.nunique() else _("it is empty")
        return SliceTable(column=name, rows=[], unknown=int((~known).sum()), small=0, note=why)
    counts = groups.value_counts()
    rows = [
        SliceRow(
            value=value,
            accuracy=wilson(int(right[known][groups == value].sum()), int(counts[value])),
        )
        for value in sorted(counts.index[counts >= LEAST])
    ]
    return SliceTable(
        column=name,
        rows=sorted(rows, key=_worst_first),
        unknown=int((~known).sum()),
        small=int(counts[counts < LEAST].sum()),
        note="" if rows else _("no value has %(least)s pictures", least=LEAST),
    )


def _range(quarter: pd.Interval) -> str:
    return _("%(left)s to %(right)s", left=f"{quarter.left:g}", right=f"{quarter.right:g}")


def _worst_first(row: SliceRow) -> tuple[float, str]:
    return row.accuracy.value, row.value
