"""The tables of the results page, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.concepts.separation import auc
from tests.benchmarks.shortcuts.scores import (
    mean_interval,
    rank_correlation,
    separation,
    share_interval,
)
from tests.benchmarks.shortcuts.summary import SEARCH, Model, Planting
from tests.benchmarks.shortcuts.thresholds import Judged

DRAWS = 2000
Interval = tuple[float, float, float] | None


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def said(value: Interval) -> str:
    """Write a value with its interval."""
    if value is None:
        return ""
    return f"{value[0]:.2f} ({value[1]:.2f} to {value[2]:.2f})"


def positives(plantings: Sequence[Planting], *, local: bool | None = True) -> list[Planting]:
    """Return the planted classes that the model relies on."""
    return [
        each
        for each in plantings
        if each.verdict == "positive" and (local is None or each.local == local)
    ]


def scored(
    plantings: Sequence[Planting], method: str, name: str
) -> tuple[list[float], list[Planting]]:
    """Return a score of a method on every planted class it applies to, and these classes."""
    kept = [p for p in plantings if getattr(p.outcomes[method], name) is not None]
    return [float(getattr(p.outcomes[method], name)) for p in kept], kept


def figures_of(
    plantings: Sequence[Planting], models: Sequence[Model], method: str
) -> dict[str, Interval]:
    """Return the scores of one method with intervals, over planted classes that are relied on."""
    own = positives(plantings)
    found: dict[str, Interval] = {
        name: mean_interval(scored(own, method, key)[0])
        for name, key in (
            ("Hit@1", "hit1"), ("Hit@3", "hit3"), ("MRR", "reciprocal"),
            ("class first", "class_hit1"), ("member AUC", "auc"), ("AP", "ap"),
            ("precision@10", "p10"),
        )
    }  # fmt: skip
    for name, kind in (("model AUC, clean", "clean"), ("model AUC, balanced", "balanced")):
        found[name] = _separation(models, method, kind)
    return found


def headline(plantings: Sequence[Planting], models: Sequence[Model]) -> dict[str, Interval]:
    """Return the figures of the search that baselines do not have."""
    own, everywhere = positives(plantings), positives(plantings, local=False)
    found: dict[str, Interval] = {
        "found with grade A or B": mean_interval(scored(own, SEARCH, "flagged")[0]),
        "IoU of hits": mean_interval(scored(own, SEARCH, "iou")[0]),
        "pointing of hits": mean_interval(scored(own, SEARCH, "pointing")[0]),
        "difference of FE to FE*": mean_interval(
            [abs(p.outcomes[SEARCH].fe - p.fe) for p in own if p.outcomes[SEARCH].fe is not None]
        ),
        "whole pictures: Hit@1": mean_interval(scored(everywhere, SEARCH, "hit1")[0]),
        "whole pictures: A or B": mean_interval(scored(everywhere, SEARCH, "flagged")[0]),
    }
    for kind in ("clean", "balanced", "training only"):
        rows = [each for each in models if each.kind == kind]
        found[f"{kind}: any A or B"] = share_interval(sum(m.flagged for m in rows), len(rows))
    return found


def spearman(plantings: Sequence[Planting]) -> float | None:
    """Return Spearman's correlation of FE with FE*, 0 for what was not found; local artefacts."""
    own = [each for each in plantings if each.local]
    return rank_correlation([p.outcomes[SEARCH].fe or 0.0 for p in own], [p.fe for p in own])


GOALS = {
    "Hit@1": ("at least .95", lambda v: v >= 0.95),
    "member AUC": ("at least .95", lambda v: v >= 0.95),
    "clean: any A or B": ("at most .05", lambda v: v <= 0.05),
    "balanced: any A or B": ("at most .10", lambda v: v <= 0.10),
}


def methods_table(plantings: Sequence[Planting], models: Sequence[Model]) -> str:
    """Return every method with every score; the search is asked for the region too."""
    methods = [SEARCH, *sorted({n for p in plantings for n in p.outcomes} - {SEARCH})]
    figures = {method: figures_of(plantings, models, method) for method in methods}
    names = list(next(iter(figures.values())))
    return table(
        ["method", *names],
        [[method, *(said(figures[method][name]) for name in names)] for method in methods],
    )


def headline_table(plantings: Sequence[Planting], models: Sequence[Model]) -> str:
    """Return the search's own figures, with the goal and the best baseline where there is one."""
    own = {**figures_of(plantings, models, SEARCH), **headline(plantings, models)}
    others = {
        method: figures_of(plantings, models, method)
        for method in sorted({n for p in plantings for n in p.outcomes} - {SEARCH})
    }
    rows = []
    for name, value in own.items():
        goal, reached = GOALS.get(name, ("", None))
        if value is not None and reached is not None:
            goal += ": reached" if reached(value[0]) else ": **missed**"
        rivals = [(v[name][0], m) for m, v in others.items() if v.get(name) is not None]
        best = f"{max(rivals)[0]:.2f}, {max(rivals)[1]}" if rivals else ""
        rows.append([name, said(value), goal, best])
    correlation = spearman(plantings)
    rows.append(
        ["Spearman, FE with FE*", "" if correlation is None else f"{correlation:.2f}", "", ""]
    )
    return table(["score", "this search", "goal", "best baseline"], rows)


def cells_table(plantings: Sequence[Planting]) -> str:
    """Return artefact by prevalence: first of all / flagged / relied on, and mean FE*."""
    levels = sorted({p.prevalence for p in plantings})
    names = list(dict.fromkeys(p.artefact for p in plantings))

    def cell(artefact: str, level: float) -> str:
        here = [p for p in plantings if p.artefact == artefact and p.prevalence == level]
        used = [p for p in here if p.verdict == "positive"]
        if not here:
            return ""
        first = sum(p.outcomes[SEARCH].hit1 == 1 for p in used)
        flagged = sum(p.outcomes[SEARCH].flagged for p in used)
        left = f"; {len(here) - len(used)} left out" if len(used) < len(here) else ""
        mean = float(np.mean([p.fe for p in here]))
        return f"{first} / {flagged} / {len(used)} (FE* {mean:.2f}{left})"

    rows = [[name, *(cell(name, level) for level in levels)] for name in names]
    return table(["artefact", *(f"prevalence {level:g}" for level in levels)], rows)


def kinds_table(plantings: Sequence[Planting]) -> str:
    """Return the hit rates by data, network and kind of model."""
    rows = []
    used = positives(plantings)
    for title, key in (
        ("data", lambda p: p.data), ("network", lambda p: p.net), ("kind", lambda p: p.kind),
    ):  # fmt: skip
        for value in sorted({key(p) for p in used}):
            own = [p for p in used if key(p) == value]
            rows.append(
                [f"{title}: {value}", str(len(own))]
                + [
                    said(mean_interval(scored(own, SEARCH, s)[0]))
                    for s in ("hit1", "flagged", "auc")
                ]
            )
    return table(["models", "planted classes", "Hit@1", "A or B", "member AUC"], rows)


def counts_table(plantings: Sequence[Planting], models: Sequence[Model]) -> str:
    """Return how many models and planted classes count, and for what the others do not."""
    rows = []
    for kind in sorted({m.kind for m in models}):
        own = [m for m in models if m.kind == kind]
        rows.append(
            [
                kind, str(len(own)), f"{np.mean([m.accuracy for m in own]):.2f}",
                str(sum(m.flagged for m in own)), f"{np.mean([m.alarms for m in own]):.2f}",
            ]
        )  # fmt: skip
    for verdict in ("positive", "weak", "negative"):
        count = sum(p.verdict == verdict for p in plantings)
        rows.append([f"planted classes, FE* {verdict}", str(count), "", "", ""])
    return table(
        ["models", "n", "accuracy", "with any A or B", "A or B beside artefacts, each"], rows
    )


def thresholds_table(judged: Sequence[Judged]) -> str:
    """Return what thresholds of the even seeds do on the odd seeds."""
    rows = [
        [
            each.method, f"{each.threshold:.3g}",
            *(said(share_interval(*pair)) for pair in (
                each.positives, each.clean, each.balanced, each.training_only
            )),
        ]
        for each in judged
    ]  # fmt: skip
    return table(
        [
            "method",
            "threshold",
            "found",
            "clean: alarms",
            "balanced: alarms",
            "training only: alarms",
        ],
        rows,
    )


def _separation(models: Sequence[Model], method: str, kind: str) -> Interval:
    """Return how well model scores tell positives from a kind of negatives, with an interval."""
    first = np.array([m.scores[method] for m in models if m.kind == "positive"])
    second = np.array([m.scores[method] for m in models if m.kind == kind])
    value = separation(first.tolist(), second.tolist())
    if value is None:
        return None
    generator = np.random.default_rng(0)
    drawn = auc(*(generator.choice(each, (DRAWS, len(each))) for each in (first, second)))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return value, float(low), float(high)
