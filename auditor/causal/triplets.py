"""Pictures of what a transplant does: before, with the region, with the control."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int

from auditor.causal.transplant import composed
from auditor.causal.trial import Stage, Trial
from auditor.records.stages import Triplet

COUNT = 4
AROUND_THE_MEDIAN = (0.2, 0.8)


def representative_triplets(stage: Stage, trial: Trial) -> tuple[Triplet, ...]:
    """Return triplets of targets whose effect lies around the median, of different classes.

    The control is the one against which the region achieves least.
    """
    if trial.result is None or trial.pairing is None:
        return ()
    output = trial.region.members.output
    margins = trial.result.margins(output)
    control = min(margins, key=lambda name: float(margins[name].mean()))
    targets = _typical(margins[control].mean(axis=1), stage.targets.labels[trial.pairing.targets])
    found = []
    for index in targets:
        slot = _typical_slot(margins[control][index])
        rows = np.array([index])
        pair = trial.region, trial.pairing, stage.targets, stage.others
        slots = trial.pairing.references.shape[1]
        images = torch.stack(
            [
                stage.targets.inputs[int(trial.pairing.targets[index])],
                composed(*pair, None, rows)[slot % slots],
                composed(*pair, control, rows)[slot % slots],
            ]
        )
        logits = stage.probe.predict(images).astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        chances = powers[:, output] / powers.sum(axis=1)
        seen = logits.argmax(axis=1)
        reference = trial.pairing.references[index, slot]
        found.append(
            Triplet(
                target_row=int(stage.targets.rows[trial.pairing.targets[index]]),
                reference_row=int(trial.region.members.rows[reference]),
                control=control,
                pictures=stage.probe.pictures(images),
                probabilities=(float(chances[0]), float(chances[1]), float(chances[2])),
                predictions=(int(seen[0]), int(seen[1]), int(seen[2])),
            )
        )
    return tuple(found)


def _typical(effects: np.ndarray, labels: Int[np.ndarray, "target"]) -> list[int]:
    """Return targets between the quantiles around the median, nearest first, classes in turn."""
    distance = np.abs(effects - np.median(effects))
    low, high = np.quantile(effects, AROUND_THE_MEDIAN)
    order = [int(i) for i in np.argsort(distance, kind="stable") if low <= effects[i] <= high]
    chosen: list[int] = []
    while order and len(chosen) < COUNT:
        seen = {int(labels[i]) for i in chosen}
        fresh = [i for i in order if int(labels[i]) not in seen]
        pick = (fresh or order)[0]
        chosen.append(pick)
        order.remove(pick)
    return chosen


def _typical_slot(effects: np.ndarray) -> int:
    return int(np.argsort(effects, kind="stable")[len(effects) // 2])
