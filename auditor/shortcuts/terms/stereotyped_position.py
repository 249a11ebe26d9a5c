"""Does the region keep to one place in the picture?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.language.speaking import N_
from auditor.shortcuts.region_view import RegionView
from auditor.shortcuts.scenes import Windows, tightness
from auditor.shortcuts.terms import term


@term(
    N_("stereotyped position"),
    nothing=0.8,
    fully=1.0,
    weight=0.25,
    reason=N_(
        "It keeps to one place in the picture, far more than the regions "
        "that matter for other classes."
    ),
    objection=N_("It does not keep to one place more than other regions do."),
)
def stereotyped_position(view: RegionView) -> float | None:
    """Return how tightly the region keeps to a place that other classes do not keep to."""
    if view.located is None:
        return None
    others = view.others
    tight = tightness(spread(view.located), [spread(windows) for windows in others])
    return tight * off_prior(view.located, others)


def spread(windows: Windows) -> float:
    """Return the median distance of windows from their median, in units of the image's sides."""
    corners = windows.corners
    distances = np.abs(corners - np.median(corners, axis=0)) / windows.scene.size
    return float(np.median(distances.sum(axis=1)))


def off_prior(windows: Windows, others: Sequence[Windows]) -> float:
    """Return the share of other classes' windows that lie elsewhere than these do.

    Photographers put things in the middle: a place that is kept to in every class says little.
    """
    here = np.median(windows.corners, axis=0)
    reach = (windows.shape.height / 2, windows.shape.width / 2)
    there = [np.all(np.abs(each.corners - here) < reach, axis=1).mean() for each in others]
    return 1.0 - float(np.mean(there))
