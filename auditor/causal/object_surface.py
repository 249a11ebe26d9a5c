"""P6 of objects: whether the model decides by the surface of an object, whatever its shape.

Objects of other classes are covered with pieces of the class's objects, and objects of the class
with pieces of others, inside their outline: shape and surround stay. Once as the pieces are, and
once in the colour that the object had: with their light and dark alone, which is their pattern.
Controls are pieces of a third class's objects (which have seams too), of the object itself (its
parts are gone too), and of what surrounds the objects that are taken to pieces, beyond what
surrounds a third class's (what all of a picture has is no surface).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.stats import false_discovery_control, mannwhitneyu
from torch import Tensor

from auditor.causal.global_factors import FactorTrial
from auditor.causal.images import Members, Stage
from auditor.causal.object_trials import ObjectTrials
from auditor.causal.pixels import blend, feathered
from auditor.causal.probe import Probe
from auditor.causal.surrounds import GROWN
from auditor.causal.trial import FIRST_TARGETS, LEAST_IMAGES, least_effect
from auditor.language.speaking import N_, ngettext
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Evidence
from auditor.shortcuts.grading import CLEAR
from auditor.shortcuts.objects import objects_of
from auditor.shortcuts.propose.heat import dilated, eroded
from auditor.shortcuts.propose.windows import FEATHER
from auditor.shortcuts.statistics import bootstrap_interval
from auditor.shortcuts.tests import STATISTIC_GIVEN, STATISTIC_TAKEN, CausalTest, in_order
from auditor.shortcuts.whole_pictures.global_factors import WHOLE_PICTURES, Predictive, auc_of
from auditor.shortcuts.whole_pictures.global_statistics import PATTERN, SURFACE
from auditor.shortcuts.whole_pictures.object_surface import (
    LEAST_PLACES,
    OF_PATTERN,
    covered_with,
    likeness,
    piece_of,
    places,
    surface_features,
    with_colour_of,
)

Logits = Mapping[str, Float[np.ndarray, "target output"]]
GIVEN, THIRD_AROUND = "given", "around a third"
THIRD = N_("pieces of another class's objects")
AROUND = N_("pieces of what surrounds the same objects")
ITSELF = N_("pieces of the object itself")
ITS_CLASS = N_("pieces of other objects of its class")
SURFACES = THIRD, ITSELF, ITS_CLASS
# Tests of a class: two of its colours and pattern, two of its pattern.
SURFACE_TESTS = 4
# Members of a class that pieces are taken from, and that are covered.
TAKEN_FROM, COVERED = 20, 28


@dataclass(frozen=True, eq=False)
class Surfaces:
    """Pictures whose object can be covered, and taken to pieces.

    ``weights`` are 1 on the object, with a soft edge; ``inside`` and ``around`` are the upper left
    corners of pieces of the object and of its surround, by picture. ``features`` are those of
    `surface_features`.
    """

    inputs: Float[Tensor, "sample 3 h w"]
    masks: Bool[np.ndarray, "sample h w"]
    weights: Float[Tensor, "sample 1 h w"]
    inside: Sequence[Int[np.ndarray, "place 2"]]
    around: Sequence[Int[np.ndarray, "place 2"]]
    features: Float[np.ndarray, "sample feature"]
    labels: Int[np.ndarray, "sample"]
    predictions: Int[np.ndarray, "sample"]

    def without(self, output: int) -> Int[np.ndarray, "target"]:
        """Return the pictures whose label and decision are not ``output``."""
        return np.flatnonzero((self.labels != output) & (self.predictions != output))


@dataclass(frozen=True, eq=False)
class Pieces:
    """What each of some objects is covered with: pieces of one picture, ``chosen``, of ``source``.

    ``surround``: of what surrounds its object, and not of the object.
    """

    source: Surfaces
    chosen: Int[np.ndarray, "target"]
    surround: bool = False

    def at(self, part: slice) -> Pieces:
        """Return the pieces for some of the objects."""
        return Pieces(self.source, self.chosen[part], self.surround)


@dataclass(frozen=True, eq=False)
class Covers:
    """Objects that are covered, with what by name, the surface that is given under `GIVEN`.

    ``colour_kept``: pieces get the colour of the object that they cover.
    """

    objects: Surfaces
    chosen: Int[np.ndarray, "target"]
    pieces: Mapping[str, Pieces]
    colour_kept: bool

    def logits(self, probe: Probe, part: slice, rng: np.random.Generator) -> Logits:
        """Return the logits of some of the objects, covered with each."""
        chosen = self.chosen[part]
        return {
            name: probe.predict(
                covered(self.objects, chosen, pieces.at(part), self.colour_kept, rng)
            )
            for name, pieces in self.pieces.items()
        }


class SurfaceTrials(ObjectTrials):
    """The surfaces that were tested; an object is usable with room for pieces in and around it."""

    def pictures_left_out(self) -> str:
        """Return in a sentence how many pictures were left out, and why."""
        return ngettext(
            "Texture of the object: in %(num)s of %(all)s pictures no object could be told with "
            "room for pieces of it and of its surround; it was left out.",
            "Texture of the object: in %(num)s of %(all)s pictures no object could be told with "
            "room for pieces of it and of its surround; they were left out.",
            self.left_out,
            all=self.looked_at,
        )

    def classes_left_out(self) -> str:
        """Return of which classes too few pictures could be used."""
        return _(
            "too few pictures with an object that has room for pieces of its surface: %(classes)s",
            classes=", ".join(self.unusable),
        )


def surface_trials(stage: Stage, classes: Sequence[Members]) -> SurfaceTrials:
    """Test of every class what the surface of its objects does on objects of other classes."""
    if WHOLE_PICTURES not in stage.search.proposals:
        return SurfaceTrials(why=_("what proposes it did not run: %(names)s", names=WHOLE_PICTURES))
    if not classes:
        return SurfaceTrials(why=_("no class has enough pictures"))
    probe = stage.probe
    pools = stage.targets, stage.others
    targets, others = (
        surfaces_in(probe, each.rows, each.inputs, each.labels, each.predictions) for each in pools
    )
    trials: list[FactorTrial] = []
    unusable, counts = [], []
    looked_at, told = (len(pools[0].rows) + len(pools[1].rows), len(targets.labels))
    told += len(others.labels)
    for members in classes:
        chosen = [
            np.flatnonzero(members.discovery == half)[:most]
            for half, most in ((True, TAKEN_FROM), (False, COVERED))
        ]
        sources, own = (_members(probe, members, rows) for rows in chosen)
        looked_at += sum(map(len, chosen))
        told += len(sources.labels) + len(own.labels)
        aims = targets.without(members.output)[: stage.config.targets]
        if min(len(sources.labels), len(aims)) < LEAST_IMAGES:
            unusable.append(stage.search.class_name(members.output))
            continue
        counts.append(len(aims))
        trials += _tested(stage, members.output, (sources, own), (targets, others), aims)
    return SurfaceTrials(
        tuple(_corrected(trials)),
        looked_at - told,
        looked_at,
        tuple(unusable),
        min(counts, default=0),
    )


def _members(probe: Probe, members: Members, chosen: Int[np.ndarray, "member"]) -> Surfaces:
    same = np.full(len(chosen), members.output)
    return surfaces_in(
        probe, members.rows[chosen], members.inputs[torch.from_numpy(chosen)], same, same
    )


def surfaces_in(
    probe: Probe,
    rows: Int[np.ndarray, "row"],
    inputs: Float[Tensor, "row 3 h w"],
    labels: Int[np.ndarray, "row"],
    predictions: Int[np.ndarray, "row"],
) -> Surfaces:
    """Return the pictures whose object can be told, with room for pieces in it and around it."""
    pictures = probe.pictures(inputs)
    found = objects_of(pictures, probe.objects(rows))
    side = piece_of(*inputs.shape[-2:])
    far = max(FEATHER, round(GROWN * min(inputs.shape[-2:])))
    insides = eroded(found.masks, FEATHER)
    inside, around = (
        [places(mask, side) for mask in masks] for masks in (insides, ~dilated(found.masks, far))
    )
    room = np.array([min(map(len, both)) for both in zip(inside, around, strict=True)], dtype=int)
    kept = np.flatnonzero(found.usable & (room >= LEAST_PLACES))
    return Surfaces(
        inputs[torch.from_numpy(kept)],
        found.masks[kept],
        feathered(torch.from_numpy(found.masks[kept])),
        [inside[at] for at in kept],
        [around[at] for at in kept],
        surface_features(pictures[kept], insides[kept]),
        labels[kept],
        predictions[kept],
    )


def covered(
    objects: Surfaces,
    chosen: Int[np.ndarray, "target"],
    pieces: Pieces,
    colour_kept: bool,
    rng: np.random.Generator,
) -> Float[Tensor, "target 3 h w"]:
    """Return pictures whose object is covered with pieces, inside its outline."""
    source = pieces.source
    corners = source.around if pieces.surround else source.inside
    side = piece_of(*objects.inputs.shape[-2:])
    made = []
    for at, taken in zip(chosen, pieces.chosen, strict=True):
        mask = objects.masks[at]
        cover = covered_with(source.inputs[taken].numpy(), corners[taken], side, mask, rng)
        if colour_kept:
            cover = with_colour_of(cover, objects.inputs[at].numpy(), mask)
        made.append(torch.from_numpy(cover))
    index = torch.from_numpy(chosen)
    return blend(objects.inputs[index], torch.stack(made), objects.weights[index])


def _tested(
    stage: Stage,
    output: int,
    of_class: tuple[Surfaces, Surfaces],
    pools: tuple[Surfaces, Surfaces],
    aims: Int[np.ndarray, "target"],
) -> list[FactorTrial]:
    """Give the class's surface to other objects, and take it from the class's own.

    ``of_class`` are members to take pieces from and to cover, ``pools`` targets and others.
    """
    (sources, own), (targets, others) = of_class, pools
    rng = stage.search.rng("pieces of surfaces", output)
    fillers = others.without(output)
    taken_from = rng.integers(len(sources.labels), size=len(aims))
    pieces = {
        GIVEN: Pieces(sources, taken_from),
        AROUND: Pieces(sources, taken_from, surround=True),
        ITSELF: Pieces(targets, aims),
    }
    third = _third(others, fillers, targets.labels[aims], rng)
    if third is not None:
        pieces[THIRD] = Pieces(others, third)
        pieces[THIRD_AROUND] = Pieces(others, third, surround=True)
    every = np.arange(len(own.labels))
    trials = []
    for number, (statistic, kept) in enumerate(((SURFACE, False), (PATTERN, True)), start=1):
        given = _changed(stage, STATISTIC_GIVEN, Covers(targets, aims, pieces, kept), output)
        taken = STATISTIC_TAKEN.missing(_too_few(len(every)))
        if len(fillers) and len(every) >= LEAST_IMAGES:
            covers = Covers(own, every, _others_on(own, sources, others, fillers, rng), kept)
            taken = _changed(stage, STATISTIC_TAKEN, covers, output)
        factor = _told(stage, output, statistic, of_class, pools)
        beside = "" if kept else f"{output}-t2"
        evidence = in_order([given, taken])
        trials.append(FactorTrial(f"{output}-t{number}", factor, evidence, 0.0, beside))
    return trials


def _others_on(
    own: Surfaces,
    sources: Surfaces,
    others: Surfaces,
    fillers: Int[np.ndarray, "filler"],
    rng: np.random.Generator,
) -> dict[str, Pieces]:
    """Return the surface of other classes for objects of the class, and controls."""
    count = len(own.labels)
    return {
        GIVEN: Pieces(others, rng.choice(fillers, size=count)),
        ITS_CLASS: Pieces(sources, rng.integers(len(sources.labels), size=count)),
        ITSELF: Pieces(own, np.arange(count)),
    }


def _corrected(trials: Sequence[FactorTrial]) -> list[FactorTrial]:
    """Return trials whose factors have q, over all of them."""
    q_values = false_discovery_control([each.factor.p for each in trials]) if trials else ()
    return [
        replace(each, factor=replace(each.factor, q=float(q)))
        for each, q in zip(trials, q_values, strict=True)
    ]


def _too_few(rows: int) -> str:
    return _(
        "Not testable: in %(rows)s pictures of the test half the object can be covered, "
        "%(least_images)s are needed.",
        rows=rows,
        least_images=LEAST_IMAGES,
    )


def _third(
    others: Surfaces,
    fillers: Int[np.ndarray, "filler"],
    labels: Int[np.ndarray, "target"],
    rng: np.random.Generator,
) -> Int[np.ndarray, "target"] | None:
    """Draw for each target an object of neither class; None where there is no third class."""
    by_label = {
        label: fillers[others.labels[fillers] != label] for label in np.unique(labels).tolist()
    }
    if not all(len(each) for each in by_label.values()):
        return None
    return np.array([rng.choice(by_label[int(label)]) for label in labels])


def _changed(stage: Stage, test: CausalTest, covers: Covers, output: int) -> Evidence:
    """Cover objects; few are tried first, the rest when there may be an effect."""
    kept = int(covers.colour_kept)
    rng = stage.search.rng("objects covered", output, kept, test.id)
    sign = 1.0 if test is STATISTIC_GIVEN else -1.0
    logits = covers.logits(stage.probe, slice(0, FIRST_TARGETS), rng)
    first = [bootstrap_interval(e, rng)[1] for e in _effects(logits, output, sign).values()]
    if min(first) >= CLEAR and len(covers.chosen) > FIRST_TARGETS:
        rest = covers.logits(stage.probe, slice(FIRST_TARGETS, len(covers.chosen)), rng)
        logits = {name: np.concatenate([each, rest[name]]) for name, each in logits.items()}
    rises = [sign * each.mean(axis=0) for each in contrasts(logits).values()]
    specific = all(int(rise.argmax()) == output for rise in rises)
    reason = "" if specific else _("The change moves another class's score more than this one's.")
    return least_effect(stage, test, _effects(logits, output, sign), rng, reason=reason)


def _effects(
    logits: Logits, output: int, sign: float
) -> dict[str, Float[np.ndarray, "target slot"]]:
    """Return per control which objects turn into the class (``sign`` 1), or leave it (-1)."""
    turned = {name: (each.argmax(axis=1) == output).astype(float) for name, each in logits.items()}
    return {name: sign * each[:, None] for name, each in contrasts(turned).items()}


def contrasts(
    values: Mapping[str, Float[np.ndarray, "target *output"]],
) -> dict[str, Float[np.ndarray, "target *output"]]:
    """Return by how much what is given exceeds each control.

    The surround of the same pictures counts by what it does beyond that of a third class, and is
    subtracted from what the surface does beyond that one's: any surround may do much.
    """
    given = values[GIVEN]
    found = {name: given - values[name] for name in SURFACES if name in values}
    if AROUND in values:
        found[AROUND] = given - values[AROUND]
        if THIRD in values:
            found[AROUND] = found[AROUND] - values[THIRD] + values[THIRD_AROUND]
    return found


def _told(
    stage: Stage,
    output: int,
    statistic: str,
    of_class: tuple[Surfaces, Surfaces],
    pools: tuple[Surfaces, Surfaces],
) -> Predictive:
    """Return how well the surface tells the class, q missing: objects of it beside all others."""
    columns = OF_PATTERN if statistic == PATTERN else slice(None)
    parts = [each.features for each in of_class]
    others = [each.features[each.labels != output] for each in pools]
    own = np.repeat([True, False], [sum(map(len, parts)), sum(map(len, others))])
    if min(own.sum(), (~own).sum()) < LEAST_IMAGES:
        return Predictive(output, statistic, np.zeros(1), np.zeros(1), 0.5, 1.0)
    rng = stage.search.rng("surfaces told apart", output, statistic)
    values = likeness(np.concatenate([*parts, *others])[:, columns], own, rng)
    p = float(mannwhitneyu(values[own], values[~own]).pvalue)
    return Predictive(
        output, statistic, values[own], values[~own], auc_of(values[own], values[~own]), p
    )
