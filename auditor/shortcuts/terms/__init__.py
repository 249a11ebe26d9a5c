"""The terms of implausibility: one file each, which says what is measured and what it counts.

A term measures one way in which a region may look like an artefact, in [0, 1]. It counts nothing up
to one value and fully from another on; between them its share grows evenly. A file of this folder,
or a module of the user's own (`plugins` in the config), adds a term by decorating its measure.

Weights and limits were chosen by hand on the demo and on the benchmark's grid 'full', to serve both
halves of its seeds alike; what they do on other models is measured on its grid 'fresh'. Natural
parts of a class often look alike, or keep to a place: such a term alone stays below grade B's limit
of 0.5. Only copies of one mark, what is foreign to other classes and to a part of its own, and what
the user's own masks say, reach it by themselves.

'made of something foreign' and 'much for its size' are for marks that never look the same. Their
limits were chosen on 9 small nets (64 pixels, clothing and Caltech) with ink, tilted rulers, a
stain, tape, a hand, dates, stickers and the face of one person: 18 regions that hit a mark which
turns 20 % of other pictures, against 46 strong regions (lower bound .15) of clean nets and classes.
Four nets were left out, with kinds that those did not have: faces of many people, changing words
and plasters, beside another ruler and hand, and ink on the whole class. Of the 14 marks that never
look the same and that a region hit, 5 came to .5: ink twice and tape of 6, a face and a ruler of
the 8 left out. None of the natural regions did that had less before. What all of a class shows
is not foreign to it, and counts nothing. What else fails is of a colour that other pictures
show as well: skin (hands, plasters), wood (the stain), white words. Measured for them too and not
counted for more: how clearly a part of the class lacks a region ('part of the class lacks it' told
.65 of pairs of a mark and a natural region apart), how unlike its surroundings it is, and how alike
its pixels are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from auditor.base.errors import ConfigError
from auditor.base.registry import Registry
from auditor.shortcuts.region_view import RegionView

Measure = Callable[[RegionView], float | None]


@dataclass(frozen=True)
class Term:
    """How a measure counts, and the sentences that it gives a finding.

    ``weight`` is what it alone makes of the score when it counts fully. ``reason`` is said of a
    region from ``nothing`` on and may hold ``%(share)s``, the measure as a percentage;
    ``objection`` up to there (empty: nothing is said). The name of a term is its title as well.
    """

    measure: Measure
    nothing: float
    fully: float
    weight: float
    reason: str
    objection: str = ""

    def strength(self, value: float) -> float:
        """Return how far a value has come from counting nothing (0) to counting fully (1)."""
        return (value - self.nothing) / (self.fully - self.nothing)

    def counted(self, value: float) -> float:
        """Return what a value makes of the score by itself."""
        return self.weight * min(1.0, max(0.0, self.strength(value)))


TERMS: Registry[Term] = Registry("term of implausibility", __name__, group="terms", accepts=Term)


def term(
    name: str,
    *,
    nothing: float,
    fully: float,
    weight: float,
    reason: str,
    objection: str = "",
) -> Callable[[Measure], Measure]:
    """Return a decorator that registers a measure as a term; see `Term`.

    The measure returns None where the term does not apply, and is then left out.

    Raises:
        ConfigError: the name is taken, or the numbers or a sentence cannot be used.
    """
    if not (nothing < fully and 0 < weight <= 1):
        raise ConfigError(
            f"the term '{name}' has nothing={nothing}, fully={fully}, weight={weight}; give "
            "'nothing' below 'fully', and a weight above 0 and up to 1."
        )
    for sentence in (reason, objection):
        try:
            _ = sentence % {"share": ""}
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"the term '{name}' has a sentence that cannot be filled in ({error!r}): "
                f"'{sentence}'; %(share)s is the only value, and a sign for per cent is %%."
            ) from error

    def enter(measure: Measure) -> Measure:
        entry = Term(measure, nothing, fully, weight, reason, objection)
        TERMS.enter(name, entry, made_of=measure)
        return measure

    return enter
