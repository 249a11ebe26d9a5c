"""From tested candidates to graded findings, with what a card of the report shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int

from auditor.base.streams import stream
from auditor.causal.carrying_images import carriers
from auditor.causal.details import brief_details, full_details
from auditor.causal.images import Members
from auditor.causal.screening import CONTAINED, Screened, contained
from auditor.causal.tested import Tested
from auditor.causal.trial import Stage
from auditor.causal.triplets import representative_triplets
from auditor.records.stages import Candidate, Finding, Grade, Samples, Triplet
from auditor.shortcuts import wording
from auditor.shortcuts.fingerprint import fingerprint, told_apart
from auditor.shortcuts.grading import confidence, grade, reach, severity
from auditor.shortcuts.weighing import against

GRADES: tuple[Grade, ...] = ("A", "B", "C", "D", "U")


def findings_of(
    stage: Stage, samples: Samples, tested: Sequence[Tested], seed: int
) -> list[Finding]:
    """Return the graded candidates, gravest first; of an untestable class only the first.

    Of regions of a class that lie in one another only the gravest is kept.
    """
    found: list[tuple[Finding, Screened]] = []
    untested: set[int] = set()
    for each in tested:
        verdict = grade(each.trial.evidence, each.plausibility)
        output = each.members.output
        if verdict is None or (verdict == "U" and output in untested):
            continue
        if verdict == "U":
            untested.add(output)
        own = stream(seed, "details", output, *each.screened.proposal.name)
        found.append((_finding(stage, samples, each, verdict, own), each.screened))
    kept = without_parts(sorted(found, key=lambda pair: _order(pair[0])))
    names = told_apart(
        [(each.fingerprint, each.details.signature if each.details else None) for each in kept]
    )
    return [replace(each, fingerprint=name) for each, name in zip(kept, names, strict=True)]


def without_parts(findings: Sequence[tuple[Finding, Screened]]) -> list[Finding]:
    """Return the findings but those whose region lies in that of one before, or around it.

    In their references, which is where the region is what it was chosen for.
    """
    kept: list[tuple[Finding, Screened]] = []
    for each, region in findings:
        if not any(
            each.candidate.output == other.candidate.output
            and each.grade != "D" != other.grade
            and contained(region, around) > CONTAINED
            for other, around in kept
        ):
            kept.append((each, region))
    return [each for each, _ in kept]


def _finding(
    stage: Stage,
    samples: Samples,
    each: Tested,
    verdict: Grade,
    generator: np.random.Generator,
) -> Finding:
    members, proposal = each.members, each.screened.proposal
    name = samples.manifest.classes[members.output]
    carry: Bool[np.ndarray, "member"] = np.ones(len(members.rows), dtype=bool)
    details = brief_details(samples, members, each.screened)
    if verdict in ("A", "B"):
        carry = carriers(stage, members, each.screened)
        details = full_details(
            stage,
            samples,
            members,
            each.screened,
            carry,
            each.strays,
            each.trial.evidence,
            each.latent,
            each.layer,
            generator,
        )
    rows = np.flatnonzero(carry)
    candidate = Candidate(
        id=each.plausibility.candidate,
        output=members.output,
        kind=proposal.kind,
        shape=proposal.shape,
        layer=proposal.layer,
        concepts=proposal.concepts,
        rows=members.rows[rows],
        masks=proposal.masks[rows],
        score=each.screened.share,
        reason=proposal.reason,
        examples=_examples(members, each.screened, carry),
    )
    evidence = each.trial.evidence
    references = each.screened.references
    lead, detail = wording.meaning(
        name, proposal.shape, verdict, evidence, len(rows), len(members.rows)
    )
    triplets: tuple[Triplet, ...] = ()
    if verdict in ("A", "B", "C"):
        triplets = representative_triplets(stage, each.trial)
    return Finding(
        candidate=candidate,
        evidence=evidence,
        plausibility=each.plausibility,
        grade=verdict,
        severity=severity(verdict, details.exposure),
        confidence=confidence(evidence),
        lead=lead,
        detail=detail,
        reasons=wording.reasons(candidate, each.plausibility),
        actions=wording.actions(name, verdict, details),
        verification=wording.verification(verdict),
        triplets=triplets,
        fingerprint=fingerprint(name, members.pictures[references], proposal.masks[references]),
        against=against(name, evidence, each.plausibility, details),
        details=details,
    )


def _examples(
    members: Members, screened: Screened, carry: Bool[np.ndarray, "member"]
) -> Int[np.ndarray, "example"]:
    """Return the rows of the references that carry the region, the largest effect first."""
    order = screened.tried[np.argsort(-screened.effects, kind="stable")]
    found: np.ndarray = members.rows[order[np.isin(order, screened.references) & carry[order]]]
    return found


def _order(finding: Finding) -> tuple[int, float]:
    return GRADES.index(finding.grade), -reach(finding.evidence) * finding.plausibility.score
