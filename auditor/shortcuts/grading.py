"""From evidence and implausibility to a grade, a severity and a confidence."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.records.shortcuts import Exposure
from auditor.records.stages import Evidence, Grade, Outcome, Plausibility

FLIPS = "T1 flip excess"
RIVAL = "T1 nearest class"
SHARE = "T1 evidence share"
REMOVAL = "T2 removal"
LOSS = "T2 evidence lost"
LATENT = "T3 latent"
TRANSPLANTS = (FLIPS, RIVAL, SHARE)

LEVEL = 0.01
# Lower bounds of effects. Grade B asks for `LIKELY` and not for `CLEAR`: of nets without any
# artefact more show an effect between the two than of nets with one.
STRONG, LIKELY, CLEAR, UNUSED = 0.25, 0.15, 0.10, 0.05
LEAST_Z = 3.0
LOST = 0.25
# Fewer pictures than this rule nothing out.
ENOUGH = 16
LIKELY_ARTEFACT, ARTEFACT = 0.5, 0.75


def grade(evidence: Sequence[Evidence], plausibility: Plausibility) -> Grade | None:
    """Return the grade by the table of the design, None when no row of it fits.

    None means: tested, neither strong evidence nor an artefact without effect.
    """
    ran = [each for each in evidence if has_run(each)]
    if not ran:
        return "U"
    artefact = plausibility.score
    transplanted = any(_passes(each) for each in ran if each.test in TRANSPLANTS)
    removed = any(_passes(each) for each in ran if each.test == REMOVAL)
    confirmed = removed or any(_passes(each) for each in ran if each.test in (LOSS, LATENT))
    bound = reach(evidence)
    if transplanted and confirmed and bound >= STRONG and artefact >= ARTEFACT:
        return "A"
    if (transplanted or removed) and bound >= LIKELY and artefact >= LIKELY_ARTEFACT:
        return "B"
    if bound >= STRONG and artefact < LIKELY_ARTEFACT:
        return "C"
    if (
        max(each.low for each in ran if each.test != LATENT) < UNUSED
        and artefact >= LIKELY_ARTEFACT
    ):
        return "D"
    return None


def reach(evidence: Sequence[Evidence]) -> float:
    """Return the largest lower bound of an effect in a test that passed, 0 without any.

    An evidence share that does not stand out from windows counts nothing, and nor do T3 and the
    evidence that removal takes: they confirm what other tests found, and members of a class may
    lose much of their evidence with any piece of their object.
    """
    return max((_bound(each) for each in evidence if _passes(each)), default=0.0)


def has_run(evidence: Evidence) -> bool:
    """Say whether a test gave a result."""
    return evidence.outcome not in ("not applicable", "error")


def ruled_out(evidence: Sequence[Evidence]) -> bool:
    """Say whether transplants leave no room for an effect that grade B would ask for."""
    ran = [each for each in evidence if each.test in TRANSPLANTS and has_run(each)]
    return bool(ran) and all(each.high < LIKELY and each.n >= ENOUGH for each in ran)


def outcome_of(low: float, high: float, q: float) -> Outcome:
    """Return what a test says: supports, refutes or inconclusive."""
    if q <= LEVEL and low >= UNUSED:
        return "supports"
    return "refutes" if high < CLEAR else "inconclusive"


def severity(grade: Grade, exposure: Exposure | None) -> str:
    """Return the severity of a grade: how much of the decisions is touched.

    Wide exposure (half of the class, a second class, or `LOST` of the class's accuracy) raises A
    from high to critical and B from medium to high.
    """
    wide = exposure is not None and (
        exposure.share >= 0.5 or len(exposure.classes) > 1 or exposure.lost >= LOST
    )
    if grade == "A":
        return "critical" if wide else "high"
    if grade == "B":
        return "high" if wide else "medium"
    return "low" if grade == "D" else "none"


def confidence(evidence: Sequence[Evidence]) -> str:
    """Return high when two kinds of test pass, moderate for one clear one, else low."""
    passed = {each.test.split()[0] for each in evidence if _passes(each)}
    strong = any(_passes(each) and each.low >= STRONG and each.n >= 32 for each in evidence)
    if len(passed) > 1 and strong:
        return "high"
    return "moderate" if strong or len(passed) > 1 else "low"


def _passes(evidence: Evidence) -> bool:
    return evidence.q is not None and evidence.q <= LEVEL and evidence.outcome == "supports"


def _bound(evidence: Evidence) -> float:
    if evidence.test in (LATENT, LOSS):
        return 0.0
    if evidence.test == SHARE and (evidence.z is None or evidence.z < LEAST_Z):
        return 0.0
    return evidence.low
