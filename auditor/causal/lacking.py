"""What a class lacks: places that, covered in pictures of other classes, turn them into it.

Every other search looks at what pictures of the class have. A class that alone lacks a mark is
recognised by its absence, and whatever is laid there does the same, so that no control differs.
Here places are covered one by one in other pictures of the discovery half; what raises the class
far more than other places do is covered in those of the test half, and what other classes have
there is put into pictures of the class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from auditor.causal.images import Members, Stage
from auditor.causal.kinds import Looked, looked_on
from auditor.causal.pixels import blend, feathered, inpainted
from auditor.causal.transplant import margin
from auditor.causal.trial import FIRST_TARGETS, LEAST_IMAGES, least_effect
from auditor.language.speaking import N_
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Evidence
from auditor.shortcuts.grading import CLEAR
from auditor.shortcuts.propose.lacking import (
    ABSENCE,
    elsewhere,
    mask_of,
    place_lacking,
    same_thing,
    windows,
)
from auditor.shortcuts.statistics import bootstrap_interval
from auditor.shortcuts.tests import PLACE_COVERED, PLACE_FILLED, Results, in_order

# Tests of a class; pictures of the discovery half in which every window is covered, and in which
# the place that comes of it is tried.
ABSENCE_TESTS = 2
TRIED_ON, AGAIN_ON = 24, 48
# Of fewer classes what one lacks is a mark of the other.
FEWEST_CLASSES = 3
ANOTHER_PLACE = N_("another place of the same size covered up")
ITS_CLASS = N_("what other pictures of the class have there")
OTHER_PIECE = N_("what the same pictures have at another place")

Logits = Float[np.ndarray, "picture output"]


@dataclass(frozen=True, eq=False)
class Lacking:
    """A place that a class may be recognised by what it lacks at, with its results, q missing.

    ``control`` is the place that it is compared with, ``share`` by how much of the way from other
    classes to this one covering it moves pictures. ``alike`` says how much it is one and the same
    thing that pictures of other classes have there (`same_thing`).
    """

    id: str
    members: Members
    mask: Bool[np.ndarray, "h w"]
    control: Bool[np.ndarray, "h w"]
    evidence: Results
    share: float
    alike: float


@dataclass(frozen=True, eq=False)
class Absences:
    """The places that were tested; of the classes ``unusable`` too few others could be covered.

    ``fewest`` is the smallest number of targets. ``why``: nothing was looked for.
    """

    trials: tuple[Lacking, ...] = ()
    unusable: tuple[str, ...] = ()
    fewest: int = 0
    why: str = ""

    @property
    def results(self) -> dict[str, Results]:
        """All results, by the id of the place."""
        return {each.id: each.evidence for each in self.trials}

    def looked(self, tests: int) -> Looked:
        """Return on how many pictures places were covered, or why none were."""
        if self.why:
            return Looked(reason=self.why)
        names = ", ".join(self.unusable)
        but = _("too few pictures of other classes: %(classes)s", classes=names) if names else ""
        return looked_on(self.fewest, tests, but)


@dataclass
class Covered:
    """Logits of pictures of the discovery half with each window covered: once for all classes."""

    logits: Float[np.ndarray, "window picture output"] | None = field(default=None)

    def of(self, stage: Stage) -> Float[np.ndarray, "window picture output"]:
        """Return them, computed where they are not there yet."""
        if self.logits is None:
            images = stage.others.inputs[:TRIED_ON]
            height, width = images.shape[-2:]
            self.logits = np.stack(
                [
                    _predict_covered(stage, images, mask_of(window, height, width))
                    for window in windows(height, width)
                ]
            )
        return self.logits


def absence_trials(stage: Stage, classes: Sequence[Members]) -> Absences:
    """Look for a place in every class that it may be recognised by what it lacks at; test it."""
    if ABSENCE not in stage.search.proposals:
        return Absences(why=_("what proposes it did not run: %(names)s", names=ABSENCE))
    if not classes:
        return Absences(why=_("no class has enough pictures"))
    if len(np.unique(stage.others.labels)) < FEWEST_CLASSES:
        return Absences(why=_("with only two classes, what one lacks is what the other has"))
    covered, trials, unusable, counts = Covered(), [], [], []
    for members in classes:
        targets = stage.targets.without(members.output)[: stage.config.targets]
        others = stage.others.without(members.output)
        if min(len(targets), int((others < TRIED_ON).sum())) < LEAST_IMAGES:
            unusable.append(stage.search.class_name(members.output))
            continue
        counts.append(len(targets))
        found = _lacking(stage, members, others, covered)
        if found is not None:
            trials.append(_tested(stage, members, *found, targets))
    return Absences(tuple(trials), tuple(unusable), min(counts, default=0))


def _lacking(
    stage: Stage, members: Members, others: Int[np.ndarray, "other"], covered: Covered
) -> tuple[Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"], float] | None:
    """Return a place, the one that it is compared with, and its share; None where there is none.

    The control is, of the places that lie apart, the one whose covering does what it does at the
    median place: there may be more of the same thing in some of them.
    """
    output, pool = members.output, stage.others
    before = margin(pool.logits, output)
    few = others[others < TRIED_ON]
    gains = margin(covered.of(stage)[:, few], output) - before[few]
    place = place_lacking(in_most_classes(gains, pool.labels[few]), *pool.inputs.shape[-2:])
    apart = elsewhere(place) if place is not None else []
    if place is None or not apart:
        return None
    again = others[:AGAIN_ON]
    images = pool.inputs[torch.from_numpy(again)]
    logits = [_predict_covered(stage, images, mask) for mask in (place, *apart)]
    gains = np.stack([margin(each, output) - before[again] for each in logits])
    here, *there = in_most_classes(gains, pool.labels[again])
    gap = float(margin(members.logits[members.discovery], output).mean() - before[again].mean())
    usual = int(np.argsort(there)[len(there) // 2])
    share = float(here - there[usual]) / max(gap, 1e-6)
    return (place, apart[usual], share) if share >= CLEAR else None


def in_most_classes(
    gains: Float[np.ndarray, "place picture"], labels: Int[np.ndarray, "picture"]
) -> Float[np.ndarray, "place"]:
    """Return the mean gain that at least half of the classes reach: the lower median of theirs.

    What only one class has is its own mark, whatever the others lack.
    """
    means = np.stack([gains[:, labels == label].mean(axis=1) for label in np.unique(labels)])
    reached: np.ndarray = np.sort(means, axis=0)[(len(means) - 1) // 2]
    return reached


def _tested(
    stage: Stage,
    members: Members,
    mask: Bool[np.ndarray, "h w"],
    control: Bool[np.ndarray, "h w"],
    share: float,
    targets: Int[np.ndarray, "target"],
) -> Lacking:
    shown = stage.probe.pictures(
        stage.others.inputs[stage.others.without(members.output)[:AGAIN_ON]]
    )
    evidence = in_order(
        [
            _covered(stage, members.output, mask, control, targets),
            _filled(stage, members, mask, control),
        ]
    )
    name = f"{members.output}-a1"
    return Lacking(name, members, mask, control, evidence, share, same_thing(shown, mask))


def _covered(
    stage: Stage,
    output: int,
    mask: Bool[np.ndarray, "h w"],
    control: Bool[np.ndarray, "h w"],
    targets: Int[np.ndarray, "target"],
) -> Evidence:
    """Cover the place in pictures of other classes; few are tried first, as elsewhere."""
    rng = stage.search.rng("place covered", output)

    def logits_of(rows: Int[np.ndarray, "target"]) -> tuple[Logits, Logits]:
        images = stage.targets.inputs[torch.from_numpy(rows)]
        return _predict_covered(stage, images, mask), _predict_covered(stage, images, control)

    here, there = logits_of(targets[:FIRST_TARGETS])
    first = _decided(here, output) - _decided(there, output)
    if bootstrap_interval(first[:, None], rng)[1] >= CLEAR and len(targets) > FIRST_TARGETS:
        more = logits_of(targets[FIRST_TARGETS:])
        here, there = (np.concatenate(pair) for pair in zip((here, there), more, strict=True))
    effect = _decided(here, output) - _decided(there, output)
    specific = int((here - there).mean(axis=0).argmax()) == output
    reason = "" if specific else _("The change moves another class's score more than this one's.")
    effects = {_(ANOTHER_PLACE): effect[:, None]}
    return least_effect(stage, PLACE_COVERED, effects, rng, reason=reason)


def _filled(
    stage: Stage,
    members: Members,
    mask: Bool[np.ndarray, "h w"],
    control: Bool[np.ndarray, "h w"],
) -> Evidence:
    """Put what other classes have at the place into pictures of the class, beside other pieces."""
    output, pool = members.output, stage.others
    rows = np.flatnonzero(~members.discovery)[: stage.config.targets]
    if len(rows) < LEAST_IMAGES:
        why = _(
            "Not testable: %(rows)s pictures are in the test half, %(least_images)s are needed.",
            rows=len(rows),
            least_images=LEAST_IMAGES,
        )
        return PLACE_FILLED.missing(why)
    rng = stage.search.rng("place filled", output)
    images = members.inputs[torch.from_numpy(rows)]
    of_others = pool.inputs[torch.from_numpy(rng.choice(pool.without(output), len(rows)))]
    of_class = rng.choice(np.flatnonzero(members.discovery), len(rows))
    here, own, beside = (
        1.0 - _decided(stage.probe.predict(_with_piece(images, pieces, place)), output)
        for pieces, place in (
            (of_others, mask),
            (members.inputs[torch.from_numpy(of_class)], mask),
            (of_others, control),
        )
    )
    effects = {_(ITS_CLASS): (here - own)[:, None], _(OTHER_PIECE): (here - beside)[:, None]}
    return least_effect(stage, PLACE_FILLED, effects, rng)


def covered_in(
    images: Float[Tensor, "picture channel h w"], mask: Bool[np.ndarray, "h w"]
) -> Float[Tensor, "picture channel h w"]:
    """Return pictures with a place filled smoothly from around it."""
    return inpainted(images, torch.from_numpy(mask).expand(len(images), -1, -1))


def _predict_covered(
    stage: Stage, images: Float[Tensor, "picture channel h w"], mask: Bool[np.ndarray, "h w"]
) -> Logits:
    return stage.probe.predict(covered_in(images, mask))


def _with_piece(
    images: Float[Tensor, "picture channel h w"],
    pieces: Float[Tensor, "picture channel h w"],
    mask: Bool[np.ndarray, "h w"],
) -> Float[Tensor, "picture channel h w"]:
    weights = feathered(torch.from_numpy(mask)[None]).expand(len(images), -1, -1, -1)
    return blend(images, pieces, weights)


def _decided(logits: Logits, output: int) -> Float[np.ndarray, "picture"]:
    decided: np.ndarray = (logits.argmax(axis=1) == output).astype(float)
    return decided
