"""What a global factor means, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.language import gettext as _
from auditor.records import Evidence, Grade
from auditor.shortcuts.global_factors import Predictive
from auditor.shortcuts.global_statistics import Statistic


def factor_meaning(
    name: str,
    factor: Predictive,
    statistic: Statistic,
    grade: Grade | None,
    evidence: Sequence[Evidence],
) -> str:
    """Return what was found, what the test said, and what follows."""
    own, others = float(np.median(factor.own)), float(np.median(factor.others))
    called = _(statistic.name)
    said = {
        "statistic": f"{called[:1].upper()}{called[1:]}",
        "name": name,
        "own": f"{own:.3g}" + (f" {_(statistic.unit)}" if statistic.unit else ""),
        "others": f"{others:.3g}",
        "share": f"{max(factor.auc, 1 - factor.auc):.0%}",
    }
    if factor.auc > 0.5:
        start = _(
            "%(statistic)s is higher in '%(name)s': %(own)s against %(others)s (median); of two "
            "pictures, one of '%(name)s' and one of another class, that of '%(name)s' has the "
            "higher value in %(share)s of cases.",
            **said,
        )
    else:
        start = _(
            "%(statistic)s is lower in '%(name)s': %(own)s against %(others)s (median); of two "
            "pictures, one of '%(name)s' and one of another class, that of '%(name)s' has the "
            "lower value in %(share)s of cases.",
            **said,
        )
    numbers = [_number(each, name) for each in evidence if each.n]
    why = [] if numbers else list(dict.fromkeys(each.reason for each in evidence if each.reason))
    return " ".join([start, *numbers, *why, *_verdict(grade, name)])


def _number(evidence: Evidence, name: str) -> str:
    effect = _(
        "%(effect)s (95 %% interval %(low)s to %(high)s, n = %(n)s)",
        effect=f"{evidence.effect:.0%}",
        low=f"{evidence.low:.0%}",
        high=f"{evidence.high:.0%}",
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
        return [_("Likely shortcut: review how these pictures were made.")]
    if grade == "C":
        return [
            _(
                "Expected when it is part of what '%(name)s' looks like; say otherwise if not.",
                name=name,
            )
        ]
    if grade == "D":
        return [_("The model hardly uses it; a model trained anew may.")]
    return []
