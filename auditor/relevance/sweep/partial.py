"""Run only the part of a model above a layer, with some of the layer's channels replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from auditor.relevance.graph.channels import as_maps, positions
from auditor.relevance.graph.graph import Batch, Graph, Node
from auditor.relevance.sweep.forward import run
from auditor.relevance.sweep.halving import in_halves, joined
from auditor.relevance.sweep.numerics import exact


def run_from(graph: Graph, values: Mapping[str, Any]) -> Tensor:
    """Return the logits where the nodes in ``values`` have these values.

    Only what lies between them and the logits runs: they must hold everything that it reads, as
    the nodes of `border` do.
    """
    known: dict[str, Any] = dict(values)
    for node in _above(graph, set(values)):
        known[node.name] = node.call(known)
    logits: Tensor = known[graph.output]
    return logits


def border(graph: Graph, name: str) -> frozenset[str]:
    """Return the nodes that must be known to run the model from a node on, itself included.

    Where the node cuts the graph these are the node, and at most sizes of the batch.
    """
    reached = {name}
    for node in graph.nodes:
        if node.name not in reached and any(each in reached for each in node.refers()):
            reached.add(node.name)
    reading = [node for node in graph.nodes if node.name in reached and node.name != name]
    return frozenset({name} | {each for node in reading for each in node.refers()} - reached)


def _above(graph: Graph, known: set[str]) -> list[Node]:
    """Return the nodes that the logits need besides the known ones, in forward order."""
    needed = {graph.output} - known
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed |= set(node.refers()) - known
    return [node for node in graph.nodes if node.name in needed]


@dataclass(frozen=True, eq=False)
class Upper:
    """A model from one layer on, for one batch of B images.

    ``values`` holds the layer's activation and whatever else the part above it reads.
    """

    graph: Graph
    node: Node
    axis: int
    values: Mapping[str, Any]
    device: torch.device

    def activation(self) -> Tensor:
        """Return the activation (B, C, h, w) of the layer."""
        value: Tensor = self.values[self.node.name]
        return as_maps(value, self.node, self.axis)

    def logits(self, keep: Tensor | None = None, fill: Tensor | None = None) -> Tensor:
        """Return the logits (B, K) with every channel replaced that ``keep`` (B, C) rules out.

        A replaced channel has the value of ``fill`` (C,) at every position, None for zero.
        """
        value: Tensor = self.values[self.node.name]
        with exact(self.device):
            if keep is not None:
                value = value.clone()
                maps = positions(value, self.node, self.axis)
                shape = (*keep.shape, *[1] * (maps.dim() - 2))
                kept = keep.to(self.device).reshape(shape)
                other = maps.new_zeros(shape[1]) if fill is None else fill.to(maps)
                maps.copy_(torch.where(kept, maps, other.reshape(1, *shape[1:])))
            return self._logits(value)

    def without(
        self, direction: Tensor, mean: Tensor, where: Bool[np.ndarray, "position"] | None = None
    ) -> Tensor:
        """Return the logits (B, K) with a direction projected out of the layer.

        ``a - u u^T (a - mean)`` at every position, or at those that ``where`` marks, with the unit
        vector u (C,) and mean (C,): along u a position becomes what the mean is.
        """
        value: Tensor = self.values[self.node.name]
        with exact(self.device):
            value = value.clone()
            maps = positions(value, self.node, self.axis)
            unit = direction.to(maps)
            along = torch.tensordot(unit, maps, dims=([0], [1])) - torch.dot(unit, mean.to(maps))
            if where is not None:
                along = along * torch.from_numpy(where).to(along).reshape(1, *maps.shape[2:])
            maps.sub_(unit.reshape(1, -1, *[1] * (maps.dim() - 2)) * along.unsqueeze(1))
            return self._logits(value)

    def with_positions(
        self, where: Bool[np.ndarray, "sample_or_1 position"], values: Tensor
    ) -> Tensor:
        """Return the logits (B, K) with the positions in ``where`` taken from ``values``.

        ``values`` (B, C, h, w) are an activation of the layer; positions are counted as its are.
        """
        value: Tensor = self.values[self.node.name]
        with exact(self.device):
            value = value.clone()
            maps = positions(value, self.node, self.axis)
            marked = torch.from_numpy(where).to(maps.device)
            marked = marked.reshape(len(where), 1, *maps.shape[2:])
            maps.copy_(torch.where(marked, values.reshape(maps.shape), maps))
            return self._logits(value)

    def gradient(self, targets: Tensor) -> Tensor:
        """Return the gradient (B, C, h, w) of each image's target logit by the activation."""
        wanted = targets.to(self.device)

        def of_part(part: slice) -> Tensor:
            values = dict(_rows(self.graph, self.values, part, len(targets)))
            value = values[self.node.name].detach().clone().requires_grad_()
            logits = run_from(self.graph, values | {self.node.name: value})
            explained = logits.gather(1, wanted[part, None]).sum()
            (gradient,) = torch.autograd.grad(explained, value)
            return as_maps(gradient, self.node, self.axis)

        with exact(self.device), torch.enable_grad():
            return joined(in_halves(of_part, len(targets)))

    def _logits(self, value: Tensor) -> Tensor:
        """Return the logits where the layer has a value for all images."""
        values = {**self.values, self.node.name: value}
        count = value.shape[self.node.batch.axis] // self.node.batch.times
        return joined(
            in_halves(
                lambda part: run_from(self.graph, _rows(self.graph, values, part, count)), count
            )
        )


def upper(graph: Graph, node: Node, axis: int, images: Tensor) -> Upper:
    """Run the images up to a layer, and return the part above it."""
    names = sorted(border(graph, node.name))
    with exact(images.device):
        parts = in_halves(lambda part: run(graph, images[part], names), len(images))
        values = parts[0] if len(parts) == 1 else _whole(graph, parts)
    return Upper(graph, node, axis, values, images.device)


def _rows(graph: Graph, values: Mapping[str, Any], part: slice, count: int) -> Mapping[str, Any]:
    """Return the values of some of the ``count`` images of a batch.

    Raises:
        MemoryError: they cannot be told apart, so that the batch has to stay whole.
    """
    if part.stop - part.start == count:
        return values
    found = {}
    for name, value in values.items():
        cut = _cut(graph, name, value)
        if cut is None:
            found[name] = value
        else:
            rows = range(part.start * cut.times, part.stop * cut.times)
            found[name] = value.narrow(cut.axis, rows.start, len(rows))
    return found


def _whole(graph: Graph, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the values of the parts of a batch as those of one; errors are those of `_rows`."""
    found = dict(parts[0])
    for name, value in parts[0].items():
        cut = _cut(graph, name, value)
        if cut is not None:
            found[name] = joined([part[name] for part in parts], cut.axis)
    return found


def _cut(graph: Graph, name: str, value: Any) -> Batch | None:
    """Return where the images of a value are, None where it is the same for all of them."""
    batch = graph[name].batch
    if not isinstance(value, Tensor) or batch.outer > 1:
        raise MemoryError(f"above the layer the model reads {name} of all pictures at once")
    return batch if graph[name].per_image else None
