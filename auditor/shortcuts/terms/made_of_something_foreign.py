"""Is the region made of something that other classes, and a part of its own, do not show?"""

from __future__ import annotations

from auditor.language.speaking import N_
from auditor.shortcuts.region_view import RegionView
from auditor.shortcuts.terms import term

# Counts fully from this share of the class that lacks it on, as in `part_of_the_class_lacks_it`.
FULLY_LACKING = 0.1


@term(
    N_("made of something foreign"),
    nothing=0.8,
    fully=0.95,
    weight=0.55,
    reason=N_(
        "What it is made of is hardly to be seen in pictures of other classes, whatever its shape "
        "and place, and a part of the class lacks it and is recognised all the same."
    ),
    objection=N_("What it is made of is to be seen in other classes too, or in all of this one."),
)
def made_of_something_foreign(view: RegionView) -> float | None:
    """Return how much rarer the region's stuff is in other classes, if part of its own lacks it.

    One minus the share of other classes' pictures that have it over the share of the class's: 0
    when both are alike. What every picture of a class has is its object, or may be.
    """
    presence = view.presence
    if presence is None or presence.has <= 0:
        return 0.0 if view.others else None
    rarity = max(0.0, 1.0 - presence.others_have / presence.has)
    return rarity * min(1.0, presence.lacks / FULLY_LACKING)
