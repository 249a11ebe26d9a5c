"""From the results of models to rows: one per planted class, one per model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from auditor.shortcuts.cues import MOST
from tests.benchmarks.shortcuts.artefacts import ARTEFACTS
from tests.benchmarks.shortcuts.scores import ABOVE, FLAGGED, LEAST_SIDE, LISTED, rank_of
from tests.benchmarks.shortcuts.tracing import lost_at

SEARCH = "this search"
PART = 0.25
Result = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What a method said of one planted class; None where a score does not apply.

    ``hit1``, ``hit3`` and ``reciprocal`` ask for class and region of the search, and for the class
    alone of the baselines; ``class_hit1`` asks both for the class alone. ``fe`` is the flip excess
    of the finding that hits. ``shown``: it has A or B or is among the cues that are shown;
    ``findings`` counts what is shown and touches it, ``merged``: one of them hits another cause.
    """

    hit1: float | None
    hit3: float | None
    reciprocal: float | None
    class_hit1: float | None
    auc: float | None = None
    ap: float | None = None
    p10: float | None = None
    flagged: bool = False
    iou: float | None = None
    pointing: float | None = None
    fe: float | None = None
    grade: str | None = None
    shown: bool = False
    findings: int = 0
    merged: bool = False

    @property
    def single(self) -> float | None:
        """Whether what is shown of the cause is one finding, and of no other cause; 1 or 0."""
        return float(self.findings == 1 and not self.merged) if self.findings else None


@dataclass(frozen=True)
class Planting:
    """One planted class of one model, with what every method said of it."""

    case: str
    kind: str
    data: str
    net: str
    seed: int
    artefact: str
    output: int
    prevalence: float
    fe: float
    verdict: str
    outcomes: Mapping[str, Outcome]
    why: str = ""

    @property
    def local(self) -> bool:
        """Whether the artefact has a place."""
        return ARTEFACTS[self.artefact].local

    @property
    def shortcut(self) -> str:
        """The kind of shortcut that the artefact is."""
        return ARTEFACTS[self.artefact].kind


@dataclass(frozen=True)
class Model:
    """One model: its kind, whether something was there to find, and each method's model score.

    ``kind`` is 'positive', 'clean', 'balanced', 'training only', or why it counts for nothing.
    ``alarms`` are findings of grade A or B that neither hit an artefact nor hold a part of one.
    """

    case: str
    kind: str
    seed: int
    scores: Mapping[str, float]
    flagged: bool
    alarms: int
    accuracy: float
    wall: float
    cpu: float
    repeated: bool | None
    detection_limit: float | None
    null_rate: float | None
    alarm_rows: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    own: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    net: str = ""
    data: str = ""
    cues: int = 0


def plantings(results: Sequence[Result]) -> list[Planting]:
    """Return the planted classes of all models whose audited pictures carry an artefact of few."""
    found = []
    for result in results:
        case = result["case"]
        if case["kind"] not in ("planted", "two", "shared"):
            continue
        for index, effect in enumerate(result["effects"]):
            outcome = _searched(result, index)
            outcomes = {SEARCH: outcome}
            for name, baseline in result["baselines"].items():
                outcomes[name] = _baseline(baseline["plants"][index])
            found.append(
                Planting(
                    case=result["id"],
                    kind=case["kind"],
                    data=case["data"],
                    net=case["net"],
                    seed=case["seed"],
                    artefact=effect["artefact"],
                    output=effect["output"],
                    prevalence=effect["prevalence"],
                    fe=effect["fe"],
                    verdict=effect["verdict"],
                    outcomes=outcomes,
                    why=why_missed(result, index, outcome),
                )
            )
    return found


def models(results: Sequence[Result]) -> list[Model]:
    """Return one row per model."""
    found = []
    for result in results:
        search = result["search"]
        rows = [*search["findings"], *search["factors"]]
        flagged = [row for row in rows if row["grade"] in FLAGGED]
        alarms = [row for row in flagged if not touches(row)]
        scores = {
            name: max(map(float, each["suspicion"].values()), default=0.0)
            for name, each in result["baselines"].items()
        }
        # The order of the report: grades first, within them what is strongest.
        listed = [ABOVE[row["grade"]] + row["strength"] for row in rows if row["grade"] in LISTED]
        scores[SEARCH] = max(listed, default=0.0)
        found.append(
            Model(
                case=result["id"],
                kind=kind_of(result),
                seed=result["case"]["seed"],
                scores=scores,
                flagged=bool(flagged),
                alarms=len(alarms),
                accuracy=result["accuracy"]["audited"],
                wall=search["wall"],
                cpu=search["cpu"],
                repeated=result["repeated"],
                detection_limit=search["detection_limit"],
                null_rate=search["null_rate"],
                alarm_rows=tuple(alarms),
                own=tuple(result.get("own", ())),
                net=result["case"]["net"],
                data=result["case"]["data"],
                cues=len(shown_rows(search)) - len(flagged),
            )
        )
    return found


def kind_of(result: Result) -> str:
    """Return what a model counts as: its kind, after the manipulation check."""
    kind: str = result["case"]["kind"]
    verdicts = {effect["verdict"] for effect in result["effects"]}
    if kind in ("clean", "training only"):
        return kind
    if kind == "balanced":
        return kind if verdicts == {"negative"} else "balanced, but used"
    if "positive" in verdicts:
        return "positive"
    return "unused" if verdicts == {"negative"} else "weak"


def touches(row: Mapping[str, Any]) -> bool:
    """Say whether a finding holds a part of an artefact of its class, at least `PART` of it."""
    return bool(touched_by(row))


def hit_by(row: Mapping[str, Any]) -> list[int]:
    """Return the plants that a finding or a factor hits."""
    if "hits" in row:
        return list(row["hits"])
    return [int(index) for index, overlap in row["overlaps"].items() if overlap["hit"]]


def touched_by(row: Mapping[str, Any]) -> set[int]:
    """Return the plants that a finding hits or holds a part of, at least `PART`."""
    if "hits" in row:
        return set(row["hits"])
    return {
        int(index)
        for index, o in row["overlaps"].items()
        if o["hit"] or o.get("covered", 0.0) >= PART
    }


def shown_rows(search: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what a reader is shown: A and B, and each class's `MOST` strongest of grade C."""
    rows = [*search["findings"], *search["factors"]]
    cues: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["grade"] == "C":
            cues.setdefault(row["class"], []).append(row)
    strongest = [
        row
        for own in cues.values()
        for row in sorted(own, key=lambda r: -r.get("reach", r["strength"]))[:MOST]
    ]
    return [*(row for row in rows if row["grade"] in FLAGGED), *strongest]


def why_missed(result: Result, index: int, outcome: Outcome) -> str:
    """Say in words why a planted class was not found first, '' where it was."""
    effect, search = result["effects"][index], result["search"]
    if outcome.hit1 == 1.0 and outcome.flagged:
        return ""
    output, name = effect["output"], result["classes"][effect["output"]]
    if result["members"][output] < 16:
        return f"'{name}' has {result['members'][output]} members: too few to be searched"
    if not ARTEFACTS[effect["artefact"]].local:
        if not search["factors"]:
            return "no statistic of whole pictures was named"
        own = [row for row in search["factors"] if index in row["hits"]]
        if not own:
            return "statistics of whole pictures were named, but not this one for this class"
        best = own[0]
        return f"'{best['statistic']}' was named, graded {best['grade'] or 'no shortcut'}"
    own = [row for row in search["findings"] if row["class"] == output]
    struck = [row for row in own if index in hit_by(row)]
    if not struck:
        stages = search.get("stages") or []
        lost = lost_at(stages[index]) if index < len(stages) else ""
        if lost:
            return lost
        if not own:
            return f"tested but not graded: nothing is listed for '{name}'"
        best = own[0]
        overlap = best["overlaps"].get(str(index), {"iou": 0.0, "carriers": 0})
        return (
            f"{len(own)} findings for '{name}', none on the artefact: best is '{best['shape']}', "
            f"grade {best['grade']}, IoU {overlap['iou']:.2f} on {overlap['carriers']} carriers"
        )
    best = struck[0]
    if best["grade"] not in FLAGGED:
        terms = ", ".join(f"{key} {value:.2f}" for key, value in best["terms"].items())
        tests = ", ".join(
            f"{each['test']} {each['effect']:.2f} (from {each['low']:.2f})"
            for each in best["evidence"]
            if each["outcome"] not in ("not applicable", "error")
        )
        return (
            f"found as '{best['shape']}' but graded {best['grade']}: implausibility "
            f"{best['implausibility']:.2f} ({terms}); {tests}"
        )
    ahead = [row for row in search["findings"][: best["place"]] if row["grade"] in LISTED]
    names = ", ".join(
        f"'{row['shape']}' of '{result['classes'][row['class']]}' ({row['grade']})" for row in ahead
    )
    return f"found with grade {best['grade']}, behind {names}" if ahead else ""


def _searched(result: Result, index: int) -> Outcome:
    """Return the outcome of the search; findings that hit another plant are left out of ranks."""
    effect, search = result["effects"][index], result["search"]
    local = ARTEFACTS[effect["artefact"]].local
    rows = search["findings"] if local else search["factors"]
    listed = [row for row in rows if row["grade"] in LISTED]
    listed = [row for row in listed if index in hit_by(row) or not hit_by(row)]
    rank = rank_of([index in hit_by(row) for row in listed])
    hit = listed[rank - 1] if rank else None
    everything = [r for r in (*search["findings"], *search["factors"]) if r["grade"] in LISTED]
    everything = [row for row in everything if index in hit_by(row) or not hit_by(row)]
    if not local:
        everything = listed or everything
    members = _told_apart(search["members"][index])
    overlap = hit["overlaps"][str(index)] if hit and local else {}
    here = [row for row in shown_rows(search) if row["class"] == effect["output"]]
    touching = [row for row in here if index in touched_by(row)]
    fe = None
    if hit:
        fe = next(
            (
                each["effect"]
                for each in hit["evidence"]
                if "flip" in each["test"] and each.get("outcome", "") != "not applicable"
            ),
            None,
        )
    return Outcome(
        hit1=float(rank == 1),
        hit3=float(rank is not None and rank <= 3),
        reciprocal=1 / rank if rank else 0.0,
        class_hit1=float(bool(everything) and everything[0]["class"] == effect["output"]),
        auc=members.get("auc"),
        ap=members.get("ap"),
        p10=members.get("p10"),
        flagged=any(row["grade"] in FLAGGED and index in hit_by(row) for row in listed),
        iou=overlap.get("iou"),
        pointing=overlap.get("pointing"),
        fe=fe,
        grade=hit["grade"] if hit else None,
        shown=any(index in hit_by(row) for row in here),
        findings=len(touching),
        merged=any(len(hit_by(row)) > 1 for row in touching),
    )


def _baseline(row: Mapping[str, Any] | None) -> Outcome:
    if row is None:
        return Outcome(0.0, 0.0, 0.0, 0.0)
    members = _told_apart(row["members"])
    return Outcome(
        hit1=row["class_hit1"],
        hit3=row["class_hit3"],
        reciprocal=row["class_reciprocal"],
        class_hit1=row["class_hit1"],
        auc=members.get("auc"),
        ap=members.get("ap"),
        p10=members.get("p10"),
    )


def _told_apart(members: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the scores of members, nothing where hardly any carries the artefact or lacks it."""
    if members is None:
        return {}
    few = min(members["carriers"], members["members"] - members["carriers"])
    return {} if few < LEAST_SIDE else members
