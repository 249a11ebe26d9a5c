"""What a global factor means, in plain words."""

from __future__ import annotations

import numpy as np

from auditor.language.numbers import percent, short_number
from auditor.language.speaking import N_, capitalised, joined
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Grade
from auditor.shortcuts.tests import STATISTIC_GIVEN, TESTS, Results
from auditor.shortcuts.whole_pictures.global_factors import Predictive, widest
from auditor.shortcuts.whole_pictures.global_statistics import (
    OF_OBJECTS,
    OF_SURFACES,
    PATTERN,
    STATISTICS,
)
from auditor.shortcuts.wording import result_in_words

# What a surface is called that does less than half as much in one colour.
COLOURS = N_("colours of the object's surface")


def called(statistic: str, results: Results, beside: Results | None) -> str:
    """Return what a statistic is called for what was found; ``beside`` are results of a part."""
    if beside is None:
        return statistic
    whole, pattern = (each[STATISTIC_GIVEN.id].effect for each in (results, beside))
    return COLOURS if pattern < whole / 2 else statistic


def factor_meaning(
    name: str,
    factor: Predictive,
    grade: Grade | None,
    results: Results,
    beside: Results | None = None,
) -> str:
    """Return what was found, what the test said, and what follows.

    ``beside`` are the results of the pattern of a surface, in one colour.
    """
    surface = factor.statistic in OF_SURFACES
    start = _surface(name, factor) if surface else _apart(name, factor)
    numbers = [result_in_words(TESTS[test], each, name) for test, each in results.items() if each.n]
    reasons = dict.fromkeys(each.reason for each in results.values() if each.reason)
    why = [] if numbers else list(reasons)
    if beside is not None and beside[STATISTIC_GIVEN.id].n:
        share = percent(beside[STATISTIC_GIVEN.id].effect)
        numbers.append(_("In the colour that they had it turns %(share)s of them.", share=share))
    return joined([start, *numbers, *why, _verdict(grade, name, factor.statistic)])


def _surface(name: str, factor: Predictive) -> str:
    """Return how well the surface tells objects of the class, and what was done with it."""
    said = {
        "name": name,
        "share": percent(float(np.mean(factor.own > 0))),
        "rest": percent(float(np.mean(factor.others > 0))),
    }
    if factor.statistic == PATTERN:
        return _(
            "By contrast and detail inside the outline, whatever the colours, %(share)s of the "
            "objects of '%(name)s' look more like one of '%(name)s' than like others, and "
            "%(rest)s of the objects of other classes. Objects of other classes were covered with "
            "pieces of objects of '%(name)s', their light and dark in the colour that was there; "
            "shape and surroundings stayed.",
            **said,
        )
    return _(
        "By colours, contrast and detail inside the outline, %(share)s of the objects of "
        "'%(name)s' look more like one of '%(name)s' than like others, and %(rest)s of the objects "
        "of other classes. Objects of other classes were covered with pieces of objects of "
        "'%(name)s'; shape and surroundings stayed.",
        **said,
    )


def _apart(name: str, factor: Predictive) -> str:
    """Return in which share of the pictures of the class a statistic is higher, or lower."""
    statistic = STATISTICS[factor.statistic]
    own, others = float(np.median(factor.own)), float(np.median(factor.others))
    difference, point = widest(factor.own, factor.others)
    above = [float(np.mean(part > point)) for part in (factor.own, factor.others)]
    share, rest = above if difference > 0 else [1.0 - each for each in above]
    said = {
        "statistic": capitalised(_(statistic.name)),
        "name": name,
        "share": percent(share),
        "rest": percent(rest),
        "point": joined((short_number(point), _(statistic.unit))),
        "own": short_number(own),
        "others": short_number(others),
    }
    if difference > 0:
        return _(
            "%(statistic)s is higher in '%(name)s': %(share)s of its pictures lie above %(point)s, "
            "and %(rest)s of those of other classes (medians %(own)s and %(others)s).",
            **said,
        )
    return _(
        "%(statistic)s is lower in '%(name)s': %(share)s of its pictures lie at or below "
        "%(point)s, and %(rest)s of those of other classes (medians %(own)s and %(others)s).",
        **said,
    )


def _verdict(grade: Grade | None, name: str, statistic: str) -> str:
    if grade in ("A", "B") and statistic in OF_OBJECTS:
        return _(
            "The objects that were moved are of other classes, on their own pictures. Likely "
            "shortcut: review how these pictures were made."
        )
    if grade in ("A", "B"):
        return _(
            "A change of the whole picture brings no object along. Likely shortcut: review how "
            "these pictures were made."
        )
    if grade == "C":
        return _(
            "Only a person can say whether that is part of what '%(name)s' means.",
            name=name,
        )
    if grade == "D":
        return _("No use of it was shown; a model trained anew may use it.")
    return ""
