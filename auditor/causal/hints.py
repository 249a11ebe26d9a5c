"""What the trials of a region tell about how it may have come into the pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from auditor.causal.proposing import Proposing
from auditor.causal.screening import Screened
from auditor.causal.trial import Trial
from auditor.shortcuts.propose.shared_concepts import unrelated_classes
from auditor.shortcuts.region_view import Effects
from auditor.shortcuts.terms.shared_with_unrelated_classes import shared_raise


def hints_of(
    asked: Proposing,
    output: int,
    each: Screened,
    trial: Trial,
    screened: Mapping[int, Sequence[Screened]],
) -> Effects:
    """Return what the model did with a region, beside the same for regions of other classes."""
    usual = [one.effects for label, group in screened.items() if label != output for one in group]
    unrelated: list[int] = []
    if asked.means is not None:
        unrelated = unrelated_classes(asked.means, asked.outputs, output)
    shared = None
    if unrelated and trial.result is not None:
        controls = trial.result.controls.values()
        raised = np.min([trial.result.region - control for control in controls], axis=0)
        shared = shared_raise(raised.mean(axis=(0, 1)), output, unrelated)
    return Effects(each.effects, usual, shared)
