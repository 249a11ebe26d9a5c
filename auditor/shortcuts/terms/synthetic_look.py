"""Does the region look drawn and not photographed?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from auditor.language.speaking import N_
from auditor.shortcuts.drawn_look import drawn
from auditor.shortcuts.region_view import RegionView
from auditor.shortcuts.scenes import Windows, prominence
from auditor.shortcuts.terms import term

# Of flat colour, straight edges and even strokes, so many have to stand out: a sticker of one
# colour has no strokes, and a letter no flat colour.
SIGNS = 2


@term(
    N_("synthetic look"),
    nothing=0.3,
    fully=0.7,
    weight=0.20,
    reason=N_(
        "It looks drawn: flat colour, edges along the picture's axes or strokes "
        "of one width, more than its surroundings and than the regions that "
        "matter for other classes."
    ),
)
def synthetic_look(view: RegionView) -> float | None:
    """Return how drawn a region looks: flat colour, edges along the axes, strokes of one width.

    Each of the three against windows elsewhere in the same references and against the windows that
    matter for other classes, the lower counting; the mean of the two that stand out most.
    """
    if not view.comparable:
        return None
    observed = _look(view.windows)
    usual = [
        [_look(windows) for windows in groups] for groups in (view.look_elsewhere, view.others)
    ]
    signs = [
        min(prominence(value, [look[sign] for look in group]) for group in usual)
        for sign, value in enumerate(observed)
    ]
    return float(np.mean(sorted(signs)[-SIGNS:]))


def _look(windows: Windows) -> Float[np.ndarray, "3"]:
    means = np.stack([part.mean((1, 2)) for part in windows.cut(windows.scene.looks)])
    middle: np.ndarray = np.median(drawn(means), axis=0)
    return middle
