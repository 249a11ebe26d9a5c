"""Which images carry a candidate's region: those whose region does what the references' does.

An image carries it when its region, put into images of other classes, raises the margin of the
class by at least half of what the references' regions do. That is asked of members, of images of
the class that are decided as another one, and of images of other classes, in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from auditor.causal.images import Members, Stage, heat_of
from auditor.causal.screening import Screened, effects_of
from auditor.shortcuts.propose.windows import FEATHER, Shape, box_of, masks_of, place

# Of what the references' regions do on the mean.
MEMBER_EFFECT = 0.5
# Mean distance of corners from their median, as shares of the sides.
KEEPS_TO_A_PLACE = 0.25


@dataclass(frozen=True, eq=False)
class Pictures:
    """Images with what the search needs of them; ``heat`` is smoothed positive relevance."""

    rows: Int[np.ndarray, "sample"]
    inputs: Float[Tensor, "sample channel h w"]
    heat: Float[np.ndarray, "sample h w"]


@dataclass(frozen=True, eq=False)
class Carrying:
    """Which images carry a candidate's region: members, and ``strays`` of the class."""

    members: Bool[np.ndarray, "member"]
    strays: Bool[np.ndarray, "stray"]


def carrying_images(
    stage: Stage, members: Members, screened: Screened, strays: Pictures
) -> Carrying:
    """Say which images of a class carry the region; all of them where that cannot be measured.

    A proposal that is of some members only, such as a cluster of them, says so itself.
    """
    known = screened.proposal.carriers
    if known is None or not known.any():
        known = _of_members(stage, members, screened)
    masks = masks_for(screened, strays.heat)
    return Carrying(known, carries(stage, strays.inputs, masks, members.output, screened))


def _of_members(stage: Stage, members: Members, screened: Screened) -> Bool[np.ndarray, "member"]:
    """Say which members carry the region; what it does in some of them is known from screening."""
    known = np.ones(len(members.rows), dtype=bool)
    if screened.measured:
        known[screened.tried] = _enough(screened, screened.effects)
        rest = np.setdiff1d(np.arange(len(known)), screened.tried)
        inputs, masks = members.inputs[torch.from_numpy(rest)], screened.proposal.masks[rest]
        known[rest] = carries(stage, inputs, masks, members.output, screened)
    return known


def carries(
    stage: Stage,
    inputs: Float[Tensor, "sample channel h w"],
    masks: Bool[np.ndarray, "sample h w"],
    output: int,
    screened: Screened,
) -> Bool[np.ndarray, "sample"]:
    """Say which images carry the region of a candidate for ``output`` inside ``masks``."""
    if not screened.measured:
        return np.ones(len(inputs), dtype=bool)
    effects = effects_of(
        stage.probe, inputs, masks, output, stage.others, screened.targets, screened.fillers
    )
    return _enough(screened, effects)


def _enough(screened: Screened, effects: Float[np.ndarray, "sample"]) -> Bool[np.ndarray, "sample"]:
    enough: np.ndarray = effects >= MEMBER_EFFECT * screened.reference_effect
    return enough


def strays_of(stage: Stage, members: Members) -> Pictures:
    """Load test images of the class that are decided as another class.

    As large a share of them as the members are of the correctly decided test images, so that both
    together give the accuracy of the class.
    """
    output, samples = members.output, stage.samples
    test = samples.valid & ~samples.discovery & (samples.labels == output)
    wrong = np.flatnonzero(test & (samples.prediction != output))
    right = int((test & (samples.prediction == output)).sum())
    share = min(1.0, int((~members.discovery).sum()) / right) if right else 1.0
    rng = stage.search.rng("wrongly decided images", output)
    rows = np.sort(rng.permutation(wrong)[: round(share * len(wrong))])
    inputs = stage.probe.inputs(rows)
    return Pictures(rows, inputs, heat_of(stage.probe, inputs, output))


def masks_for(
    screened: Screened, heat: Float[np.ndarray, "sample h w"]
) -> Bool[np.ndarray, "sample h w"]:
    """Return where the region would lie in images that no proposal looked at.

    At its own place where it has the same one in every reference; else a window of its median size,
    at its median place where the references keep to one, and where relevance is largest otherwise.
    """
    reference = screened.proposal.masks[screened.references]
    reference = reference[reference.any(axis=(1, 2))]
    height, width = reference.shape[1:]
    if not len(heat) or not len(reference):
        return np.zeros((len(heat), height, width), dtype=bool)
    if (reference == reference[:1]).all():
        return np.repeat(reference[:1], len(heat), axis=0)
    boxes = np.array([box_of(mask) for mask in reference])
    sides = np.median(boxes[:, 2:] - boxes[:, :2], axis=0).round().astype(int)
    shape = Shape("window", max(1, int(sides[0])), max(1, int(sides[1])))
    corners = boxes[:, :2] / (height, width)
    middle = np.median(boxes[:, :2], axis=0).round().astype(int)
    if np.abs(corners - np.median(corners, axis=0)).sum(axis=1).mean() <= KEEPS_TO_A_PLACE:
        last = (height - shape.height, width - shape.width)
        corner = np.minimum(middle, last)
        return masks_of(np.tile(corner, (len(heat), 1)), shape, (height, width))
    return masks_of(place(heat, shape, feather=FEATHER), shape, (height, width))
