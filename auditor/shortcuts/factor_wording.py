"""What a global factor means, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.records import Evidence, Grade
from auditor.shortcuts.global_factors import Predictive, widest
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
    difference, point = widest(factor.own, factor.others)
    up = difference > 0
    beyond = [float(np.mean(part > point)) for part in (factor.own, factor.others)]
    shares = beyond if up else [1.0 - each for each in beyond]
    unit = f" {statistic.unit}" if statistic.unit else ""
    start = (
        f"{statistic.name[:1].upper()}{statistic.name[1:]} is {'higher' if up else 'lower'} in "
        f"'{name}': {shares[0]:.0%} of its pictures lie {'above' if up else 'at or below'} "
        f"{point:.3g}{unit}, and {shares[1]:.0%} of those of other classes (medians {own:.3g} and "
        f"{others:.3g})."
    )
    numbers = [_number(each, name) for each in evidence if each.n]
    why = [] if numbers else list(dict.fromkeys(each.reason for each in evidence if each.reason))
    return " ".join([start, *numbers, *why, *_verdict(grade, name)])


def _number(evidence: Evidence, name: str) -> str:
    effect = (
        f"{evidence.effect:.0%} (95 % interval {evidence.low:.0%} to {evidence.high:.0%}, "
        f"n = {evidence.n})"
    )
    if evidence.test.endswith("given"):
        return f"Given to pictures of other classes it turns {effect} into '{name}'."
    return f"Taken from pictures of '{name}' it makes {effect} leave the class."


def _verdict(grade: Grade | None, name: str) -> list[str]:
    if grade in ("A", "B"):
        return [
            "A change of the whole picture brings no object along. Likely shortcut: review how "
            "these pictures were made."
        ]
    if grade == "C":
        return [f"Expected when it is part of what '{name}' looks like; say otherwise if not."]
    if grade == "D":
        return ["The model hardly uses it; a model trained anew may."]
    return []
