"""The causal tests: one row each, which grading, wording, report and estimate all read.

A test of a region says what the model does when the region is put into other pictures, covered up,
or ignored inside the model; a test of whole pictures, when a statistic of them is set. A user's own
module (`plugins` in the config) adds a test of regions by decorating the function that runs it with
`causal_test`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from auditor.base.registry import Registry
from auditor.language.speaking import N_
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Evidence, Outcome

Results = Mapping[str, Evidence]
# What a passed test says of a region: it suffices for the class, the class needs it, or it confirms
# what another test found. A test that is only shown has no weight in a grade.
Weight = Literal["sufficient", "necessary", "confirms", "shown"]
INSIDE = "latent"


@dataclass(frozen=True)
class CausalTest:
    """What a test is called and asks, how its result is told and weighed, and what it costs.

    ``kind`` is what is done: the confidence counts kinds that agree, and what is done `INSIDE` the
    model says nothing of regions it was not asked for. ``unit`` is "images" or "evidence", of which
    effects are shares, or the word for a plain number. ``sentence`` is said of a result with its
    numbers, ``idle`` in its place where the interval reaches 0, ``objection`` where a weak result
    speaks against the candidate; empty: nothing is said. ``stands_out``: an effect counts only
    where it is far from that of other windows (z). ``conditional``: it may be left out for what
    other tests found, and then counts as a test with p = 1. ``rounds``: how many images go through
    the model for each target and slot when no test stops early. ``of_regions``: of regions, not of
    whole pictures. ``run`` is the function of a test that shares no work with the built-in ones.
    """

    id: str
    kind: str
    title: str
    question: str
    sentence: str
    unit: str = "images"
    weight: Weight = "shown"
    idle: str = ""
    objection: str = ""
    stands_out: bool = False
    conditional: bool = False
    rounds: float = 0.0
    of_regions: bool = True
    run: Callable[..., Evidence] | None = None

    def result(self, **measured: Any) -> Evidence:
        """Return the evidence that was measured; see `Evidence`."""
        named = {"test": self.id, "title": _(self.title), "question": _(self.question)}
        return Evidence(**{"unit": self.unit, **named, **measured})

    def missing(self, why: str, outcome: Outcome = "not applicable") -> Evidence:
        """Return evidence that the test could not be run."""
        return self.result(outcome=outcome, effect=0.0, low=0.0, high=0.0, n=0, reason=why)


TESTS: Registry[CausalTest] = Registry("causal test", group="tests", accepts=CausalTest)


def causal_test(test: CausalTest) -> Callable[[Callable[..., Evidence]], Callable[..., Evidence]]:
    """Return a decorator that registers a test, or a row of the table, with what runs it.

    The function is given the images that all tests share, the candidate's trial, and a random
    generator of its own: see `auditor.causal.trial`. An error that it raises becomes the outcome.
    """

    def enter(run: Callable[..., Evidence]) -> Callable[..., Evidence]:
        TESTS.enter(test.id, replace(test, run=run), made_of=test)
        return run

    return enter


def in_order(results: Iterable[Evidence]) -> dict[str, Evidence]:
    """Return results by test, in the order of the table."""
    by_test = {each.test: each for each in results}
    return {test: by_test[test] for test in TESTS if test in by_test}


def _row(test: CausalTest) -> CausalTest:
    return TESTS.register(test.id)(test)


FLIP_EXCESS = _row(
    CausalTest(
        "flip_excess",
        kind="transplant",
        title=N_("Transplant: other images that turn into the class"),
        question=N_("Put into other pictures: how many does the model now take for the class?"),
        sentence=N_(
            "put into pictures of other classes it turns %(effect)s (95 %% interval %(low)s to "
            "%(high)s, n = %(n)s) into '%(name)s'"
        ),
        objection=N_("Put into other pictures it turns few of them into '%(name)s' %(few)s."),
        weight="sufficient",
        rounds=4.0,  # the region and three controls
    )
)
NEAREST_CLASS = _row(
    CausalTest(
        "nearest_class",
        kind="transplant",
        title=N_("Transplant: images of the nearest class that turn into the class"),
        question=N_("Put into pictures of the class most like it: how many does it turn?"),
        sentence=N_(
            "of the pictures of '%(rival)s', the nearest class, it turns %(effect)s (95 %% "
            "interval %(low)s to %(high)s, n = %(n)s)"
        ),
        weight="sufficient",
        conditional=True,
        rounds=2.0,  # as above, of half as many targets
    )
)
COVERED = _row(
    CausalTest(
        "covered",
        kind="absence",
        title=N_("Absence: other images that turn into the class when the place is only covered"),
        question=N_("Only covered up in other pictures: how many does it take for the class?"),
        sentence=N_(
            "covering that place in pictures of other classes, with nothing of the region in it, "
            "turns %(effect)s (95 %% interval %(low)s to %(high)s, n = %(n)s) into '%(name)s': "
            "what is missing there may decide, not what is there"
        ),
        idle=N_(
            "covering that place in pictures of other classes turns no more of them into "
            "'%(name)s' than covering another (n = %(n)s)"
        ),
        rounds=0.5,  # the region and a window, without slots
    )
)
EVIDENCE_SHARE = _row(
    CausalTest(
        "evidence_share",
        kind="transplant",
        title=N_("Transplant: share of the class's evidence that comes along"),
        question=N_("How much of the model's evidence for the class moves along with it?"),
        sentence=N_(
            "it carries %(effect)s (95 %% interval %(low)s to %(high)s, n = %(n)s) of the "
            "evidence for '%(name)s'"
        ),
        objection=N_(
            "It carries no clearly larger share of the evidence than windows of its size do."
        ),
        unit="evidence",
        weight="sufficient",
        stands_out=True,
    )
)
REMOVAL = _row(
    CausalTest(
        "removal",
        kind="removal",
        title=N_("Removal: images that leave the class without the region"),
        question=N_("Covered up: how many pictures are no longer recognised?"),
        sentence=N_(
            "without it %(effect)s (95 %% interval %(low)s to %(high)s, n = %(n)s) of the "
            "class's pictures leave '%(name)s'"
        ),
        idle=N_(
            "pictures of '%(name)s' are still recognised without it: no more of them leave the"
            " class than with another window removed (n = %(n)s)"
        ),
        objection=N_("Pictures of '%(name)s' are still recognised when it is covered %(few)s."),
        weight="necessary",
        rounds=1.0,  # two infills of the region and of a window, without slots
    )
)
EVIDENCE_LOST = _row(
    CausalTest(
        "evidence_lost",
        kind="removal",
        title=N_("Removal: share of the class's evidence that is lost with the region"),
        question=N_("Covered up: how much of the evidence for the class is gone?"),
        sentence=N_(
            "covering it takes away %(effect)s (95 %% interval %(low)s to %(high)s, n = %(n)s) of "
            "the evidence for '%(name)s'"
        ),
        idle=N_(
            "covering it takes away no more of the evidence for '%(name)s' than covering another "
            "window (n = %(n)s)"
        ),
        unit="evidence",
        weight="confirms",
    )
)
LATENT = _row(
    CausalTest(
        "latent",
        kind=INSIDE,
        title=N_("Latent: images with the region that leave the class without its direction"),
        question=N_("Ignored inside the model: how many pictures are no longer recognised?"),
        sentence=N_(
            "with its direction taken out of the layer %(effect)s (95 %% interval %(low)s to "
            "%(high)s, n = %(n)s) of the pictures that carry it leave '%(name)s'"
        ),
        idle=N_(
            "with its direction taken out of the layer no more of the pictures that carry it "
            "leave the class than with a random one (n = %(n)s)"
        ),
        objection=N_(
            "Pictures of '%(name)s' are still recognised with its direction projected out %(few)s."
        ),
        weight="confirms",
        conditional=True,
    )
)
STATISTIC_GIVEN = _row(
    CausalTest(
        "statistic_given",
        kind="transplant",
        title=N_("Given to pictures of other classes: turn into the class"),
        question=N_("Given to pictures of other classes: how many turn into the class?"),
        sentence=N_(
            "Given to pictures of other classes it turns %(effect)s (95 %% interval %(low)s to "
            "%(high)s, n = %(n)s) into '%(name)s'."
        ),
        weight="sufficient",
        of_regions=False,
    )
)
STATISTIC_TAKEN = _row(
    CausalTest(
        "statistic_taken",
        kind="removal",
        title=N_("Taken from pictures of the class: leave it"),
        question=N_("Taken from pictures of the class: how many leave it?"),
        sentence=N_(
            "Taken from pictures of '%(name)s' it makes %(effect)s (95 %% interval %(low)s to "
            "%(high)s, n = %(n)s) leave the class."
        ),
        weight="necessary",
        of_regions=False,
    )
)
PLACE_COVERED = _row(
    CausalTest(
        "place_covered",
        kind="removal",
        title=N_("Covered up in pictures of other classes: turn into the class"),
        question=N_("Covered up in pictures of other classes: how many turn into the class?"),
        sentence=N_(
            "covered up in pictures of other classes, it turns %(effect)s (95 %% interval "
            "%(low)s to %(high)s, n = %(n)s) more of them into '%(name)s' than another place does"
        ),
        weight="sufficient",
        of_regions=False,
    )
)
PLACE_FILLED = _row(
    CausalTest(
        "place_filled",
        kind="transplant",
        title=N_("Put into pictures of the class: leave it"),
        question=N_("Put into pictures of the class: how many leave it?"),
        sentence=N_(
            "put into pictures of '%(name)s', it makes %(effect)s (95 %% interval %(low)s to "
            "%(high)s, n = %(n)s) more of them leave the class than other pieces do"
        ),
        idle=N_(
            "put into pictures of '%(name)s', it makes no more of them leave the class than other "
            "pieces do (n = %(n)s)"
        ),
        objection=N_(
            "Put into pictures of '%(name)s' it makes few of them leave the class %(few)s."
        ),
        weight="necessary",
        of_regions=False,
    )
)
SURROUND_GIVEN = _row(
    CausalTest(
        "surround_given",
        kind="transplant",
        title=N_("Surroundings: objects of other classes that turn into the class"),
        question=N_("Laid on the surroundings of the class: how many other objects turn into it?"),
        sentence=N_(
            "laid on surroundings of '%(name)s', %(effect)s (95 %% interval %(low)s to %(high)s, "
            "n = %(n)s) more of the objects of other classes turn into '%(name)s' than on others"
        ),
        objection=N_(
            "Laid on its surroundings, few objects of other classes turn into '%(name)s' %(few)s."
        ),
        weight="sufficient",
        of_regions=False,
    )
)
SURROUND_SWAPPED = _row(
    CausalTest(
        "surround_swapped",
        kind="removal",
        title=N_("Surroundings: objects of the class that leave it on those of other classes"),
        question=N_("Laid on surroundings of other classes: how many of its objects are lost?"),
        sentence=N_(
            "laid on surroundings of other classes, %(effect)s (95 %% interval %(low)s to "
            "%(high)s, n = %(n)s) more of the class's own objects leave '%(name)s' than on its own"
        ),
        idle=N_(
            "no more of the class's own objects leave '%(name)s' on surroundings of other classes "
            "than on its own (n = %(n)s)"
        ),
        objection=N_(
            "Objects of '%(name)s' are still recognised on surroundings of other classes %(few)s."
        ),
        weight="necessary",
        of_regions=False,
    )
)
NATURAL_MISTAKES = _row(
    CausalTest(
        "natural_mistakes",
        kind="as they are",
        title=N_("Pictures as they are: other classes in such surroundings, taken for the class"),
        question=N_("Pictures of other classes in such surroundings: more often taken for it?"),
        sentence=N_(
            "as they are, %(effect)s (95 %% interval %(low)s to %(high)s) more of the pictures of "
            "other classes are taken for '%(name)s' where the surroundings look like those of "
            "'%(name)s' (n = %(n)s) than where they do not"
        ),
        idle=N_(
            "as they are, no more pictures of other classes are taken for '%(name)s' where the "
            "surroundings look like those of '%(name)s' (n = %(n)s) than where they do not"
        ),
        weight="confirms",
        of_regions=False,
    )
)
NATURAL_MISSES = _row(
    CausalTest(
        "natural_misses",
        kind="as they are",
        title=N_("Pictures as they are: the class in other surroundings, not recognised"),
        question=N_("Pictures of the class in other surroundings: more often missed?"),
        sentence=N_(
            "as they are, %(effect)s (95 %% interval %(low)s to %(high)s) more of the pictures of "
            "'%(name)s' are missed where the surroundings do not look like the usual ones "
            "(n = %(n)s) than where they do"
        ),
        idle=N_(
            "as they are, no more pictures of '%(name)s' are missed where the surroundings do not "
            "look like the usual ones (n = %(n)s) than where they do"
        ),
        weight="confirms",
        of_regions=False,
    )
)
COMPONENT_AROUND = _row(
    CausalTest(
        "component_around",
        kind="as they are",
        title=N_("Component: surroundings of the class that hold it without any object"),
        question=N_("With the object filled in: is the component there more often than elsewhere?"),
        sentence=N_(
            "with their object filled in, %(effect)s (95 %% interval %(low)s to %(high)s, "
            "n = %(n)s) more of the pictures of '%(name)s' than of other classes hold a component "
            "of the penultimate layer that speaks for '%(name)s'"
        ),
        of_regions=False,
    )
)
COMPONENT_MISTAKES = _row(
    CausalTest(
        "component_mistakes",
        kind="as they are",
        title=N_("Component: other classes whose surroundings hold it, taken for the class"),
        question=N_("Other classes whose surroundings hold it: more often taken for the class?"),
        sentence=N_(
            "as they are, %(effect)s (95 %% interval %(low)s to %(high)s, n = %(n)s) more of the "
            "pictures of other classes are taken for '%(name)s' where their surroundings alone "
            "hold it than where they do not"
        ),
        idle=N_(
            "as they are, no more pictures of other classes are taken for '%(name)s' where their "
            "surroundings alone hold it (n = %(n)s) than where they do not"
        ),
        weight="confirms",
        of_regions=False,
    )
)
COMPONENT_GIVEN = _row(
    CausalTest(
        "component_given",
        kind=INSIDE,
        title=N_("Component: added to pictures of other classes"),
        question=N_("Added in the penultimate layer: how many other pictures turn into the class?"),
        sentence=N_(
            "added in the penultimate layer as the class has it, it turns %(effect)s (95 %% "
            "interval %(low)s to %(high)s, n = %(n)s) more of the pictures of other classes into "
            "'%(name)s' than a random direction"
        ),
        of_regions=False,
    )
)
COMPONENT_TAKEN = _row(
    CausalTest(
        "component_taken",
        kind=INSIDE,
        title=N_("Component: taken out of pictures of the class"),
        question=N_("Taken out of the penultimate layer: how many pictures leave the class?"),
        sentence=N_(
            "taken out there, %(effect)s (95 %% interval %(low)s to %(high)s, n = %(n)s) more of "
            "the pictures of '%(name)s' leave the class than with a random direction"
        ),
        of_regions=False,
    )
)
