"""Conditional heatmaps: one forward, one sweep to the layer, then all conditions at once.

A condition masks c at the layer (a mask on c is a mask on R) and the sweep from there to the
pixels runs with the conditions folded into the batch axis, in chunks of a fixed memory budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from auditor.errors import ConfigError
from auditor.relevance.channels import positions as as_positions
from auditor.relevance.fold import Fold, runs
from auditor.relevance.graph import Graph, Node
from auditor.relevance.plan import Plan
from auditor.relevance.propagate import Flow, between, forward, one_hot, reverse

Concept = int | tuple[int, ...]
Channels = tuple[int, ...]

# Fixed numbers: the size of a chunk must not depend on what else uses the memory, or the same
# batch would not give the same bits.
BUDGET_BYTES = {"cpu": 1 << 29, "cuda": 1 << 33}


@dataclass(frozen=True)
class Pair:
    """One condition on one image; ``row`` is its place in the result."""

    row: int
    image: int
    channels: Channels
    position: int | None


def pairs(
    node: Node,
    axis: int,
    images: int,
    samples: Sequence[int],
    concepts: Sequence[Concept],
    positions: Sequence[int | None] | None,
    *,
    layer: str,
) -> list[Pair]:
    """Check the conditions and order them by image, so that an image's multipliers are shared."""
    places = [None] * len(samples) if positions is None else list(positions)
    if not len(samples) == len(concepts) == len(places):
        raise ConfigError(
            f"{len(samples)} samples, {len(concepts)} concepts and {len(places)} positions do "
            "not pair up: give one of each per heatmap."
        )
    area = prod(node.shape) // (node.shape[node.batch.axis] * node.shape[axis])
    result = []
    for row, (image, concept, place) in enumerate(zip(samples, concepts, places, strict=True)):
        channels = concept if isinstance(concept, tuple) else (int(concept),)
        _check(image, images, "sample", layer)
        for channel in channels:
            _check(channel, node.shape[axis], "concept", layer)
        if place is not None:
            _check(place, area, "position", layer)
        result.append(Pair(row, int(image), channels, None if place is None else int(place)))
    return sorted(result, key=_by_image)


def _by_image(pair: Pair) -> tuple[int, int]:
    return pair.image, pair.row


def _check(value: int, count: int, kind: str, layer: str) -> None:
    if not 0 <= value < count:
        raise ConfigError(
            f"{kind} {value} does not exist for layer '{layer}': choose from 0 to {count - 1}."
        )


def heatmaps(
    plan: Plan,
    node: Node,
    axis: int,
    images: Tensor,
    targets: Tensor | None,
    conditions: Sequence[Pair],
) -> Tensor:
    """Return the conditional heatmaps (P, H, W) in the order of ``Pair.row``.

    ``axis`` is where the channels are in the tensor of the layer's ``node``.
    """
    graph, layer = plan.graph, node.name
    result = images.new_zeros((len(conditions), *images.shape[2:]))
    upper = between(graph, {layer}, {graph.output})
    lower = between(graph, {graph.input}, {layer})
    rows = _rows_per_chunk(graph, lower, images)
    for start, stop in _image_chunks(conditions, graph, upper | lower, images):
        group = conditions[start:stop]
        used = sorted({pair.image for pair in group})
        local = {image: position for position, image in enumerate(used)}
        batch = images[used].contiguous(memory_format=torch.channels_last)
        passed = forward(plan, batch, {layer, graph.input}, upper | lower)
        chosen = passed.logits.argmax(1) if targets is None else targets[used]
        seed = one_hot(chosen, passed.logits.shape[1], passed.logits)
        top = reverse(plan, passed.saved, {graph.output: seed}, {layer}, Fold.one_each(len(used)))
        coefficient = top.coefficients.get(layer)
        if coefficient is None:
            continue
        for first in range(0, len(group), rows):
            chunk = group[first : first + rows]
            fold = Fold(tuple(local[pair.image] for pair in chunk), len(used))
            seeds = {layer: masked(coefficient, chunk, fold, node, axis)}
            flow = reverse(plan, passed.saved, seeds, {graph.input}, fold)
            pixels = relevance_at(flow, graph.input, fold.gather(batch)).sum(1)
            result[[pair.row for pair in chunk]] = pixels
    return result


def masked(coefficient: Tensor, chunk: Sequence[Pair], fold: Fold, node: Node, axis: int) -> Tensor:
    """Return c of the layer for every pair, zero outside its channels and its position."""
    seed = coefficient.new_zeros(node.batch.shape(node.shape, len(chunk)))
    if coefficient.dim() == 4 and coefficient.is_contiguous(memory_format=torch.channels_last):
        seed = seed.contiguous(memory_format=torch.channels_last)
    rows, sources = as_positions(seed, node, axis), as_positions(coefficient, node, axis)
    for row, pair in enumerate(chunk):
        channels = list(pair.channels)
        source = sources[fold.samples[row], channels]
        if pair.position is None or source.dim() == 1:
            rows[row, channels] = source
        else:
            place = unravel(pair.position, tuple(source.shape[1:]))
            for number, channel in enumerate(channels):
                rows[(row, channel, *place)] = source[(number, *place)]
    return seed


def unravel(position: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the place on every axis of a flat index."""
    place = []
    for size in reversed(sizes):
        position, rest = divmod(position, size)
        place.append(rest)
    return tuple(reversed(place))


def relevance_at(flow: Flow, name: str, activation: Tensor) -> Tensor:
    """Return R = a c of a node, plus the R that terminal rules sent there; 0 if nothing came."""
    arrived = flow.relevances.get(name)
    if name in flow.coefficients:
        relevance = activation * flow.coefficients[name]
        return relevance if arrived is None else relevance + arrived
    return torch.zeros_like(activation) if arrived is None else arrived


def _rows_per_chunk(graph: Graph, lower: set[str], images: Tensor) -> int:
    """Return how many rows fit the budget: c of a node, of its input, and a copy of one."""
    sizes = [prod(graph[name].shape) // 2 for name in lower] or [1]
    row = 3 * max(sizes) * images.element_size()
    return max(1, BUDGET_BYTES.get(images.device.type, 1 << 29) // row)


def _image_chunks(
    conditions: Sequence[Pair], graph: Graph, prepared: set[str], images: Tensor
) -> list[tuple[int, int]]:
    """Cut the pairs, ordered by image, into runs of images whose multipliers fit the budget."""
    each = sum(prod(graph[name].shape) // 2 for name in prepared) * images.element_size()
    most = max(1, BUDGET_BYTES.get(images.device.type, 1 << 29) // max(each, 1))
    spans = [(start, stop) for start, stop, _ in runs([pair.image for pair in conditions])]
    groups = [spans[first : first + most] for first in range(0, len(spans), most)]
    return [(group[0][0], group[-1][1]) for group in groups]
