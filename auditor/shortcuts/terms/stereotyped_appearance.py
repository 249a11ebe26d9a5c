"""Does the region look alike from picture to picture?"""

from __future__ import annotations

from auditor.language.speaking import N_
from auditor.shortcuts.region_view import RegionView
from auditor.shortcuts.scenes import percentile
from auditor.shortcuts.terms import term


@term(
    N_("stereotyped appearance"),
    nothing=0.8,
    fully=1.0,
    weight=0.20,
    reason=N_(
        "It looks more alike from picture to picture than %(share)s of "
        "other groups of windows of its size."
    ),
    objection=N_("It does not look more alike from picture to picture than usual."),
)
def stereotyped_appearance(view: RegionView) -> float:
    """Return the lower of two percentiles of the region's stereotypy.

    Against the most relevant windows of other classes, and against windows elsewhere in the own
    class: in a class that is a texture, all windows are alike.
    """
    comparisons = (view.stereotypy_elsewhere, view.usual_stereotypy)
    return min(percentile(view.stereotypy, group) for group in comparisons if group)
