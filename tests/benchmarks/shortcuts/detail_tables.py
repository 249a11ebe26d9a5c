"""The tables of single cases and of the search with parts switched off, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from auditor.shortcuts.grading import LIKELY_ARTEFACT
from auditor.shortcuts.plausibility import score_of
from auditor.shortcuts.terms import TERMS
from tests.benchmarks.shortcuts.artefacts import ARTEFACTS
from tests.benchmarks.shortcuts.manipulation import POSITIVE
from tests.benchmarks.shortcuts.scores import FLAGGED, mean_interval
from tests.benchmarks.shortcuts.summary import Model, Planting, hit_by, kind_of, touches
from tests.benchmarks.shortcuts.tables import said, table


def failures_table(plantings: Sequence[Planting], sheet: Callable[[str], str]) -> str:
    """Return the planted classes that were not found first with A or B, why, and their sheet."""
    rows = [
        [p.case, str(p.output), f"{p.fe:.2f}", p.why, sheet(p.case)]
        for p in plantings
        if p.verdict == "positive" and p.why
    ]
    return table(["model", "class", "FE*", "what happened", "pictures"], rows)


def alarms_table(models: Sequence[Model], sheet: Callable[[str], str] = lambda case: "") -> str:
    """Return every finding of grade A or B that hits no artefact, and their sheet."""
    rows = []
    for model in models:
        for number, row in enumerate(model.alarm_rows):
            if "statistic" in row:
                what = row["statistic"]
                terms = ""
            else:
                what = f"{row['shape']} ({row['kind']}), {row['area']:.0%} of the picture"
                terms = ", ".join(f"{k} {v:.2f}" for k, v in row["terms"].items())
            tests = ", ".join(
                f"{e['test']} {e['effect']:.2f} (from {e['low']:.2f})" for e in row["evidence"]
            )
            drawn = "; ".join(
                f"{each['name']} {each['fe']:.2f}"
                for each in model.own
                if each["output"] == row["class"]
            )
            pictures = sheet(model.case) if number == 0 else ""
            rows.append(
                [
                    model.case, model.kind, str(row["class"]), row["grade"], what, terms, tests,
                    drawn, pictures,
                ]
            )  # fmt: skip
    head = [
        "model", "kind", "class", "grade", "what", "implausibility", "tests", "when drawn",
        "pictures",
    ]  # fmt: skip
    return table(head, rows)


def own_table(models: Sequence[Model]) -> str:
    """Return what marks that a data set has of its own do to models without any artefact."""
    found: dict[tuple[str, int], list[float]] = {}
    for model in models:
        if model.kind in ("clean", "balanced", "training only"):
            for each in model.own:
                found.setdefault((each["name"], each["output"]), []).append(each["fe"])
    rows = [
        [
            name, str(output), str(len(values)), f"{np.median(values):.2f}",
            f"{min(values):.2f} to {max(values):.2f}", str(sum(v >= POSITIVE for v in values)),
        ]
        for (name, output), values in found.items()
    ]  # fmt: skip
    head = ["drawn", "class", "models", "median FE*", "range", f"FE* at least {POSITIVE:.2f}"]
    return table(head, rows) if rows else ""


def terms_table(results: Sequence[Mapping[str, Any]]) -> str:
    """Return what is found, and which models without artefacts are flagged, without each term.

    Read from the findings as they are: a term less only lowers scores, so that what was not graded
    A or B before is not now. What a finding covered that is no longer graded is not brought back.
    """
    rows = []
    for silent in ("", *TERMS):
        found: list[float] = []
        alarms: dict[str, list[bool]] = {"clean": [], "balanced": []}
        for result in results:
            left = [
                row
                for row in result["search"]["findings"]
                if row["grade"] in FLAGGED
                and score_of({k: v for k, v in row["terms"].items() if k != silent})
                >= LIKELY_ARTEFACT
            ]
            kind = kind_of(result)
            if kind in alarms:
                alarms[kind].append(bool(left))
            if result["case"]["kind"] in ("planted", "two", "shared"):
                found += [
                    float(any(index in hit_by(row) for row in left))
                    for index, effect in enumerate(result["effects"])
                    if effect["verdict"] == "positive" and ARTEFACTS[effect["artefact"]].local
                ]
        counted = [f"{sum(kept)} of {len(kept)}" for kept in alarms.values()]
        rows.append([silent or "nothing left out", said(mean_interval(found)), *counted])
    head = ["left out", "found with grade A or B", "clean, flagged", "balanced, flagged"]
    return table(head, rows)


def ablations_table(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the hit rates and alarms with each part off, on the models that were so searched."""
    own = [each for each in results if "ablations" in each]
    if not own:
        return ""
    names = ["nothing off", *own[0]["ablations"]]
    rows = []
    for name in names:
        first, flagged, alarms, seconds = [], [], [], []
        for result in own:
            given = result["search"] if name == "nothing off" else result["ablations"][name]
            rows_of = [r for r in (*given["findings"], *given["factors"]) if r["grade"] is not None]
            listed = [r for r in rows_of if r["grade"] in ("A", "B", "C")]
            called = [r for r in listed if r["grade"] in FLAGGED]
            seconds.append(given["cpu"])
            alarms.append(float(any(not touches(r) for r in called)))
            if result["case"]["kind"] not in ("planted", "two", "shared"):
                continue
            for index, effect in enumerate(result["effects"]):
                if effect["verdict"] == "positive":
                    first.append(float(bool(listed) and index in hit_by(listed[0])))
                    flagged.append(float(any(index in hit_by(r) for r in called)))
        rows.append(
            [
                name, said(mean_interval(first)), said(mean_interval(flagged)),
                said(mean_interval(alarms)), f"{np.median(seconds):.1f}",
            ]
        )  # fmt: skip
    return table(
        [
            "off",
            "Hit@1",
            "found with A or B",
            "models with an A or B beside artefacts",
            "CPU seconds",
        ],
        rows,
    )
