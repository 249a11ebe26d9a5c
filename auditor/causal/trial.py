"""Run the causal tests of one region and put their results in numbers, before correction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from auditor.causal.images import Members, Pool
from auditor.causal.probe import Probe
from auditor.causal.removal import CONTENT, SMOOTH, Removed, removal
from auditor.causal.transplant import (
    Pairing,
    Region,
    Transplanted,
    control_windows,
    controls_of,
    margin,
    pair_up,
    transplant,
    with_controls,
)
from auditor.language.speaking import gettext as _
from auditor.records.stages import Evidence
from auditor.shortcuts.grading import CLEAR, FLIPS, LEVEL, LOSS, REMOVAL, SHARE
from auditor.shortcuts.statistics import bootstrap_interval, refined_p

FIRST_TARGETS = 16
LEAST_IMAGES = 8
SLOTS_SMALL, SLOTS_LARGE = 4, 2
SMALL_IMAGE = 128 * 128
IMAGES = "share of images"
OF_GAP = "share of the evidence"


@dataclass(frozen=True, eq=False)
class Stage:
    """What every trial shares: images of other classes and the settings of the tests."""

    probe: Probe
    targets: Pool
    others: Pool
    most_targets: int
    permutations: int
    tests: int


@dataclass(frozen=True, eq=False)
class Trial:
    """A region with its transplants (None: there were no targets) and its evidence, q missing.

    ``available`` counts the targets that were there; a hopeless trial stops before all are used.
    """

    region: Region
    pairing: Pairing | None
    result: Transplanted | None
    evidence: tuple[Evidence, ...]
    available: int


def run_trial(
    stage: Stage,
    candidate: str,
    region: Region,
    next_windows: Bool[np.ndarray, "member h w"],
    comparison: Sequence[float],
    generator: np.random.Generator,
) -> Trial:
    """Run T1 and T2 on the test half.

    T1 goes in three steps, and stops when the upper end of both intervals has fallen under `CLEAR`:
    the first targets against one control, the same against the others, and the other targets. T2
    stops likewise after its first infill, when both of its effects are so small.

    Args:
        stage: what all trials share.
        candidate: its id.
        region: the region, its references and its control windows.
        next_windows: the windows of the next relevance rank, the control of T2.
        comparison: evidence shares of windows of its size in the model, for the z-score.
        generator: draws references, controls, permutations and resamples.
    """
    output = region.members.output
    targets = stage.targets.without(output)[: stage.most_targets]
    if len(targets) < LEAST_IMAGES or len(stage.others.without(output)) < LEAST_IMAGES:
        why = _(
            "The region cannot be put into other images: %(targets)s images of other classes are "
            "in the test half, and %(least_images)s are needed.",
            targets=len(targets),
            least_images=LEAST_IMAGES,
        )
        evidence = tuple(missing(candidate, test, why) for test in (FLIPS, SHARE))
        return Trial(
            region,
            None,
            None,
            (*evidence, *_removal(stage, candidate, region, next_windows, None, generator)),
            len(targets),
        )
    pairing = draw_pairs(stage, region, targets, generator)
    early = pairing.first(FIRST_TARGETS)
    pools = stage.targets, stage.others
    result = transplant(stage.probe, region, early, *pools, controls=controls_of(early)[:1])
    gap = evidence_gap(region.members, stage.targets, targets)

    def found() -> tuple[Evidence, Evidence]:
        return transplant_evidence(stage, candidate, result, output, gap, comparison, generator)

    first = found()
    if _open(first):
        result = with_controls(stage.probe, result, region, early, *pools)
        first = found()
    if len(targets) > FIRST_TARGETS and _open(first):
        rest = pairing.rest(FIRST_TARGETS)
        result = result.joined(transplant(stage.probe, region, rest, *pools))
        first = found()
    pairing = pairing.first(len(result.region))
    removed = _removal(stage, candidate, region, next_windows, gap, generator)
    return Trial(region, pairing, result, (*first, *removed), len(targets))


def _open(evidence: Sequence[Evidence]) -> bool:
    """Say whether any effect may still be `CLEAR`; more controls could only make it smaller."""
    return any(each.high >= CLEAR for each in evidence)


def draw_pairs(
    stage: Stage, region: Region, targets: Int[np.ndarray, "target"], generator: np.random.Generator
) -> Pairing:
    """Draw references and control images for every target."""
    pixels = region.masks.shape[1] * region.masks.shape[2]
    slots = SLOTS_SMALL if pixels <= SMALL_IMAGE else SLOTS_LARGE
    others = stage.others.without(region.members.output)
    return pair_up(region, targets, others, slots, generator)


def evidence_gap(members: Members, pool: Pool, targets: Int[np.ndarray, "target"]) -> float:
    """Return the margin of the class between its test members and the targets."""
    tested = members.logits[~members.discovery]
    own = margin(tested if len(tested) else members.logits, members.output).mean()
    return max(float(own - margin(pool.logits[targets], members.output).mean()), 1e-6)


def transplant_evidence(
    stage: Stage,
    candidate: str,
    result: Transplanted,
    output: int,
    gap: float,
    comparison: Sequence[float],
    generator: np.random.Generator,
) -> tuple[Evidence, Evidence]:
    """Return flip excess and evidence share of transplants towards ``output``."""
    flips = least_effect(stage, candidate, FLIPS, IMAGES, result.flips(output), generator)
    margins = {name: values / gap for name, values in result.margins(output).items()}
    share = least_effect(stage, candidate, SHARE, OF_GAP, margins, generator)
    share = replace(share, z=z_score(share.effect, comparison))
    if not result.specific(output):
        why = _("The region raises another class's score more than this one's.")
        flips, share = replace(flips, reason=why), replace(share, reason=why)
    return flips, share


def z_score(value: float, comparison: Sequence[float]) -> float | None:
    """Return the distance from the median in robust standard deviations; None under 8 values."""
    if len(comparison) < 8:
        return None
    values = np.asarray(comparison)
    middle = float(np.median(values))
    deviation = 1.4826 * float(np.median(np.abs(values - middle)))
    return (value - middle) / max(deviation, 1e-3)


def missing(candidate: str, test: str, why: str) -> Evidence:
    """Return evidence that a test could not be run."""
    unit = OF_GAP if test in (SHARE, LOSS) else IMAGES
    return Evidence(candidate, test, "not applicable", 0.0, unit, 0.0, 0.0, 0, reason=why)


def _removal(
    stage: Stage,
    candidate: str,
    region: Region,
    windows: Bool[np.ndarray, "member h w"],
    gap: float | None,
    generator: np.random.Generator,
) -> tuple[Evidence, Evidence]:
    """Return which members leave, and which share of the evidence they lose.

    ``gap`` is the margin between members and images of other classes; None: there are none.
    """
    members = region.members
    rows = np.flatnonzero(~members.discovery)
    if len(rows) < LEAST_IMAGES:
        why = _(
            "%(rows)s correctly classified images of the class are in the test half, and "
            "%(least_images)s are needed.",
            rows=len(rows),
            least_images=LEAST_IMAGES,
        )
        return missing(candidate, REMOVAL, why), missing(candidate, LOSS, why)
    others = stage.others.without(members.output)
    fillers = generator.choice(others, size=len(rows)) if len(others) else None
    removed: dict[str, Removed] = {}
    for name in (SMOOTH, CONTENT) if fillers is not None else (SMOOTH,):
        found = removal(
            stage.probe, members, rows, region.masks, windows, stage.others, fillers, infill=name
        )
        removed[name] = found
        effects = [found.left] if gap is None else [found.left, found.lost / gap]
        if all(bootstrap_interval(each[:, None], generator)[1] < CLEAR for each in effects):
            break
    left = {name: found.left[:, None] for name, found in removed.items()}
    evidence = least_effect(stage, candidate, REMOVAL, IMAGES, left, generator)
    if gap is None:
        why = _("There are no images of other classes to compare the evidence with.")
        return evidence, missing(candidate, LOSS, why)
    lost = {name: found.lost[:, None] / gap for name, found in removed.items()}
    return evidence, least_effect(stage, candidate, LOSS, OF_GAP, lost, generator)


def least_effect(
    stage: Stage,
    candidate: str,
    test: str,
    unit: str,
    effects: Mapping[str, Float[np.ndarray, "target slot"]],
    generator: np.random.Generator,
) -> Evidence:
    """Return the effect over the control that leaves least; the largest p, the lowest bounds."""
    means = {name: float(values.mean()) for name, values in effects.items()}
    bounds = [bootstrap_interval(values, generator) for values in effects.values()]
    p = max(
        refined_p(values.mean(axis=1), stage.permutations, stage.tests, LEVEL, generator)
        for values in effects.values()
    )
    return Evidence(
        candidate=candidate,
        test=test,
        outcome="inconclusive",
        effect=min(means.values()),
        unit=unit,
        low=min(low for low, _ in bounds),
        high=min(high for _, high in bounds),
        n=len(next(iter(effects.values()))),
        p=p,
        controls=means,
    )


def next_rank(members: Members, region: Region, shape: str) -> Bool[np.ndarray, "member h w"]:
    """Return the most relevant equal-area windows clear of the region."""
    return control_windows(members, region.masks, shape, rank=1.0)
