"""Every cell of every CSV table against audit.json, read anew by a second, plain reading."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pandas as pd
import pytest

from auditor.language.speaking import Text
from auditor.report.sections.order import in_order
from auditor.report.show.tables import csv_files, neutral
from tests.report.conftest import Run

Row = dict[str, Any]
COLUMNS = {name: table.columns for each in in_order() for name, table in each.tables.items()}


def of_interval(name: str, item: Row | None) -> Row:
    return {} if item is None else {name: item["value"], "low": item["low"], "high": item["high"]}


def classes(audit: Row) -> Iterator[Row]:
    for item in audit["performance"]["classes"]:
        taken = "; ".join(f"{name} ({count})" for name, count in item["confused_with"])
        yield {
            "class": item["name"],
            "pictures": item["n"],
            "most_often_taken_for": taken,
            **of_interval("accuracy", item["accuracy"]),
        }


def class_concepts(audit: Row) -> Iterator[Row]:
    names = {concept["id"]: concept["name"] for concept in audit["concepts"]}
    for item in audit["classes"]:
        for table in item["tables"]:
            for row in table["rows"]:
                same = ("rank", "rank_low", "rank_high", "concept", "share", "spread")
                yield {
                    "class": item["name"],
                    "layer": table["layer"],
                    "name": names.get(row["concept"], ""),
                    "frequency": row["frequency"],
                    "positive": row["positive"],
                    "shared_with": "; ".join(row["shared_with"]),
                    **{name: row[name] for name in same},
                }


def concepts(audit: Row) -> Iterator[Row]:
    for item in audit["concepts"]:
        same = ("name", "layer", "channel", "clarity", "meanings", "redundancy", "subspace")
        yield {
            "concept": item["id"],
            "leads_for": "; ".join(item["classes"]),
            "overlap": item["jaccard"],
            **{name: item[name] for name in same},
        }


def subspaces(audit: Row) -> Iterator[Row]:
    for layer in audit["subspaces"]:
        for card in layer["subspaces"]:
            for name, share in card["share"].items():
                yield {
                    "subspace": card["id"],
                    "layer": card["layer"],
                    "concepts": "; ".join(card["concepts"]),
                    "likeness": card["similarity"],
                    "class": name,
                    "share": share,
                }


def findings(audit: Row) -> Iterator[Row]:
    for item in audit["findings"]:
        same = ("title", "grade", "severity", "confidence", "plausibility", "what", "fingerprint")
        yield {
            "finding": item["id"],
            "class": item["class_name"],
            "pictures": item["images"],
            "meaning": f"{item['lead']} {item['detail']}",
            **{name: item[name] for name in same},
        }


def evidence(audit: Row) -> Iterator[Row]:
    for item in audit["findings"]:
        for test in item["evidence"].values():
            same = (
                "test",
                "outcome",
                "effect",
                "unit",
                "of",
                "low",
                "high",
                "n",
                "p",
                "q",
                "z",
                "reason",
            )
            yield {"finding": item["id"], **{name: test[name] for name in same}}


def carriers(audit: Row) -> Iterator[Row]:
    for item in audit["findings"]:
        for each in item["carriers"]:
            yield {
                "finding": item["id"],
                "class": item["class_name"],
                "picture": each["picture"],
                "half": each["half"],
                **dict(zip(("x", "y", "width", "height"), each["box"], strict=True)),
            }


def factors(audit: Row) -> Iterator[Row]:
    for item in audit["factors"]["factors"]:
        for test in item["evidence"].values():
            ran = test["outcome"] != "not applicable"
            effect = {**test, "value": test["effect"]} if ran else None
            yield {
                "factor": item["id"],
                "statistic": item["statistic"],
                "unit": item["unit"],
                "class": item["class_name"],
                "grade": item["grade"],
                "plausibility": item["plausibility"],
                "pictures": item["n"],
                "auc": item["auc"],
                "q": item["q"],
                "median": item["own"][2],
                "median_of_others": item["others"][2],
                "test": test["title"]["text"][1],
                "outcome": test["outcome"],
                "n": effect and effect["n"],
                "q_of_test": test["q"],
                "reason": test["reason"],
                **of_interval("effect", effect),
            }


@pytest.mark.parametrize(
    "rows", [classes, class_concepts, concepts, subspaces, findings, evidence, carriers, factors]
)
def test_every_cell_is_what_audit_json_says(run: Run, rows: Any) -> None:
    audit = json.loads((run.folder / "audit.json").read_text(encoding="utf-8"))
    name = rows.__name__
    table = pd.read_csv(BytesIO(csv_files(run.result)[f"{name}.csv"]), keep_default_na=False)
    wanted = list(rows(audit))
    assert wanted, "the example has nothing to compare"
    assert len(table) == len(wanted)
    for given, row in zip(table.to_dict("records"), wanted, strict=True):
        assert set(row) <= set(COLUMNS[name])
        for column in COLUMNS[name]:
            value = row.get(column)
            value = neutral(Text.from_json(value) if isinstance(value, dict) else value)
            if isinstance(value, int | float) and not isinstance(value, bool):
                assert float(given[column]) == pytest.approx(value), (column, row)
            else:
                assert given[column] == ("" if value is None else value), (column, row)


def test_all_tables_are_compared() -> None:
    compared = {"classes", "class_concepts", "concepts", "subspaces", "findings", "evidence"}
    assert set(COLUMNS) == compared | {"carriers", "factors", "labels"}
