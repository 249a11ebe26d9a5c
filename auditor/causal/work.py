"""What the search takes, counted from what it is asked."""

from __future__ import annotations

from auditor.causal.lacking import TRIED_ON
from auditor.causal.screening import TARGETS_EACH, most_tried
from auditor.causal.trial import LEAST_IMAGES, SLOTS_LARGE, SLOTS_SMALL, SMALL_IMAGE
from auditor.config.audit import ShortcutConfig
from auditor.records.work import Work
from auditor.shortcuts.tests import TESTS

# What is counted, not asked for, of the search: proposals of a class after merging were 77 to 162
# of 5 to 10 classes, and a control is shared by the regions of a class that lie at the same place.
PROPOSALS = 16
CONTROLS_SHARED = 0.7
# Images of a candidate's null test over targets times slots; those of its tests are in their rows.
NULL_ROUNDS = 1.5
# The part of all these images that is left, since some candidates stop early: one of 30 on the
# demo, 24 of 50 on ten classes.
NOT_STOPPED = 0.65
# Pictures of other classes with each window of a square grid covered, once for all classes.
COVERED = 49 * TRIED_ON
# Directions taken out of a layer run the part of the model above it, for each candidate.
ABOVE = 0.13
# Per member of a class: conditional heatmaps, and passes back.
MAPS, EXPLAINED = 6.0, 2.5
# Seconds on the reference machine that run no model: plausibility and statistics of a candidate,
# proposals and scenes of a class, statistics of whole pictures.
CANDIDATE_SECONDS, CLASS_SECONDS, AUDIT_SECONDS = 1.8, 1.9, 6.0


def most_candidates(config: ShortcutConfig, images: int, classes: int) -> int:
    """Return how many candidates the search tests at most, 0 where it cannot run."""
    searched = config.enabled and _members(config, images, classes) >= LEAST_IMAGES
    return min(config.total, classes * config.per_class) if searched else 0


def work_of_search(
    config: ShortcutConfig, images: int, classes: int, size: tuple[int, int]
) -> Work:
    """Return what the search takes in ``images`` of all classes, of a ``size`` (height, width)."""
    candidates = most_candidates(config, images, classes)
    if not candidates:
        return Work()
    members = _members(config, images, classes)
    tried = min(members, most_tried(size, classes, PROPOSALS))
    screened = classes * PROPOSALS * tried * TARGETS_EACH * (1 + CONTROLS_SHARED)
    slots = SLOTS_SMALL if size[0] * size[1] <= SMALL_IMAGE else SLOTS_LARGE
    rounds = NOT_STOPPED * (NULL_ROUNDS + sum(TESTS[name].rounds for name in TESTS))
    edited = COVERED + screened + rounds * candidates * min(config.targets, images // 2) * slots
    fixed = candidates * CANDIDATE_SECONDS + classes * CLASS_SECONDS + AUDIT_SECONDS
    return Work(
        explained=2 * classes * members * EXPLAINED,
        shown=edited * (1 + ABOVE),
        edited=edited,
        maps=2 * classes * members * MAPS,
        fixed=fixed,
    )


def _members(config: ShortcutConfig, images: int, classes: int) -> int:
    """Return how many members of a class each half of the data has, where classes are equal."""
    return min(config.members, images // (2 * max(1, classes)))
