"""What speaks against a candidate, and what it would cost to take it out of the model."""

from __future__ import annotations

from auditor.language.numbers import percent
from auditor.language.speaking import N_, joined
from auditor.language.speaking import gettext as _
from auditor.records.part import Interval
from auditor.records.shortcuts import Details, Evidence, Plausibility, Projection, Zeroing
from auditor.shortcuts.grading import CLEAR, stands_out
from auditor.shortcuts.statistics import counted
from auditor.shortcuts.terms import TERMS
from auditor.shortcuts.tests import TESTS, CausalTest, Results

# Accuracies with and without the region are equal from this p on, and of at least so many pictures.
EQUAL = 0.05
LEAST_SIDE = 8
NOTHING = N_("Nothing that was measured speaks against it; only a person can.")


def against(
    name: str, results: Results, plausibility: Plausibility, details: Details
) -> tuple[str, ...]:
    """Return why the region may be part of the class, or not be used, after all.

    Tests first, then subgroups and concepts, then what does not look like an artefact.
    """
    said = (_of_test(TESTS[test], each, name) for test, each in results.items())
    objections = [sentence for sentence in said if sentence]
    if details.subgroups:
        whole = details.subgroups[0]
        least = min(counted(side)[1] for side in (whole.carrying, whole.without))
        if whole.p is not None and whole.p > EQUAL and least >= LEAST_SIDE:
            objections.append(
                _(
                    "Pictures of '%(name)s' are recognised about as well without it (%(count)s) as"
                    " with it (%(count_2)s).",
                    name=name,
                    count=_count(whole.without),
                    count_2=_count(whole.carrying),
                )
            )
    if details.zeroing is not None and not _beats_random(details.zeroing):
        objections.append(
            _(
                "Zeroing the concepts in it lowers the confidence no more than zeroing equally "
                "many others."
            )
        )
    for name_of_term, value in plausibility.terms.items():
        term = TERMS[name_of_term]
        if term.objection and value <= term.nothing:
            objections.append(_(term.objection))
    return tuple(objections) or (_(NOTHING),)


def cost(name: str, projection: Projection) -> str:
    """Return in one or two sentences what projecting the direction out changes.

    ``name`` is that of the class.
    """
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
    kept = [text for text, change in zip(words, projection.changes, strict=True) if change.before]
    said = {"layer": projection.layer, "kept": joined(kept, "; ")}
    if not projection.turned_n:
        return _(
            "With the region's direction taken out of layer %(layer)s, which can then no "
            "longer detect the region, the model recognises %(kept)s.",
            **said,
        )
    before, after = projection.turned
    return _(
        "With the region's direction taken out of layer %(layer)s, which can then no "
        "longer detect the region, the region turns %(after)s of the %(n)s other "
        "pictures that it is put into, instead of %(before)s. The model recognises "
        "%(kept)s.",
        before=percent(before),
        after=percent(after),
        n=projection.turned_n,
        **said,
    )


def _of_test(test: CausalTest, evidence: Evidence, name: str) -> str:
    """Return what a result says against the candidate, nothing where it says nothing."""
    if not evidence.has_run:
        return ""
    if evidence.reason:
        return evidence.reason
    if test.stands_out:
        weak = not stands_out(test, evidence)
    else:
        weak = evidence.low < CLEAR if test.weight == "sufficient" else evidence.low <= 0
    if not weak or not test.objection:
        return ""
    few = _(
        "(n = %(n)s, upper end of the interval %(high)s)",
        n=evidence.n,
        high=percent(evidence.high),
    )
    return _(test.objection, name=name, few=few)


def _beats_random(curve: Zeroing) -> bool:
    """Say whether zeroing lowers the confidence below the band of random concepts anywhere."""
    return any(own < low for own, (low, _) in zip(curve.own, curve.band_own, strict=True))


def _change(before: Interval | None, after: Interval | None) -> str:
    if before is None:
        return _("(there are none)")
    right, n = counted(after)
    return _(
        "in %(correct)s of %(n)s cases instead of %(correct_2)s",
        correct=right,
        n=n,
        correct_2=counted(before)[0],
    )


def _count(share: Interval | None) -> str:
    right, n = counted(share)
    return _("%(correct)s of %(n)s", correct=right, n=n)
