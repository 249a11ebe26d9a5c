"""The table of artefacts without a place: which were named, for which class, with which grade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.benchmarks.shortcuts.artefacts import ARTEFACTS
from tests.benchmarks.shortcuts.scores import FLAGGED, LISTED, share_interval
from tests.benchmarks.shortcuts.summary import kind_of
from tests.benchmarks.shortcuts.tables import said, table

Result = Mapping[str, Any]


def factors_table(results: Sequence[Result]) -> str:
    """Return hits and alarms of findings about whole pictures; '' without such artefacts.

    A hit is a finding of the class about a statistic that the artefact changes. Only plants that
    the model relies on count; an alarm is any other finding of grade A or B of that kind.
    """
    plants = [
        (result, index, effect)
        for result in results
        for index, effect in enumerate(result["effects"])
        if result["case"]["kind"] == "planted" and not ARTEFACTS[effect["artefact"]].local
    ]
    if not plants:
        return ""
    cells = sorted({(effect["artefact"], effect["prevalence"]) for _, _, effect in plants})
    rows = []
    for artefact, prevalence in cells:
        own = [
            p for p in plants if (p[2]["artefact"], p[2]["prevalence"]) == (artefact, prevalence)
        ]
        rows.append([artefact, f"{prevalence:g}", *_cell(own)])
    rows.append(["all of them", "", *_cell(plants)])
    found = table(
        ["artefact", "prevalence", "models", "relied on", "A or B", "C", "missed", "beside it"],
        rows,
    )
    return f"{found}\n\n{_negatives(results)}"


def _cell(plants: Sequence[tuple[Result, int, Mapping[str, Any]]]) -> list[str]:
    used = [(result, index) for result, index, effect in plants if effect["verdict"] == "positive"]
    best = [_best(result, index) for result, index in used]
    flagged = sum(grade in FLAGGED for grade in best)
    beside = sum(_alarms(result) for result, _ in used)
    return [
        str(len(plants)),
        str(len(used)),
        f"{flagged}: {said(share_interval(flagged, len(used)))}" if used else "",
        str(sum(grade == "C" for grade in best)),
        str(sum(grade not in LISTED for grade in best)),
        str(beside),
    ]


def _best(result: Result, index: int) -> str | None:
    grades = [row["grade"] for row in result["search"]["factors"] if index in row["hits"]]
    return min((grade for grade in grades if grade in LISTED), default=None)


def _alarms(result: Result) -> int:
    return sum(row["grade"] in FLAGGED and not row["hits"] for row in result["search"]["factors"])


def _negatives(results: Sequence[Result]) -> str:
    said_of = []
    for kind in ("clean", "balanced"):
        own = [each for each in results if kind_of(each) == kind]
        if own:
            flagged = sum(
                any(row["grade"] in FLAGGED for row in each["search"]["factors"]) for each in own
            )
            said_of.append(f"{kind}: {flagged} of {len(own)} models")
    return f"With any finding of grade A or B about whole pictures: {'; '.join(said_of) or 'none'}."
