"""What a finding means and what to do about it, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auditor.language.numbers import bare_percent, percent
from auditor.language.shapes import shape_in_words
from auditor.language.speaking import N_
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Details
from auditor.records.stages import Candidate, Evidence, Grade, Plausibility
from auditor.shortcuts.grading import (
    FLIPS,
    LATENT,
    LOSS,
    REMOVAL,
    RIVAL,
    SHARE,
    has_run,
    ruled_out,
)
from auditor.shortcuts.plausibility import WEIGHTS

REASONS: Mapping[str, str] = {
    "stereotyped appearance": N_(
        "It looks more alike from picture to picture than %(share)s of "
        "other groups of windows of its size."
    ),
    "stereotyped position": N_(
        "It keeps to one place in the picture, far more than the regions "
        "that matter for other classes."
    ),
    "same look at the same place": N_(
        "The same thing is to be seen at the same place of many "
        "pictures of the class, and neither elsewhere in them nor "
        "there in other classes."
    ),
    "far more alike than usual": N_(
        "It looks nearly the same in every picture, far more than the "
        "regions that matter for other classes."
    ),
    "the same mark in it": N_(
        "The spot in it that matters most is one and the same thing from picture to picture."
    ),
    "near the border": N_(
        "It lies nearer to the border of the picture than %(share)s of the "
        "regions that matter for other classes."
    ),
    "in a corner": N_(
        "It lies nearer to a corner of the picture than %(share)s of the regions "
        "that matter for other classes."
    ),
    "synthetic look": N_(
        "It looks drawn: flat colour, edges along the picture's axes or strokes "
        "of one width, more than its surroundings and than the regions that "
        "matter for other classes."
    ),
    "off the marked object": N_("It lies off the objects as they are marked in the data."),
    "off the rest of the evidence": N_(
        "It lies away from the rest of the evidence for the class, "
        "more than %(share)s of the regions that matter for other "
        "classes."
    ),
    "part of the class lacks it": N_(
        "A part of the class's pictures lacks it, and is recognised all the same."
    ),
    "shared with unrelated classes": N_(
        "It also raises the score of classes that have little else in common with this one."
    ),
}


NUMBERS: Mapping[str, str] = {
    FLIPS: N_(
        "put into pictures of other classes it turns %(effect)s (95 %% interval %(low)s to "
        "%(high)s, n = %(n)s) into '%(name)s'"
    ),
    RIVAL: N_(
        "of the pictures of %(rival)s, the nearest class, it turns %(effect)s (95 %% "
        "interval %(low)s to %(high)s, n = %(n)s)"
    ),
    REMOVAL: N_(
        "without it %(effect)s (95 %% interval %(low)s to %(high)s, n = %(n)s) of the "
        "class's pictures leave '%(name)s'"
    ),
    LOSS: N_(
        "covering it takes away %(effect)s (95 %% interval %(low)s to %(high)s, n = %(n)s) of the "
        "evidence for '%(name)s'"
    ),
    LATENT: N_(
        "with its direction taken out of the layer %(effect)s (95 %% interval %(low)s to "
        "%(high)s, n = %(n)s) of the pictures that carry it leave '%(name)s'"
    ),
    SHARE: N_(
        "it carries %(effect)s (95 %% interval %(low)s to %(high)s, n = %(n)s) of the "
        "evidence for '%(name)s'"
    ),
}
# Where a test shows no effect.
IDLE: Mapping[str, str] = {
    REMOVAL: N_(
        "pictures of '%(name)s' are still recognised without it: no more of them leave the"
        " class than with another window removed (n = %(n)s)"
    ),
    LOSS: N_(
        "covering it takes away no more of the evidence for '%(name)s' than covering another "
        "window (n = %(n)s)"
    ),
    LATENT: N_(
        "with its direction taken out of the layer no more of the pictures that carry it "
        "leave the class than with a random one (n = %(n)s)"
    ),
}
STARTS: Mapping[Grade, str] = {
    "A": N_(
        "The model can be steered to '%(name)s' by the %(shape)s, and the region looks like an"
        " artefact."
    ),
    "B": N_(
        "Likely shortcut: the model's decision for '%(name)s' leans on the %(shape)s, which "
        "may not be the object."
    ),
    "C": N_(
        "The %(shape)s is compact evidence of '%(name)s' itself; expected unless you say otherwise."
    ),
    "D": N_("The %(shape)s recurs in '%(name)s', but the model hardly uses it."),
}
FOUND_ON = N_("It was found on %(images)s of %(members)s pictures of the class.")
NOT_RULED_OUT = N_(
    "The %(shape)s recurs in '%(name)s'; that the model uses it was neither shown nor ruled out."
)


def meaning(
    name: str, shape: str, grade: Grade, evidence: Sequence[Evidence], images: int, members: int
) -> tuple[str, str]:
    """Return what the finding means: in one sentence, and the rest with numbers and intervals."""
    numbers = "; ".join(_number(each, name) for each in evidence if has_run(each))
    numbers = numbers[:1].upper() + numbers[1:] + "." if numbers else ""
    said = {"name": name, "shape": shape_in_words(shape), "images": images, "members": members}
    if grade == "U":
        first = [each.reason for each in evidence if each.reason and each.test != LATENT]
        start = _(
            "Whether the model relies on the %(shape)s for '%(name)s' could not be tested.", **said
        )
        return start, " ".join(dict.fromkeys(first))
    unknown = grade == "D" and not ruled_out(evidence)
    lead = _(NOT_RULED_OUT if unknown else STARTS[grade], **said)
    found_on = _(FOUND_ON, **said) if grade in ("A", "B") else ""
    return lead, f"{found_on} {numbers}".strip()


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
    found = [_(REASONS[term], share=percent(plausibility.terms[term])) for weight, term in counted]
    return (*found, _("It was proposed as %(reason)s", reason=candidate.reason))


def actions(name: str, grade: Grade, details: Details | None = None) -> tuple[str, ...]:
    """Return what to do next; ``details`` tell what projecting the direction out would cost."""
    if grade in ("A", "B"):
        measured = details.projection if details else None
        if measured:
            project = _(
                "Where training again is no option, take its direction out of the layer (measured "
                "on this sheet: layer %(layer)s), and check the accuracy first.",
                layer=measured.layer,
            )
        else:
            project = _(
                "Where training again is no option, take its direction out of the layer, and check"
                " the accuracy first."
            )
        return (
            _("Look at the outlined pictures: is the region part of '%(name)s'?", name=name),
            _("If it is not, find out how it came into the pictures of '%(name)s'.", name=name),
            _(
                "Collect counter-examples: pictures of '%(name)s' without it, and of other classes"
                " with it.",
                name=name,
            ),
            _(
                "Train again with the region masked, or with the artefact balanced: put on "
                "pictures of all classes at random."
            ),
            project,
            _("Until then, do not rely on '%(name)s' for pictures that may carry it.", name=name),
        )
    if grade == "C":
        return (
            _(
                "Nothing, if the region is part of '%(name)s'; say otherwise if it is not.",
                name=name,
            ),
        )
    if grade == "D":
        return (_("Note it with the data: a model trained anew may start to use it."),)
    return (_("Add pictures as stated, and audit again."),)


def verification(grade: Grade) -> str:
    """Return how a fix will be checked."""
    if grade in ("A", "B"):
        return _(
            "Audit the new model on the same pictures. The fix worked if no candidate of this look"
            " is found any more, or if the region changes fewer than 10 %% of pictures when it is "
            "put in, covered up or ignored inside the model (upper ends of the 95 %% intervals), "
            "and accuracy without it has not fallen."
        )
    return _("The next audit repeats the tests.")


def _number(evidence: Evidence, name: str) -> str:
    said = {
        "effect": percent(evidence.effect),
        "low": bare_percent(evidence.low),
        "high": percent(evidence.high),
        "n": evidence.n,
        "name": name,
    }
    if evidence.test == RIVAL:
        said["rival"] = evidence.unit.partition(" of ")[2].partition(" of ")[2]
    idle = evidence.test in IDLE and evidence.low <= 0
    return _(IDLE[evidence.test] if idle else NUMBERS[evidence.test], **said)
