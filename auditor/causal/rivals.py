"""T1 on pictures of the nearest class alone: a region may tell the class from one other only.

Of a net that uses a date stamp to tell ketches from schooners, two thirds of the schooners turn
into ketches with the stamp, and no picture of any other class: over all targets that is little.
The nearest class is chosen on the discovery half; its pictures are of the test half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from auditor.causal.images import Members, Pool, load_pool
from auditor.causal.probe import Probe
from auditor.causal.screening import rival_of
from auditor.causal.transplant import (
    Region,
    Transplanted,
    controls_of,
    transplant,
    with_controls,
)
from auditor.causal.trial import (
    FIRST_TARGETS,
    IMAGES,
    LEAST_IMAGES,
    Stage,
    Trial,
    draw_pairs,
    least_effect,
    missing,
)
from auditor.language.speaking import gettext as _
from auditor.records.stages import Evidence, Samples
from auditor.shortcuts.grading import CLEAR, FLIPS, RIVAL, STRONG

MOST_TARGETS = 32


@dataclass(frozen=True, eq=False)
class Rival:
    """The class nearest to another one, by name, and test images of it."""

    name: str
    images: Pool


def rivals_of(
    probe: Probe,
    samples: Samples,
    classes: Sequence[Members],
    others: Pool,
    seed: int,
) -> dict[int, Rival]:
    """Return the nearest class of each class as the discovery half tells, where there is one."""
    found = {}
    for members in classes:
        label = rival_of(others, members.output)
        if label is None:
            continue
        rows = np.flatnonzero(samples.valid & ~samples.discovery & (samples.labels == label))
        pool = load_pool(probe, samples, rows, MOST_TARGETS, name="nearest class", seed=seed)
        found[members.output] = Rival(samples.manifest.classes[label], pool)
    return found


def with_rival(
    stage: Stage,
    candidate: str,
    trial: Trial,
    rival: Rival | None,
    share: float,
    generator: np.random.Generator,
) -> Trial:
    """Return the trial with the evidence of the nearest class's pictures after that of T1.

    It is asked for where T1 over all classes is not `STRONG` already, and where the region moved at
    least `CLEAR` of the evidence on the discovery half (``share``).
    """
    flips = next((each for each in trial.evidence if each.test == FLIPS), None)
    if flips is None or flips.p is None:
        return trial
    if flips.low >= STRONG:
        why = _("Not needed: the region turns enough pictures of all classes.")
        found = missing(candidate, RIVAL, why)
    elif share < CLEAR:
        why = _("Not asked: the region moved too little of the evidence where it was chosen.")
        found = missing(candidate, RIVAL, why)
    elif rival is None:
        found = missing(candidate, RIVAL, _("There is no other class."))
    else:
        found = rival_evidence(stage, candidate, trial.region, rival, generator)
    place = [each.test for each in trial.evidence].index(FLIPS) + 1
    evidence = (*trial.evidence[:place], found, *trial.evidence[place:])
    return replace(trial, evidence=evidence)


def rival_evidence(
    stage: Stage,
    candidate: str,
    region: Region,
    rival: Rival,
    generator: np.random.Generator,
) -> Evidence:
    """Put the region into test images of the nearest class; stop early as `run_trial` does."""
    output = region.members.output
    targets = rival.images.without(output)
    if len(targets) < LEAST_IMAGES:
        why = _(
            "%(targets)s images of '%(name)s', the nearest class, are in the test half, and "
            "%(least_images)s are needed.",
            targets=len(targets),
            name=rival.name,
            least_images=LEAST_IMAGES,
        )
        return missing(candidate, RIVAL, why)
    pools = rival.images, stage.others
    pairing = draw_pairs(stage, region, targets, generator)
    early = pairing.first(FIRST_TARGETS)
    result = transplant(stage.probe, region, early, *pools, controls=controls_of(early)[:1])

    def found() -> Evidence:
        return _turned(stage, candidate, result, output, rival.name, generator)

    evidence = found()
    if evidence.high >= CLEAR:
        result = with_controls(stage.probe, result, region, early, *pools)
        evidence = found()
    if len(targets) > FIRST_TARGETS and evidence.high >= CLEAR:
        rest = pairing.rest(FIRST_TARGETS)
        result = result.joined(transplant(stage.probe, region, rest, *pools))
        evidence = found()
    return evidence


def _turned(
    stage: Stage,
    candidate: str,
    result: Transplanted,
    output: int,
    name: str,
    generator: np.random.Generator,
) -> Evidence:
    unit = f"{IMAGES} of '{name}'"
    evidence = least_effect(stage, candidate, RIVAL, unit, result.flips(output), generator)
    if not result.specific(output):
        why = _("The region raises another class's score more than this one's.")
        return replace(evidence, reason=why)
    return evidence
