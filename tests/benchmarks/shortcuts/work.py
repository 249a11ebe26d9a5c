"""Everything that is measured on one model, as plain data for its JSON file."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from auditor.demo.training import predict
from tests.benchmarks.shortcuts.ablations import ablations
from tests.benchmarks.shortcuts.artefacts import ARTEFACTS
from tests.benchmarks.shortcuts.audited import Audited, audit
from tests.benchmarks.shortcuts.baselines import Verdict, all_verdicts
from tests.benchmarks.shortcuts.cases import Case
from tests.benchmarks.shortcuts.class_baselines import (
    COMPONENTS,
    SLICES,
    class_components,
    error_slices,
)
from tests.benchmarks.shortcuts.manipulation import Effect, effects
from tests.benchmarks.shortcuts.own_biases import own_effects
from tests.benchmarks.shortcuts.pictures import write_alarms, write_sheet
from tests.benchmarks.shortcuts.scores import (
    FLAGGED,
    LISTED,
    hit_within,
    hits,
    member_scores,
    place_of,
)
from tests.benchmarks.shortcuts.searching import (
    Searched,
    factor_rows,
    finding_rows,
    fingerprint_of,
    member_gains,
    search,
    tested_rows,
)
from tests.benchmarks.shortcuts.summary import touches
from tests.benchmarks.shortcuts.tracing import Trace, stages_of, traced
from tests.benchmarks.shortcuts.train import Shelf, trained
from tests.benchmarks.shortcuts.transplants import GAP, NAIVE, background_gap, naive
from tests.benchmarks.shortcuts.worlds import Planted, photographs, planted


def measure(
    case: Case,
    *,
    data: Path | None,
    shelf: Shelf,
    sheets: Path | None,
    settings: Mapping[str, Any],
    with_ablations: bool = False,
) -> dict[str, Any]:
    """Train or load the model of a case, search it, run the baselines, and score both.

    Args:
        case: the model.
        data: folder of the data sets.
        shelf: where trained models are kept.
        sheets: where the contact sheet of the case goes.
        settings: changes of the search's config.
        with_ablations: search again with each part switched off.
    """
    pictures = photographs(case.data, data, case.side)
    clock = _Clock()
    model, fitted = trained(case, pictures, shelf)
    clock.lap("training")
    true = effects(model, pictures.audited, case.plants, case.seed)
    held = planted(pictures.audited, case.validation_plants, np.random.default_rng([case.seed, 2]))
    right = predict(model, held.images).argmax(axis=1) == held.labels
    own = own_effects(model, pictures.audited, case.data)
    clock.lap("manipulation check")
    audited = audit(model, held.images, held.labels, pictures.classes, case.seed)
    clock.lap("pass")
    with traced() as trace:
        searched = search(audited, case.seed, settings)
    clock.lap("search")
    shown = true if case.validation_plants else []
    # The other methods ask for regions and members: beside a search for statistics of whole
    # pictures alone they have no place.
    whole = settings.get("proposals") == ["P6"]
    verdicts, squares = ({}, {}) if whole else _verdicts(audited)
    clock.lap("baselines")
    result = {
        "id": case.id,
        "case": asdict(case),
        "classes": list(pictures.classes),
        "accuracy": {"training": fitted, "audited": float(right.mean())},
        "members": [len(audited.members(output)) for output in audited.outputs],
        "effects": [asdict(each) | {"verdict": each.verdict} for each in true],
        "own": [asdict(each) for each in own],
        "search": _search_rows(searched, trace, shown, held, audited)
        | {"stages": stages_of(trace, shown, held)},
        "baselines": {
            name: _baseline(found, squares if name == NAIVE else None, shown, held, audited)
            for name, found in verdicts.items()
        },
        "repeated": _repeated(case, audited, searched, settings),
    }
    clock.lap("repeat")
    if with_ablations:
        result["ablations"] = _ablations(case, audited, shown, held, settings)
        clock.lap("ablations")
    if sheets is not None:
        if shown:
            write_sheet(sheets / f"{case.id}.png", searched.report, shown, held, audited)
        alarms = [
            row["place"]
            for row in result["search"]["findings"]
            if row["grade"] in FLAGGED and not touches(row)
        ]
        write_alarms(sheets / f"{case.id}.alarms.png", searched.report, alarms, audited)
    result["seconds"] = clock.laps
    return result


def _search_rows(
    searched: Searched,
    trace: Trace,
    effects: Sequence[Effect],
    held: Planted,
    audited: Audited,
) -> dict[str, Any]:
    """Return the report as plain data, with the scores of the members of planted classes."""
    report = searched.report
    scores = []
    for effect in effects:
        members = trace.looked_at(effect.output, audited.members(effect.output))
        gains = member_gains(report, effect.output, members, trace.chosen(effect.output), audited)
        found = member_scores(gains, held.carries[effect.plant, members])
        scores.append(asdict(found) if found else None)
    return {
        "findings": finding_rows(report, effects, held, audited),
        "factors": factor_rows(report, effects, audited.samples.manifest.classes),
        "tested": tested_rows(trace.tested, trace.results),
        "members": scores,
        **report.limits.model_dump(mode="json", exclude={"ran", "reason"}),
        "digest": fingerprint_of(report),
        "wall": searched.wall,
        "cpu": searched.cpu,
    }


def _verdicts(
    audited: Audited,
) -> tuple[dict[str, dict[int, Verdict]], dict[int, np.ndarray]]:
    verdicts = all_verdicts(audited)
    verdicts[COMPONENTS], verdicts[SLICES] = class_components(audited), error_slices(audited)
    squares: dict[int, np.ndarray] = {}
    for name, method in ((GAP, background_gap), (NAIVE, naive)):
        verdicts[name] = {}
        for output in audited.outputs:
            found = method(audited, output)
            if found is not None:
                verdicts[name][output], masks = found
                if name == NAIVE:
                    squares[output] = masks
    return verdicts, squares


def _baseline(
    verdicts: Mapping[int, Verdict],
    squares: Mapping[int, np.ndarray] | None,
    effects: Sequence[Effect],
    held: Planted,
    audited: Audited,
) -> dict[str, Any]:
    """Return the scores of one baseline: of members, and the place of the planted class."""
    outputs = sorted(verdicts)
    suspicion = [verdicts[output].suspicion for output in outputs]
    rows = []
    for effect in effects:
        if effect.output not in verdicts:
            rows.append(None)
            continue
        members = audited.members(effect.output)
        carry = held.carries[effect.plant, members]
        scores = member_scores(verdicts[effect.output].members, carry)
        place = outputs.index(effect.output)
        row: dict[str, Any] = {
            "members": asdict(scores) if scores else None,
            "class_hit1": hit_within(suspicion, place, 1),
            "class_hit3": hit_within(suspicion, place, 3),
            "class_reciprocal": 1 / place_of(suspicion, place),
        }
        if squares is not None and ARTEFACTS[effect.artefact].local:
            own = squares[effect.output][carry]
            row["region_hit"] = hits(own, held.masks[effect.plant, members[carry]])
        rows.append(row)
    return {"plants": rows, "suspicion": dict(zip(map(str, outputs), suspicion, strict=True))}


def _repeated(
    case: Case, audited: Audited, searched: Searched, settings: Mapping[str, Any]
) -> bool | None:
    """Say whether a second search gives the same report; None when it was not asked for."""
    if not case.repeat:
        return None
    again = search(audited, case.seed, settings)
    return fingerprint_of(again.report) == fingerprint_of(searched.report)


def _ablations(
    case: Case,
    audited: Audited,
    effects: Sequence[Effect],
    held: Planted,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    found = {}
    for ablation in ablations():
        with ablation.context():
            searched = search(audited, case.seed, {**settings, **ablation.settings})
        rows = finding_rows(searched.report, effects, held, audited)
        factors = factor_rows(searched.report, effects, audited.samples.manifest.classes)
        found[ablation.name] = {
            "findings": [
                {key: row[key] for key in ("class", "grade", "strength", "overlaps")}
                for row in rows
                if row["grade"] in LISTED
            ],
            "factors": [
                {key: row[key] for key in ("class", "grade", "strength", "hits")} for row in factors
            ],
            "flagged": sum(row["grade"] in FLAGGED for row in (*rows, *factors)),
            "cpu": searched.cpu,
        }
    return found


class _Clock:
    """Measures what every part cost, in seconds of wall and of processor time."""

    def __init__(self) -> None:
        self.laps: dict[str, dict[str, float]] = {}
        self._last = time.perf_counter(), time.process_time()

    def lap(self, name: str) -> None:
        """Book the time since the last lap under a name."""
        now = time.perf_counter(), time.process_time()
        self.laps[name] = {"wall": now[0] - self._last[0], "cpu": now[1] - self._last[1]}
        self._last = now
