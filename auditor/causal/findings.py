"""From tested candidates to graded findings, with what a card of the report shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int

from auditor.causal.candidate import Tested
from auditor.causal.causes import Ground, same_cause
from auditor.causal.images import Members, Stage
from auditor.causal.screening import CONTAINED, Screened, contained
from auditor.causal.subgroups import exposure, subgroups
from auditor.causal.triplets import representative_triplets
from auditor.causal.zeroing import zeroing
from auditor.language.speaking import N_
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Details, Grade, Signature, Zeroing
from auditor.records.stages import Candidate, Finding
from auditor.shortcuts import wording
from auditor.shortcuts.calibration import Nulls
from auditor.shortcuts.fingerprint import fingerprint, signature, told_apart
from auditor.shortcuts.grading import (
    LIKELY_ARTEFACT,
    calibrated,
    confidence,
    grade,
    reach,
    severity,
)
from auditor.shortcuts.seen import seen
from auditor.shortcuts.tests import REMOVAL, Results
from auditor.shortcuts.weighing import against

# What has no effect, or none that could be measured, is no part of a cause.
WITHOUT_EFFECT: tuple[Grade, ...] = ("D", "U")
GRADES: tuple[Grade, ...] = ("A", "B", "C", "D", "U")


def findings_of(
    stage: Stage, tested: Sequence[Tested], results: Mapping[str, Results], nulls: Nulls
) -> list[Finding]:
    """Return the graded candidates, gravest first; of an untestable class only the first.

    ``results`` are by candidate, q filled in; ``nulls`` is what the self-check found. Of regions of
    a class that lie in one another, or of which one does what it does by what lies in the other,
    only the gravest is kept.
    """
    return told_from_others(graded(stage, tested, results, nulls))


def told_from_others(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings of all classes, gravest first, with fingerprints that tell them apart."""
    ordered = gravest_first(findings)
    names = told_apart(
        [(each.fingerprint, each.details.signature if each.details else None) for each in ordered]
    )
    return [
        finding.model_copy(update={"fingerprint": name})
        for finding, name in zip(ordered, names, strict=True)
    ]


def graded(
    stage: Stage, tested: Sequence[Tested], results: Mapping[str, Results], nulls: Nulls
) -> list[Finding]:
    """Return the findings as `findings_of`, but with fingerprints that two of them may share."""
    tested = [each for each in tested if not each.in_whole]
    grounds = {each.members.output: Ground(stage, each.members) for each in tested}
    found: list[tuple[Finding, Screened]] = []
    untested: set[int] = set()

    def graded_as(candidate: Tested) -> Grade | None:
        made = results[candidate.id]
        return calibrated(grade(made, candidate.plausibility), made, nulls)

    def same(finding: Finding, first: Screened, second: Screened) -> bool:
        ground = grounds[finding.candidate.output]
        return same_cause(ground, first, second) or same_cause(ground, second, first)

    grave = [each for each in tested if graded_as(each) in ("A", "B")]
    for candidate in _with_looks_of_parts(grounds, tested, grave):
        verdict = graded_as(candidate)
        output = candidate.members.output
        if verdict is None or (verdict == "U" and output in untested):
            continue
        if verdict == "U":
            untested.add(output)
        found.append(
            (_finding(stage, candidate, results[candidate.id], verdict, nulls), candidate.screened)
        )
    return without_parts(sorted(found, key=lambda pair: _order(pair[0])), same)


def gravest_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in the order of the report."""
    return sorted(findings, key=_order)


def _with_looks_of_parts(
    grounds: Mapping[int, Ground], tested: Sequence[Tested], grave: Sequence[Tested]
) -> Iterator[Tested]:
    """Yield the candidates; one whose outline was drawn anew looks at least as a part of it does.

    A corner of a frame that does nothing without the frame is no finding beside it, and what is
    seen of it is seen of the frame. Only parts that are ``grave`` by themselves count, so that no
    class gets a finding by it that had none; and a region that kept the outline it was proposed
    with may hold an object beside the part.
    """
    for whole in tested:
        suspect = max(
            (
                part.plausibility
                for part in grave
                if part.members.output == whole.members.output
                and whole.screened.proposal.drawn
                and part.plausibility.score > whole.plausibility.score
                and same_cause(grounds[whole.members.output], whole.screened, part.screened)
            ),
            key=lambda each: each.score,
            default=whole.plausibility,
        )
        yield replace(whole, plausibility=suspect)


def without_parts(
    findings: Sequence[tuple[Finding, Screened]],
    same: Callable[[Finding, Screened, Screened], bool],
) -> list[Finding]:
    """Return the findings but those of the cause of one before.

    Such a region lies in that of the other, or around it, in their references, which is where the
    region is what it was chosen for; or ``same``, which is given its finding, the other's region
    and its own, says that one of the two does little without the other. Of a region of grade C only
    that counts: a mark that lies in a larger region may steer the class by itself, and is asked
    about.
    """
    kept: list[tuple[Finding, Screened]] = []
    for finding, region in findings:
        if not any(
            finding.candidate.output == other.candidate.output
            and finding.grade not in WITHOUT_EFFECT
            and other.grade not in WITHOUT_EFFECT
            and (
                (finding.grade != "C" and contained(region, around) > CONTAINED)
                or same(finding, around, region)
            )
            for other, around in kept
        ):
            kept.append((finding, region))
    return [finding for finding, _region in kept]


def _finding(
    stage: Stage, tested: Tested, results: Results, verdict: Grade, nulls: Nulls
) -> Finding:
    members, screened, proposal = tested.members, tested.screened, tested.screened.proposal
    name = stage.search.class_name(members.output)
    grave = verdict in ("A", "B") and tested.carrying is not None
    carry: Bool[np.ndarray, "member"] = np.ones(len(members.rows), dtype=bool)
    if grave and tested.carrying is not None:
        carry = tested.carrying.members
    rows = np.flatnonzero(carry)
    references = members.pictures[screened.references], proposal.masks[screened.references]
    shown_as = seen(*references, proposal.kind)
    candidate = Candidate(
        id=tested.id,
        output=members.output,
        kind=proposal.kind,
        shape=proposal.shape,
        layer=proposal.layer,
        concepts=proposal.concepts,
        rows=members.rows[rows],
        masks=proposal.masks[rows],
        score=screened.share,
        reason=proposal.reason,
        examples=_examples(members, screened, carry),
        seen=shown_as,
    )
    look = signature(*references)
    details = _details(stage, tested, results, look) if grave else Details(signature=look)
    lead, detail = wording.meaning(
        name,
        shown_as,
        verdict,
        results,
        len(rows),
        len(members.rows),
        enough=screened.enough,
        artefact=tested.plausibility.score >= LIKELY_ARTEFACT,
    )
    shown = verdict in ("A", "B", "C")
    return Finding(
        candidate=candidate,
        evidence=results,
        plausibility=tested.plausibility,
        grade=verdict,
        severity=severity(verdict, details.exposure),
        confidence=confidence(results, nulls),
        lead=lead,
        detail=detail,
        reasons=wording.reasons(candidate, tested.plausibility),
        actions=wording.actions(name, verdict, details),
        verification=wording.verification(verdict),
        triplets=representative_triplets(stage, tested.trial) if shown else (),
        fingerprint=fingerprint(name, *references),
        against=against(name, results, tested.plausibility, details),
        details=details,
    )


def _details(stage: Stage, tested: Tested, results: Results, look: Signature) -> Details:
    """Return what is measured once a candidate is of grade A or B."""
    members, screened = tested.members, tested.screened
    carrying, strays, latent = tested.carrying, tested.strays, tested.latent
    assert carrying is not None
    assert strays is not None
    assert latent is not None
    table, classes = subgroups(stage, members, screened, carrying, strays)
    curve: Zeroing | str = _("No layer was audited.")
    if tested.layer:
        rng = stage.search.rng("details", members.output, *screened.proposal.name)
        curve = zeroing(stage, members, screened, carrying.members, tested.layer, rng)
    missing = {N_("concepts zeroed"): curve} if isinstance(curve, str) else {}
    if latent.projection is None:
        missing[N_("direction projected out")] = latent.evidence.reason
    return Details(
        exposure=exposure(table, classes, results.get(REMOVAL.id)),
        subgroups=table,
        projection=latent.projection,
        zeroing=None if isinstance(curve, str) else curve,
        signature=look,
        missing=missing,
    )


def _examples(
    members: Members, screened: Screened, carry: Bool[np.ndarray, "member"]
) -> Int[np.ndarray, "example"]:
    """Return the rows of the references that carry the region, the largest effect first."""
    order = screened.tried[np.argsort(-screened.effects, kind="stable")]
    rows: np.ndarray = members.rows[order[np.isin(order, screened.references) & carry[order]]]
    return rows


def _order(finding: Finding) -> tuple[int, float]:
    return GRADES.index(finding.grade), -reach(finding.evidence) * finding.plausibility.score
