"""Does the region lie near the border of the picture?"""

from __future__ import annotations

import numpy as np

from auditor.language.speaking import N_
from auditor.shortcuts.region_view import RegionView
from auditor.shortcuts.scenes import Windows, percentile
from auditor.shortcuts.terms import term


@term(
    N_("near the border"),
    nothing=0.8,
    fully=1.0,
    weight=0.05,
    reason=N_(
        "It lies nearer to the border of the picture than %(share)s of the "
        "regions that matter for other classes."
    ),
    objection=N_("It does not lie nearer to the border than other regions do."),
)
def near_the_border(view: RegionView) -> float | None:
    """Return the percentile of how near the region is to the border."""
    if view.located is None:
        return None
    usual = [-border_distance(windows) for windows in view.others]
    return percentile(-border_distance(view.located), usual)


def border_distance(windows: Windows) -> float:
    """Return the mean gap between windows and the border nearest to them, as a share of sides."""
    shape, size = windows.shape, windows.scene.size
    after = np.array(size) - (shape.height, shape.width) - windows.corners
    free = np.array([shape.height < size[0], shape.width < size[1]])
    gaps = np.minimum(windows.corners, after) / size
    return float(gaps[:, free].min(axis=1).mean())
