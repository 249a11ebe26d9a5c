"""Ask the engine for what the concept stages show: heatmaps and activation products.

Each function loads an image once however many concepts refer to it. What ``load`` raises goes
through.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from auditor.records.stages import ConceptMap, Origin, References
from auditor.relevance.explainer import Explainer
from auditor.relevance.sweep.conditions import Channels, Concept

# Rows -> their images (n, 3, H, W) as the model takes them: all, in this order, or an error.
Load = Callable[[Sequence[int]], Tensor]
Progress = Callable[[int], object]
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
class UnitRequest:
    """A unit larger than a channel on one sample, explained as ``target``.

    ``channels`` are those of a subspace; of a component ``direction`` (C,) is given instead.
    """

    layer: str
    row: int
    target: int
    channels: tuple[int, ...] = ()
    direction: Float[np.ndarray, "concept"] | None = None


@dataclass(frozen=True)
class _Pair:
    """One reverse sweep: a condition on an image explained as a target, all positions or one."""

    row: int
    target: int
    concepts: tuple[int, ...]
    position: int | None


def concept_maps(
    explainer: Explainer,
    load: Load,
    requests: Sequence[MapRequest],
    targets: Int[np.ndarray, "sample"],
    *,
    batch: int = 16,
    progress: Progress | None = None,
) -> list[ConceptMap]:
    """Return the conditional heatmap of every request, in the order of the requests.

    Each image runs forward once per layer and explained class; equal requests (a sample may be a
    reference over all data and within its class) share one reverse sweep. A result holds two maps
    at input resolution per request: ask in portions where there are many.

    Args:
        explainer: the engine.
        load: rows -> images.
        requests: what is wanted.
        targets: the explained output of every sample of the table, for requests without one.
        batch: images per batch.
        progress: told the number of requests done.
    """
    result: list[ConceptMap | None] = [None] * len(requests)
    for layer in dict.fromkeys(request.layer for request in requests):
        wanted: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, request in enumerate(requests):
            if request.layer == layer:
                wanted[request.row, _target(request, targets)].append(index)
        for images in _portions(sorted(wanted), batch):
            indices = [index for image in images for index in wanted[image]]
            maps = _pair_maps(explainer, load, layer, _pairs(requests, indices, targets))
            for index in indices:
                result[index] = _concept_map(requests[index], maps, targets)
            if progress is not None:
                progress(len(indices))
    return [item for item in result if item is not None]


def unit_maps(
    explainer: Explainer,
    load: Load,
    requests: Sequence[UnitRequest],
    *,
    batch: int,
    progress: Progress | None = None,
) -> list[Float[np.ndarray, "height width"]]:
    """Return the heatmap of every request in their order; each image runs forward once a layer."""
    result: dict[int, np.ndarray] = {}
    for layer in dict.fromkeys(request.layer for request in requests):
        wanted: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, request in enumerate(requests):
            if request.layer == layer:
                wanted[request.row, request.target].append(index)
        for images in _portions(sorted(wanted), batch):
            indices = [index for image in images for index in wanted[image]]
            pairs = [(requests[index].row, requests[index].target) for index in indices]
            concepts = [_unit(requests[index]) for index in indices]
            maps = _paired(explainer, load, layer, pairs, concepts)
            result.update(zip(indices, maps, strict=True))
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


def _target(request: MapRequest, targets: Int[np.ndarray, "sample"]) -> int:
    return int(targets[request.row]) if request.output is None else request.output


def _pairs(
    requests: Sequence[MapRequest], indices: Sequence[int], targets: Int[np.ndarray, "sample"]
) -> list[_Pair]:
    """Return the sweeps that some requests need, each once."""
    pairs: dict[_Pair, None] = {}
    for index in indices:
        request = requests[index]
        pairs[_pair(request, targets, None)] = None
        if request.peak is not None:
            pairs[_pair(request, targets, request.peak)] = None
    return list(pairs)


def _pair(request: MapRequest, targets: Int[np.ndarray, "sample"], position: int | None) -> _Pair:
    return _Pair(request.row, _target(request, targets), request.concepts, position)


def _pair_maps(
    explainer: Explainer,
    load: Load,
    layer: str,
    pairs: Sequence[_Pair],
) -> dict[_Pair, Float[np.ndarray, "height width"]]:
    images = [(pair.row, pair.target) for pair in pairs]
    concepts = [_condition(pair.concepts) for pair in pairs]
    positions = [pair.position for pair in pairs]
    maps = _paired(explainer, load, layer, images, concepts, positions)
    return dict(zip(pairs, maps, strict=True))


def _paired(
    explainer: Explainer,
    load: Load,
    layer: str,
    images: Sequence[tuple[int, int]],
    concepts: Sequence[Concept],
    positions: Sequence[int | None] | None = None,
) -> Float[np.ndarray, "pair height width"]:
    """Return a heatmap of each concept on its image (row, target); each image runs forward once."""
    different = list(dict.fromkeys(images))
    rows = list(dict.fromkeys(row for row, _ in different))
    inputs = load(rows)
    chosen = torch.tensor([rows.index(row) for row, _ in different], device=inputs.device)
    maps = explainer.paired_heatmaps(
        inputs[chosen],
        layer,
        samples=[different.index(image) for image in images],
        concepts=concepts,
        targets=torch.tensor([target for _, target in different], device=inputs.device),
        positions=positions,
    )
    return _array(maps)


def _concept_map(
    request: MapRequest,
    maps: Mapping[_Pair, Float[np.ndarray, "height width"]],
    targets: Int[np.ndarray, "sample"],
) -> ConceptMap:
    field = None
    if request.peak is not None:
        field = maps[_pair(request, targets, request.peak)]
    return ConceptMap(
        layer=request.layer,
        concepts=request.concepts,
        output=request.output,
        origin=request.origin,
        row=request.row,
        score=request.score,
        heatmap=maps[_pair(request, targets, None)],
        field=field,
    )


def _unit(request: UnitRequest) -> Concept:
    if request.direction is None:
        return request.channels
    return torch.as_tensor(np.array(request.direction))


def _condition(concepts: tuple[int, ...]) -> Channels:
    return concepts[0] if len(concepts) == 1 else concepts


def _portions(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _array(tensor: Tensor, dtype: type[np.floating] = np.float32) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(dtype, copy=False)
