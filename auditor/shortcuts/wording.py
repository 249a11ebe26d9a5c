"""What a finding means and what to do about it, in plain words."""

from __future__ import annotations

from auditor.language.numbers import bare_percent, percent
from auditor.language.speaking import N_, capitalised, joined, ngettext
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Details, Evidence, Grade, Plausibility, Zeroing
from auditor.records.stages import Candidate
from auditor.shortcuts.grading import ruled_out
from auditor.shortcuts.terms import TERMS
from auditor.shortcuts.tests import INSIDE, TESTS, CausalTest, Results

STARTS: dict[Grade, str] = {
    "A": N_(
        "The model can be steered to '%(name)s' by the %(seen)s, and the region looks like an"
        " artefact."
    ),
    "B": N_(
        "Likely shortcut: the model's decision for '%(name)s' leans on the %(seen)s, which may not "
        "be the object."
    ),
    "C": N_(
        "The model can be steered to '%(name)s' by the %(seen)s. It does not look like an artefact,"
        " but only a person can say whether it is part of what '%(name)s' means."
    ),
    "D": N_("The %(seen)s: it recurs in '%(name)s', but the model hardly uses it."),
}
# Of a cue that looks like an artefact: too little is proven of it, or it was A or B before the
# calibration.
C_OF_LITTLE = N_(
    "The model's decision for '%(name)s' leans on the %(seen)s, which may be an artefact, but by "
    "little, or by no more than on what is no shortcut in this model. Only a person can say "
    "whether it is part of what '%(name)s' means."
)
TOO_FEW = N_(
    "The %(seen)s moves the decision for '%(name)s' in too few pictures to test whether the model "
    "uses it."
)
FOUND_ON = N_("It was found on %(images)s of %(members)s pictures of the class.")
NOT_RULED_OUT = N_(
    "The %(seen)s: it recurs in '%(name)s'; that the model uses it was neither shown nor ruled out."
)


def meaning(
    name: str,
    seen: str,
    grade: Grade,
    results: Results,
    images: int,
    members: int,
    *,
    enough: bool = True,
    artefact: bool = False,
) -> tuple[str, str]:
    """Return what the finding means: in one sentence, and the rest with numbers and intervals.

    ``seen`` is the phrase for what the region shows (`auditor.shortcuts.seen`). ``enough``: all
    pictures that it was tested by carry it. Where it is on fewer than are needed, a test that finds
    little rules nothing out, and says nothing. ``artefact``: it looks like one.
    """
    told = [
        result_in_words(TESTS[test], each, name) for test, each in results.items() if each.has_run
    ]
    numbers = capitalised(joined(told, "; ")) + "." if any(told) else ""
    said = {"name": name, "seen": seen, "images": images, "members": members}
    if grade == "U":
        first = [
            each.reason
            for test, each in results.items()
            if each.reason and TESTS[test].kind != INSIDE
        ]
        start = _(
            "Whether the model relies on the %(seen)s for '%(name)s' could not be tested.", **said
        )
        return start, joined(dict.fromkeys(first))
    unknown = grade == "D" and not ruled_out(results)
    start = C_OF_LITTLE if grade == "C" and artefact else STARTS[grade]
    if unknown:
        start = NOT_RULED_OUT if enough else TOO_FEW
    lead = _(start, **said)
    found_on = _(FOUND_ON, **said) if grade in ("A", "B") else ""
    return lead, joined((found_on, numbers))


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
                "Say whether it is part of what '%(name)s' means: if it is, the next audit knows it"
                " again; if not, it counts as a finding.",
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


def result_in_words(test: CausalTest, evidence: Evidence, name: str) -> str:
    """Return the sentence of a test with its numbers; ``name`` is that of the class."""
    return _(
        test.idle if test.idle and evidence.low <= 0 else test.sentence,
        effect=percent(evidence.effect),
        low=bare_percent(evidence.low),
        high=percent(evidence.high),
        n=evidence.n,
        name=name,
        rival=evidence.of,
    )


def zeroing_in_words(curve: Zeroing, name: str) -> str:
    """Return what zeroing the first concepts of a region does; ``name`` is that of its class."""
    step = curve.counts.index(curve.chosen)
    return ngettext(
        "With the first %(num)s concept of the region at zero, the mean confidence in '%(name)s' "
        "goes from %(own_before)s to %(own_after)s (n = %(n_own)s), with equally many random ones "
        "to %(random)s; that of other classes' pictures in their own class from %(before)s to "
        "%(after)s (n = %(n)s).",
        "With the first %(num)s concepts of the region at zero, the mean confidence in '%(name)s' "
        "goes from %(own_before)s to %(own_after)s (n = %(n_own)s), with equally many random ones "
        "to %(random)s; that of other classes' pictures in their own class from %(before)s to "
        "%(after)s (n = %(n)s).",
        curve.chosen,
        name=name,
        own_before=percent(curve.own[0]),
        own_after=percent(curve.own[step]),
        n_own=curve.n_own,
        random=percent(curve.random_own[step]),
        before=percent(curve.others[0]),
        after=percent(curve.others[step]),
        n=curve.n_others,
    )
