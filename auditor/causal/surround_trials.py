"""Test whether a class rests on what surrounds its objects: surrounds swapped between classes.

Plates are of the discovery half and objects of the test half. What a candidate of the class that
was tested before covers is filled in its plates, so that a mark beside the object is not found a
second time as its surround.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from auditor.causal.candidate import Tested
from auditor.causal.images import Members, Pool, Stage
from auditor.causal.kinds import Looked
from auditor.causal.latent import promising
from auditor.causal.natural_mistakes import Mistakes, Natural, natural_mistakes, natural_pictures
from auditor.causal.surround_swaps import (
    Sides,
    Swapped,
    on_plates,
    plated_classes,
    sides_of,
    swap,
    targets_in,
)
from auditor.causal.surrounds import Apart, taken_apart
from auditor.causal.transplant import margin
from auditor.causal.trial import (
    FIRST_TARGETS,
    LEAST_IMAGES,
    least_effect,
    unspecific,
)
from auditor.language.speaking import gettext as _
from auditor.language.speaking import ngettext
from auditor.records.shortcuts import Evidence
from auditor.shortcuts.grading import CLEAR, LEVEL, LIKELY
from auditor.shortcuts.statistics import detection_limit
from auditor.shortcuts.tests import SURROUND_GIVEN, SURROUND_SWAPPED, Results, in_order
from auditor.shortcuts.whole_pictures.surround_looks import CONTEXTS

# Tests of a context.
CONTEXT_TESTS = 4
# Classes on whose surround objects of a class are laid.
OTHER_CLASSES = 3
# Plates under each object.
SLOTS = 2
# Members of each half that are taken apart.
PLATES_FROM, OBJECTS_FROM = 20, 28


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
    share: float
    kept: tuple[int, int]
    alone: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Contexts:
    """The surrounds that were tested, and what could not be.

    ``left_out`` of ``looked_at`` pictures have no usable object; of the classes ``unusable`` too
    few have one. ``fewest`` is the smallest number of targets of the others. ``why`` says why
    nothing was looked for.
    """

    trials: tuple[Context, ...] = ()
    left_out: int = 0
    looked_at: int = 0
    unusable: tuple[str, ...] = ()
    fewest: int = 0
    why: str = ""

    @property
    def notes(self) -> list[str]:
        """Return how many pictures were left out, in a sentence; none were: nothing."""
        if not self.left_out:
            return []
        note = ngettext(
            "Surroundings: in %(num)s of %(all)s pictures no object could be told from what "
            "surrounds it; it was left out.",
            "Surroundings: in %(num)s of %(all)s pictures no object could be told from what "
            "surrounds it; they were left out.",
            self.left_out,
            all=self.looked_at,
        )
        return [note]

    def looked(self, stage: Stage, tests: int) -> Looked:
        """Return on how many pictures surroundings were looked for, or why they were not."""
        if self.why:
            return Looked(reason=self.why)
        if self.unusable:
            return Looked(
                reason=_(
                    "too few pictures with an object that can be told from its surroundings: "
                    "%(classes)s",
                    classes=", ".join(self.unusable),
                )
            )
        limit = detection_limit(self.fewest, tests, level=LEVEL, bound=LIKELY)
        if limit is None:
            reason = _("no effect could have passed the tests on %(n)s pictures", n=self.fewest)
            return Looked(reason=reason)
        return Looked(self.fewest, limit)


def context_trials(stage: Stage, classes: Sequence[Members], tested: Sequence[Tested]) -> Contexts:
    """Test the surround of every class that moves the model where plates were chosen."""
    if CONTEXTS not in stage.search.proposals:
        return Contexts(why=_("what proposes it did not run: %(names)s", names=CONTEXTS))
    if not classes:
        return Contexts(why=_("no class has enough pictures"))
    targets, others = (_apart(stage, pool) for pool in (stage.targets, stage.others))
    left_out = targets.left_out + others.left_out
    looked_at = left_out + len(targets.rows) + len(others.rows)
    trials, unusable, counts = [], [], []
    natural: Natural | None = None
    for members in classes:
        own = _own(stage, members, tested)
        left_out, looked_at = left_out + own.left_out, looked_at + own.left_out + len(own.rows)
        sides = sides_of(stage, members.output, own, others, targets)
        share = _share(stage, members, sides)
        if share is None:
            unusable.append(stage.search.class_name(members.output))
            continue
        counts.append(len(targets_in(stage, targets, members.output)))
        if share >= CLEAR:
            natural = natural or natural_pictures(stage)
            trials.append(_tested(stage, members, sides, natural, share))
    fewest = min(stage.config.targets, *counts) if counts else 0
    return Contexts(tuple(trials), left_out, looked_at, tuple(unusable), fewest)


def _apart(stage: Stage, pool: Pool) -> Apart:
    """Take as many images of each class apart as the targets allow, the first of each."""
    most = -(-stage.config.targets // len(np.unique(pool.labels)))
    turns = [np.flatnonzero(pool.labels == label)[:most] for label in np.unique(pool.labels)]
    index = np.sort(np.concatenate(turns))
    inputs = pool.inputs[torch.from_numpy(index)]
    return taken_apart(stage.probe, pool.rows[index], pool.labels[index], inputs)


def _own(stage: Stage, members: Members, tested: Sequence[Tested]) -> Apart:
    """Take members of both halves apart; what a promising candidate covers is filled as well."""
    rng = stage.search.rng("members that are taken apart", members.output)
    chosen = [
        rng.permutation(np.flatnonzero(members.discovery == half))[:most]
        for half, most in ((True, PLATES_FROM), (False, OBJECTS_FROM))
    ]
    index = np.sort(np.concatenate(chosen))
    erased = np.zeros((len(index), *members.heat.shape[1:]), dtype=bool)
    for each in tested:
        if each.members.output == members.output and promising(each.evidence.values()):
            erased |= each.screened.proposal.masks[index]
    labels = np.full(len(index), members.output)
    inputs = members.inputs[torch.from_numpy(index)]
    return taken_apart(stage.probe, members.rows[index], labels, inputs, erased)


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


def _tested(
    stage: Stage, members: Members, sides: Sides, natural: Natural, share: float
) -> Context:
    output = sides.output
    rng = stage.search.rng("surrounds swapped", output)
    aims = targets_in(stage, sides.targets, output)[: stage.config.targets]
    height, width = members.heat.shape[1:]
    swapped = swap(stage, sides, sides.targets, aims[:FIRST_TARGETS], SLOTS, rng)
    given = _given(stage, swapped, output, rng)
    lost = _lost(stage, sides, rng)
    if max(given.high, lost.high) >= CLEAR and len(aims) > FIRST_TARGETS:
        swapped = swap(stage, sides, sides.targets, aims, SLOTS, rng)
        given = _given(stage, swapped, output, rng)
    mistakes = natural_mistakes(stage, members, natural)
    results = [given, lost] + ([mistakes.mistaken, mistakes.missed] if mistakes else [])
    grey = sides.own.inputs.mean(dim=(0, 2, 3), keepdim=True).expand(1, 3, height, width)
    own_objects = np.zeros((len(sides.objects), 1), dtype=int)
    kept = on_plates(stage, sides.own, sides.objects, grey, own_objects)[:, 0].argmax(axis=1)
    alone = stage.probe.predict(sides.own.plates[torch.from_numpy(sides.plates)]).argmax(axis=1)
    return Context(
        id=f"{output}-s1",
        members=members,
        sides=sides,
        swapped=swapped,
        evidence=in_order(results),
        mistakes=mistakes,
        share=share,
        kept=(int((kept == output).sum()), len(kept)),
        alone=(int((alone == output).sum()), len(alone)),
    )


def _given(stage: Stage, swapped: Swapped, output: int, rng: np.random.Generator) -> Evidence:
    reason = unspecific(swapped.result, output)
    return least_effect(stage, SURROUND_GIVEN, swapped.result.flips(output), rng, reason=reason)


def _lost(stage: Stage, sides: Sides, rng: np.random.Generator) -> Evidence:
    """Lay the class's own objects on plates of other classes, and on other plates of the class.

    Class by class, and the one that makes fewest leave counts: on the surround of one class alone
    they may leave since that one draws them.
    """
    count = len(sides.objects)
    elsewhere = plated_classes(sides)[:OTHER_CLASSES]
    if count < LEAST_IMAGES:
        why = _(
            "%(count)s pictures of the class in the test half have an object that can be told from "
            "its surroundings, and %(least)s are needed.",
            count=count,
            least=LEAST_IMAGES,
        )
        return SURROUND_SWAPPED.missing(why)
    at_home = _left(stage, sides, sides.own, sides.plates, rng)
    effects = {}
    for label in elsewhere:
        plates = sides.other_plates[sides.others.labels[sides.other_plates] == label]
        away = _left(stage, sides, sides.others, plates, rng)
        name = _("the surroundings of '%(name)s'", name=stage.search.class_name(label))
        effects[name] = away - at_home
    return least_effect(stage, SURROUND_SWAPPED, effects, rng)


def _left(
    stage: Stage,
    sides: Sides,
    source: Apart,
    plates: Int[np.ndarray, "plate"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "object slot"]:
    """Return which of the class's objects, 1 or 0, leave it on which of the plates."""
    drawn = rng.choice(plates, size=(len(sides.objects), SLOTS))
    logits = on_plates(stage, sides.own, sides.objects, source.plates, drawn)
    left: Float[np.ndarray, "object slot"] = (logits.argmax(axis=2) != sides.output).astype(float)
    return left
