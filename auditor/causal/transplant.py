"""Transplants: put a class's region into images of other classes; do they turn into the class?

``x_tr = (1 - m) x_t + m x_r`` for targets t of other classes and references r of the class, at the
region's own place. Every effect is a difference to a control, and the smallest over the controls
that apply counts, so that a seam, or any piece of the class or of the image, is no evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.ndimage import label
from torch import Tensor

from auditor.causal.images import Members, Pool
from auditor.causal.pixels import blend, feathered
from auditor.causal.probe import Probe
from auditor.language.speaking import N_
from auditor.shortcuts.propose.proposals import MAX_AREA
from auditor.shortcuts.propose.windows import FEATHER, Shape, dictionary, masks_of, place

OTHER_CLASS = N_("the same place of another class's image")
NON_MEMBER = N_("an image of the class without the region")
SAME_IMAGE = N_("another window of the same image")
# The part of the largest rise of a logit that the class's own has to reach.
AS_MUCH = 0.5


@dataclass(frozen=True, eq=False)
class Region:
    """A region of the members of a class, and what its transplants are compared with.

    ``references`` are the members it is taken from, ``non_members`` members that lack it (empty:
    that control does not apply), ``window`` the control window of every member. All index the
    class's members. ``carriers`` are the members that the region is said to be in, None: all of
    which it has a mask.
    """

    members: Members
    masks: Bool[np.ndarray, "member h w"]
    references: Int[np.ndarray, "reference"]
    non_members: Int[np.ndarray, "member_without"]
    window: Bool[np.ndarray, "member h w"]
    carriers: Bool[np.ndarray, "member"] | None = None

    @property
    def carried(self) -> Bool[np.ndarray, "member"]:
        """Which members carry the region."""
        having: np.ndarray = np.asarray(self.masks.any(axis=(1, 2)))
        return having if self.carriers is None else having & self.carriers


@dataclass(frozen=True, eq=False)
class Pairing:
    """Which reference of a region, and which control images, meet which target in which slot.

    ``targets`` are positions in ``pool``, ``others`` in ``fillers``; the rest index the members.
    """

    region: Region
    pool: Pool
    fillers: Pool
    targets: Int[np.ndarray, "target"]
    references: Int[np.ndarray, "target slot"]
    others: Int[np.ndarray, "target slot"]
    non_members: Int[np.ndarray, "target slot"] | None

    def at(self, rows: slice | Int[np.ndarray, "row"] | Bool[np.ndarray, "target"]) -> Pairing:
        """Return the pairing of some of the targets."""
        return replace(
            self,
            targets=self.targets[rows],
            references=self.references[rows],
            others=self.others[rows],
            non_members=None if self.non_members is None else self.non_members[rows],
        )

    def first(self, count: int) -> Pairing:
        """Return the pairing of the first targets."""
        return self.at(slice(0, count))

    def rest(self, count: int) -> Pairing:
        """Return the pairing of the targets after the first."""
        return self.at(slice(count, None))


@dataclass(frozen=True, eq=False)
class Transplanted:
    """Logits of images with the region and with each control."""

    region: Float[np.ndarray, "target slot output"]
    controls: Mapping[str, Float[np.ndarray, "target slot output"]]

    def flips(self, output: int) -> dict[str, Float[np.ndarray, "target slot"]]:
        """Return per control: 1 where only the region makes ``output`` the prediction, or -1."""
        turned = (self.region.argmax(axis=2) == output).astype(float)
        return {
            name: turned - (logits.argmax(axis=2) == output)
            for name, logits in self.controls.items()
        }

    def margins(self, output: int) -> dict[str, Float[np.ndarray, "target slot"]]:
        """Return per control: by how much more the region raises the margin of ``output``."""
        raised = margin(self.region, output)
        return {name: raised - margin(logits, output) for name, logits in self.controls.items()}

    def specific(self, output: int) -> bool:
        """Say whether the region, against every control, raises ``output`` as few other logits.

        Logits are compared with their mean: that of ``output`` has to rise at least `AS_MUCH` times
        as much as the one that rises most. What two classes share raises both.
        """
        rises = [(self.region - logits).mean(axis=(0, 1)) for logits in self.controls.values()]
        return all(
            bool(rise[output] - rise.mean() >= AS_MUCH * max(rise.max() - rise.mean(), 0.0))
            and bool(rise[output] >= rise.mean())
            for rise in rises
        )

    def joined(self, more: Transplanted) -> Transplanted:
        """Return both sets of targets, one after the other."""
        return Transplanted(
            np.concatenate([self.region, more.region]),
            {
                name: np.concatenate([logits, more.controls[name]])
                for name, logits in self.controls.items()
            },
        )


def margin(logits: Float[np.ndarray, "*axes output"], output: int) -> Float[np.ndarray, "*axes"]:
    """Return the logit of ``output`` minus the largest other."""
    others: np.ndarray = np.delete(logits, output, axis=-1).max(axis=-1)
    difference: np.ndarray = logits[..., output] - others
    return difference


def control_windows(
    members: Members, masks: Bool[np.ndarray, "member h w"], shape_name: str, *, rank: float
) -> Bool[np.ndarray, "member h w"]:
    """Return an equal-area window of each member, clear of its region, by rank of relevance.

    A window that can move keeps its shape; in place of any other region, as of one that was drawn
    anew inside a window, stands a square, of the median area of the members that have the region;
    of a region larger than `MAX_AREA`, which is made of parts at the border, of the area of a part:
    beside all of them only the object has room. ``rank`` 0.5 is the window of median relevance, 1
    the most relevant one.
    """
    size = members.heat.shape[1:]
    shape = next((s for s in dictionary(*size) if s.name == shape_name and s.anchor is None), None)
    area = _usual_area(masks)
    if shape is None or shape.height * shape.width != area:
        side = max(2, round(area**0.5))
        shape = Shape("square", min(side, size[0]), min(side, size[1]))
    places = place(members.heat, shape, rank=rank, avoid=masks, feather=FEATHER)
    return masks_of(places, shape, (size[0], size[1]))


def _usual_area(masks: Bool[np.ndarray, "member h w"]) -> float:
    """Return the median area in pixels of a region that fits beside the region, 0 without any."""
    having = masks[masks.any(axis=(1, 2))]
    if not len(having):
        return 0.0
    areas = having.sum(axis=(1, 2))
    if np.median(areas) > MAX_AREA * having[0].size:
        areas = np.array([np.bincount(label(mask)[0][mask]).max() for mask in having])
    return float(np.median(areas))


def pair_up(
    region: Region,
    pool: Pool,
    targets: Int[np.ndarray, "target"],
    fillers: Pool,
    others: Int[np.ndarray, "other"],
    slots: int,
    rng: np.random.Generator,
) -> Pairing:
    """Draw ``slots`` references and control images for every target, evenly used, no repeats.

    ``targets`` are positions in ``pool``, ``others`` those in ``fillers`` that may be drawn.
    """
    shape = (len(targets), slots)
    without = region.non_members
    return Pairing(
        region,
        pool,
        fillers,
        targets=targets,
        references=_dealt(region.references, shape, rng),
        others=_dealt(others, shape, rng),
        non_members=_dealt(without, shape, rng) if len(without) else None,
    )


def transplant(
    probe: Probe, pairing: Pairing, controls: Sequence[str] | None = None
) -> Transplanted:
    """Return the logits of every pair with the region and with each control that applies.

    ``controls`` names some of `controls_of`, None for all of them.
    """
    names = controls_of(pairing) if controls is None else controls
    return Transplanted(
        _logits(probe, pairing, None), {name: _logits(probe, pairing, name) for name in names}
    )


def with_controls(probe: Probe, result: Transplanted, pairing: Pairing) -> Transplanted:
    """Return a result with the controls that it lacks."""
    lacking = [name for name in controls_of(pairing) if name not in result.controls]
    more = {name: _logits(probe, pairing, name) for name in lacking}
    return Transplanted(result.region, {**result.controls, **more})


def controls_of(pairing: Pairing) -> tuple[str, ...]:
    """Return the controls that apply, the same place of other classes first."""
    names = (OTHER_CLASS, SAME_IMAGE)
    return names if pairing.non_members is None else (*names, NON_MEMBER)


def composed(pairing: Pairing, control: str | None) -> Float[Tensor, "pair channel h w"]:
    """Return the images of every pair, target by target.

    With the region, or with the control of this name in its place.
    """
    region = pairing.region
    slots = pairing.references.shape[1]
    base = pairing.pool.inputs[np.repeat(pairing.targets, slots)]
    references = pairing.references.ravel()
    masks = region.window if control == SAME_IMAGE else region.masks
    if control == OTHER_CLASS:
        content = pairing.fillers.inputs[pairing.others.ravel()]
    elif control == NON_MEMBER:
        assert pairing.non_members is not None
        content = region.members.inputs[pairing.non_members.ravel()]
    else:
        content = region.members.inputs[references]
    different, which = np.unique(references, return_inverse=True)
    weights = feathered(torch.from_numpy(masks[different]))
    return blend(base, content, weights[torch.from_numpy(which)])


def _logits(
    probe: Probe, pairing: Pairing, control: str | None
) -> Float[np.ndarray, "target slot output"]:
    count, slots = pairing.references.shape
    step = max(1, 256 // slots)
    parts = [
        probe.predict(composed(pairing.at(slice(start, start + step)), control))
        for start in range(0, count, step)
    ]
    return np.concatenate(parts).reshape(count, slots, -1)


def _dealt(
    items: Int[np.ndarray, "item"], shape: tuple[int, int], rng: np.random.Generator
) -> Int[np.ndarray, "target slot"]:
    """Deal shuffled packs of ``items`` until every place has one."""
    needed = shape[0] * shape[1]
    packs = [rng.permutation(items) for _ in range(-(-needed // len(items)))]
    return np.concatenate(packs)[:needed].reshape(shape)
