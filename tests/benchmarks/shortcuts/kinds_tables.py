"""The tables of the grid 'kinds': goals, each kind, what is left out in turn, the negatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.benchmarks.shortcuts.artefacts import ARTEFACTS
from tests.benchmarks.shortcuts.cases import Case
from tests.benchmarks.shortcuts.drawing import (
    ANYWHERE,
    CHANGING,
    CONTEXT,
    FRAME,
    GEOMETRY,
    IN_PLACE,
    TEXT,
    TINT,
    TONE,
)
from tests.benchmarks.shortcuts.kinds_grid import IN_SIGHT, TUNED
from tests.benchmarks.shortcuts.manipulation import POSITIVE
from tests.benchmarks.shortcuts.scores import mean_interval, rank_correlation, share_interval
from tests.benchmarks.shortcuts.summary import SEARCH, Model, Outcome, Planting
from tests.benchmarks.shortcuts.tables import positives, said, table

MARKS = (IN_PLACE, ANYWHERE, FRAME, TEXT)
WHOLE = (TINT, TONE, GEOMETRY)
NEGATIVES = ("clean", "balanced")
Score = Callable[[Outcome], float | None]
SCORES: Mapping[str, Score] = {
    "Hit@1": lambda o: o.hit1,
    "A or B": lambda o: float(o.flagged),
    "A, B or a cue shown": lambda o: float(o.shown),
    "one finding": lambda o: o.single,
    "member AUC": lambda o: o.auc,
    "IoU": lambda o: o.iou,
}


@dataclass(frozen=True)
class Goal:
    """A score over planted classes of some kinds, and the least that it should be."""

    title: str
    kinds: tuple[str, ...]
    score: str
    least: float

    def values(self, plantings: Sequence[Planting]) -> list[float]:
        """Return the score of every planted class that is relied on and that it applies to."""
        own = [p for p in plantings if not self.kinds or p.shortcut in self.kinds]
        return values_of(own, self.score)


GOALS = (
    Goal("Hit@1, marks", MARKS, "Hit@1", 0.95),
    Goal("A or B, marks", MARKS, "A or B", 0.92),
    Goal("A or B, contexts", (CONTEXT,), "A or B", 0.85),
    Goal("A or B, marks that never look the same", (CHANGING,), "A or B", 0.60),
    Goal("A, B or a cue shown, all kinds", (), "A, B or a cue shown", 0.97),
    Goal("A or B, whole pictures", WHOLE, "A or B", 0.90),
    Goal("one cause, one finding", (), "one finding", 0.95),
    Goal("member AUC", (), "member AUC", 0.95),
    Goal("IoU of hits", (), "IoU", 0.70),
)
MOST = {"clean": 0.05, "balanced": 0.08}


def values_of(plantings: Sequence[Planting], score: str) -> list[float]:
    """Return a score of the search on every planted class that is relied on, where it applies."""
    found = (SCORES[score](p.outcomes[SEARCH]) for p in positives(plantings, local=None))
    return [value for value in found if value is not None]


def unseen(planting: Planting) -> bool:
    """Say whether no limit was set with the artefact in sight."""
    return planting.artefact not in IN_SIGHT


def goals_table(plantings: Sequence[Planting], models: Sequence[Model]) -> str:
    """Return each goal with what was reached: on everything, and where no limit was set."""
    rows = []
    fresh = [p for p in plantings if unseen(p)]
    for goal in GOALS:
        every, new = (mean_interval(goal.values(own)) for own in (plantings, fresh))
        mark = "" if new is None else ("reached" if new[0] >= goal.least else "**missed**")
        count = len(goal.values(fresh))
        rows.append([goal.title, said(every), said(new), str(count), f"{goal.least:.2f}", mark])
    for kind in NEGATIVES:
        own = [m for m in models if m.kind == kind]
        share = share_interval(sum(m.flagged for m in own), len(own))
        mark = "" if share is None else ("reached" if share[0] <= MOST[kind] else "**missed**")
        rows.append(
            [f"{kind}: any A or B", said(share), "", str(len(own)), f"at most {MOST[kind]}", mark]
        )
    correlation = spearman(plantings)
    shown = "" if correlation is None else f"{correlation:.2f}"
    rows.append(["Spearman, FE with FE*", shown, "", "", "0.90", ""])
    cues = [m.cues for m in models]
    seconds = [m.cpu for m in models]
    rows.append(["cues a reader looks at, mean of models", f"{np.mean(cues):.1f}", "", "", "", ""])
    rows.append(["CPU seconds a search, median", f"{np.median(seconds):.0f}", "", "", "31", ""])
    head = ["score", "all", "artefacts that no limit was set on", "n", "goal", ""]
    return table(head, rows)


def spearman(plantings: Sequence[Planting]) -> float | None:
    """Return Spearman's correlation of FE with FE*, 0 for what was not found; with a place."""
    own = [p for p in plantings if p.local]
    return rank_correlation([p.outcomes[SEARCH].fe or 0.0 for p in own], [p.fe for p in own])


def by_kind_table(plantings: Sequence[Planting]) -> str:
    """Return the scores of each kind of shortcut and of each artefact in it."""
    rows = []
    kinds = dict.fromkeys(each.kind for each in ARTEFACTS.values())
    for kind in kinds:
        own = [p for p in plantings if p.shortcut == kind]
        if not own:
            continue
        mark = " (limits were set on it)" if kind in TUNED["kind"] else ""
        rows.append([f"**{kind}**{mark}", *_scores(own)])
        for artefact in dict.fromkeys(p.artefact for p in own):
            rows.append([artefact, *_scores([p for p in own if p.artefact == artefact])])
    return table(["kind", "planted", "relied on", *SCORES], rows)


def left_out_table(plantings: Sequence[Planting]) -> str:
    """Return the scores on each kind, network, data set and size, and whether it was in sight.

    Limits are set by hand, not fitted: leaving a kind out means that no limit was set on it.
    """
    rows = []
    cells: tuple[tuple[str, Callable[[Planting], str]], ...] = (
        ("kind", lambda p: p.shortcut),
        ("net", lambda p: p.net),
        ("data", lambda p: p.data),
    )
    for title, key in cells:
        for value in sorted({key(p) for p in plantings}):
            own = [p for p in plantings if key(p) == value]
            seen = "yes" if value in TUNED[title] else "no"
            rows.append([f"{title}: {value}", seen, *_scores(own)])
    none = [
        p
        for p in plantings
        if p.shortcut not in TUNED["kind"]
        and p.net not in TUNED["net"]
        and p.data not in TUNED["data"]
    ]
    rows.append(["neither kind, nor network, nor data", "no", *_scores(none)])
    return table(["left out", "limits set on it", "planted", "relied on", *SCORES], rows)


def negatives_table(models: Sequence[Model]) -> str:
    """Return the share of models without an artefact with any A or B, by network and data."""
    rows = []
    for kind in NEGATIVES:
        own = [m for m in models if m.kind == kind]
        for title, key in (("", lambda m: ""), ("net ", lambda m: m.net), ("", lambda m: m.data)):
            for value in sorted({key(m) for m in own}):
                these = [m for m in own if key(m) == value]
                flagged = sum(m.flagged for m in these)
                name = f"{kind} {title}{value}".strip()
                share = said(share_interval(flagged, len(these)))
                known = str(sum(of_the_data(m) for m in these))
                cues = f"{np.mean([m.cues for m in these]):.1f}"
                rows.append([name, str(len(these)), str(flagged), share, known, cues])
    head = ["models", "n", "any A or B", "share", "all of them the data's own", "cues shown, mean"]
    return table(head, rows)


def of_the_data(model: Model) -> bool:
    """Say whether all that is flagged is what a data set has of its own and the model goes by.

    The class's own mark turns other pictures when it is drawn on them (see `own_biases`); one of
    the whole picture stands for findings of its statistics alone.
    """
    turning = [each for each in model.own if each["fe"] >= POSITIVE]
    return bool(model.alarm_rows) and all(
        any(each["output"] == row["class"] and _measured_by(each, row) for each in turning)
        for row in model.alarm_rows
    )


def _measured_by(own: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    statistics = tuple(own.get("statistics", ()))
    return not statistics or row.get("statistic", "").startswith(statistics)


def hours_table(results: Sequence[Mapping[str, Any]], cases: Sequence[Case]) -> str:
    """Return the processor time of measured models by network and size, and what all would take."""
    rows, whole = [], 0.0
    for net, side in sorted({(case.net, case.side) for case in cases}):
        wanted = sum((case.net, case.side) == (net, side) for case in cases)
        spent = [
            {name: lap["cpu"] for name, lap in each["seconds"].items()}
            for each in results
            if (each["case"]["net"], each["case"].get("side", 64)) == (net, side)
        ]
        if not spent:
            rows.append([net, str(side), str(wanted), "0", "", "", "not measured"])
            continue
        parts = [np.mean([each.get(n, 0.0) for each in spent]) for n in ("training", "search")]
        mean = float(np.mean([sum(each.values()) for each in spent]))
        whole += mean * wanted / 3600
        rows.append(
            [
                net, str(side), str(wanted), str(len(spent)), *(f"{part:.0f}" for part in parts),
                f"{mean:.0f}",
            ]
        )  # fmt: skip
    head = ["network", "side", "models", "measured", "training", "search", "a model, CPU s"]
    return f"{table(head, rows)}\n\nAll models of measured rows: {whole:.1f} CPU hours."


def kinds_page(
    plantings: Sequence[Planting],
    models: Sequence[Model],
    results: Sequence[Mapping[str, Any]],
    cases: Sequence[Case],
) -> list[str]:
    """Return the parts of the page about kinds of shortcut."""
    return [
        "## By kind of shortcut",
        "Over planted classes that the model relies on (FE\\* at least .20). 'A cue shown': grade "
        "C and among the three strongest of its class. 'One finding': what is shown and touches "
        "the cause is one finding, which hits no other cause; where anything is.",
        by_kind_table(plantings),
        "## Left out in turn",
        "Limits were set by hand with the artefacts of the first grids, ink, black corners, "
        "backgrounds, two networks and two data sets in sight; what they do elsewhere is the score "
        "to believe.",
        left_out_table(plantings),
        "## Models without an artefact",
        negatives_table(models),
        "## Processor time",
        hours_table(results, cases),
    ]


def _scores(plantings: Sequence[Planting]) -> list[str]:
    used = positives(plantings, local=None)
    cells = [said(mean_interval(values_of(plantings, score))) for score in SCORES]
    return [str(len(plantings)), str(len(used)), *cells]
