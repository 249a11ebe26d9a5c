"""Run the search of the project on an audited model, and read its report."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from auditor.causal.candidate import Tested
from auditor.causal.context import Search
from auditor.causal.search import find_shortcuts
from auditor.config.audit import ShortcutConfig
from auditor.records.part import Part
from auditor.records.stages import Candidate, Finding, ShortcutReport
from auditor.shortcuts.grading import grade, reach
from auditor.shortcuts.propose.proposals import Proposal
from auditor.shortcuts.tests import FLIP_EXCESS, Results
from auditor.shortcuts.whole_pictures.global_statistics import STATISTICS
from tests.benchmarks.shortcuts.artefacts import ARTEFACTS
from tests.benchmarks.shortcuts.audited import Audited
from tests.benchmarks.shortcuts.manipulation import Effect
from tests.benchmarks.shortcuts.scores import ABOVE, covered, hits, iou, pointing
from tests.benchmarks.shortcuts.transplants import region_gains
from tests.benchmarks.shortcuts.worlds import Planted


@dataclass(frozen=True)
class Searched:
    """A report with what it cost in seconds."""

    report: ShortcutReport
    wall: float
    cpu: float


def search(audited: Audited, seed: int, settings: Mapping[str, Any] | None = None) -> Searched:
    """Run the search with its default budgets, changed by ``settings`` of the config."""
    wall, cpu = time.perf_counter(), time.process_time()
    report = find_shortcuts(
        Search(
            audited.probe,
            audited.samples,
            audited.leading,
            tuple(audited.outputs),
            ShortcutConfig(**(settings or {})),
            seed=seed,
            relevance=audited.layer,
        )
    )
    return Searched(report, time.perf_counter() - wall, time.process_time() - cpu)


def fingerprint_of(value: Any) -> str:
    """Return a digest of a report that differs when any number or mask in it does."""
    state = hashlib.sha256()

    def add(item: Any) -> None:
        if isinstance(item, np.ndarray):
            state.update(f"{item.dtype}{item.shape}".encode())
            state.update(np.ascontiguousarray(item).tobytes())
        elif isinstance(item, Part):
            add(dict(item))
        elif hasattr(item, "__dataclass_fields__"):
            for name in item.__dataclass_fields__:
                state.update(name.encode())
                add(getattr(item, name))
        elif isinstance(item, Mapping):
            for key in item:
                add(key)
                add(item[key])
        elif isinstance(item, tuple | list):
            state.update(f"[{len(item)}".encode())
            for each in item:
                add(each)
        else:
            state.update(repr(item).encode())

    add(value)
    return state.hexdigest()


def strength(implausibility: float, results: Results) -> float:
    """Return the score by which findings are compared: implausibility times the best lower bound.

    By it models are told apart where a threshold is to be chosen; the grades have their own rules.
    """
    return float(implausibility * reach(results))


def finding_rows(
    report: ShortcutReport, effects: Sequence[Effect], planted: Planted, audited: Audited
) -> list[dict[str, Any]]:
    """Return every finding as plain data, with the plants (their places in ``effects``) it hits."""
    rows = []
    for place, finding in enumerate(report.findings):
        candidate = finding.candidate
        found = {}
        for index, effect in enumerate(effects):
            overlap = overlap_of(finding, effect, planted, audited)
            if overlap is not None:
                found[str(index)] = overlap
        rows.append(
            {
                "place": place,
                "class": candidate.output,
                "kind": candidate.kind,
                "shape": candidate.shape,
                "grade": finding.grade,
                "implausibility": finding.plausibility.score,
                "terms": dict(finding.plausibility.terms),
                "strength": strength(finding.plausibility.score, finding.evidence),
                "reach": reach(finding.evidence),
                "area": float(candidate.masks.mean()) if len(candidate.rows) else 0.0,
                "rows": len(candidate.rows),
                "evidence": [
                    {
                        "test": each.test, "outcome": each.outcome, "effect": each.effect,
                        "low": each.low, "high": each.high, "n": each.n, "q": each.q,
                        "z": each.z, "controls": dict(each.controls), "reason": each.reason,
                    }
                    for each in finding.evidence.values()
                ],
                "overlaps": found,
            }
        )  # fmt: skip
    return rows


def tested_rows(tested: Sequence[Tested], results: Mapping[str, Results]) -> list[dict[str, Any]]:
    """Return every candidate that was tested, listed or not, as plain data: to choose limits by.

    ``results`` are by candidate, corrected for the number of tests.
    """
    return [
        {
            "class": each.members.output,
            "kind": each.screened.proposal.kind,
            "shape": each.screened.proposal.shape,
            "grade": grade(results[each.id], each.plausibility),
            "implausibility": each.plausibility.score,
            "terms": dict(each.plausibility.terms),
            "reach": reach(results[each.id]),
        }
        for each in tested
    ]


def overlap_of(
    finding: Finding, effect: Effect, planted: Planted, audited: Audited
) -> dict[str, Any] | None:
    """Return how a finding meets an artefact: hit, IoU, pointing; None for another class.

    Read on the pictures of the candidate that carry the artefact.
    """
    candidate = finding.candidate
    if candidate.output != effect.output or not ARTEFACTS[effect.artefact].local:
        return None
    carry: Bool[np.ndarray, "member"] = planted.carries[effect.plant, candidate.rows]
    rows = candidate.rows[carry]
    regions, artefacts = candidate.masks[carry], planted.masks[effect.plant, rows]
    if not len(rows):
        return {"hit": False, "iou": 0.0, "covered": 0.0, "pointing": 0.0, "carriers": 0}
    return {
        "hit": hits(regions, artefacts),
        "iou": float(iou(regions, artefacts).mean()),
        "covered": float(covered(regions, artefacts).mean()),
        "pointing": pointing(audited.heatmaps[rows], regions, artefacts),
        "carriers": len(rows),
    }


def factor_rows(
    report: ShortcutReport, effects: Sequence[Effect], classes: Sequence[str]
) -> list[dict[str, Any]]:
    """Return every finding about a statistic of whole pictures as plain data; [] without any."""
    rows = []
    for factor in report.whole.factors:
        statistic, output = str(factor.statistic), classes.index(factor.class_name)
        hit = [
            index
            for index, effect in enumerate(effects)
            if effect.output == output
            and any(word in statistic.lower() for word in ARTEFACTS[effect.artefact].statistics)
        ]
        rows.append(
            {
                "class": output,
                "statistic": statistic,
                "grade": factor.grade,
                "strength": strength(factor.plausibility, factor.evidence),
                "reach": reach(factor.evidence),
                "implausibility": factor.plausibility,
                "terms": dict(factor.terms),
                "auc": factor.auc,
                "q": factor.q,
                "evidence": [
                    {"test": e.test, "effect": e.effect, "low": e.low, "high": e.high, "q": e.q}
                    for e in factor.evidence.values()
                ],
                "hits": hit,
            }
        )
    return rows


def member_gains(
    report: ShortcutReport,
    output: int,
    members: Int[np.ndarray, "member"],
    tested: Sequence[Proposal],
    audited: Audited,
) -> Float[np.ndarray, "member"]:
    """Return the score by the class's best finding of each of the members looked at, 0 without any.

    Of a finding about the whole picture that is its statistic, of another `_region_gains`.
    """
    name = audited.samples.manifest.classes[output]
    regions = [
        (ABOVE[each.grade] + strength(each.plausibility.score, each.evidence), each)
        for each in report.findings
        if each.candidate.output == output and each.grade in ABOVE
    ]
    factors = [
        (ABOVE[each.grade] + strength(each.plausibility, each.evidence), each)
        for each in report.whole.factors
        if each.class_name == name and each.grade in ABOVE
    ]
    best = max([*regions, *factors], key=lambda row: row[0], default=None)
    if best is None or not len(members):
        return np.zeros(len(members))
    if isinstance(best[1], Finding):
        return _region_gains(best[1].candidate, members, tested, audited)
    statistic = STATISTICS.get(str(best[1].statistic))
    if statistic is None or statistic.measure is None:
        return np.zeros(len(members))
    values = np.array([statistic.of(picture) for picture in audited.subject.images[members]])
    return values if best[1].auc >= 0.5 else -values


def _region_gains(
    found: Candidate,
    members: Int[np.ndarray, "member"],
    tested: Sequence[Proposal],
    audited: Audited,
) -> Float[np.ndarray, "member"]:
    """Return the margin that a member's region carries to other pictures.

    A finding lists the members that carry it; the region of the others is in the proposal, one of
    ``tested``. A finding that is no single proposal (a union of several, a context) has none for
    them: they score 0.
    """
    carrying = np.isin(members, found.rows)
    same = (each for each in tested if np.array_equal(each.masks[carrying], found.masks))
    proposal = next(same, None)
    if proposal is not None:
        return region_gains(audited, found.output, members, proposal.masks)
    gains = np.zeros(len(members))
    gains[carrying] = region_gains(audited, found.output, found.rows, found.masks)
    return gains


def transplant_effect(row: Mapping[str, Any], test: str = FLIP_EXCESS.id) -> float | None:
    """Return the effect of transplants in a finding's row, None where it could not run."""
    for each in row["evidence"]:
        if each["test"] == test and each["outcome"] not in ("not applicable", "error"):
            return float(each["effect"])
    return None
