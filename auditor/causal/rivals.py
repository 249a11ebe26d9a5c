"""Transplants into the nearest class alone: a region may tell the class from one other only.

Of a net that uses a date stamp to tell ketches from schooners, two thirds of the schooners turn
into ketches with the stamp, and no picture of any other class: over all targets that is little.
The nearest class is chosen on the discovery half; its pictures are of the test half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditor.causal.context import Search
from auditor.causal.images import Members, Pool, Stage, load_pool
from auditor.causal.screening import rival_of
from auditor.causal.transplant import Region, Transplanted
from auditor.causal.trial import LEAST_IMAGES, Trial, least_effect, stepwise, unspecific
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Evidence
from auditor.shortcuts.grading import CLEAR, STRONG
from auditor.shortcuts.tests import FLIP_EXCESS, NEAREST_CLASS

# Half of the usual number of targets: one class has fewer pictures than all others together.
MOST_TARGETS = 32


@dataclass(frozen=True, eq=False)
class Rival:
    """The class nearest to another one, by name, and test images of it."""

    name: str
    images: Pool


def rivals_of(search: Search, classes: Sequence[Members], others: Pool) -> dict[int, Rival]:
    """Return the nearest class of each class as the discovery half tells, where there is one."""
    samples = search.samples
    rivals = {}
    for members in classes:
        label = rival_of(others, members.output)
        if label is None:
            continue
        rows = np.flatnonzero(samples.valid & ~samples.discovery & (samples.labels == label))
        pool = load_pool(search, rows, MOST_TARGETS, name="nearest class")
        rivals[members.output] = Rival(search.class_name(label), pool)
    return rivals


def nearest_class_test(
    stage: Stage, trial: Trial, rival: Rival | None, share: float, rng: np.random.Generator
) -> Evidence | None:
    """Return what the pictures of the nearest class alone say; None where nothing was transplanted.

    They are asked where all classes together do not turn enough already (`STRONG`), and where the
    region moved at least `CLEAR` of the evidence on the discovery half (``share``).
    """
    flips = trial.evidence[FLIP_EXCESS.id]
    if flips.p is None:
        return None
    if flips.low >= STRONG:
        why = _("Not needed: the region turns enough pictures of all classes.")
        return NEAREST_CLASS.missing(why)
    if share < CLEAR:
        why = _("Not asked: the region moved too little of the evidence where it was chosen.")
        return NEAREST_CLASS.missing(why)
    if rival is None:
        return NEAREST_CLASS.missing(_("There is no other class."))
    return rival_evidence(stage, trial.region, rival, rng)


def rival_evidence(
    stage: Stage, region: Region, rival: Rival, rng: np.random.Generator
) -> Evidence:
    """Put the region into test images of the nearest class; see `stepwise`."""
    output = region.members.output
    targets = rival.images.without(output)
    if len(targets) < LEAST_IMAGES:
        why = _(
            "%(targets)s images of '%(name)s', the nearest class, are in the test half, and "
            "%(least_images)s are needed.",
            targets=len(targets),
            name=rival.name,
            least_images=LEAST_IMAGES,
        )
        return NEAREST_CLASS.missing(why)

    def measure(result: Transplanted, share: float) -> Sequence[Evidence]:
        said = {"of": rival.name, "reason": unspecific(result, output)}
        flips = result.flips(output)
        return [least_effect(stage, NEAREST_CLASS, flips, rng, share=share, **said)]

    _pairing, _result, (evidence,) = stepwise(stage, region, rival.images, targets, measure, rng)
    return evidence
