"""Is it all around the object? Terms of contexts; for a region they do not apply.

The search for contexts fills them in. That a context lies off the object is what it is; what counts
is how surely the object is known. An estimate alone stays below grade B's limit: a part of the
object may have been taken for its surround. Mistakes with whole pictures, which nobody cut apart,
settle it: of other classes with nothing of this one but its surroundings. That pictures of the
class without them are missed does not: where a class is a texture, they may show something else.
"""

from __future__ import annotations

from auditor.language.speaking import N_
from auditor.shortcuts.grading import STRONG, UNUSED
from auditor.shortcuts.region_view import RegionView
from auditor.shortcuts.terms import term

MARKED = N_("around the marked object")
ESTIMATED = N_("around the object as it was estimated")
MISTAKEN = N_("mistakes go with the surroundings")


def measured_elsewhere(view: RegionView) -> float | None:
    """Return None: what is true of a context is no measure of a region."""
    return None


# The share of its pictures whose object the user marked.
term(
    MARKED,
    nothing=0.0,
    fully=1.0,
    weight=0.80,
    reason=N_("It is what surrounds the objects as they are marked in the data."),
)(measured_elsewhere)
# The median certainty of its objects where none are marked.
term(
    ESTIMATED,
    nothing=0.0,
    fully=0.3,
    weight=0.45,
    reason=N_("It is what surrounds the objects, as far as these can be told from colour alone."),
)(measured_elsewhere)
# The lower bound of the difference of error rates.
term(
    MISTAKEN,
    nothing=UNUSED,
    fully=STRONG,
    weight=0.60,
    reason=N_(
        "Pictures as they are, of other classes in such surroundings, are taken for the class at "
        "least %(share)s more often."
    ),
)(measured_elsewhere)
