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
from auditor.shortcuts.terms import TERMS

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
    terms = [
        (TERMS[name].weight * TERMS[name].strength(value), name)
        for name, value in plausibility.terms.items()
        if value > TERMS[name].nothing
    ]
    found = [
        _(TERMS[name].reason, share=percent(plausibility.terms[name]))
        for _strength, name in sorted(terms, reverse=True)
    ]
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
