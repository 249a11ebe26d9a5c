"""What speaks against a candidate, and what it would cost to take it out of the model."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.language.numbers import percent
from auditor.language.speaking import N_
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Accuracy, Details, Projection, Zeroing
from auditor.records.stages import Evidence, Plausibility
from auditor.shortcuts.grading import CLEAR, FLIPS, LATENT, LEAST_Z, REMOVAL, SHARE, has_run
from auditor.shortcuts.terms import TERMS

EQUAL = 0.05
LEAST_SIDE = 8
NOTHING = N_("Nothing that was measured speaks against it; only a person can.")


def against(
    name: str, evidence: Sequence[Evidence], plausibility: Plausibility, details: Details
) -> tuple[str, ...]:
    """Return why the region may be part of the class, or not be used, after all.

    Tests first, then subgroups and concepts, then what does not look like an artefact.
    """
    found = [sentence for each in evidence if (sentence := _of_test(each, name))]
    if details.subgroups:
        with_it, without = details.subgroups[0].carrying, details.subgroups[0].without
        gap = details.subgroups[0].p
        if gap is not None and gap > EQUAL and min(with_it.n, without.n) >= LEAST_SIDE:
            found.append(
                _(
                    "Pictures of '%(name)s' are recognised about as well without it (%(count)s) as"
                    " with it (%(count_2)s).",
                    name=name,
                    count=_count(without),
                    count_2=_count(with_it),
                )
            )
    if details.zeroing is not None and not _beats_random(details.zeroing):
        found.append(
            _(
                "Zeroing the concepts in it lowers the confidence no more than zeroing equally "
                "many others."
            )
        )
    for name_of_term, value in plausibility.terms.items():
        term = TERMS[name_of_term]
        if term.objection and value <= term.nothing:
            found.append(_(term.objection))
    return tuple(found) or (_(NOTHING),)


def cost(name: str, projection: Projection) -> str:
    """Return in one or two sentences what projecting the direction out changes."""
    with_it, without, others = projection.changes
    words = [
        _(
            "pictures of '%(name)s' with the region %(change)s",
            name=name,
            change=_change(with_it.before, with_it.after),
        ),
        _("those without it %(change)s", change=_change(without.before, without.after)),
        _("pictures of other classes %(change)s", change=_change(others.before, others.after)),
    ]
    kept = [text for text, change in zip(words, projection.changes, strict=True) if change.before.n]
    said = {"layer": projection.layer, "kept": "; ".join(kept)}
    if not projection.turned_n:
        return _(
            "With the region's direction taken out of layer %(layer)s, so that the layer no longer "
            "tells it, the model recognises %(kept)s.",
            **said,
        )
    before, after = projection.turned
    return _(
        "With the region's direction taken out of layer %(layer)s, so that the layer no longer "
        "tells it, the region turns %(after)s of the %(n)s other pictures that it is put into, "
        "instead of %(before)s. The model recognises %(kept)s.",
        before=percent(before),
        after=percent(after),
        n=projection.turned_n,
        **said,
    )


def _of_test(each: Evidence, name: str) -> str:
    if not has_run(each):
        return ""
    few = _("(n = %(n)s, upper end of the interval %(high)s)", n=each.n, high=percent(each.high))
    if each.reason:
        return each.reason
    if each.test == FLIPS and each.low < CLEAR:
        return _(
            "Put into other pictures it turns few of them into '%(name)s' %(few)s.",
            name=name,
            few=few,
        )
    if each.test == SHARE and (each.z is None or each.z < LEAST_Z):
        return _("It carries no clearly larger share of the evidence than windows of its size do.")
    if each.test == REMOVAL and each.low <= 0:
        return _(
            "Pictures of '%(name)s' are still recognised when it is covered %(few)s.",
            name=name,
            few=few,
        )
    if each.test == LATENT and each.low <= 0:
        return _(
            "Pictures of '%(name)s' are still recognised with its direction projected out %(few)s.",
            name=name,
            few=few,
        )
    return ""


def _beats_random(curve: Zeroing) -> bool:
    """Say whether zeroing lowers the confidence below the band of random concepts anywhere."""
    return any(own < low for own, (low, _) in zip(curve.own, curve.band_own, strict=True))


def _change(before: Accuracy, after: Accuracy) -> str:
    if not before.n:
        return _("(there are none)")
    return _(
        "in %(correct)s of %(n)s cases instead of %(correct_2)s",
        correct=after.correct,
        n=after.n,
        correct_2=before.correct,
    )


def _count(found: Accuracy) -> str:
    return _("%(correct)s of %(n)s", correct=found.correct, n=found.n)
