"""Pictures of what a transplant does: before, with the region, with the control."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.special import softmax

from auditor.causal.images import Stage
from auditor.causal.transplant import composed
from auditor.causal.trial import Trial
from auditor.records.stages import Triplet

# Triplets of a finding: one row of a sheet.
COUNT = 4


def representative_triplets(stage: Stage, trial: Trial) -> tuple[Triplet, ...]:
    """Return triplets whose change of probability is typical, of different classes.

    The change is what a reader sees: the probability of the class with the region less that with
    the control; see `typical_change`. The control is the one against which the region achieves
    least.
    """
    if trial.result is None or trial.pairing is None:
        return ()
    output = trial.region.members.output
    margins = trial.result.margins(output)
    control = min(margins, key=lambda name: float(margins[name].mean()))
    with_region, with_control = (
        softmax(logits.astype(np.float64), axis=-1)[..., output]
        for logits in (trial.result.region, trial.result.controls[control])
    )
    labels = stage.targets.labels[trial.pairing.targets]
    triplets = []
    for index, slot in typical_pairs(with_region - with_control, labels):
        pair = trial.pairing.at(slice(index, index + 1))
        images = torch.stack(
            [
                stage.targets.inputs[int(trial.pairing.targets[index])],
                composed(pair, None)[slot],
                composed(pair, control)[slot],
            ]
        )
        logits = stage.probe.predict(images).astype(np.float64)
        chances = softmax(logits, axis=1)[:, output]
        seen = logits.argmax(axis=1)
        reference = trial.pairing.references[index, slot]
        triplets.append(
            Triplet(
                target_row=int(stage.targets.rows[trial.pairing.targets[index]]),
                reference_row=int(trial.region.members.rows[reference]),
                control=control,
                pictures=stage.probe.pictures(images),
                probabilities=(float(chances[0]), float(chances[1]), float(chances[2])),
                predictions=(int(seen[0]), int(seen[1]), int(seen[2])),
            )
        )
    return tuple(triplets)


def typical_pairs(
    changes: Float[np.ndarray, "target slot"], labels: Int[np.ndarray, "target"]
) -> list[tuple[int, int]]:
    """Return at most `COUNT` targets with a slot each, the most typical first, classes in turn."""
    distance = np.abs(changes - typical_change(changes))
    order = [int(index) for index in np.argsort(distance.min(axis=1), kind="stable")]
    chosen: list[int] = []
    while order and len(chosen) < COUNT:
        seen = {int(labels[index]) for index in chosen}
        fresh = [index for index in order if int(labels[index]) not in seen]
        pick = (fresh or order)[0]
        chosen.append(pick)
        order.remove(pick)
    return [(index, int(distance[index].argmin())) for index in chosen]


def typical_change(changes: Float[np.ndarray, "target slot"]) -> float:
    """Return the change from which on larger ones make up half of the whole effect.

    The median weighted by the change itself: of twenty pictures of which six rise to 1 it is 1,
    where the median is 0. Without any rise it is the plain median.
    """
    rises = np.sort(changes[changes > 0])[::-1]
    if not len(rises):
        return float(np.median(changes))
    total = rises.cumsum()
    return float(rises[np.searchsorted(total, total[-1] / 2)])
