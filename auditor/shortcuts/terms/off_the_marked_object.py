"""Does the region lie off the objects that the user marked?"""

from __future__ import annotations

import numpy as np

from auditor.language.speaking import N_
from auditor.shortcuts.region_view import RegionView
from auditor.shortcuts.scenes import Windows, percentile
from auditor.shortcuts.terms import term

# With fewer masks among the references the median says nothing.
LEAST_MASKS = 3


@term(
    N_("off the marked object"),
    nothing=0.5,
    fully=0.9,
    weight=0.60,
    reason=N_("It lies off the objects as they are marked in the data."),
)
def off_the_marked_object(view: RegionView) -> float | None:
    """Return how far the region lies off the objects that the user marked; None without masks.

    The median share of the region outside the object, times its percentile among the windows that
    matter for other classes, where these have masks.
    """
    observed = share_outside(view.windows) if view.comparable else None
    if observed is None:
        return None
    usual = [share_outside(windows) for windows in view.others]
    known = [share for share in usual if share is not None]
    return observed * (percentile(observed, known) if known else 1.0)


def share_outside(windows: Windows, quantile: float = 0.5) -> float | None:
    """Return the share of windows outside the objects, None with too few masks.

    ``quantile`` is the part of the windows that have no larger one: by default the median.
    """
    if windows.scene.objects is None:
        return None
    inside = np.array([part.mean() for part in windows.cut(windows.scene.objects)])
    inside = inside[np.isfinite(inside)]
    return float(np.quantile(1.0 - inside, quantile)) if len(inside) >= LEAST_MASKS else None
