"""The null self-check: tests of what cannot be a shortcut must pass no more often than promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from auditor.base.streams import stream
from auditor.causal.images import Members
from auditor.causal.latent import Latent
from auditor.causal.rivals import Rival, rival_evidence
from auditor.causal.tested import Tested
from auditor.causal.transplant import (
    Region,
    control_windows,
    controls_of,
    transplant,
    with_controls,
)
from auditor.causal.trial import (
    LEAST_IMAGES,
    Stage,
    draw_pairs,
    evidence_gap,
    transplant_evidence,
)
from auditor.records.stages import Evidence
from auditor.shortcuts.grading import CLEAR, LEAST_Z, LEVEL, SHARE
from auditor.shortcuts.propose.windows import FEATHER, Shape, masks_of, place

TARGETS = 24


def wrong_class_passes(
    stage: Stage,
    tested: Sequence[Tested],
    comparison: Sequence[float],
    seed: int,
) -> list[bool]:
    """Re-read every trial's transplants towards a random wrong class: does it pass?

    What would pass against the controls that ran is tested against the others too, as a candidate
    would have been.
    """
    passed = []
    for each in tested:
        trial = each.trial
        if trial.result is None or trial.pairing is None:
            continue
        outputs = trial.result.region.shape[2]
        labels = np.unique(stage.targets.labels)
        wrong = [int(c) for c in labels if c != trial.region.members.output]
        if outputs < 3 or not wrong:
            continue
        proposal = each.screened.proposal
        generator = stream(seed, "wrong class", trial.region.members.output, *proposal.name)
        output = int(generator.choice(wrong))
        rows = np.isin(trial.pairing.targets, stage.targets.without(output))
        if rows.sum() < LEAST_IMAGES:
            continue
        subset = type(trial.result)(
            trial.result.region[rows],
            {name: logits[rows] for name, logits in trial.result.controls.items()},
        )
        gap = evidence_gap(trial.region.members, stage.targets, trial.pairing.targets)
        found = transplant_evidence(stage, "null", subset, output, gap, comparison, generator)
        if any(map(passes, found)) and len(subset.controls) < len(controls_of(trial.pairing)):
            pools = stage.targets, stage.others
            pairing = trial.pairing.at(rows)
            subset = with_controls(stage.probe, subset, trial.region, pairing, *pools)
            found = transplant_evidence(stage, "null", subset, output, gap, comparison, generator)
        passed.append(any(map(passes, found)))
    return passed


def least_relevant_passes(
    stage: Stage,
    classes: Sequence[Members],
    comparison: Sequence[float],
    rivals: Mapping[int, Rival],
    seed: int,
) -> list[bool]:
    """Transplant every class's least relevant windows: does any pass?"""
    passed = []
    for members in classes:
        size = (members.heat.shape[1], members.heat.shape[2])
        side = max(2, round((size[0] * size[1] / 12) ** 0.5))
        shape = Shape("square", min(side, size[0]), min(side, size[1]))
        masks = masks_of(place(members.heat, shape, rank=0.0, feather=FEATHER), shape, size)
        found = np.flatnonzero(members.discovery)
        window = control_windows(members, masks, "square", rank=0.5)
        region = Region(members, masks, found, found[:0], window)
        targets = stage.targets.without(members.output)[:TARGETS]
        if len(targets) < LEAST_IMAGES or len(stage.others.without(members.output)) == 0:
            continue
        generator = stream(seed, "least relevant window", members.output)
        pairing = draw_pairs(stage, region, targets, generator)
        result = transplant(stage.probe, region, pairing, stage.targets, stage.others)
        gap = evidence_gap(members, stage.targets, targets)
        evidence: tuple[Evidence, ...] = transplant_evidence(
            stage, "null", result, members.output, gap, comparison, generator
        )
        rival = rivals.get(members.output)
        if rival is not None:
            evidence = (*evidence, rival_evidence(stage, "null", region, rival, generator))
        passed.append(any(passes(each) for each in evidence))
    return passed


def latent_passes(latents: Sequence[Latent]) -> list[bool]:
    """Say of every T3 whether one of its random directions would have passed in its place."""
    return [passes(each.null) for each in latents if each.null is not None]


def passes(evidence: Evidence) -> bool:
    """Say whether a test would count for grade B, before correction for many tests."""
    stands_out = evidence.test != SHARE or (evidence.z is not None and evidence.z >= LEAST_Z)
    significant = evidence.p is not None and evidence.p <= LEVEL
    return significant and not evidence.reason and evidence.low >= CLEAR and stands_out
