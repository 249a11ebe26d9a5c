"""Ask the engine for what the concept stages show: heatmaps and activation products.

Each function loads an image once however many concepts refer to it. What ``load`` raises goes
through.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from auditor.records.stages import Origin, References
from auditor.relevance.explainer import Explainer
from auditor.relevance.sweep.conditions import Channels, Concept

# Rows -> their images (n, 3, H, W) as the model takes them: all, in this order, or an error.
Load = Callable[[Sequence[int]], Tensor]
Progress = Callable[[int], object]
Heatmap = Float[np.ndarray, "height width"]
Item = TypeVar("Item")


@dataclass(frozen=True)
class MapRequest:
    """A reference sample to be made visible.

    ``output`` is the class that the heatmap explains (None: the sample's own target). ``peak`` is
    the flat position in the layer's feature map whose field is wanted too (None: no field).
    """

    layer: str
    concepts: tuple[int, ...]
    output: int | None
    origin: Origin
    row: int
    score: float
    peak: int | None


@dataclass(frozen=True)
class HeatmapRequest:
    """A heatmap of ``concept`` on a sample explained as ``target``, of all positions or one."""

    layer: str
    row: int
    target: int
    concept: Concept
    position: int | None = None


def concept_maps(
    explainer: Explainer,
    load: Load,
    requests: Sequence[MapRequest],
    targets: Int[np.ndarray, "sample"],
    *,
    batch: int = 16,
) -> list[tuple[Heatmap, Heatmap | None]]:
    """Return heatmap and field of every request, at input resolution.

    The field is the heatmap of the most relevant position alone: what that position can see; None
    where no peak was asked for. Equal requests (a sample may be a reference over all data and
    within its class) share one reverse sweep. Ask in portions where there are many.

    Args:
        explainer: the engine.
        load: rows -> images.
        requests: what is wanted.
        targets: the explained output of every sample of the table, for requests without one.
        batch: images per batch.
    """

    def asked(request: MapRequest, position: int | None) -> HeatmapRequest:
        target = int(targets[request.row]) if request.output is None else request.output
        concepts = request.concepts
        concept = concepts[0] if len(concepts) == 1 else concepts
        return HeatmapRequest(request.layer, request.row, target, concept, position)

    pairs = [
        (asked(request, None), None if request.peak is None else asked(request, request.peak))
        for request in requests
    ]
    different = list(dict.fromkeys(one for pair in pairs for one in pair if one is not None))
    maps = dict(zip(different, heatmaps(explainer, load, different, batch=batch), strict=True))
    return [(maps[whole], None if at is None else maps[at]) for whole, at in pairs]


def heatmaps(
    explainer: Explainer,
    load: Load,
    requests: Sequence[HeatmapRequest],
    *,
    batch: int,
    progress: Progress | None = None,
) -> list[Heatmap]:
    """Return the heatmap of every request; each image runs forward once a layer and target."""
    result: dict[int, Heatmap] = {}
    for layer in dict.fromkeys(request.layer for request in requests):
        wanted: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, request in enumerate(requests):
            if request.layer == layer:
                wanted[request.row, request.target].append(index)
        for images in _portions(sorted(wanted), batch):
            indices = [index for image in images for index in wanted[image]]
            rows = list(dict.fromkeys(row for row, _ in images))
            inputs = load(rows)
            chosen = torch.tensor([rows.index(row) for row, _ in images], device=inputs.device)
            maps = explainer.paired_heatmaps(
                inputs[chosen],
                layer,
                samples=[sample for sample, image in enumerate(images) for _ in wanted[image]],
                concepts=[requests[index].concept for index in indices],
                targets=torch.tensor([target for _, target in images], device=inputs.device),
                positions=[requests[index].position for index in indices],
            )
            result.update(zip(indices, _array(maps), strict=True))
            if progress is not None:
                progress(len(indices))
    return [result[index] for index in range(len(requests))]


def plain_heatmaps(
    explainer: Explainer,
    load: Load,
    rows: Sequence[int],
    targets: Sequence[int] | Int[np.ndarray, "row"],
    *,
    batch: int = 16,
) -> Float[np.ndarray, "row height width"]:
    """Return the heatmap of ``rows[i]`` explained as ``targets[i]``, in units of its logit."""
    result = []
    for indices in _portions(range(len(rows)), batch):
        inputs = load([int(rows[index]) for index in indices])
        asked = torch.tensor([int(targets[index]) for index in indices], device=inputs.device)
        heatmap = explainer.explain(inputs, asked, layers=(), heatmap=True).heatmap
        if heatmap is None:
            raise ValueError("the engine was asked for a heatmap and gave none")
        result.append(_array(heatmap))
    return np.concatenate(result) if result else np.zeros((0, 0, 0), dtype=np.float32)


def sample_concept_maps(
    explainer: Explainer,
    load: Load,
    layer: str,
    row: int,
    target: int,
    concepts: Sequence[Channels],
) -> Float[np.ndarray, "concept height width"]:
    """Return the conditional heatmaps of several concepts on one sample explained as ``target``."""
    inputs = load([row])
    if not concepts:
        return np.zeros((0, *inputs.shape[2:]), dtype=np.float32)
    asked = torch.tensor([target], device=inputs.device)
    maps = explainer.conditional_heatmaps(inputs, layer=layer, concepts=concepts, targets=asked)
    return _array(maps[:, 0])


def activation_products(
    explainer: Explainer,
    load: Load,
    layer: str,
    references: References,
    concepts: Sequence[int],
    *,
    batch: int = 16,
    progress: Progress | None = None,
) -> tuple[Float[np.ndarray, "compared compared"], Float[np.ndarray, "compared compared"]]:
    """Return what `auditor.concepts.similarity.similarity_matrix` needs, in double precision.

    ``dots[q, p]`` is the inner product of the rectified activations of concepts q and p over all
    positions of the reference samples of q; ``squares[q, p]`` that of p with itself there.
    """
    compared = [int(concept) for concept in concepts]
    owners: dict[int, list[int]] = defaultdict(list)
    for index, concept in enumerate(compared):
        for row in references.rows[concept]:
            if row >= 0:
                owners[int(row)].append(index)
    dots, squares = np.zeros((2, len(compared), len(compared)))
    for rows in _portions(sorted(owners), batch):
        activations = explainer.activations(load(rows), (layer,))[layer]
        rectified = activations[:, compared].flatten(2).clamp(min=0).double()
        products = _array(rectified @ rectified.mT, np.float64)
        for row, product in zip(rows, products, strict=True):
            dots[owners[row]] += product[owners[row]]
            squares[owners[row]] += np.diagonal(product)
        if progress is not None:
            progress(len(rows))
    return dots, squares


def _portions(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _array(tensor: Tensor, dtype: type[np.floating] = np.float32) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(dtype, copy=False)
