"""P6 of objects: whether the model goes by how large an object is, where it lies, or how turned.

Objects of other classes are given the value that is typical of the class, and objects of the class
the others' median, each on its own picture, whose object is filled with its surround. Controls are
the opposite change, and the object laid back as it was: the plate and the seam are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from auditor.causal.global_factors import MOVED, OPPOSITE, FactorTrial
from auditor.causal.images import Members, Stage
from auditor.causal.object_trials import ObjectTrials
from auditor.causal.pixels import blend, feathered
from auditor.causal.probe import Probe
from auditor.causal.surrounds import GROWN, LEAST_SURROUND, filled
from auditor.causal.transplant import Transplanted
from auditor.causal.trial import FIRST_TARGETS, LEAST_IMAGES, least_effect
from auditor.language.numbers import percent
from auditor.language.speaking import N_, ngettext
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Evidence
from auditor.shortcuts.grading import CLEAR
from auditor.shortcuts.objects import objects_of
from auditor.shortcuts.propose.heat import dilated
from auditor.shortcuts.propose.windows import FEATHER
from auditor.shortcuts.statistics import bootstrap_interval
from auditor.shortcuts.tests import STATISTIC_GIVEN, STATISTIC_TAKEN, CausalTest, in_order
from auditor.shortcuts.whole_pictures.global_factors import (
    WHOLE_PICTURES,
    Predictive,
    auc_of,
    predictive_statistics,
)
from auditor.shortcuts.whole_pictures.global_statistics import (
    ACROSS,
    DISTANCE,
    DOWN,
    ORIENTATION,
)
from auditor.shortcuts.whole_pictures.object_geometry import Motion, motion, object_statistics

LAID_BACK = N_("the object cut out and laid back as it was")
# Tests of a class: two of size, place, elongation and orientation each.
GEOMETRY_TESTS = 8
# Members of a class whose objects are compared, and of each half that are moved.
COMPARED, MOVABLE = 30, 28


@dataclass(frozen=True, eq=False)
class Objects:
    """Pictures with an object that is whole in them, apart from it.

    ``weights`` are 1 on the object, with a soft edge; ``plates`` are the pictures without it.
    """

    masks: Bool[np.ndarray, "sample h w"]
    inputs: Float[Tensor, "sample channel h w"]
    weights: Float[Tensor, "sample 1 h w"]
    plates: Float[Tensor, "sample channel h w"]
    labels: Int[np.ndarray, "sample"]
    predictions: Int[np.ndarray, "sample"]


@dataclass(frozen=True, eq=False)
class Telling:
    """A statistic that tells a class, and what objects are given and what they are taken to.

    ``given`` and ``taken`` are values by statistic: of the place both, where both tell the class.
    """

    factor: Predictive
    given: Mapping[str, float]
    taken: Mapping[str, float]


class Geometry(ObjectTrials):
    """The statistics of objects that were tested; an object is usable that lies whole in it."""

    def pictures_left_out(self) -> str:
        """Return in a sentence how many pictures were left out, and why."""
        return ngettext(
            "Size, place and orientation of the object: in %(num)s of %(all)s pictures no object "
            "could be told that lies whole in the picture; it was left out.",
            "Size, place and orientation of the object: in %(num)s of %(all)s pictures no object "
            "could be told that lies whole in the picture; they were left out.",
            self.left_out,
            all=self.looked_at,
        )

    def classes_left_out(self) -> str:
        """Return of which classes too few pictures could be used."""
        return _(
            "too few pictures with an object that lies whole in them: %(classes)s",
            classes=", ".join(self.unusable),
        )


def geometry_trials(stage: Stage, classes: Sequence[Members]) -> Geometry:
    """Find the statistics of objects that tell a class; test what the model makes of them.

    Compared are pictures drawn by label, as of other statistics of whole pictures.
    """
    if WHOLE_PICTURES not in stage.search.proposals:
        return Geometry(why=_("what proposes it did not run: %(names)s", names=WHOLE_PICTURES))
    if not classes:
        return Geometry(why=_("no class has enough pictures"))
    probe, pool, samples = stage.probe, stage.targets, stage.samples
    drawn = []
    for members in classes:
        labelled = np.flatnonzero(samples.valid & (samples.labels == members.output))
        rng = stage.search.rng("objects that are compared", members.output)
        drawn.append(np.sort(rng.permutation(labelled)[:COMPARED]))
    rows = np.concatenate(drawn)
    found = objects_of(probe.pictures(probe.inputs(rows)), probe.objects(rows))
    usable = found.usable & _whole(found.masks)
    labels = samples.labels[rows][usable]
    telling = _telling(stage, found.masks[usable], labels, [each.output for each in classes])
    targets = _objects(probe, pool.rows, pool.inputs, pool.labels, pool.predictions)
    trials: list[FactorTrial] = []
    unusable, counts = [], []
    for members in classes:
        aims = len(_without(targets, members.output))
        if min(int((labels == members.output).sum()), aims) < LEAST_IMAGES:
            unusable.append(stage.search.class_name(members.output))
            continue
        counts.append(min(aims, stage.config.targets))
        own = [each for each in telling if each.factor.output == members.output]
        trials += _tested(stage, members, own, targets)
    looked_at = len(rows) + len(pool.rows)
    left_out = looked_at - len(labels) - len(targets.labels)
    return Geometry(tuple(trials), left_out, looked_at, tuple(unusable), min(counts, default=0))


def _telling(
    stage: Stage,
    masks: Bool[np.ndarray, "sample h w"],
    labels: Int[np.ndarray, "sample"],
    outputs: Sequence[int],
) -> list[Telling]:
    """Return the statistics that tell a class; the orientation among the objects that have one."""
    if not len(labels):
        return []
    values = object_statistics(masks)
    turned = {ORIENTATION: values.pop(ORIENTATION)}
    long = np.isfinite(turned[ORIENTATION])
    permutations, seed = stage.config.permutations, stage.search.seed
    factors = predictive_statistics(values, labels, outputs, permutations, seed)
    if long.any():
        turned = {ORIENTATION: turned[ORIENTATION][long]}
        factors += predictive_statistics(turned, labels[long], outputs, permutations, seed)
    telling: list[Telling] = []
    for output in outputs:
        telling += _of_class({each.statistic: each for each in factors if each.output == output})
    return telling


def _of_class(own: dict[str, Predictive]) -> list[Telling]:
    """Return what is tested of the statistics of a class: the two of the place are one."""
    if not {ACROSS, DOWN} <= own.keys():
        return [_told(each, (each,)) for each in own.values()]
    across, down = own.pop(ACROSS), own.pop(DOWN)
    near, far = (
        np.hypot(x - across.typical, y - down.typical)
        for x, y in ((across.own, down.own), (across.others, down.others))
    )
    p, q = max(across.p, down.p), max(across.q, down.q)
    distance = Predictive(across.output, DISTANCE, near, far, auc_of(near, far), p, q)
    return [*(_told(each, (each,)) for each in own.values()), _told(distance, (across, down))]


def _told(factor: Predictive, parts: Sequence[Predictive]) -> Telling:
    """Return a statistic with the values of the class and of the others in each of ``parts``."""
    given = {each.statistic: each.typical for each in parts}
    taken = {each.statistic: float(np.median(each.others)) for each in parts}
    return Telling(factor, given, taken)


def _whole(masks: Bool[np.ndarray, "sample h w"]) -> Bool[np.ndarray, "sample"]:
    """Say which objects are not cut off by the border of the picture."""
    whole: np.ndarray = masks[:, 1:-1, 1:-1].sum(axis=(1, 2)) == masks.sum(axis=(1, 2))
    return whole


def _objects(
    probe: Probe,
    rows: Int[np.ndarray, "row"],
    inputs: Float[Tensor, "row channel h w"],
    labels: Int[np.ndarray, "row"],
    predictions: Int[np.ndarray, "row"],
) -> Objects:
    """Return the pictures whose object can be moved: whole, with a surround to fill it with."""
    found = objects_of(probe.pictures(inputs), probe.objects(rows))
    holes = dilated(found.masks, max(FEATHER, round(GROWN * min(inputs.shape[-2:]))))
    surround = (~holes).mean(axis=(1, 2)) >= LEAST_SURROUND
    kept = np.flatnonzero(found.usable & _whole(found.masks) & surround)
    masks, index = found.masks[kept], torch.from_numpy(kept)
    return Objects(
        masks,
        inputs[index],
        feathered(torch.from_numpy(dilated(masks, FEATHER))),
        filled(inputs[index], torch.from_numpy(holes[kept])),
        labels[kept],
        predictions[kept],
    )


def _without(objects: Objects, output: int) -> Int[np.ndarray, "target"]:
    """Return the objects whose label and decision are not ``output``."""
    return np.flatnonzero((objects.labels != output) & (objects.predictions != output))


def _tested(
    stage: Stage, members: Members, telling: Sequence[Telling], targets: Objects
) -> list[FactorTrial]:
    """Give each statistic to other classes' objects, and take it from the class's own."""
    if not telling:
        return []
    output = members.output
    test = np.flatnonzero(~members.discovery)[:MOVABLE]
    same = np.full(len(test), output)
    inputs = members.inputs[torch.from_numpy(test)]
    own = _objects(stage.probe, members.rows[test], inputs, same, same)
    aims = _without(targets, output)[: stage.config.targets]
    every = np.arange(len(own.labels))
    trials = []
    for number, each in enumerate(telling, start=1):
        given = _changed(stage, STATISTIC_GIVEN, targets, aims, each)
        taken = _changed(stage, STATISTIC_TAKEN, own, every, each)
        results = in_order([given, taken])
        trials.append(FactorTrial(f"{output}-o{number}", each.factor, results, 1.0))
    return trials


def _changed(
    stage: Stage,
    test: CausalTest,
    objects: Objects,
    chosen: Int[np.ndarray, "target"],
    telling: Telling,
) -> Evidence:
    """Give objects the values; few are tried first, the rest when there may be an effect."""
    factor, output = telling.factor, telling.factor.output
    sign, wanted = (1, telling.given) if test is STATISTIC_GIVEN else (-1, telling.taken)
    before = _values(objects.masks[chosen], wanted)
    there = np.isfinite(before).all(axis=1)
    chosen, before = chosen[there], before[there]
    if len(chosen) < LEAST_IMAGES:
        why = _(
            "Not testable: in %(rows)s pictures of the test half the object can be moved, "
            "%(least_images)s are needed.",
            rows=len(chosen),
            least_images=LEAST_IMAGES,
        )
        return test.missing(why)
    rng = stage.search.rng("objects moved", output, factor.statistic, test.id)
    reached, result = _moved(stage.probe, objects, chosen[:FIRST_TARGETS], wanted)
    first = (bootstrap_interval(each, rng)[1] for each in _effects(result, output, sign).values())
    if min(first) >= CLEAR and len(chosen) > FIRST_TARGETS:
        more, rest = _moved(stage.probe, objects, chosen[FIRST_TARGETS:], wanted)
        reached, result = np.concatenate([reached, more]), result.joined(rest)
    far, left = (
        np.linalg.norm(values - list(wanted.values()), axis=1)
        for values in (before[: len(reached)], reached)
    )
    way = float(np.nanmedian(1 - left / np.maximum(far, 1e-9)))
    if way < MOVED:
        why = _(
            "Not testable: pictures could be moved only %(median)s of the way.",
            median=percent(way),
        )
        return test.missing(why)
    rises = [(sign * (result.region - each)).mean((0, 1)) for each in result.controls.values()]
    specific = all(int(rise.argmax()) == output for rise in rises)
    reason = "" if specific else _("The change moves another class's score more than this one's.")
    return least_effect(stage, test, _effects(result, output, sign), rng, reason=reason)


def _values(
    masks: Bool[np.ndarray, "sample h w"], statistics: Iterable[str]
) -> Float[np.ndarray, "sample statistic"]:
    every = object_statistics(masks)
    values: Float[np.ndarray, "sample statistic"] = np.stack([every[n] for n in statistics], axis=1)
    return values


def _effects(
    result: Transplanted, output: int, sign: int
) -> dict[str, Float[np.ndarray, "target slot"]]:
    """Return per control which objects turn into the class (``sign`` 1), or leave it (-1)."""
    return {name: sign * flips for name, flips in result.flips(output).items()}


def _moved(
    probe: Probe,
    objects: Objects,
    chosen: Int[np.ndarray, "target"],
    wanted: Mapping[str, float],
) -> tuple[Float[np.ndarray, "target statistic"], Transplanted]:
    """Return which values objects got that were to get one, and the logits beside the controls."""
    index = torch.from_numpy(chosen)
    plates, inputs, weights = (
        each[index] for each in (objects.plates, objects.inputs, objects.weights)
    )
    masks = objects.masks[chosen]
    given, opposite = (
        [motion(mask, wanted, opposite=other) for mask in masks] for other in (False, True)
    )
    shown = {
        name: blend(plates, warped(inputs, each), warped(weights, each, outside="zeros"))
        for name, each in (("", given), (OPPOSITE, opposite))
    } | {LAID_BACK: blend(plates, inputs, weights)}
    moved = warped(torch.from_numpy(masks)[:, None].float(), given, outside="zeros")[:, 0] > 0.5
    logits = {name: probe.predict(images)[:, None] for name, images in shown.items()}
    region = logits.pop("")
    return _values(moved.numpy(), wanted), Transplanted(region, logits)


def warped(
    images: Float[Tensor, "sample channel h w"], motions: Sequence[Motion], outside: str = "border"
) -> Float[Tensor, "sample channel h w"]:
    """Return each image after a motion; ``outside`` is what comes in from beyond its border."""
    half = np.array(images.shape[:1:-1], dtype=np.float64) / 2
    affine = []
    for each in motions:
        # grid_sample asks for every place of the result, -1 to 1, from where it comes.
        back = np.linalg.inv(each.matrix)
        shift = (each.start + back @ (half - each.end)) / half - 1
        affine.append(np.column_stack([back * half / half[:, None], shift]))
    grid = affine_grid(
        torch.from_numpy(np.array(affine)).to(images.dtype), list(images.shape), align_corners=False
    )
    return grid_sample(images, grid, padding_mode=outside, align_corners=False)
