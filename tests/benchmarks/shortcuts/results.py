"""The results page, the numbers and the manual's table from the results of the models."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.shortcuts import (
    detail_tables,
    factor_tables,
    figures,
    kinds_tables,
    tables,
)
from tests.benchmarks.shortcuts.cases import Case
from tests.benchmarks.shortcuts.running import Plan, code_digest
from tests.benchmarks.shortcuts.summary import SEARCH, Model, Planting, models, plantings
from tests.benchmarks.shortcuts.thresholds import judge

RULES = """\
FE\\*: the share of audited pictures of other classes that turn into the class when the artefact is
drawn on them. A planted class counts as positive from .20, as negative below .05; in between it is
left out of hit rates and counted. A finding hits when its class is right and, on at least half of
the pictures that carry the artefact, it overlaps with it by an IoU of .20, or at least half of it
lies in the artefact grown by 3 pixels. Ranks are over findings of grade A, B and C in the order of
the report. Brightness, blur, JPEG and tint have no place: a hit is a finding about that statistic
of the class, ranked among such findings. Baselines are asked for the class alone, ties in random
order; 'class first' asks the search the same. Member scores are those of the planted class, by the
method's own score; of the search the margin that the region of the class's best finding carries to
other pictures. At prevalence 1 there are no members without the artefact and no member scores.
Intervals: 95 %, bootstrap over planted classes, Wilson for shares of models."""


def write_results(grid: str, cases: Sequence[Case], plan: Plan) -> int:
    """Write results.md, results.json and readme.md from what is there; return how many failed."""
    every = [_read(plan.result(case)) for case in cases]
    results = [each for each in every if each is not None and "error" not in each]
    broken = [each for each in every if each is not None and "error" in each]
    plan.out.mkdir(parents=True, exist_ok=True)
    planted, rows = plantings(results), models(results)
    methods = [SEARCH, *(results[0]["baselines"] if results else ())]
    judged = [found for name in methods if (found := judge(rows, name)) is not None]
    numbers = {
        "grid": grid,
        "code": sorted({each["code"] for each in results}),
        "models": len(results),
        "wanted": len(cases),
        "headline": tables.headline(planted, rows),
        "rates": rates_of(planted, rows),
        "spearman": tables.spearman(planted),
        "methods": {name: tables.figures_of(planted, rows, name) for name in methods},
        "thresholds": [asdict(each) for each in judged],
        "plantings": [asdict(each) for each in planted],
        "model rows": [asdict(each) for each in rows],
    }
    _write(plan.out / "results.json", json.dumps(numbers, indent=1))
    _write(plan.out / "readme.md", readme(grid, len(cases), numbers["code"], planted, rows))
    if planted:
        figures.effect_figure(planted, plan.out / "effects.png")
        figures.methods_figure(planted, rows, plan.out / "methods.png")
    _write(plan.out / "results.md", page(grid, cases, results, broken, plan))
    return len(broken)


def page(
    grid: str,
    cases: Sequence[Case],
    results: Sequence[Mapping[str, Any]],
    broken: Sequence[Mapping[str, Any]],
    plan: Plan,
) -> str:
    """Return the results page."""
    planted, rows = plantings(results), models(results)
    codes = sorted({each["code"] for each in results})
    parts = [
        f"# Clever-Hans benchmark, grid '{grid}'",
        f"{len(results)} of {len(cases)} models; {len(broken)} failed. Code {', '.join(codes)}.",
    ]
    if codes not in ([], [code_digest()]):
        parts.append("**Some or all results are of other code than the one that wrote this page.**")
    if plan.settings:
        parts.append(f"Budgets of this grid: {dict(plan.settings)}; they are not the defaults.")
    if not results:
        return "\n\n".join(parts) + "\n"
    methods = [SEARCH, *results[0]["baselines"]]
    judged = [found for name in methods if (found := judge(rows, name)) is not None]
    parts += [
        RULES,
        "## In short", tables.headline_table(planted, rows), cost(rows, results),
        "## Goals", kinds_tables.goals_table(planted, rows),
        *kinds_tables.kinds_page(planted, rows, results, cases),
        "## What counts", tables.counts_table(planted, rows),
        "## By artefact and prevalence",
        "First of all / graded A or B / relied on by the model (mean FE\\*).",
        tables.cells_table(planted),
        tables.kinds_table(planted),
        "## Against other methods", tables.methods_table(planted, rows),
        "![scores of all methods](methods.png)" if planted else "",
        "## Thresholds",
        "The model score is that of the first finding of the report (2 for grade A, 1 for B, 0 for "
        "C, and implausibility times the lower end of its best effect), and a baseline's most "
        "suspicious class. The threshold is chosen on the models of even seeds (share of positives "
        "less share of negatives called) and judged on those of odd seeds.",
        tables.thresholds_table(judged),
        "## Effects", "![FE found against FE*](effects.png)" if planted else "",
        "## What was missed, and why",
        "On the sheets: pictures, heatmaps, outlines. Green: the artefact; red: the best finding "
        "of the class; orange: the second.",
        detail_tables.failures_table(planted, lambda case: _sheet(plan, case)),
        "## Findings of grade A or B that are no artefact",
        detail_tables.alarms_table(rows, lambda case: _sheet(plan, f"{case}.alarms")),
    ]  # fmt: skip
    own = detail_tables.own_table(rows)
    if own:
        parts += [
            "Nobody planted these marks: the data have them. How many pictures of other classes "
            "turn when they are drawn, in all models without an artefact (the last column above: "
            "in the model of the finding):",
            own,
        ]
    factors = factor_tables.factors_table(results)
    if factors:
        parts += ["## Whole pictures: brightness, blur, JPEG, tint", factors]
    parts += [
        "## Without single terms of implausibility",
        "Of regions; of the models as they were searched.",
        detail_tables.terms_table(results),
    ]
    ablations = detail_tables.ablations_table(results)
    if ablations:
        parts += ["## With parts switched off", ablations]
    if broken:
        parts.append("## Failed")
        parts += [f"{each['id']}:\n\n```\n{each['error']}\n```" for each in broken]
    return "\n\n".join(part for part in parts if part) + "\n"


def cost(rows: Sequence[Model], results: Sequence[Mapping[str, Any]]) -> str:
    """Say what a search costs, and whether a second one gives the same report."""
    repeated = [each.repeated for each in rows if each.repeated is not None]
    wall, cpu = (np.median([getattr(each, key) for each in rows]) for key in ("wall", "cpu"))
    whole = np.median([sum(lap["cpu"] for lap in each["seconds"].values()) for each in results])
    return (
        f"A search takes {wall:.1f} s of wall time and {cpu:.1f} s of processor time (medians; one "
        f"thread); a whole model, training and baselines included, {whole:.0f} s of processor "
        f"time. Searched twice: {sum(repeated)} of {len(repeated)} models gave the same report, "
        "byte for byte."
    )


def readme(
    grid: str,
    wanted: int,
    codes: Sequence[str],
    planted: Sequence[Planting],
    rows: Sequence[Model],
) -> str:
    """Return the grid's section of the manual; ``codes`` are the states of the code measured."""
    every_kind = grid in ("kinds", "ci")
    used = len(tables.positives(planted, local=None if every_kind else True))
    where = "of all kinds of shortcut" if every_kind else "with a place"
    lead = (
        f"{len(rows)} of {wanted} models, {used} planted classes {where} that the model relies on "
        "(FE\\* at least .20). Reproduce: `python -m tests.benchmarks.shortcuts --grid "
        f"{grid} --help`."
    )
    if len(codes) > 1:
        lead += (
            f" They were searched by {len(codes)} successive states of the code: what was mended "
            "in between is not in the figures of the earlier ones."
        )
    parts = [f"## Grid '{grid}'", lead, tables.headline_table(planted, rows)]
    if every_kind:
        parts[2:] = [
            kinds_tables.goals_table(planted, rows),
            kinds_tables.by_kind_table(planted),
            kinds_tables.negatives_table(rows),
        ]
    return "\n\n".join(parts) + "\n"


def rates_of(planted: Sequence[Planting], rows: Sequence[Model]) -> dict[str, int]:
    """Return the counts that every report states of the method; see `auditor.report.show.rates`.

    ``planted`` are relied on; ``alarmed`` and ``own`` are of the ``negatives``: those with a
    finding that is an error, and those whose findings are all what the data have of their own.
    """
    outcomes = [each.outcomes[SEARCH] for each in tables.positives(planted, local=None)]
    negatives = [each for each in rows if each.kind in kinds_tables.NEGATIVES]
    flagged = [each for each in negatives if each.flagged]
    own = sum(kinds_tables.of_the_data(each) for each in flagged)
    return {
        "models": len(rows),
        "planted": len(outcomes),
        "shown": sum(each.shown for each in outcomes),
        "graded": sum(each.flagged for each in outcomes),
        "negatives": len(negatives),
        "alarmed": len(flagged) - own,
        "own": own,
    }


def put_rates(path: Path, out: Path) -> None:
    """Write the counts of the results in ``out`` where the program ships them."""
    numbers = json.loads((out / "results.json").read_text(encoding="utf-8"))
    _write(path, json.dumps(numbers["rates"], indent=1) + "\n")


def put_section(page: Path, section: str) -> None:
    """Put a section in the place of the one with its heading; ValueError: the page has none."""
    heading = section.split("\n", 1)[0] + "\n"
    before, found, rest = page.read_text(encoding="utf-8").partition(heading)
    if not found:
        raise ValueError(f"{page} has no section {heading.strip()!r}")
    after = rest.partition("\n## ")
    _write(page, before + section + "".join(after[1:]))


def _sheet(plan: Plan, case: str) -> str:
    path = plan.sheets / f"{case}.png"
    if not path.is_file():
        return ""
    place = os.path.relpath(path, plan.out).replace(os.sep, "/").replace(" ", "%20")
    return f"![{case}]({place})"


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
