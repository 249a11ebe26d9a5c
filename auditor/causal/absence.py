"""Absence: does a region decide because of what it shows, or because of what it covers?

A class that alone lacks a mark is recognised by its absence: a region of it that covers the mark of
other pictures turns them into the class, but so does covering that place with anything smooth.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float

from auditor.causal.images import Stage
from auditor.causal.pixels import inpainted
from auditor.causal.trial import LEAST_IMAGES, Trial, least_effect
from auditor.language.speaking import N_
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Evidence
from auditor.shortcuts.grading import UNUSED
from auditor.shortcuts.tests import COVERED, FLIP_EXCESS

ELSEWHERE = N_("another place of the same size filled smoothly")


def absence_test(stage: Stage, trial: Trial, rng: np.random.Generator) -> Evidence | None:
    """Fill the region's place in pictures of other classes: how many turn into the class?

    Of the same targets as the transplants, at the place of the first reference that each was paired
    with; the control fills that reference's control window. None where nothing was transplanted.
    """
    flips = trial.evidence[FLIP_EXCESS.id]
    if trial.pairing is None or flips.p is None:
        return None
    if flips.low < UNUSED:
        return COVERED.missing(_("Not needed: the region turns hardly any picture."))
    if len(trial.pairing.targets) < LEAST_IMAGES:
        return COVERED.missing(_("There are too few pictures of other classes."))
    images = trial.pairing.pool.inputs[torch.from_numpy(trial.pairing.targets)]
    references, region = trial.pairing.references[:, 0], trial.region

    def turned(masks: Bool[np.ndarray, "target h w"]) -> Float[np.ndarray, "target"]:
        logits = stage.probe.predict(inpainted(images, torch.from_numpy(masks)))
        decided: np.ndarray = logits.argmax(axis=1) == region.members.output
        return decided.astype(float)

    effect = turned(region.masks[references]) - turned(region.window[references])
    return least_effect(stage, COVERED, {ELSEWHERE: effect[:, None]}, rng)
