"""A candidate after its tests, and the correction of all of them for their number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from auditor.causal.carrying_images import Pictures
from auditor.causal.global_factors import FactorTrial
from auditor.causal.images import Members
from auditor.causal.latent import Latent
from auditor.causal.screening import Screened
from auditor.causal.trial import Trial
from auditor.records.stages import Evidence, Plausibility
from auditor.shortcuts.grading import LATENT, RIVAL, outcome_of
from auditor.shortcuts.statistics import benjamini_hochberg


@dataclass(frozen=True, eq=False)
class Tested:
    """A candidate after its trial and T3, with how much it looks like an artefact.

    ``layer`` is where T3 ran; ``strays`` are the class's wrongly decided test images.
    """

    members: Members
    screened: Screened
    trial: Trial
    plausibility: Plausibility
    layer: str | None
    latent: Latent
    strays: Pictures


def corrected(
    tested: Sequence[Tested], factors: Sequence[FactorTrial]
) -> tuple[list[Tested], dict[str, tuple[Evidence, ...]], int]:
    """Fill in q over all candidates, factors and tests, and from it what each test says.

    A T3 that was left out because T1 and T2 found nothing, and a test on the nearest class that was
    not asked for, count as tests with p = 1: which tests run depends on the data, and the
    correction must not gain by it. Returns the candidates, the
    evidence of the factors by their id, and the number of tests.
    """
    p_values = [
        e.p
        for evidence in (
            *(each.trial.evidence for each in tested),
            *(each.evidence for each in factors),
        )
        for e in evidence
        if e.p is not None
    ]
    left_out = sum(
        e.p is None and e.test in (LATENT, RIVAL) for each in tested for e in each.trial.evidence
    )
    q_values = iter(benjamini_hochberg([*p_values, *[1.0] * left_out]))

    def settled(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
        return tuple(_concluded(e, next(q_values)) if e.p is not None else e for e in evidence)

    found = [
        replace(each, trial=replace(each.trial, evidence=settled(each.trial.evidence)))
        for each in tested
    ]
    return found, {each.id: settled(each.evidence) for each in factors}, len(p_values)


def _concluded(evidence: Evidence, q: float) -> Evidence:
    outcome = outcome_of(evidence.low, evidence.high, q)
    if evidence.reason and outcome == "supports":
        outcome = "inconclusive"
    return replace(evidence, q=q, outcome=outcome)
