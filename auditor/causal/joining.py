"""Test regions that adjoin as one: a long mark of which every part does what the whole does.

A ruler, a strip of text or a frame may be proposed in parts. Each part steers the class by itself,
so that none is the other's cause by what it lacks (`auditor.causal.causes`): only the whole, put
into other pictures, shows that they are one mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from auditor.causal.candidate import Compared, Tested, tested_candidates
from auditor.causal.causes import CARRIES, NEARLY, Ground, measured_within
from auditor.causal.images import Members, Stage
from auditor.causal.latent import promising
from auditor.causal.screening import Screened
from auditor.records.shortcuts import Evidence
from auditor.shortcuts.grading import (
    ARTEFACT,
    CLEAR,
    LIKELY,
    LIKELY_ARTEFACT,
    STRONG,
    stands_out,
)
from auditor.shortcuts.propose.heat import dilated, edge_growth
from auditor.shortcuts.propose.proposals import MAX_AREA
from auditor.shortcuts.tests import TESTS, CausalTest

# Pairs of a class that are tested as one.
MOST = 3


def joined(
    stage: Stage,
    members: Members,
    tested: Sequence[Tested],
    compared: Compared,
    layer: str | None,
) -> list[Tested]:
    """Return the tested candidates of a class, and wholes whose parts some of them are.

    Only of two that both look like an artefact: what adjoins the mark may be the object. The whole
    takes the place of its parts where it steers the class as much and looks as artificial; they
    stay among what was tested.
    """
    ground = Ground(stage, members)
    kept, parts, tries = list(tested), list[Tested](), 0
    while True:
        for first, second in combinations(kept, 2):
            whole = None
            if _suspect(first) and _suspect(second) and tries < MOST:
                whole = union_of(ground, first.screened, second.screened)
            if whole is None:
                continue
            tries += 1
            (again,) = tested_candidates(stage, members, [whole], compared, layer)
            if stands_for(again, (first, second)):
                again = replace(again, id=f"{members.output}-{len(kept) + len(parts) + 1}")
                parts += [replace(each, in_whole=True) for each in (first, second)]
                kept = [again, *(each for each in kept if each not in (first, second))]
                break
        else:
            return [*kept, *parts]


def union_of(ground: Ground, first: Screened, second: Screened) -> Screened | None:
    """Return two regions as one; None where they lie apart or are carried by different members.

    On the discovery half: each does in the references of the other at least half of what it does in
    its own, and together they do about as much as the stronger one.
    """
    rows = np.union1d(first.references, second.references)
    masks = first.proposal.masks | second.proposal.masks
    if not (first.measured and second.measured) or masks[rows].mean() > MAX_AREA:
        return None
    if min(first.reference_effect, second.reference_effect) <= 0:
        return None
    reach = 1 + edge_growth(*masks.shape[1:])
    touching = dilated(first.proposal.masks[rows], reach) & second.proposal.masks[rows]
    if touching.any(axis=(1, 2)).mean() < CARRIES:
        return None
    for one, other in ((first, second), (second, first)):
        elsewhere = ground.effect(one, one.proposal.masks, other.references)
        if elsewhere < CARRIES * one.reference_effect:
            return None
    stronger = max(first, second, key=lambda each: each.reference_effect)
    whole = measured_within(ground, stronger, masks, stronger.proposal.placed_by)
    return whole if whole.reference_effect >= NEARLY * stronger.reference_effect else None


def _suspect(tested: Tested) -> bool:
    return tested.plausibility.score >= LIKELY_ARTEFACT and promising(tested.evidence.values())


def stands_for(whole: Tested, parts: Sequence[Tested]) -> bool:
    """Say whether a whole steers the class as its parts do, and looks as artificial.

    It is not graded below any of them: it passes every kind of test that one of them passes, and
    reaches each limit of a grade that one of them reaches.
    """
    looks = max(part.plausibility.score for part in parts)
    bound, bounds = _bound(whole), [_bound(part) for part in parts]
    return (
        whole.plausibility.score >= min(looks, ARTEFACT)
        and bound >= NEARLY * max(bounds)
        and all(bound >= limit for limit in (STRONG, LIKELY, CLEAR) if max(bounds) >= limit)
        and all(_weights(part) <= _weights(whole) for part in parts)
    )


def _passed(tested: Tested) -> Iterator[tuple[CausalTest, Evidence]]:
    """Yield the tests that found an effect, before the correction for how many there are."""
    for each in tested.evidence.values():
        test = TESTS[each.test]
        if promising([each]) and stands_out(test, each):
            yield test, each


def _weights(tested: Tested) -> set[str]:
    return {test.weight for test, _each in _passed(tested)}


def _bound(tested: Tested) -> float:
    """Return the largest lower bound that a grade may rest on, as `auditor.shortcuts.grading`."""
    return max((each.low for test, each in _passed(tested) if test.weight != "confirms"), default=0)
