"""Is the same thing at the same place of the pictures?"""

from __future__ import annotations

import numpy as np

from auditor.language.speaking import N_
from auditor.shortcuts.likeness import crops, stereotypy
from auditor.shortcuts.region_view import RegionView
from auditor.shortcuts.scenes import percentile
from auditor.shortcuts.terms import term


@term(
    N_("same look at the same place"),
    nothing=0.47,
    fully=0.60,
    weight=0.70,
    reason=N_(
        "At this place many pictures of the class look far more alike than elsewhere, and than "
        "pictures of other classes do there."
    ),
    objection=N_("No same thing is to be seen at the same place of its pictures."),
)
def same_look_at_the_same_place(view: RegionView) -> float | None:
    """Return how much more alike the references are at the region's median place than usual.

    The lower of two comparisons: with other places in the same references, and with the same place
    in other classes. Percentile times relative distance, as in `tightness`; 0 when the regions of
    most references lie elsewhere.
    """
    if not view.comparable:
        return None
    shape, here = view.windows.shape, view.at_median_place
    observed = stereotypy(crops(here))
    reach = (shape.height / 2, shape.width / 2)
    lies_there = np.all(np.abs(view.windows.corners - here.corners) <= reach, axis=1)
    if observed <= 0 or lies_there.mean() < 0.5:
        return 0.0
    usual = [
        [stereotypy(crops(windows)) for windows in groups]
        for groups in (view.place_elsewhere, view.place_others)
    ]
    return min(
        percentile(observed, group) * max(0.0, 1.0 - max(0.0, float(np.median(group))) / observed)
        for group in usual
    )
