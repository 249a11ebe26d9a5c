"""Does the region raise classes that have little in common with its own?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from auditor.language.speaking import N_
from auditor.shortcuts.region_view import RegionView
from auditor.shortcuts.terms import term


@term(
    N_("shared with unrelated classes"),
    nothing=0.3,
    fully=0.7,
    weight=0.15,
    reason=N_("It also raises the score of classes that have little else in common with this one."),
)
def shared_with_unrelated_classes(view: RegionView) -> float | None:
    """Return `shared_raise` of the region's transplants, None where it was not measured."""
    return view.effects.shared if view.effects is not None else None


def shared_raise(
    raised: Float[np.ndarray, "output"], output: int, unrelated: Sequence[int]
) -> float:
    """Return the largest rise of an unrelated class over that of the class, both over the mean."""
    rise = raised - raised.mean()
    if rise[output] <= 0 or not len(unrelated):
        return 0.0
    return float(np.clip(rise[list(unrelated)].max() / rise[output], 0.0, 1.0))
