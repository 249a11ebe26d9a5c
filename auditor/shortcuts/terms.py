"""Terms of implausibility beyond look and place: drawn, cornered, off the object, partial, shared.

Each is in [0, 1]. Windows are compared with windows of the same size of the same model, as in
`plausibility`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from auditor.shortcuts.drawn_look import drawn
from auditor.shortcuts.propose.windows import Shape, place
from auditor.shortcuts.scenes import Scene, percentile, random_places, standing
from auditor.shortcuts.whole_pictures.modes import otsu, separation

CONSENSUS = 0.5
LEAST_WITHOUT = 0.1
WITHOUT = 0.25
ELSEWHERE = 12

Places = Int[np.ndarray, "reference 2"]
# Windows of another class: its scene, its members, where their most relevant windows lie.
Group = tuple[Scene, Int[np.ndarray, "reference"], Places]


@dataclass(frozen=True, eq=False)
class Hints:
    """What the model did with a region, for the terms that pictures alone do not give.

    ``effects`` are the margins that each tried member's region gained, ``usual_effects`` those of
    regions of similar size of other classes; ``shared`` in [0, 1] is how far the region raises
    unrelated classes too, None when no class is known to be unrelated.
    """

    effects: Float[np.ndarray, "tried"] = field(default_factory=lambda: np.zeros(0))
    usual_effects: Sequence[Float[np.ndarray, "tried"]] = ()
    shared: float | None = None


def synthetic_look(
    own: Scene,
    references: Int[np.ndarray, "reference"],
    corners: Places,
    shape: Shape,
    taken: Bool[np.ndarray, "member height width"],
    groups: Sequence[Group],
    generator: np.random.Generator,
) -> float:
    """Return how drawn a region looks: flat colour, edges along the axes, strokes of one width.

    Each of the three against windows elsewhere in the same references and against the windows that
    matter for other classes, the lower counting; the mean of the two that stand out most.
    """
    observed = _look(own, references, corners, shape)
    avoid = taken[references]
    elsewhere = [
        _look(own, references, random_places(avoid, shape, generator), shape)
        for _ in range(ELSEWHERE)
    ]
    best = [_look(scene, rows, places, shape) for scene, rows, places in groups]
    found = [
        min(standing(observed[k], [each[k] for each in several]) for several in (elsewhere, best))
        for k in range(len(observed))
    ]
    return float(np.mean(sorted(found)[-2:]))


def in_a_corner(
    places: Places, shape: Shape, size: tuple[int, int], groups: Sequence[Group]
) -> float:
    """Return the percentile of how near the windows are to a corner of the picture."""
    return percentile(
        -corner_distance(places, shape, size),
        [-corner_distance(where, shape, scene.size) for scene, _, where in groups],
    )


def corner_distance(places: Places, shape: Shape, size: tuple[int, int]) -> float:
    """Return the mean gap between windows and the nearest corner, as a share of the sides."""
    after = np.array(size) - (shape.height, shape.width) - places
    gaps = np.minimum(places, after) / size
    return float(gaps.sum(axis=1).mean())


def off_object(
    own: Scene,
    references: Int[np.ndarray, "reference"],
    corners: Places,
    shape: Shape,
    groups: Sequence[Group],
) -> float | None:
    """Return how far the region lies off the objects that the user marked; None without masks.

    The median share of the region outside the object, times its percentile among the windows that
    matter for other classes, where these have masks.
    """
    observed = _outside(own, references, corners, shape)
    if observed is None:
        return None
    usual = [_outside(*each, shape) for each in groups]
    known = [each for each in usual if each is not None]
    return observed * (percentile(observed, known) if known else 1.0)


def off_consensus(
    own: Scene,
    references: Int[np.ndarray, "reference"],
    corners: Places,
    shape: Shape,
    taken: Bool[np.ndarray, "member height width"],
    groups: Sequence[Group],
) -> float:
    """Return how far the region lies off where the rest of the class's evidence is.

    The consensus is the smallest area with `CONSENSUS` of the mean relevance of the members, the
    region itself left out; the share of the region outside of it, as a percentile among the windows
    that matter for other classes, each against its own class's.
    """
    weight = (~taken).astype(np.float64)
    rest = (own.heat * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1.0)
    observed = _beside(_consensus(rest), corners, shape)
    usual = [
        _beside(_consensus(scene.heat.mean(axis=0)), where, shape) for scene, _, where in groups
    ]
    return percentile(observed, usual)


def lacking(hints: Hints) -> float:
    """Return how clearly a part of the class lacks the region, and is recognised all the same.

    The share of the variance of effects between the two groups that Otsu's threshold makes,
    compared with regions of other classes; 0 when the lower group is small or still gains. All
    members are recognised, so those of the lower group are without the region.
    """
    effects = hints.effects
    if len(effects) < 8 or not hints.usual_effects or np.ptp(effects) < 1e-9:
        return 0.0
    low = effects <= otsu(effects)
    if low.mean() < LEAST_WITHOUT or effects[low].mean() > WITHOUT * effects[~low].mean():
        return 0.0
    usual = [separation(each) for each in hints.usual_effects]
    return percentile(separation(effects), usual) * min(1.0, float(low.mean()) / 0.2)


def shared_raise(
    raised: Float[np.ndarray, "output"], output: int, unrelated: Sequence[int]
) -> float:
    """Return the largest rise of an unrelated class over that of the class, both over the mean."""
    rise = raised - raised.mean()
    if rise[output] <= 0 or not len(unrelated):
        return 0.0
    return float(np.clip(rise[list(unrelated)].max() / rise[output], 0.0, 1.0))


def matters(scene: Scene, rows: Int[np.ndarray, "reference"], shape: Shape) -> Group:
    """Return a comparison group: where the most relevant windows of these members lie."""
    return scene, rows, place(scene.heat[rows], shape)


def _look(
    scene: Scene, rows: Int[np.ndarray, "reference"], corners: Places, shape: Shape
) -> Float[np.ndarray, "3"]:
    means = np.stack(
        [
            scene.looks[row, :, top : top + shape.height, left : left + shape.width].mean((1, 2))
            for row, (top, left) in zip(rows, corners, strict=True)
        ]
    )
    middle: np.ndarray = np.median(drawn(means), axis=0)
    return middle


def _outside(
    scene: Scene, rows: Int[np.ndarray, "reference"], corners: Places, shape: Shape
) -> float | None:
    """Return the median share of the windows outside the objects, None without three masks."""
    if scene.objects is None:
        return None
    inside = np.array(
        [
            scene.objects[row, top : top + shape.height, left : left + shape.width].mean()
            for row, (top, left) in zip(rows, corners, strict=True)
        ]
    )
    inside = inside[np.isfinite(inside)]
    return float(np.median(1.0 - inside)) if len(inside) >= 3 else None


def _consensus(heat: Float[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    order = np.argsort(-heat, axis=None, kind="stable")
    total = np.cumsum(heat.ravel()[order])
    count = int(np.searchsorted(total, CONSENSUS * total[-1])) + 1
    found = np.zeros(heat.size, dtype=bool)
    found[order[:count]] = True
    return found.reshape(heat.shape)


def _beside(area: Bool[np.ndarray, "height width"], corners: Places, shape: Shape) -> float:
    return float(
        np.mean(
            [
                1.0 - area[top : top + shape.height, left : left + shape.width].mean()
                for top, left in corners
            ]
        )
    )
