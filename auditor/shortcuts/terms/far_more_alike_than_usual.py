"""Is the region nearly a copy from picture to picture?"""

from __future__ import annotations

from auditor.language.speaking import N_
from auditor.shortcuts.likeness import standing_out
from auditor.shortcuts.region_view import RegionView
from auditor.shortcuts.terms import term


@term(
    N_("far more alike than usual"),
    nothing=0.65,
    fully=0.85,
    weight=0.70,
    reason=N_(
        "It looks nearly the same in every picture, far more than the "
        "regions that matter for other classes."
    ),
    objection=N_("It is not the same thing from picture to picture."),
)
def far_more_alike_than_usual(view: RegionView) -> float:
    """Return how far the region stands out from windows of other classes towards copies.

    A percentile says 1 for a difference that means nothing, and less than 1 for a mark when another
    class has a mark as well.
    """
    usual = view.usual_stereotypy or view.stereotypy_elsewhere
    return standing_out(view.stereotypy, usual, view.windows)
