"""The audit in one word and one sentence, and what it does not show."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.report.factor_parts import FactorCard
from auditor.report.model import (
    DataCard,
    FindingCard,
    NotRun,
    SearchLimits,
    Verdict,
)

MAX_QUARANTINED = 0.01


def verdict(
    findings: Sequence[FindingCard],
    search: SearchLimits,
    data: DataCard,
    not_run: Sequence[NotRun],
    untested: int,
    factors: Sequence[FactorCard] = (),
) -> Verdict:
    """Judge by the findings; what did not run never counts as passed.

    ``not_run`` are parts left out by choice: they limit what is passed. ``untested`` counts
    classes with too few images for the causal tests. ``factors`` count like findings.
    """
    everything: list[FindingCard | FactorCard] = [*findings, *factors]
    grade_a = [each for each in everything if each.grade == "A"]
    grade_b = [each for each in everything if each.grade == "B"]
    gaps = _gaps(search, data, untested)
    if grade_a:
        return Verdict(
            gaps=gaps,
            word="FAIL",
            sentence=f"The model can be steered by {_listed(grade_a)}, which looks like an "
            "artefact and not like what the class names: do not rely on this model before it is "
            "reviewed.",
        )
    if gaps:
        extra = f" Also to review: {_listed(grade_b)}." if grade_b else ""
        return Verdict(
            word="INCOMPLETE",
            sentence=f"The audit cannot pass: {'; '.join(gaps)}.{extra}",
            gaps=gaps,
        )
    if grade_b:
        return Verdict(
            word="PASS WITH CONDITIONS",
            sentence=f"A likely shortcut was found ({_listed(grade_b)}): a person has to review it "
            "before the model is relied on.",
        )
    if not_run:
        left_out = "; ".join(f"{item.part} did not run ({item.reason})" for item in not_run)
        return Verdict(
            word="PASS WITH CONDITIONS",
            sentence="No candidate for a shortcut passed the causal tests and looked like an "
            f"artefact, but {left_out}.",
        )
    return Verdict(
        word="PASS",
        sentence="No candidate for a shortcut passed the causal tests and looked like an artefact; "
        "the limits of the search are stated below.",
    )


def does_not_show(search: SearchLimits, data: DataCard) -> list[str]:
    """Say in plain sentences what a reader must not conclude."""
    sentences = []
    if search.ran and search.detection_limit is not None:
        sentences.append(
            f"Shortcuts weaker than the detection limit: with {search.targets} target images and "
            f"{search.tests} tests, a region that turns fewer than "
            f"{search.detection_limit:.0%} of other images into the class may have been missed."
        )
    sentences += [
        "Shortcuts that are not in these images: an artefact that only the training data had "
        "cannot be found here.",
        "Shortcuts that are neither a region of the picture nor one of the simple statistics of it "
        "(brightness, colour, blur, compression and the like).",
        f"How the model behaves on data unlike the {data.used} images audited.",
        "Whether the model is fair, robust or fit for its purpose: this audit looks at what the "
        "model's decisions rest on.",
    ]
    return sentences


def _gaps(search: SearchLimits, data: DataCard, untested: int) -> list[str]:
    gaps = []
    if not search.ran:
        gaps.append(f"the search for shortcuts did not run ({search.reason})")
    if untested:
        have = "has" if untested == 1 else "have"
        gaps.append(f"{untested} of the audited classes {have} too few images for the causal tests")
    elif search.ran and not search.tests:
        gaps.append("no candidate could be tested on the model")
    if len(data.quarantined) > MAX_QUARANTINED * data.total:
        gaps.append(f"{len(data.quarantined)} of {data.total} images could not be used")
    return gaps


def _listed(findings: Sequence[FindingCard | FactorCard]) -> str:
    names = [finding.what for finding in findings]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
