"""Conditional heatmaps of units larger than a channel: subspaces, and directions of components."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from auditor.relevance.explainer import Explainer
from auditor.relevance.over_data.heatmaps import Load
from auditor.relevance.sweep.conditions import Concept


@dataclass(frozen=True)
class UnitRequest:
    """One unit on one sample, explained as ``target``.

    ``channels`` are those of a subspace; of a component ``direction`` (C,) is given instead.
    """

    layer: str
    row: int
    target: int
    channels: tuple[int, ...] = ()
    direction: Float[np.ndarray, "concept"] | None = None


def unit_maps(
    explainer: Explainer,
    load: Load,
    requests: Sequence[UnitRequest],
    *,
    batch: int,
    progress: Callable[[int], object] | None = None,
) -> list[Float[np.ndarray, "height width"]]:
    """Return the heatmap of every request in their order; each image runs forward once a layer."""
    found: list[np.ndarray | None] = [None] * len(requests)
    groups: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    for place, request in enumerate(requests):
        groups[request.layer, request.row, request.target].append(place)
    for layer in dict.fromkeys(request.layer for request in requests):
        images = [key for key in sorted(groups) if key[0] == layer]
        for start in range(0, len(images), batch):
            part = images[start : start + batch]
            places = [(image, place) for image, key in enumerate(part) for place in groups[key]]
            maps = explainer.paired_heatmaps(
                load([row for _, row, _ in part]),
                layer,
                samples=[image for image, _ in places],
                concepts=[_concept(requests[place]) for _, place in places],
                targets=torch.tensor([target for _, _, target in part]),
            )
            for (_, place), each in zip(places, maps, strict=True):
                found[place] = each.float().cpu().numpy()
            if progress is not None:
                progress(len(places))
    return [each for each in found if each is not None]


def _concept(request: UnitRequest) -> Concept:
    if request.direction is None:
        return request.channels
    return torch.as_tensor(np.array(request.direction))
