"""Implausibility: how much a region looks like an artefact, against windows of the same model.

Each term is in [0, 1] and rests on a percentile: the share of comparison groups of windows of the
same size that are less extreme. Where a percentile alone would say 1 for a difference without
meaning, it is multiplied by how far the value lies from the usual one. The score is the noisy-or
of the terms of the folder `terms`, each by its weight.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Int

from auditor.base.errors import ConfigError
from auditor.records.shortcuts import Plausibility
from auditor.shortcuts.region_view import Effects, view_of
from auditor.shortcuts.scenes import Scene
from auditor.shortcuts.statistics import noisy_or
from auditor.shortcuts.terms import TERMS
from auditor.shortcuts.terms.off_the_marked_object import share_outside

# The part of the references that have to hold a region inside the object before it counts as that.
NEARLY_ALL = 0.9


def judge(
    own: Scene,
    references: Int[np.ndarray, "reference"],
    masks: Bool[np.ndarray, "member height width"],
    others: Sequence[Scene],
    rng: np.random.Generator,
    effects: Effects | None = None,
) -> Plausibility:
    """Return the terms that apply to a region, heaviest first, and its score.

    The arguments are those of `view_of`. A region that too few references have is no artefact.

    Raises:
        ConfigError: a measure returned no finite number.
    """
    view = view_of(own, references, masks, others, rng, effects)
    if view is None:
        return Plausibility(terms={}, score=0.0)
    heaviest = sorted(TERMS, key=lambda name: (-TERMS[name].weight, name))
    measured = {name: TERMS[name].measure(view) for name in heaviest}
    terms = {name: float(value) for name, value in measured.items() if value is not None}
    for name, value in terms.items():
        if not math.isfinite(value):
            raise ConfigError(
                f"the measure of the term '{name}' returned {value}; return a number in [0, 1], "
                "or None where the term does not apply."
            )
    # A box holds background besides the object: it can tell what is off it, not what is on it.
    outside = None if own.boxes else share_outside(view.windows, NEARLY_ALL)
    return Plausibility(terms=terms, score=score_of(terms), outside=outside)


def score_of(terms: Mapping[str, float]) -> float:
    """Return the noisy-or of what the terms count."""
    return noisy_or(TERMS[name].counted(value) for name, value in terms.items())
