"""Is a part of the class recognised without the region?"""

from __future__ import annotations

import numpy as np

from auditor.language.speaking import N_
from auditor.shortcuts.region_view import RegionView
from auditor.shortcuts.scenes import percentile
from auditor.shortcuts.terms import term
from auditor.shortcuts.whole_pictures.modes import otsu, separation

# Fewer effects make no two groups.
LEAST_EFFECTS = 8
# The lower group is a tenth of the members at least, and counts fully from a fifth on.
LEAST_LACKING, FULLY_LACKING = 0.1, 0.2
# Members lack a region when it gains them at most this share of what it gains the others.
WITHOUT = 0.25


@term(
    N_("part of the class lacks it"),
    nothing=0.8,
    fully=1.0,
    weight=0.10,
    reason=N_("A part of the class's pictures lacks it, and is recognised all the same."),
)
def part_of_the_class_lacks_it(view: RegionView) -> float | None:
    """Return how clearly a part of the class lacks the region, and is recognised all the same.

    The share of the variance of effects between the two groups that Otsu's threshold makes,
    compared with regions of other classes; 0 when the lower group is small or still gains. All
    members are recognised, so those of the lower group are without the region.
    """
    if view.effects is None:
        return None
    effects, usual = view.effects.own, view.effects.usual
    if len(effects) < LEAST_EFFECTS or not usual or np.ptp(effects) < 1e-9:
        return 0.0
    low = effects <= otsu(effects)
    if low.mean() < LEAST_LACKING or effects[low].mean() > WITHOUT * effects[~low].mean():
        return 0.0
    apart = percentile(separation(effects), [separation(each) for each in usual])
    return apart * min(1.0, float(low.mean()) / FULLY_LACKING)
