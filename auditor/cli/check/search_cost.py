"""How often the search for candidates runs the model, counted from what the config asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.cli.check.speed import Speed
    from auditor.config.audit import ShortcutConfig

# What is counted, not asked for: proposals of a class after merging, 77 to 162 of 5 to 10 classes.
PROPOSALS = 16
# A control is shared by the regions of a class that lie at the same place.
CONTROLS_SHARED = 0.7
# Images of a candidate over targets times slots: transplants with three controls, removal, rival
# and null tests. Some stop early: one of 30 on the demo, 24 of 50 on ten classes.
ROUNDS = 5.5
# Per member of a class: conditional heatmaps, and passes back.
MAPS, EXPLAINED = 6.0, 2.5
# Directions taken out of a layer run the part of the model above it, for each candidate.
ABOVE = 0.13
# Seconds on the reference machine that run no model: plausibility and statistics of a candidate,
# proposals and scenes of a class, statistics of whole pictures.
OF_A_CANDIDATE, OF_A_CLASS, OF_AN_AUDIT = 1.8, 1.9, 6.0


@dataclass(frozen=True)
class SearchCost:
    """What the search takes: ``passes`` are images that go through the model."""

    candidates: int
    passes: int
    seconds: float


def search_cost(
    asked: ShortcutConfig,
    images: int,
    classes: int,
    size: tuple[int, int],
    speed: Speed,
    *,
    per_map: float,
    per_image: float,
) -> SearchCost:
    """Return what the search takes.

    Args:
        asked: its part of the config.
        images: of all classes.
        classes: that are searched.
        size: (height, width) of the model's input.
        speed: of this machine and model.
        per_map: seconds of a conditional heatmap at the last layer.
        per_image: seconds of an image's relevance.
    """
    from auditor.causal.screening import TARGETS_EACH, most_tried
    from auditor.causal.trial import LEAST_IMAGES, SLOTS_LARGE, SLOTS_SMALL, SMALL_IMAGE

    members = min(asked.members, images // (2 * max(1, classes)))  # in each half of the data
    if not asked.enabled or members < LEAST_IMAGES:
        return SearchCost(0, 0, 0.0)
    pixels = size[0] * size[1]
    candidates = min(asked.total, classes * asked.per_class)
    tried = min(members, most_tried(size, classes, PROPOSALS))
    screened = classes * PROPOSALS * tried * TARGETS_EACH * (1 + CONTROLS_SHARED)
    slots = SLOTS_SMALL if pixels <= SMALL_IMAGE else SLOTS_LARGE
    targets = min(asked.targets, images // 2)
    passes = screened + ROUNDS * candidates * targets * slots
    explained = 2 * classes * members * (MAPS * per_map + EXPLAINED * per_image)
    fixed = candidates * OF_A_CANDIDATE + classes * OF_A_CLASS + OF_AN_AUDIT
    seconds = passes * (speed.predict * (1 + ABOVE) + speed.edit)
    return SearchCost(candidates, round(passes), seconds + explained + fixed * speed.slower)
