"""The null self-check: what the tests say of what cannot be a shortcut in this model.

Least relevant windows, windows at random places, transplants read towards a random wrong class and
random directions must pass no more often than promised. What a candidate's effects are measured by
is what windows and directions come to: a mark read towards a wrong class is a mark all the same,
and raises classes that are near its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from jaxtyping import Bool

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
from auditor.causal.trial import (
    LEAST_IMAGES,
    draw_pairs,
    evidence_gap,
    next_rank,
    removal_evidence,
    transplant_evidence,
)
from auditor.records.shortcuts import Evidence
from auditor.shortcuts.calibration import Nulls
from auditor.shortcuts.grading import CLEAR, LEVEL, stands_out
from auditor.shortcuts.propose.windows import FEATHER, Shape, masks_of, place
from auditor.shortcuts.tests import TESTS

# Enough for an effect that is there to pass.
TARGETS = 24


@dataclass(frozen=True, eq=False)
class ClassNulls:
    """The tests of what cannot be a shortcut of a class: each entry has the results of one trial.

    Of ``windows``, of random directions of candidates (``latent``), and of candidates read towards
    a ``wrong`` class.
    """

    windows: Sequence[Sequence[Evidence]]
    latent: Sequence[Evidence]
    wrong: Sequence[Sequence[Evidence]]


def self_check(
    stage: Stage, classes: Sequence[Members], tested: Sequence[Tested], compared: Compared
) -> Nulls:
    """Test what cannot be a shortcut: what do its effects come to, and does any of them pass?"""
    own = [
        [candidate for candidate in tested if candidate.members.output == members.output]
        for members in classes
    ]
    return nulls_of(
        [
            class_nulls(stage, members, candidates, compared)
            for members, candidates in zip(classes, own, strict=True)
        ]
    )


def class_nulls(
    stage: Stage, members: Members, tested: Sequence[Tested], compared: Compared
) -> ClassNulls:
    """Test what cannot be a shortcut of a class; ``tested`` are its candidates."""
    latent = [candidate.latent.null for candidate in tested if candidate.latent is not None]
    return ClassNulls(
        windows=tuple(tuple(made) for made in _windows(stage, members, compared)),
        latent=tuple(null for null in latent if null is not None),
        wrong=tuple(tuple(_towards_a_wrong_class(stage, each, compared)) for each in tested),
    )


def nulls_of(classes: Sequence[ClassNulls]) -> Nulls:
    """Say what the effects of all classes come to, and which trials pass."""
    measured = [made for each in classes for made in each.windows]
    measured += [(null,) for each in classes for null in each.latent]
    wrong = [made for each in classes for made in each.wrong]
    bounds: dict[str, list[float]] = {}
    for each in chain.from_iterable(measured):
        if each.has_run:
            bounds.setdefault(each.test, []).append(0.0 if each.reason else each.low)
    trials = [[each for each in made if each.has_run] for made in (*measured, *wrong)]
    return Nulls(
        {test: tuple(values) for test, values in bounds.items()},
        tuple(any(map(passes, made)) for made in trials if made),
    )


def _towards_a_wrong_class(stage: Stage, tested: Tested, compared: Compared) -> list[Evidence]:
    """Re-read a trial's transplants towards a random wrong class.

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
    return [*evidence]


def _windows(stage: Stage, members: Members, compared: Compared) -> Iterator[list[Evidence]]:
    """Yield the tests of a class's least relevant windows, and of windows at random places."""
    output = members.output
    size = (members.heat.shape[1], members.heat.shape[2])
    side = max(2, round((size[0] * size[1] / 12) ** 0.5))
    shape = Shape("square", min(side, size[0]), min(side, size[1]))
    rng = stage.search.rng("windows at random places", output)
    most = size[0] - shape.height, size[1] - shape.width
    placed = (
        (
            place(members.heat, shape, rank=0.0, feather=FEATHER),
            stage.search.rng("least relevant window", output),
        ),
        (
            rng.integers(0, most, endpoint=True, size=(len(members.rows), 2)),
            stage.search.rng("random window", output),
        ),
    )
    for places, drawn in placed:
        yield _window(stage, members, masks_of(places, shape, size), drawn, compared)


def _window(
    stage: Stage,
    members: Members,
    masks: Bool[np.ndarray, "member h w"],
    rng: np.random.Generator,
    compared: Compared,
) -> list[Evidence]:
    """Put windows into other pictures and cover them up; empty without enough targets."""
    output = members.output
    references = np.flatnonzero(members.discovery)
    window = control_windows(members, masks, "square", rank=0.5)
    region = Region(members, masks, references, references[:0], window)
    targets = stage.targets.without(output)[:TARGETS]
    if len(targets) < LEAST_IMAGES or len(stage.others.without(output)) == 0:
        return []
    pairing = draw_pairs(stage, region, stage.targets, targets, rng)
    result = transplant(stage.probe, pairing)
    gap = evidence_gap(members, stage.targets, targets)
    evidence = [*transplant_evidence(stage, result, output, gap, compared.shares, rng)]
    if output in compared.rivals:
        evidence.append(rival_evidence(stage, region, compared.rivals[output], rng))
    return [
        *evidence,
        *removal_evidence(stage, region, next_rank(members, region, "square"), gap, rng),
    ]


def passes(evidence: Evidence) -> bool:
    """Say whether a test would count for grade B, before correction for many tests."""
    significant = evidence.p is not None and evidence.p <= LEVEL
    clear = not evidence.reason and evidence.low >= CLEAR
    return significant and clear and stands_out(TESTS[evidence.test], evidence)
