"""Ask the engine for the flow of relevance between layers over many samples: arrays out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float

from auditor.relevance.explainer import Explainer
from auditor.relevance.over_data.heatmaps import Load
from auditor.relevance.sweep.conditions import Condition


def mean_flow(
    explainer: Explainer,
    load: Load,
    rows: Sequence[int],
    target: int,
    conditions: Sequence[Mapping[str, tuple[int, ...]]],
    layer: str,
    *,
    batch: int = 16,
) -> tuple[Float[np.ndarray, "condition concept"], Float[np.ndarray, "condition"]]:
    """Return what of each condition arrives at each channel of ``layer``, and what goes past it.

    Signed, in units of the logit ``target``, means over ``rows``. A condition maps layers to the
    channels kept there; all must name the same layers, and ``{}`` keeps everything.
    """
    wanted = [Condition(dict(condition)) for condition in conditions]
    arrives = np.zeros((len(conditions), explainer.channels(layer)))
    bypass = np.zeros(len(conditions))
    for start in range(0, len(rows), batch):
        images = load(rows[start : start + batch])
        targets = torch.full((len(images),), target, device=images.device)
        parts = explainer.composition(images, wanted, layer, targets)
        arrives += parts.arrives.sum(1).cpu().numpy()
        bypass += parts.bypass.sum(1).cpu().numpy()
    return arrives / len(rows), bypass / len(rows)


def chain_of(explainer: Explainer, layers: Sequence[str]) -> tuple[str, ...]:
    """Return the layers from the last to the first, each below the one before it.

    Layers that relevance of those above cannot reach (a parallel branch) are left out.
    """
    order = {name: index for index, name in enumerate(explainer.layers)}
    chain: list[str] = []
    for layer in sorted(layers, key=order.__getitem__, reverse=True):
        if not chain or explainer.leads_to(chain[-1], layer):
            chain.append(layer)
    return tuple(chain)
