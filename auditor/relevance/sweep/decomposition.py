"""Decompose conditions into the channels of a lower layer, with nothing unaccounted for.

What a condition holds goes one of three ways: to the channels of the layer, past the layer (a
skip connection around it), or it stays with biases, stabilisers and rules that do not conserve. The
sweep ends at the layer and at every tensor that leads around it, so that the first two are
measured and the third is what is left. Source: Achtibat et al. 2023, concept composition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from auditor.relevance.graph.graph import Graph
from auditor.relevance.graph.layers import Layers
from auditor.relevance.sweep.plan import Plan
from auditor.relevance.sweep.reverse import between
from auditor.relevance.sweep.sweeps import Chunk, Job, relevance_at, sweeps


@dataclass(frozen=True, eq=False)
class Composition:
    """Signed relevance in units of the explained logit, summed over positions.

    ``arrives`` (K, B, C') at each channel of the layer; ``bypass`` (K, B) past the layer.
    """

    arrives: Tensor
    bypass: Tensor


def composition(
    plan: Plan,
    layers: Layers,
    images: Tensor,
    targets: Tensor | None,
    jobs: Sequence[Job],
    layer: str,
) -> Composition:
    """Return the composition of jobs that are the product of K conditions and all images."""
    graph, node = plan.graph, layers.node(layer)
    chain = jobs[0].nodes
    around = bypasses(graph, chain[-1] if chain else graph.output, node.name)
    arrives = images.new_zeros((len(jobs), layers.channels(layer)), dtype=torch.float64)
    bypass = images.new_zeros(len(jobs), dtype=torch.float64)
    for chunk in sweeps(plan, images, targets, jobs, {node.name, *around}, ends=True):
        maps = layers.maps(layer, _arrived(chunk, graph, node.name))
        arrives[chunk.rows] = maps.flatten(2).double().sum(2)
        for name in around:
            bypass[chunk.rows] += _per_row(_arrived(chunk, graph, name), graph, name)
    count = len(images)
    return Composition(arrives.reshape(-1, count, arrives.shape[1]), bypass.reshape(-1, count))


def bypasses(graph: Graph, top: str, layer: str) -> tuple[str, ...]:
    """Return the nodes by which relevance of ``top`` leaves the paths that lead to ``layer``."""
    through = between(graph, {layer}, {top})
    on_path = {*through, layer}
    leaving = {name for each in through for name in graph[each].inputs if name not in on_path}
    return tuple(node.name for node in graph.nodes if node.name in leaving)


def _arrived(chunk: Chunk, graph: Graph, name: str) -> Tensor:
    activation = chunk.fold.gather(chunk.activations[name], graph[name].batch)
    return relevance_at(chunk.flow, name, activation)


def _per_row(relevance: Tensor, graph: Graph, name: str) -> Tensor:
    """Return the sum of each row, wherever the tensor has its images."""
    axis, times = graph[name].batch.axis, graph[name].batch.times
    rows = relevance.movedim(axis, 0)
    return rows.reshape(rows.shape[0] // times, -1).double().sum(1)
