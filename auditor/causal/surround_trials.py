"""Test whether a class rests on what surrounds its objects: surrounds swapped between classes.

Plates are of the discovery half and objects of the test half. What a candidate of the class that
was tested before covers is filled in its plates, so that a mark beside the object is not found a
second time as its surround.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from auditor.causal.candidate import Tested
from auditor.causal.concept_contexts import (
    InComponents,
    Penultimate,
    penultimate_of,
    proposed,
    tested_component,
)
from auditor.causal.images import Members, Pool, Stage
from auditor.causal.kinds import Looked
from auditor.causal.latent import promising
from auditor.causal.natural_mistakes import Mistakes, Natural, natural_mistakes, natural_pictures
from auditor.causal.surround_swaps import (
    NO_SURROUND,
    Sides,
    Swapped,
    grey_plate,
    on_plates,
    sides_of,
    swap,
    targets_in,
)
from auditor.causal.surrounds import Apart, objects_in, taken_apart
from auditor.causal.transplant import margin
from auditor.causal.trial import (
    FIRST_TARGETS,
    LEAST_IMAGES,
    least_effect,
    unspecific,
)
from auditor.language.speaking import N_, joined, ngettext
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Evidence
from auditor.shortcuts.grading import CLEAR, LEVEL, LIKELY, STRONG
from auditor.shortcuts.statistics import detection_limit
from auditor.shortcuts.tests import SURROUND_GIVEN, SURROUND_SWAPPED, Results, in_order
from auditor.shortcuts.whole_pictures.class_components import Component
from auditor.shortcuts.whole_pictures.surround_looks import CONTEXT

BY_PLACE = N_(
    "objects put on the surroundings of other classes (not by components: the logits of this model "
    "do not come from a linear layer)"
)
# Tests of a context.
CONTEXT_TESTS = 8
# Classes on whose surround objects of a class are laid.
OTHER_CLASSES = 3
# Plates under each object.
SLOTS = 2
# Members of each half that are taken apart.
PLATES_FROM, OBJECTS_FROM = 20, 28
# A candidate that covers more of the picture is the surround, or a part of it.
MOST_ERASED = 0.1


@dataclass(frozen=True, eq=False)
class Context:
    """The surround of a class's objects with its results, q missing.

    ``share`` is what the plates moved where they were chosen, ``kept`` how many of how many of the
    class's objects are recognised on plain grey, ``alone`` how many of how many of its plates are
    taken for the class without any object.
    """

    id: str
    members: Members
    sides: Sides
    swapped: Swapped
    evidence: Results
    mistakes: Mistakes | None
    components: InComponents | None
    share: float
    kept: tuple[int, int]
    alone: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Contexts:
    """The surrounds that were tested, and what could not be.

    ``untried`` are results of classes whose surround moved nothing where plates were chosen, and
    with which no mistakes go. ``left_out`` of ``looked_at`` pictures have no usable object; of the
    classes ``unusable`` too few have one, and the surroundings of all others look like those of the
    classes ``indistinct``. ``shared`` of ``compared`` surroundings of other classes do. ``fewest``
    are the smallest numbers of targets, and of a class's own plates and objects. ``why`` says why
    nothing was looked for, ``by_concept`` whether the penultimate layer was looked at too.
    """

    trials: tuple[Context, ...] = ()
    untried: Mapping[str, Results] = field(default_factory=dict)
    left_out: int = 0
    looked_at: int = 0
    unusable: tuple[str, ...] = ()
    indistinct: tuple[str, ...] = ()
    shared: int = 0
    compared: int = 0
    fewest: tuple[int, int, int] = (0, 0, 0)
    why: str = ""
    by_concept: bool = True

    @property
    def results(self) -> dict[str, Results]:
        """All results, by the id of their context."""
        return {**{each.id: each.evidence for each in self.trials}, **self.untried}

    def of(self, classes: Sequence[Members]) -> list[Context]:
        """Return the surrounds of some of the classes that were tested."""
        outputs = {members.output for members in classes}
        return [each for each in self.trials if each.sides.output in outputs]

    def notes(self, listed: int) -> list[str]:
        """Return what was tested and left out, in sentences; ``listed`` contexts are findings."""
        notes = []
        if self.left_out:
            notes.append(
                ngettext(
                    "Surroundings: in %(num)s of %(all)s pictures no object could be told from "
                    "what surrounds it; it was left out.",
                    "Surroundings: in %(num)s of %(all)s pictures no object could be told from "
                    "what surrounds it; they were left out.",
                    self.left_out,
                    all=self.looked_at,
                )
            )
        if self.shared:
            notes.append(
                _(
                    "Surroundings: %(shared)s of %(compared)s surroundings of other classes look "
                    "like those of the class that they are compared with, and were left out.",
                    shared=self.shared,
                    compared=self.compared,
                )
            )
        if all(self.fewest):
            targets, plates, objects = self.fewest
            notes.append(
                _(
                    "Surroundings: of every class at least %(plates)s surroundings were tried, and "
                    "%(objects)s of its own objects and %(targets)s of others to lay on them. They "
                    "moved the model, or mistakes went with them, in %(tested)s classes, of which "
                    "%(listed)s are listed.",
                    plates=plates,
                    objects=objects,
                    targets=targets,
                    tested=len(self.trials),
                    listed=listed,
                )
            )
        return notes

    def looked(self, tests: int) -> Looked:
        """Return on how many pictures surroundings were looked for, or why they were not."""
        if self.why:
            return Looked(reason=self.why)
        left = []
        if self.unusable:
            left.append(
                _(
                    "too few pictures with an object that can be told from its surroundings: "
                    "%(classes)s",
                    classes=", ".join(self.unusable),
                )
            )
        if self.indistinct:
            left.append(
                _(
                    "the surroundings of all other classes look like those of: %(classes)s",
                    classes=", ".join(self.indistinct),
                )
            )
        but = joined(left, "; ")
        if not self.fewest[0]:
            return Looked(reason=but)
        targets = self.fewest[0]
        limit = detection_limit(targets, tests, level=LEVEL, bound=LIKELY)
        if limit is None:
            return Looked(
                reason=_("no effect could have passed the tests on %(n)s pictures", n=targets)
            )
        how = "" if self.by_concept else _(BY_PLACE)
        return Looked(targets, limit, how=how, but=but)


def together(parts: Sequence[Contexts]) -> Contexts:
    """Return what came of several searches, each of other classes, as one."""
    if len(parts) == 1:
        return parts[0]
    counts = [each.fewest for each in parts if all(each.fewest)]
    return Contexts(
        trials=tuple(trial for each in parts for trial in each.trials),
        untried={name: results for each in parts for name, results in each.untried.items()},
        left_out=sum(each.left_out for each in parts),
        looked_at=sum(each.looked_at for each in parts),
        unusable=tuple(name for each in parts for name in each.unusable),
        indistinct=tuple(name for each in parts for name in each.indistinct),
        shared=sum(each.shared for each in parts),
        compared=sum(each.compared for each in parts),
        fewest=tuple(map(min, zip(*counts, strict=True))) if counts else (0, 0, 0),
        why=parts[0].why,
        by_concept=all(each.by_concept for each in parts),
    )


@dataclass(frozen=True, eq=False)
class _Asked:
    """A class with what it is swapped with; ``share`` is None where that is too little."""

    members: Members
    sides: Sides
    mistakes: Mistakes | None
    share: float | None
    component: Component | None

    @property
    def id(self) -> str:
        return f"{self.members.output}-s1"

    @property
    def telling(self) -> bool:
        """Say whether the surround moved the model, holds a component, or mistakes go with it."""
        mistakes = self.mistakes.mistaken.low if self.mistakes else 0.0
        found = self.component is not None or mistakes >= STRONG
        return self.share is not None and (self.share >= CLEAR or found)


def context_trials(stage: Stage, classes: Sequence[Members], tested: Sequence[Tested]) -> Contexts:
    """Test the surround of every class that moves the model where plates were chosen.

    And of every class whose surround other classes share in pictures that are taken for it.
    """
    if CONTEXT not in stage.search.proposals:
        return Contexts(why=_("what proposes it did not run: %(names)s", names=CONTEXT))
    if not classes:
        return Contexts(why=_("no class has enough pictures"))
    apart = _taken_apart(stage, classes, tested)
    targets, others, *owns = apart
    natural = natural_pictures(stage)
    layer = penultimate_of(stage, others, natural.pool)
    asked = [
        _asked(stage, members, own, others, targets, natural, layer)
        for members, own in zip(classes, owns, strict=True)
    ]
    left_out = sum(each.left_out for each in apart)
    failed = [each for each in asked if each.share is None]
    names = {each.id: stage.search.class_name(each.members.output) for each in failed}
    counts = [_counts(stage, each.sides) for each in asked if each.share is not None]
    return Contexts(
        trials=tuple(_tested(stage, each, layer) for each in asked if each.telling),
        untried={
            each.id: in_order([each.mistakes.mistaken, each.mistakes.missed])
            for each in asked
            if each.mistakes and not each.telling
        },
        left_out=left_out,
        looked_at=left_out + sum(len(each.rows) for each in apart),
        unusable=tuple(names[each.id] for each in failed if not each.sides.indistinct),
        indistinct=tuple(names[each.id] for each in failed if each.sides.indistinct),
        shared=sum(len(each.sides.shared) for each in asked),
        compared=sum(len(each.sides.shared) + len(each.sides.other_plates) for each in asked),
        fewest=tuple(map(min, zip(*counts, strict=True))) if counts else (0, 0, 0),
        by_concept=layer is not None,
    )


def _asked(
    stage: Stage,
    members: Members,
    own: Apart,
    others: Apart,
    targets: Apart,
    natural: Natural,
    layer: Penultimate | None,
) -> _Asked:
    mistakes = natural_mistakes(stage, members, natural)
    alike = stage.others.rows[mistakes.others] if mistakes else stage.others.rows[:0]
    sides = sides_of(stage, members.output, own, others, targets, alike)
    share = _share(stage, members, sides)
    component = proposed(layer, members, sides) if layer and share is not None else None
    return _Asked(members, sides, mistakes, share, component)


def _counts(stage: Stage, sides: Sides) -> tuple[int, int, int]:
    """Return how many targets a class has, and how many plates and objects of its own."""
    targets = len(targets_in(stage, sides.targets, sides.output))
    return min(stage.config.targets, targets), len(sides.plates), len(sides.objects)


def _taken_apart(stage: Stage, classes: Sequence[Members], tested: Sequence[Tested]) -> list[Apart]:
    """Take targets, others and members of every class apart, in this order."""
    pools = stage.targets, stage.others
    sources: list[Pool | Members] = [*pools, *classes]
    chosen = [*(_evenly(stage, each) for each in pools), *(_drawn(stage, each) for each in classes)]
    labels = [pool.labels for pool in pools]
    labels += [np.full(len(each.rows), each.output) for each in classes]
    erased = [None] * len(pools) + [_erased(each, tested) for each in classes]
    groups = [
        (each.rows[index], each.inputs[torch.from_numpy(index)])
        for each, index in zip(sources, chosen, strict=True)
    ]
    found = objects_in(stage.probe, groups)
    return [
        taken_apart(stage.probe, rows, of[index], inputs, None if hid is None else hid[index], seen)
        for (rows, inputs), index, of, hid, seen in zip(
            groups, chosen, labels, erased, found, strict=True
        )
    ]


def _evenly(stage: Stage, pool: Pool) -> Int[np.ndarray, "chosen"]:
    """Return as many images of each class as the targets allow, the first of each."""
    most = -(-stage.config.targets // len(np.unique(pool.labels)))
    turns = [np.flatnonzero(pool.labels == label)[:most] for label in np.unique(pool.labels)]
    return np.sort(np.concatenate(turns))


def _drawn(stage: Stage, members: Members) -> Int[np.ndarray, "chosen"]:
    """Draw members of both halves."""
    rng = stage.search.rng("members that are taken apart", members.output)
    chosen = [
        rng.permutation(np.flatnonzero(members.discovery == half))[:most]
        for half, most in ((True, PLATES_FROM), (False, OBJECTS_FROM))
    ]
    return np.sort(np.concatenate(chosen))


def _erased(members: Members, tested: Sequence[Tested]) -> Bool[np.ndarray, "member h w"]:
    """Return what promising candidates of the class cover in members.

    Not what covers more than `MOST_ERASED`: that would take the surround away with itself.
    """
    erased = np.zeros(members.heat.shape, dtype=bool)
    for each in tested:
        proposal = each.screened.proposal
        of_class = each.members.output == members.output and proposal.area <= MOST_ERASED
        if of_class and promising(each.evidence.values()):
            erased |= proposal.masks
    return erased


def _share(stage: Stage, members: Members, sides: Sides) -> float | None:
    """Return what the class's plates move in a few objects of the discovery half; None: too few.

    The larger of the share of the class's evidence, and of the objects, less the control.
    """
    output = sides.output
    tried = targets_in(stage, sides.others, output)[:FIRST_TARGETS]
    aims = targets_in(stage, sides.targets, output)
    if not (sides.enough and len(tried) and len(aims)):
        return None
    rng = stage.search.rng("surrounds that are tried", output)
    result = swap(stage, sides, sides.others, tried, 1, rng).result
    gap = margin(members.logits[members.discovery], output).mean()
    gap -= margin(stage.samples.logits[sides.others.rows[tried]], output).mean()
    moved = min(float(each.mean()) for each in result.margins(output).values())
    turned = min(float(each.mean()) for each in result.flips(output).values())
    return max(moved / max(float(gap), 1e-6), turned)


def _tested(stage: Stage, asked: _Asked, layer: Penultimate | None) -> Context:
    members, sides, mistakes, components = asked.members, asked.sides, asked.mistakes, None
    assert asked.share is not None
    output = sides.output
    rng = stage.search.rng("surrounds swapped", output)
    aims = targets_in(stage, sides.targets, output)[: stage.config.targets]
    swapped = swap(stage, sides, sides.targets, aims[:FIRST_TARGETS], SLOTS, rng)
    given = _given(stage, swapped, output, rng)
    lost = _lost(stage, sides, rng)
    if max(given.high, lost.high) >= CLEAR and len(aims) > FIRST_TARGETS:
        rest = aims[FIRST_TARGETS:]
        swapped = swapped.joined(swap(stage, sides, sides.targets, rest, SLOTS, rng))
        given = _given(stage, swapped, output, rng)
    results = [given, lost] + ([mistakes.mistaken, mistakes.missed] if mistakes else [])
    if layer is not None and asked.component is not None:
        rng = stage.search.rng("component of the surroundings", output)
        components = tested_component(layer, members, sides, asked.component, rng)
        results += components.evidence
    kept = ~_left(stage, sides, grey_plate(stage, sides), np.zeros(1, dtype=int), 1, rng)
    alone = stage.probe.predict(sides.own.plates[torch.from_numpy(sides.plates)]).argmax(axis=1)
    return Context(
        id=asked.id,
        members=members,
        sides=sides,
        swapped=swapped,
        evidence=in_order(results),
        mistakes=mistakes,
        components=components,
        share=asked.share,
        kept=(int(kept.sum()), len(kept)),
        alone=(int((alone == output).sum()), len(alone)),
    )


def _given(stage: Stage, swapped: Swapped, output: int, rng: np.random.Generator) -> Evidence:
    reason = unspecific(swapped.result, output)
    return least_effect(stage, SURROUND_GIVEN, swapped.result.flips(output), rng, reason=reason)


def _lost(stage: Stage, sides: Sides, rng: np.random.Generator) -> Evidence:
    """Lay the class's own objects on plates of other classes, and on other plates of the class.

    Class by class, and the one that makes fewest leave counts: on the surround of one class alone
    they may leave since that one draws them. Where other classes share the surround, grey too.
    """
    count = len(sides.objects)
    if count < LEAST_IMAGES:
        why = _(
            "%(count)s pictures of the class in the test half have an object that can be told from "
            "its surroundings, and %(least)s are needed.",
            count=count,
            least=LEAST_IMAGES,
        )
        return SURROUND_SWAPPED.missing(why)
    at_home = _left(stage, sides, sides.own.plates, sides.plates, SLOTS, rng).astype(float)
    away = {
        _("the surroundings of '%(name)s'", name=stage.search.class_name(label)): _left(
            stage, sides, sides.others.plates, plates, SLOTS, rng
        )
        for label, plates in islice(sides.elsewhere.items(), OTHER_CLASSES)
    }
    if NO_SURROUND in sides.controls:
        grey = grey_plate(stage, sides)
        away[NO_SURROUND] = _left(stage, sides, grey, np.zeros(1, dtype=int), SLOTS, rng)
    effects = {name: left - at_home for name, left in away.items()}
    return least_effect(stage, SURROUND_SWAPPED, effects, rng)


def _left(
    stage: Stage,
    sides: Sides,
    source: Float[Tensor, "source channel h w"],
    plates: Int[np.ndarray, "plate"],
    slots: int,
    rng: np.random.Generator,
) -> Bool[np.ndarray, "object slot"]:
    """Return which of the class's objects leave it on which of the plates."""
    drawn = rng.choice(plates, size=(len(sides.objects), slots))
    logits = on_plates(stage, sides.own, sides.objects, source, drawn)
    left: Bool[np.ndarray, "object slot"] = logits.argmax(axis=2) != sides.output
    return left
