"""Does the region lie away from the rest of the evidence for the class?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from auditor.language.speaking import N_
from auditor.shortcuts.region_view import RegionView
from auditor.shortcuts.scenes import Windows, percentile
from auditor.shortcuts.terms import term
from auditor.shortcuts.terms.off_the_marked_object import share_outside

# The consensus of a class is the smallest area with this share of its mean relevance.
CONSENSUS = 0.5


@term(
    N_("off the rest of the evidence"),
    nothing=0.8,
    fully=1.0,
    weight=0.05,
    reason=N_(
        "It lies away from the rest of the evidence for the class, "
        "more than %(share)s of the regions that matter for other "
        "classes."
    ),
)
def off_the_rest_of_the_evidence(view: RegionView) -> float | None:
    """Return how far the region lies off where the rest of the class's evidence is.

    The consensus is the smallest area with `CONSENSUS` of the mean relevance of the members, the
    region itself left out; the share of the region outside of it, as a percentile among the windows
    that matter for other classes, each against its own class's. None where the user's masks say
    better what is off the object.
    """
    if not view.comparable or share_outside(view.windows) is not None:
        return None
    weight = (~view.masks).astype(np.float64)
    heat = view.windows.scene.heat
    rest = (heat * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1.0)
    of_class = {id(each.scene): each.scene for each in view.others}
    where = {key: _consensus(scene.heat.mean(axis=0)) for key, scene in of_class.items()}
    usual = [_outside(where[id(windows.scene)], windows) for windows in view.others]
    return percentile(_outside(_consensus(rest), view.windows), usual)


def _consensus(heat: Float[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    order = np.argsort(-heat, axis=None, kind="stable")
    total = np.cumsum(heat.ravel()[order])
    count = int(np.searchsorted(total, CONSENSUS * total[-1])) + 1
    area = np.zeros(heat.size, dtype=bool)
    area[order[:count]] = True
    return area.reshape(heat.shape)


def _outside(area: Bool[np.ndarray, "height width"], windows: Windows) -> float:
    shape = windows.shape
    return float(
        np.mean(
            [
                1.0 - area[top : top + shape.height, left : left + shape.width].mean()
                for top, left in windows.corners
            ]
        )
    )
