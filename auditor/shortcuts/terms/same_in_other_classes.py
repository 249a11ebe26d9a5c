"""Is it one and the same thing that all other classes have, and this one lacks?

The search for what a class lacks fills it in; for a region of the class it does not apply. What is
alike in pictures of all other classes is no object of any.
"""

from __future__ import annotations

from auditor.language.speaking import N_
from auditor.shortcuts.terms import term
from auditor.shortcuts.terms.around_the_object import measured_elsewhere

SAME_IN_OTHERS = N_("the same thing in other classes")

term(
    SAME_IN_OTHERS,
    nothing=0.1,
    fully=0.4,
    weight=0.80,
    reason=N_("Pictures of other classes have one and the same thing there."),
)(measured_elsewhere)
