"""The numbers of the result as CSV tables, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from typing import Any

import pandas as pd

from auditor.report.document.result import AuditResult
from auditor.report.sections.order import in_order

# A spreadsheet takes a cell that begins with one of these for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def tables(result: AuditResult) -> dict[str, pd.DataFrame]:
    """Return every table by its name; shares are numbers from 0 to 1, lists joined by '; '."""
    return {
        name: pd.DataFrame(list(table.rows(result)), columns=list(table.columns))
        for section in in_order()
        for name, table in section.tables.items()
        if table.applies(result)
    }


def csv_files(result: AuditResult) -> dict[str, bytes]:
    """Return file name -> content of every table, UTF-8, cells neutralised."""
    return {
        f"{name}.csv": table.map(neutral)
        .to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        .encode()
        for name, table in tables(result).items()
    }


def neutral(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula: such text gets an apostrophe."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value
