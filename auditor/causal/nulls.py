"""The null self-check: tests of what cannot be a shortcut must pass no more often than promised."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.causal.candidate import Compared, Tested
from auditor.causal.images import Members, Stage
from auditor.causal.rivals import rival_evidence
from auditor.causal.transplant import (
    Region,
    Transplanted,
    control_windows,
    controls_of,
    transplant,
    with_controls,
)
from auditor.causal.trial import LEAST_IMAGES, draw_pairs, evidence_gap, transplant_evidence
from auditor.records.shortcuts import Evidence
from auditor.shortcuts.grading import CLEAR, LEVEL, stands_out
from auditor.shortcuts.propose.windows import FEATHER, Shape, masks_of, place
from auditor.shortcuts.tests import TESTS

# Enough for an effect that is there to pass.
TARGETS = 24


def self_check(
    stage: Stage, classes: Sequence[Members], tested: Sequence[Tested], compared: Compared
) -> list[bool]:
    """Say of every test of what cannot be a shortcut whether it passed."""
    passed: list[bool] = []
    for members in classes:
        passed += _least_relevant_passes(stage, members, compared)
    for candidate in tested:
        passed += _wrong_class_passes(stage, candidate, compared)
    nulls = [candidate.latent.null for candidate in tested if candidate.latent is not None]
    return passed + [passes(null) for null in nulls if null is not None]


def _wrong_class_passes(stage: Stage, tested: Tested, compared: Compared) -> list[bool]:
    """Re-read a trial's transplants towards a random wrong class: does it pass?

    What would pass against the controls that ran is tested against the others too, as a candidate
    would have been. Empty where no wrong class can be asked for.
    """
    trial = tested.trial
    if trial.result is None or trial.pairing is None:
        return []
    true_class = trial.region.members.output
    wrong = [int(label) for label in np.unique(stage.targets.labels) if label != true_class]
    if trial.result.region.shape[2] < 3 or not wrong:
        return []
    rng = stage.search.rng("wrong class", true_class, *tested.screened.proposal.name)
    output = int(rng.choice(wrong))
    rows = np.isin(trial.pairing.targets, stage.targets.without(output))
    if rows.sum() < LEAST_IMAGES:
        return []
    controls = {name: logits[rows] for name, logits in trial.result.controls.items()}
    subset = Transplanted(trial.result.region[rows], controls)
    gap = evidence_gap(trial.region.members, stage.targets, trial.pairing.targets)
    evidence = transplant_evidence(stage, subset, output, gap, compared.shares, rng)
    if any(map(passes, evidence)) and len(controls) < len(controls_of(trial.pairing)):
        subset = with_controls(stage.probe, subset, trial.pairing.at(rows))
        evidence = transplant_evidence(stage, subset, output, gap, compared.shares, rng)
    return [any(map(passes, evidence))]


def _least_relevant_passes(stage: Stage, members: Members, compared: Compared) -> list[bool]:
    """Transplant a class's least relevant windows: do they pass? Empty without targets."""
    output = members.output
    size = (members.heat.shape[1], members.heat.shape[2])
    side = max(2, round((size[0] * size[1] / 12) ** 0.5))
    shape = Shape("square", min(side, size[0]), min(side, size[1]))
    masks = masks_of(place(members.heat, shape, rank=0.0, feather=FEATHER), shape, size)
    references = np.flatnonzero(members.discovery)
    window = control_windows(members, masks, "square", rank=0.5)
    region = Region(members, masks, references, references[:0], window)
    targets = stage.targets.without(output)[:TARGETS]
    if len(targets) < LEAST_IMAGES or len(stage.others.without(output)) == 0:
        return []
    rng = stage.search.rng("least relevant window", output)
    pairing = draw_pairs(stage, region, stage.targets, targets, rng)
    result = transplant(stage.probe, pairing)
    gap = evidence_gap(members, stage.targets, targets)
    evidence = [*transplant_evidence(stage, result, output, gap, compared.shares, rng)]
    if output in compared.rivals:
        evidence.append(rival_evidence(stage, region, compared.rivals[output], rng))
    return [any(map(passes, evidence))]


def passes(evidence: Evidence) -> bool:
    """Say whether a test would count for grade B, before correction for many tests."""
    significant = evidence.p is not None and evidence.p <= LEVEL
    clear = not evidence.reason and evidence.low >= CLEAR
    return significant and clear and stands_out(TESTS[evidence.test], evidence)
