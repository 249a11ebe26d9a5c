"""Does the region lie near a corner of the picture?"""

from __future__ import annotations

import numpy as np

from auditor.language.speaking import N_
from auditor.shortcuts.region_view import RegionView
from auditor.shortcuts.scenes import Windows, percentile
from auditor.shortcuts.terms import term


@term(
    N_("in a corner"),
    nothing=0.8,
    fully=1.0,
    weight=0.05,
    reason=N_(
        "It lies nearer to a corner of the picture than %(share)s of the regions "
        "that matter for other classes."
    ),
)
def in_a_corner(view: RegionView) -> float | None:
    """Return the percentile of how near the region is to a corner."""
    if view.located is None:
        return None
    usual = [-corner_distance(windows) for windows in view.others]
    return percentile(-corner_distance(view.located), usual)


def corner_distance(windows: Windows) -> float:
    """Return the mean gap between windows and the nearest corner, as a share of the sides."""
    shape, size = windows.shape, windows.scene.size
    after = np.array(size) - (shape.height, shape.width) - windows.corners
    gaps = np.minimum(windows.corners, after) / size
    return float(gaps.sum(axis=1).mean())
