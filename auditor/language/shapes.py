"""The shapes of regions, which records name in English, in the language that is spoken."""

from __future__ import annotations

from auditor.language.speaking import N_
from auditor.language.speaking import gettext as _

SHAPES = (
    *(N_("small spot"), N_("spot"), N_("large spot"), N_("small square"), N_("square")),
    *(N_("horizontal strip"), N_("vertical strip"), N_("frame")),
    *(N_("upper left corner"), N_("upper right corner")),
    *(N_("lower left corner"), N_("lower right corner")),
    *(N_("upper left strip"), N_("upper right strip")),
    *(N_("lower left strip"), N_("lower right strip")),
    *(N_("flat border area"), N_("recurring mark")),
    *(N_("region of a strategy"), N_("region of a subspace")),
)
OF_CONCEPT = "region of concept "


def shape_in_words(shape: str) -> str:
    """Return how the spoken language calls the shape of a region."""
    if shape.startswith(OF_CONCEPT):
        return _("region of concept %(concept)s", concept=shape.removeprefix(OF_CONCEPT))
    return _(shape) if shape in SHAPES else shape
