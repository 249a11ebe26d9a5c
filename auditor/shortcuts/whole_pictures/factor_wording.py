"""What a global factor means, in plain words."""

from __future__ import annotations

import numpy as np

from auditor.language.numbers import percent, short_number
from auditor.language.speaking import capitalised, joined
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Grade
from auditor.shortcuts.tests import TESTS, Results
from auditor.shortcuts.whole_pictures.global_factors import Predictive, widest
from auditor.shortcuts.whole_pictures.global_statistics import OF_OBJECTS, Statistic
from auditor.shortcuts.wording import result_in_words


def factor_meaning(
    name: str,
    factor: Predictive,
    statistic: Statistic,
    grade: Grade | None,
    results: Results,
) -> str:
    """Return what was found, what the test said, and what follows."""
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
        start = _(
            "%(statistic)s is higher in '%(name)s': %(share)s of its pictures lie above %(point)s, "
            "and %(rest)s of those of other classes (medians %(own)s and %(others)s).",
            **said,
        )
    else:
        start = _(
            "%(statistic)s is lower in '%(name)s': %(share)s of its pictures lie at or below "
            "%(point)s, and %(rest)s of those of other classes (medians %(own)s and %(others)s).",
            **said,
        )
    numbers = [result_in_words(TESTS[test], each, name) for test, each in results.items() if each.n]
    reasons = dict.fromkeys(each.reason for each in results.values() if each.reason)
    why = [] if numbers else list(reasons)
    return joined([start, *numbers, *why, _verdict(grade, name, statistic)])


def _verdict(grade: Grade | None, name: str, statistic: Statistic) -> str:
    if grade in ("A", "B") and statistic.name in OF_OBJECTS:
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
