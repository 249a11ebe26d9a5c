"""The numbers of the result as CSV tables, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from auditor.records.part import Interval, Part
from auditor.report.document.audit import AuditResult

# A spreadsheet takes a cell that begins with one of these for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def tables(result: AuditResult) -> dict[str, pd.DataFrame]:
    """Return every table by its name; shares are numbers from 0 to 1, lists joined by '; '."""
    rows: dict[str, Iterable[Mapping[str, Any]]] = {
        "classes": _classes(result),
        "class_concepts": _class_concepts(result),
        "concepts": _concepts(result),
        "subspaces": _subspaces(result),
        "findings": _findings(result),
        "evidence": _evidence(result),
        "factors": _factors(result),
    }
    return {name: pd.DataFrame(list(each), columns=COLUMNS[name]) for name, each in rows.items()}


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


COLUMNS: dict[str, list[str]] = {
    "classes": ["class", "pictures", "accuracy", "low", "high", "most_often_taken_for"],
    "class_concepts": [
        *("class", "layer", "rank", "rank_low", "rank_high", "concept", "name", "share", "spread"),
        *("frequency", "positive", "shared_with"),
    ],
    "concepts": [
        *("concept", "name", "layer", "channel", "leads_for", "overlap", "clarity", "meanings"),
        *("redundancy", "subspace"),
    ],
    "subspaces": ["subspace", "layer", "concepts", "likeness", "class", "share"],
    "findings": [
        *(
            "finding",
            "title",
            "class",
            "grade",
            "severity",
            "confidence",
            "pictures",
            "plausibility",
        ),
        *("what", "meaning", "fingerprint"),
    ],
    "evidence": [
        *("finding", "test", "outcome", "effect", "unit", "of", "low", "high", "n", "p", "q"),
        *("z", "reason"),
    ],
    "factors": [
        *("factor", "statistic", "unit", "class", "grade", "plausibility", "pictures", "auc", "q"),
        *("median", "median_of_others", "test", "outcome", "effect", "low", "high", "n"),
        *("q_of_test", "reason"),
    ],
}


def _classes(result: AuditResult) -> Iterable[dict[str, Any]]:
    for item in result.performance.classes:
        taken = "; ".join(f"{name} ({count})" for name, count in item.confused_with)
        yield {
            "class": item.name,
            "pictures": item.n,
            **_interval("accuracy", item.accuracy),
            "most_often_taken_for": taken,
        }


def _class_concepts(result: AuditResult) -> Iterable[dict[str, Any]]:
    names = {concept.id: concept.name for concept in result.concepts}
    for item in result.classes:
        for table in item.tables:
            for row in table.rows:
                yield _own(row, "class_concepts") | {
                    "class": item.name,
                    "layer": table.layer,
                    "name": names.get(row.concept, ""),
                    "shared_with": "; ".join(row.shared_with),
                }


def _concepts(result: AuditResult) -> Iterable[dict[str, Any]]:
    for each in result.concepts:
        yield _own(each, "concepts") | {
            "concept": each.id,
            "leads_for": "; ".join(each.classes),
            "overlap": each.jaccard,
        }


def _subspaces(result: AuditResult) -> Iterable[dict[str, Any]]:
    for layer in result.subspaces:
        for card in layer.subspaces:
            for name, share in card.share.items():
                yield {
                    "subspace": card.id,
                    "layer": card.layer,
                    "concepts": "; ".join(card.concepts),
                    "likeness": card.similarity,
                    "class": name,
                    "share": share,
                }


def _findings(result: AuditResult) -> Iterable[dict[str, Any]]:
    for each in result.findings:
        yield _own(each, "findings") | {
            "finding": each.id,
            "class": each.class_name,
            "pictures": each.images,
            "meaning": each.meaning,
        }


def _evidence(result: AuditResult) -> Iterable[dict[str, Any]]:
    for finding in result.findings:
        for test in finding.evidence.values():
            yield _own(test, "evidence") | {"finding": finding.id}


def _factors(result: AuditResult) -> Iterable[dict[str, Any]]:
    """Yield a row for each test of each factor of whole pictures."""
    for each in result.factors.factors if result.factors else []:
        for test in each.evidence.values():
            effect = test.interval
            yield _own(each, "factors") | {
                "factor": each.id,
                "class": each.class_name,
                "pictures": each.n,
                "median": each.own[2],
                "median_of_others": each.others[2],
                "test": test.title,
                "outcome": test.outcome,
                "q_of_test": test.q,
                "reason": test.reason,
                "n": effect.n if effect else None,
                **(_interval("effect", effect) if effect else {}),
            }


def _own(part: Part, table: str) -> dict[str, Any]:
    """Return the fields of a part that a table has columns for; what the table says itself wins."""
    return part.model_dump(include=set(COLUMNS[table]))


def _interval(name: str, item: Interval) -> dict[str, Any]:
    return {name: item.value, "low": item.low, "high": item.high}
