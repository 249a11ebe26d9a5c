"""Implausibility: how much a region looks like an artefact, against windows of the same model.

Each term is in [0, 1] and rests on a percentile: the share of comparison groups of windows of the
same size that are less extreme. Where a percentile alone would say 1 for a difference without
meaning, it is multiplied by how far the value lies from the usual one. The score is the noisy-or
of the terms by `WEIGHTS`. Natural parts of a class often look alike, or keep to a place: each of
these alone stays below grade B's limit of .5. The same look at the same place does not, nor do
copies of one mark, nor what lies off the objects that the user marked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Int

from auditor.records.stages import Plausibility
from auditor.shortcuts.likeness import crops, same_mark, standing_out, stereotypy
from auditor.shortcuts.propose.inscribed import largest_rectangle
from auditor.shortcuts.propose.windows import Shape, box_of, place
from auditor.shortcuts.scenes import (
    GROUPS,
    Scene,
    groups_of,
    percentile,
    random_places,
    shrinkage,
    shrunk,
    tightness,
)
from auditor.shortcuts.terms import (
    Group,
    Hints,
    in_a_corner,
    lacking,
    matters,
    off_consensus,
    off_object,
    synthetic_look,
)

# Chosen by hand on the demo and the benchmark's grid 'full', to serve both halves of its seeds
# alike; what they do on other models is measured on its grid 'fresh'.
WEIGHTS: Mapping[str, tuple[float, float, float]] = {
    # term: (value that counts nothing, value that counts fully, weight)
    "stereotyped appearance": (0.8, 1.0, 0.20),
    "stereotyped position": (0.8, 1.0, 0.25),
    "same look at the same place": (0.47, 0.60, 0.70),
    "far more alike than usual": (0.65, 0.85, 0.70),
    "the same mark in it": (0.70, 0.90, 0.60),
    "near the border": (0.8, 1.0, 0.05),
    "in a corner": (0.8, 1.0, 0.05),
    "synthetic look": (0.3, 0.7, 0.20),
    "off the marked object": (0.5, 0.9, 0.60),
    "off the rest of the evidence": (0.8, 1.0, 0.05),
    "part of the class lacks it": (0.8, 1.0, 0.10),
    "shared with unrelated classes": (0.3, 0.7, 0.15),
}


def judge(
    candidate: str,
    own: Scene,
    references: Int[np.ndarray, "reference"],
    masks: Bool[np.ndarray, "member height width"],
    others: Sequence[Scene],
    generator: np.random.Generator,
    hints: Hints | None = None,
) -> Plausibility:
    """Return the terms and the score of a region.

    Args:
        candidate: its id.
        own: the members of its class, in the order of ``masks``.
        references: the members whose regions are looked at.
        masks: the region in every member, full size. Of one that spans the picture, such as a
            frame, the largest rectangle inside it is looked at.
        others: the members of other classes, for comparison.
        generator: draws the comparison groups.
        hints: what the model did with the region; None: the terms that need it are left out.
    """
    factor = shrinkage(masks.shape[1:])
    small = shrunk(masks.astype(np.float32), factor) > 0
    boxes = [box_of(small[row]) for row in references if small[row].any()]
    if len(boxes) < 3:
        return Plausibility(candidate, {}, 0.0)
    box = np.array(boxes)
    height, width = (int(x) for x in np.median(box[:, 2:] - box[:, :2], axis=0))
    shape = Shape("window", max(2, height), max(2, width))
    corners = _inside((box[:, :2] + box[:, 2:] - (shape.height, shape.width)) // 2, shape, own.size)
    kept = np.array([row for row in references if small[row].any()])
    if (shape.height, shape.width) == own.size:
        inner = largest_rectangle(small[kept].mean(axis=0) >= 0.5)
        if inner is not None:
            shape = Shape("window", max(2, inner[2]), max(2, inner[3]))
            corners = _inside(np.tile(inner[:2], (len(kept), 1)), shape, own.size)
    percentile_alike, far_alike = _appearance(own, kept, corners, shape, small, others, generator)
    terms = {"stereotyped appearance": percentile_alike, "far more alike than usual": far_alike}
    drawn = groups_of(others, len(kept), generator)
    if drawn:
        terms["the same mark in it"] = same_mark(own, kept, small[kept], drawn)
    groups = [matters(each, rows, shape) for each, rows in drawn]
    if groups and (shape.height < own.size[0] or shape.width < own.size[1]):
        terms["same look at the same place"] = _same_place(
            own, kept, corners, shape, others, generator
        )
        placed = _where_it_matters(own, kept, corners, shape)
        if placed is not None:
            terms["stereotyped position"] = tightness(
                spread(placed, own.size), [spread(where, own.size) for _, _, where in groups]
            ) * off_prior(placed, shape, groups)
            terms["near the border"] = percentile(
                -border_distance(placed, shape, own.size),
                [-border_distance(where, shape, own.size) for _, _, where in groups],
            )
            terms["in a corner"] = in_a_corner(placed, shape, own.size, groups)
        terms["synthetic look"] = synthetic_look(
            own, kept, corners, shape, small, groups, generator
        )
        outside = off_object(own, kept, corners, shape, groups)
        if outside is not None:
            terms["off the marked object"] = outside
        else:
            terms["off the rest of the evidence"] = off_consensus(
                own, kept, corners, shape, small, groups
            )
    if hints is not None:
        terms["part of the class lacks it"] = lacking(hints)
        if hints.shared is not None:
            terms["shared with unrelated classes"] = hints.shared
    return Plausibility(candidate, terms, noisy_or(terms))


def noisy_or(terms: Mapping[str, float]) -> float:
    """Return 1 - product of (1 - weight x excess), excess rising from 0 to 1 as in `WEIGHTS`."""
    rest = 1.0
    for name, value in terms.items():
        nothing, fully, weight = WEIGHTS[name]
        excess = min(1.0, max(0.0, (value - nothing) / (fully - nothing)))
        rest *= 1.0 - weight * excess
    return 1.0 - rest


def spread(places: Int[np.ndarray, "reference 2"], size: tuple[int, int]) -> float:
    """Return the median distance of places from their median, in units of the image's sides."""
    distances = np.abs(places - np.median(places, axis=0)) / size
    return float(np.median(distances.sum(axis=1)))


def off_prior(
    places: Int[np.ndarray, "reference 2"], shape: Shape, groups: Sequence[Group]
) -> float:
    """Return the share of other classes' windows that lie elsewhere than these do.

    Photographers put things in the middle: a place that is kept to in every class says little.
    """
    here = np.median(places, axis=0)
    reach = (shape.height / 2, shape.width / 2)
    there = [np.all(np.abs(where - here) < reach, axis=1).mean() for _, _, where in groups]
    return 1.0 - float(np.mean(there))


def border_distance(
    places: Int[np.ndarray, "reference 2"], shape: Shape, size: tuple[int, int]
) -> float:
    """Return the mean gap between windows and the border nearest to them, as a share of sides."""
    after = np.array(size) - (shape.height, shape.width) - places
    free = np.array([shape.height < size[0], shape.width < size[1]])
    gaps = np.minimum(places, after) / size
    return float(gaps[:, free].min(axis=1).mean())


def _appearance(
    own: Scene,
    references: Int[np.ndarray, "reference"],
    corners: Int[np.ndarray, "reference 2"],
    shape: Shape,
    masks: Bool[np.ndarray, "member height width"],
    others: Sequence[Scene],
    generator: np.random.Generator,
) -> tuple[float, float]:
    """Return the lower of two percentiles of the region's stereotypy, and how far it stands out.

    Against the best windows of other classes, and against windows elsewhere in the own class: in
    a class that is a texture, all windows are alike. Standing out is measured in the windows of
    other classes: a percentile says 1 for a difference that means nothing, and less than 1 for a
    mark when another class has a mark as well.
    """
    observed = stereotypy(crops(own, references, corners, shape))
    elsewhere = []
    for _ in range(GROUPS):
        rows = generator.choice(len(masks), size=len(references), replace=len(masks) < len(corners))
        anywhere = random_places(masks[rows], shape, generator)
        elsewhere.append(stereotypy(crops(own, rows, anywhere, shape)))
    best = [
        stereotypy(crops(each, rows, place(each.heat[rows], shape), shape))
        for each, rows in groups_of(others, len(references), generator)
    ]
    values = [percentile(observed, group) for group in (elsewhere, best) if group]
    return min(values), standing_out(observed, best or elsewhere, own, references, corners, shape)


def _where_it_matters(
    own: Scene,
    references: Int[np.ndarray, "reference"],
    corners: Int[np.ndarray, "reference 2"],
    shape: Shape,
) -> Int[np.ndarray, "reference 2"] | None:
    """Return where the region lies; for one that is fixed by its kind, the most relevant windows.

    None when those lie elsewhere: then the place of a fixed region says nothing.
    """
    if len(np.unique(corners, axis=0)) > 1:
        return corners
    placed = place(own.heat[references], shape)
    overlap = np.prod(np.maximum(0, (shape.height, shape.width) - np.abs(placed - corners)), axis=1)
    inside = float(np.median(overlap)) / (shape.height * shape.width)
    return placed if inside >= 0.5 else None


def _same_place(
    own: Scene,
    references: Int[np.ndarray, "reference"],
    corners: Int[np.ndarray, "reference 2"],
    shape: Shape,
    others: Sequence[Scene],
    generator: np.random.Generator,
) -> float:
    """Return how much more alike the references are at the region's median place than usual.

    The lower of two comparisons: with other places in the same references, and with the same place
    in other classes. Percentile times relative distance, as in `tightness`; 0 when the regions of
    most references lie elsewhere.
    """
    here = _inside(np.rint(np.median(corners, axis=0)).astype(int)[None], shape, own.size)
    observed = stereotypy(crops(own, references, np.repeat(here, len(references), 0), shape))
    taken = np.zeros((GROUPS, *own.size), dtype=bool)
    taken[:, here[0, 0] : here[0, 0] + shape.height, here[0, 1] : here[0, 1] + shape.width] = True
    elsewhere = [
        stereotypy(crops(own, references, np.tile(where, (len(references), 1)), shape))
        for where in random_places(taken, shape, generator)
    ]
    same = [
        stereotypy(crops(each, rows, np.repeat(here, len(rows), 0), shape))
        for each, rows in groups_of(others, len(references), generator)
    ]
    lies_there = np.all(np.abs(corners - here) <= (shape.height / 2, shape.width / 2), axis=1)
    if observed <= 0 or lies_there.mean() < 0.5:
        return 0.0
    return min(
        percentile(observed, group) * max(0.0, 1.0 - max(0.0, float(np.median(group))) / observed)
        for group in (elsewhere, same)
    )


def _inside(
    corners: Int[np.ndarray, "reference 2"], shape: Shape, size: tuple[int, int]
) -> Int[np.ndarray, "reference 2"]:
    last = np.array(size) - (shape.height, shape.width)
    clipped: np.ndarray = np.clip(corners, 0, last)
    return clipped
