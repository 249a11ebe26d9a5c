"""Is the most relevant spot in the region one and the same thing everywhere?"""

from __future__ import annotations

from auditor.language.speaking import N_
from auditor.shortcuts.likeness import same_mark
from auditor.shortcuts.region_view import RegionView
from auditor.shortcuts.terms import term


@term(
    N_("the same mark in it"),
    nothing=0.70,
    fully=0.90,
    weight=0.60,
    reason=N_(
        "The spot in it that matters most is one and the same thing from picture to picture."
    ),
)
def the_same_mark_in_it(view: RegionView) -> float | None:
    """Return `same_mark` of the region, None without other classes."""
    if not view.others:
        return None
    return same_mark(view.windows, view.masks[view.windows.rows], view.others)
