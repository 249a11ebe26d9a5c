"""The search class by class: what each class is screened, tested and graded for is one record.

No random stream crosses a class, and of other classes a class reads only what `Plan` and the scenes
of their records hold; so the classes can be done by several processes, in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float, Int

from auditor.causal.candidate import Compared, Tested, tested_candidates
from auditor.causal.carrying_images import strays_of
from auditor.causal.causes import causes_of
from auditor.causal.findings import graded
from auditor.causal.images import Members, Stage, load_members, recalled
from auditor.causal.joining import joined
from auditor.causal.nulls import ClassNulls, class_nulls
from auditor.causal.other_labels import beside_other_labels
from auditor.causal.proposing import propose
from auditor.causal.rivals import rivals_of
from auditor.causal.screening import Screened, Tried, screen, selected
from auditor.records.several import ABSENT_STATE, Several
from auditor.records.stages import Finding
from auditor.run.tasks import Referring
from auditor.shortcuts.calibration import Nulls
from auditor.shortcuts.propose.merging import left_out, merged
from auditor.shortcuts.scenes import GROUPS, Scene, scaled, scene, squares_of
from auditor.shortcuts.tests import Results

# Proposals of a class that follow relevance and are tried.
SCREENED = 8


@dataclass(frozen=True, eq=False)
class Screening:
    """What came of screening a class: the members that were drawn, their heat and their regions.

    ``chosen`` are the best of ``regions``, as far as one class may have; ``left`` counts those that
    were `left_out`. ``scene`` is what the members of other classes are compared with, not yet
    balanced, and ``squares`` what it is balanced by.
    """

    output: int
    rows: Int[np.ndarray, "member"]
    heat: Float[np.ndarray, "member h w"]
    objects: Float[np.ndarray, "member h w"] | None
    regions: tuple[Screened, ...]
    tried: tuple[Tried, ...]
    chosen: tuple[int, ...]
    left: tuple[int, int]
    scene: Scene
    squares: Float[np.ndarray, "member 6"]


@dataclass(frozen=True, eq=False)
class Plan:
    """What all classes have to know before one is tested.

    Per class: what its regions did, and which of them are tested; ``scale`` balances the scenes.
    ``layers`` are those on which regions are looked for in the model, ``notes`` why there.
    """

    tried: Mapping[int, Sequence[Tried]]
    chosen: Mapping[int, Sequence[int]]
    scale: Float[np.ndarray, "6"]
    layers: Mapping[int, str]
    notes: Sequence[str]


@dataclass(frozen=True, eq=False)
class ClassTests:
    """The tested candidates of a class, and what its self-check found."""

    tested: tuple[Tested, ...]
    nulls: ClassNulls


@dataclass(frozen=True, eq=False)
class Correction:
    """The results of all candidates with q, by id, and what the self-check of all classes found."""

    results: Mapping[str, Results]
    nulls: Nulls


class Kept(Protocol):
    """What the search has found so far."""

    def plan(self, name: str) -> Any:
        """Return what was put together of all classes."""

    def of(self, name: str, output: int, shared: Mapping[str, Any]) -> Any:
        """Return the record of a class, with ``shared`` objects where it names them."""


class Shared(dict[str, object]):
    """What stands in the tests of a class and is no part of their record.

    The wrongly decided images of the class, ``strays``, are loaded when they are asked for.
    """

    def __init__(self, stage: Stage, members: Members) -> None:
        super().__init__(members=members, targets=stage.targets, others=stage.others)
        self._stage, self._members = stage, members

    def __missing__(self, name: str) -> object:
        if name != "strays":
            raise KeyError(name)
        self[name] = strays_of(self._stage, self._members)
        return self[name]


OfClass = Callable[[Stage, int, Kept], Any]


def members_of(stage: Stage, output: int, kept: Kept) -> Members:
    """Return the members that a class was screened with; their pictures are loaded when needed."""
    found: Screening = kept.of("screening", output, {})
    return recalled(stage.about(output), output, found.rows, found.heat, found.objects)


def screened_class(stage: Stage, output: int, kept: Kept) -> Screening:
    """Draw the members of a class, propose regions and try them on the discovery half."""
    stage = stage.about(output)
    search = stage.search
    members = load_members(search, output)
    rng = search.rng("members that are tried", output)
    proposed = propose(stage, members, stage.means)
    best = merged(proposed, SCREENED)
    classes = len(stage.searched)
    regions = screen(stage.probe, members, best, stage.others, classes=classes, rng=rng)
    places = {id(region): place for place, region in enumerate(regions)}
    chosen = selected(regions, search.config.per_class)
    boxes = stage.probe.subject.boxed
    shown = scene(members.pictures, members.heat, members.objects, boxes=boxes)
    return Screening(
        output=output,
        rows=members.rows,
        heat=members.heat,
        objects=members.objects,
        regions=tuple(regions),
        tried=tuple(Tried(each.share, each.proposal.area, each.effects) for each in regions),
        chosen=tuple(places[id(each)] for each in chosen),
        left=left_out(proposed, best),
        scene=shown,
        squares=squares_of(shown),
    )


def tested_class(stage: Stage, output: int, kept: Kept) -> Referring:
    """Run all tests of a class's candidates, and its self-check; `ClassTests`."""
    plan: Plan = kept.plan("budget")
    several = stage.samples.manifest.several
    stage = stage.about(output)
    members = members_of(stage, output, kept)
    regions = kept.of("screening", output, {}).regions
    compared = Compared(
        plan.tried,
        {
            label: scaled(
                _scene_without(kept.of("screening", label, {}), output, several), plan.scale
            )
            for label in (output, *compared_classes(stage, output))
        },
        rivals_of(stage.search, [members], stage.others),
        stage.means,
    )
    causes = causes_of(stage, members, [regions[place] for place in plan.chosen[output]])
    layer = plan.layers.get(output)
    parts = tested_candidates(stage, members, causes, compared, layer)
    tested = joined(stage, members, parts, compared, layer)
    strays = next((each.strays for each in tested if each.strays is not None), None)
    tested = [each if each.strays is None else replace(each, strays=strays) for each in tested]
    nulls = class_nulls(stage, members, tested, compared)
    shared = Shared(stage, members)
    if strays is not None:
        shared["strays"] = strays
    return Referring(ClassTests(tuple(tested), nulls), shared)


def _scene_without(found: Screening, output: int, several: Several | None) -> Scene:
    """Return the scene of a class; of another label without the pictures that have this one too."""
    if several is None or found.output == output:
        return found.scene
    apart = np.flatnonzero(several.states[found.rows, output] == ABSENT_STATE)
    return found.scene.of(apart)


def compared_classes(stage: Stage, output: int) -> list[int]:
    """Return the classes whose members those of a class are compared with: at most `GROUPS`, drawn.

    So that what a class takes does not grow with the number of classes.
    """
    others = [label for label in stage.searched if label != output]
    if len(others) <= GROUPS:
        return others
    drawn = stage.search.rng("classes to compare with", output).permutation(others)[:GROUPS]
    return sorted(int(label) for label in drawn)


def tests_of(stage: Stage, output: int, kept: Kept) -> ClassTests:
    """Return the tests of a class again."""
    stage = stage.about(output)
    found: ClassTests = kept.of("tests", output, Shared(stage, members_of(stage, output, kept)))
    return found


def graded_class(stage: Stage, output: int, kept: Kept) -> tuple[Finding, ...]:
    """Grade the candidates of a class, and measure what a finding of it is shown with."""
    correction: Correction = kept.plan("correction")
    tested = tests_of(stage, output, kept).tested
    found = graded(stage.about(output), tested, correction.results, correction.nulls)
    return tuple(beside_other_labels(stage.samples, each) for each in found)


# What is done of each class, by the name of the stage, in this order.
OF_CLASSES: Mapping[str, OfClass] = {
    "screening": screened_class,
    "tests": tested_class,
    "findings": graded_class,
}
# What is put together of all classes before a stage.
NEEDS: Mapping[str, str] = {"tests": "budget", "findings": "correction"}
