"""What a global factor means, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.language.numbers import bare_percent, percent, short_number
from auditor.language.speaking import gettext as _
from auditor.records.stages import Evidence, Grade
from auditor.shortcuts.whole_pictures.global_factors import Predictive, widest
from auditor.shortcuts.whole_pictures.global_statistics import Statistic


def factor_meaning(
    name: str,
    factor: Predictive,
    statistic: Statistic,
    grade: Grade | None,
    evidence: Sequence[Evidence],
) -> str:
    """Return what was found, what the test said, and what follows."""
    own, others = float(np.median(factor.own)), float(np.median(factor.others))
    difference, point = widest(factor.own, factor.others)
    called = _(statistic.name)
    above = [float(np.mean(part > point)) for part in (factor.own, factor.others)]
    share, rest = above if difference > 0 else [1.0 - each for each in above]
    said = {
        "statistic": f"{called[:1].upper()}{called[1:]}",
        "name": name,
        "share": percent(share),
        "rest": percent(rest),
        "point": short_number(point) + (f" {_(statistic.unit)}" if statistic.unit else ""),
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
    numbers = [_number(each, name) for each in evidence if each.n]
    why = [] if numbers else list(dict.fromkeys(each.reason for each in evidence if each.reason))
    return " ".join([start, *numbers, *why, *_verdict(grade, name)])


def _number(evidence: Evidence, name: str) -> str:
    effect = _(
        "%(effect)s (95 %% interval %(low)s to %(high)s, n = %(n)s)",
        effect=percent(evidence.effect),
        low=bare_percent(evidence.low),
        high=percent(evidence.high),
        n=evidence.n,
    )
    if evidence.test.endswith("given"):
        return _(
            "Given to pictures of other classes it turns %(effect)s into '%(name)s'.",
            effect=effect,
            name=name,
        )
    return _(
        "Taken from pictures of '%(name)s' it makes %(effect)s leave the class.",
        name=name,
        effect=effect,
    )


def _verdict(grade: Grade | None, name: str) -> list[str]:
    if grade in ("A", "B"):
        return [
            _(
                "A change of the whole picture brings no object along. Likely shortcut: review how "
                "these pictures were made."
            )
        ]
    if grade == "C":
        return [
            _(
                "Expected when it is part of what '%(name)s' looks like; say otherwise if not.",
                name=name,
            )
        ]
    if grade == "D":
        return [_("No use of it was shown; a model trained anew may use it.")]
    return []
