"""What a finding means and what to do about it, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auditor.records import Candidate, Evidence, Grade, Plausibility
from auditor.shortcut_records import Details
from auditor.shortcuts.grading import FLIPS, LATENT, REMOVAL, RIVAL, SHARE
from auditor.shortcuts.plausibility import WEIGHTS

REASONS: Mapping[str, str] = {
    "stereotyped appearance": (
        "It looks more alike from picture to picture than {share:.0%} of other groups of windows "
        "of its size."
    ),
    "stereotyped position": (
        "It keeps to one place in the picture, far more than the regions that matter for other "
        "classes."
    ),
    "same look at the same place": (
        "The same thing is to be seen at the same place of many pictures of the class, and neither "
        "elsewhere in them nor there in other classes."
    ),
    "far more alike than usual": (
        "It looks nearly the same in every picture, far more than the regions that matter for "
        "other classes."
    ),
    "the same mark in it": (
        "The spot in it that matters most is one and the same thing from picture to picture."
    ),
    "near the border": (
        "It lies nearer to the border of the picture than {share:.0%} of the regions that matter "
        "for other classes."
    ),
    "in a corner": (
        "It lies nearer to a corner of the picture than {share:.0%} of the regions that matter for "
        "other classes."
    ),
    "synthetic look": (
        "It looks drawn: flat colour, edges along the picture's axes or strokes of one width, more "
        "than its surroundings and than the regions that matter for other classes."
    ),
    "off the marked object": "It lies off the objects as they are marked in the data.",
    "off the rest of the evidence": (
        "It lies away from the rest of the evidence for the class, more than {share:.0%} of the "
        "regions that matter for other classes."
    ),
    "part of the class lacks it": (
        "A part of the class's pictures lacks it, and is recognised all the same."
    ),
    "shared with unrelated classes": (
        "It also raises the score of classes that have little else in common with this one."
    ),
}


def meaning(
    name: str, shape: str, grade: Grade, evidence: Sequence[Evidence], images: int, members: int
) -> str:
    """Return what the finding means, with its numbers, intervals and n."""
    numbers = "; ".join(_number(each, name) for each in evidence if _plain(each))
    numbers = numbers[:1].upper() + numbers[1:] + "." if numbers else ""
    where = f"the {shape}"
    if grade == "U":
        first = [each.reason for each in evidence if each.reason and each.test != LATENT]
        why = " ".join(dict.fromkeys(first))
        return f"Whether the model relies on {where} for '{name}' could not be tested. {why}"
    if grade == "A":
        start = (
            f"The model can be steered to '{name}' by {where}, and the region looks like an "
            f"artefact. It was found on {images} of {members} pictures of the class."
        )
    elif grade == "B":
        start = (
            f"Likely shortcut: the model's decision for '{name}' leans on {where}, which may not "
            f"be the object. It was found on {images} of {members} pictures of the class."
        )
    elif grade == "C":
        start = (
            f"{where[:1].upper()}{where[1:]} is compact evidence of '{name}' itself; expected "
            "unless you say otherwise."
        )
    else:
        start = f"{where[:1].upper()}{where[1:]} recurs in '{name}', but the model hardly uses it."
    return f"{start} {numbers}".strip()


def reasons(candidate: Candidate, plausibility: Plausibility) -> tuple[str, ...]:
    """Return why the region may not be the object, strongest first."""
    counted = sorted(
        (
            (weight * (value - nothing) / (fully - nothing), term)
            for term, value in plausibility.terms.items()
            for nothing, fully, weight in [WEIGHTS[term]]
            if value > nothing
        ),
        reverse=True,
    )
    found = [REASONS[term].format(share=plausibility.terms[term]) for _, term in counted]
    return (*found, f"It was proposed as {candidate.reason}")


def actions(name: str, grade: Grade, details: Details | None = None) -> tuple[str, ...]:
    """Return what to do next; ``details`` tell what projecting the direction out would cost."""
    if grade in ("A", "B"):
        measured = details.projection if details else None
        project = (
            "Where training again is no option, take its direction out of the layer"
            + (f" (measured on this sheet: layer {measured.layer})" if measured else "")
            + ", and check the accuracy first."
        )
        return (
            f"Look at the outlined pictures: is the region part of '{name}'?",
            f"If it is not, find out how it came into the pictures of '{name}'.",
            f"Collect counter-examples: pictures of '{name}' without it, and of other classes with "
            "it.",
            "Train again with the region masked, or with the artefact balanced: put on pictures of "
            "all classes at random.",
            project,
            f"Until then, do not rely on '{name}' for pictures that may carry it.",
        )
    if grade == "C":
        return (f"Nothing, if the region is part of '{name}'; say otherwise if it is not.",)
    if grade == "D":
        return ("Note it with the data: a model trained anew may start to use it.",)
    return ("Add pictures as stated, and audit again.",)


def verification(grade: Grade) -> str:
    """Return how a fix will be checked."""
    if grade in ("A", "B"):
        return (
            "Audit the new model on the same pictures: the upper ends of the intervals of flip "
            "excess, removal and the latent test must lie below 10 %, or no candidate of this look "
            "may be found any more, and accuracy on pictures without the region must not fall."
        )
    return "The next audit repeats the tests."


def _plain(evidence: Evidence) -> bool:
    return evidence.outcome not in ("not applicable", "error")


def _number(evidence: Evidence, name: str) -> str:
    value = f"{evidence.effect:.0%} (95 % interval {evidence.low:.0%} to {evidence.high:.0%}, "
    if evidence.test == FLIPS:
        return f"put into pictures of other classes it turns {value}n = {evidence.n}) into '{name}'"
    if evidence.test == RIVAL:
        rival = evidence.unit.partition(" of ")[2].partition(" of ")[2]
        return f"of the pictures of {rival}, the nearest class, it turns {value}n = {evidence.n})"
    if evidence.test == REMOVAL and evidence.low <= 0:
        return (
            f"pictures of '{name}' are still recognised without it: no more of them leave the "
            f"class than with another window removed (n = {evidence.n})"
        )
    if evidence.test == REMOVAL:
        return f"without it {value}n = {evidence.n}) of the class's pictures leave '{name}'"
    if evidence.test == LATENT and evidence.low <= 0:
        return (
            "with its direction taken out of the layer no more of the pictures that carry it leave "
            f"the class than with a random one (n = {evidence.n})"
        )
    if evidence.test == LATENT:
        return (
            f"with its direction taken out of the layer {value}n = {evidence.n}) of the pictures "
            f"that carry it leave '{name}'"
        )
    assert evidence.test == SHARE
    return f"it carries {value}n = {evidence.n}) of the evidence for '{name}'"
