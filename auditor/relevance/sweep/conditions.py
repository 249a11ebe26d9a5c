"""Conditions: which part of the relevance of which layers a sweep goes on with.

A condition keeps, at each of its layers, a selection of the flow. Several layers are an AND along
the path: relevance that reaches the pixels has passed through the selection at every one of them.
Several channels, directions or positions of one layer are an OR. Sources: Achtibat et al. 2023
(conditions), Vielhaben et al. 2023 (directions).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from auditor.base.errors import ConfigError
from auditor.relevance.graph.graph import Graph, Node
from auditor.relevance.graph.layers import Layers

Channels = int | tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Selection:
    """What of one layer a condition keeps.

    ``channels``: one or several (their sum); None for all. ``directions``: (C,), or (n, C) for
    the subspace that they span, instead of channels: with activations a, relevance R = a c and a
    unit vector d, the sweep goes on with ``c' = d (d . c)`` at every position, so that what is
    kept is the relevance of the projection of a on d, ``(a . d)(d . c)``. Those of an orthonormal
    basis add up to the whole, and one along a channel is that channel. ``positions``: flat
    indices into h x w (into the tokens), or a boolean mask (h, w); None for all. One channel at
    one position is a single neuron.
    """

    channels: Channels | None = None
    directions: Tensor | None = None
    positions: int | tuple[int, ...] | Tensor | None = None

    def __post_init__(self) -> None:
        if self.channels is not None and self.directions is not None:
            raise ConfigError("a selection names channels or directions, not both.")
        for name in ("channels", "positions"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, Tensor):
                object.__setattr__(self, name, _whole(value, name))
        if self.directions is not None:
            object.__setattr__(self, "directions", _floating(self.directions))


Concept = Channels | Tensor | Selection


@dataclass(frozen=True, eq=False)
class Condition:
    """Select at one layer or, AND along the path, at several.

    ``Condition({"layer4.1": 5})`` keeps a channel, ``{"layer4.1": (5, 7)}`` the sum of two,
    ``{"layer4.1": 5, "layer3.0": (1, 2)}`` what flows from channel 5 on through 1 or 2 below it,
    ``{"layer4.1": direction}`` with a tensor (C,) what flows through a direction, and a
    ``Selection`` names positions too. ``Condition({})`` keeps everything.
    """

    layers: Mapping[str, Concept]

    def __post_init__(self) -> None:
        selections = {layer: selection(concept) for layer, concept in self.layers.items()}
        object.__setattr__(self, "layers", selections)


def selection(concept: Concept) -> Selection:
    """Return what a channel, a tuple of them or a direction stands for."""
    if isinstance(concept, Selection):
        return concept
    if isinstance(concept, (Tensor, np.ndarray)):
        return Selection(directions=torch.as_tensor(concept))
    return Selection(channels=concept)


def _whole(values: Any, name: str) -> tuple[int, ...]:
    """Return whole numbers as a sorted tuple, each once."""
    several: Iterable[Any] = (values,) if isinstance(values, Integral) else values
    indices = tuple(several) if isinstance(several, Iterable) else (several,)
    if not indices or not all(isinstance(each, Integral) for each in indices):
        raise ConfigError(
            f"{name} of a condition must be a whole number or a tuple of them, not {values!r}."
        )
    return tuple(sorted({int(each) for each in indices}))


def _floating(values: Tensor) -> Tensor:
    direction = torch.as_tensor(values).detach()
    if (
        not direction.is_floating_point()
        or direction.dim() not in (1, 2)
        or not bool(direction.any())
    ):
        raise ConfigError(
            "a direction must be a floating-point tensor (C,) or (n, C) that is not zero, not "
            f"{tuple(direction.shape)} of {direction.dtype}; give channels as whole numbers."
        )
    return direction[None] if direction.dim() == 1 else direction


@dataclass(frozen=True, eq=False)
class Mask:
    """A selection at a node of the graph, checked.

    ``basis`` (n, C) are orthonormal directions. ``positions`` are flat indices.
    """

    node: Node
    axis: int
    channels: tuple[int, ...] | None = None
    basis: Tensor | None = None
    positions: tuple[int, ...] | None = None


def masks_of(condition: Condition, layers: Layers, like: Tensor) -> tuple[Mask, ...]:
    """Check a condition against the layers of a model; return its masks, from the logits down.

    Raises:
        UnknownNameError: a layer that does not exist.
        ConfigError: indices or shapes that do not fit, or layers that no path passes one after
            the other.
    """
    order = {node.name: index for index, node in enumerate(layers.graph.nodes)}
    by_node: dict[str, Mask] = {}
    for layer, concept in condition.layers.items():
        mask = _mask(layer, selection(concept), layers, like)
        if mask.node.name in by_node:
            raise ConfigError(
                f"the condition names '{layer}' twice: another of its layers is the same tensor. "
                "Name one of them."
            )
        by_node[mask.node.name] = mask
    masks = sorted(by_node.values(), key=lambda mask: order[mask.node.name], reverse=True)
    names = list(condition.layers)
    for above, below in pairwise(masks):
        _check_order(layers.graph, above.node.name, below.node.name, names)
    return tuple(masks)


def check_below(layers: Layers, masks: Sequence[Mask], layer: str) -> None:
    """Raise ConfigError if no relevance of a condition can reach a layer."""
    if masks:
        _check_order(layers.graph, masks[-1].node.name, layers.node(layer).name, [layer])


def _check_order(graph: Graph, above: str, below: str, names: Sequence[str]) -> None:
    if below not in graph.ancestors({above}):
        raise ConfigError(
            f"no path leads from '{graph[above].module}' down to '{graph[below].module}' "
            f"(asked for: {', '.join(names)}); choose layers that follow each other."
        )


def _mask(layer: str, chosen: Selection, layers: Layers, like: Tensor) -> Mask:
    node, axis = layers.node(layer), layers.axis(layer)
    channels, positions = chosen.channels, chosen.positions
    count = node.shape[axis]
    basis = None
    if isinstance(channels, tuple):
        for channel in channels:
            check_index(channel, count, "concept", layer)
    if chosen.directions is not None:
        basis = _basis(chosen.directions, count, layer).to(like)
    if positions is not None:
        positions = _places(positions, node, axis, layer)
    assert not isinstance(channels, int)
    return Mask(node, axis, channels, basis, positions)


def check_index(value: int, count: int, kind: str, layer: str) -> None:
    """Raise ConfigError unless an index exists."""
    if not 0 <= value < count:
        raise ConfigError(
            f"{kind} {value} does not exist for layer '{layer}': choose from 0 to {count - 1}."
        )


def _basis(directions: Tensor, channels: int, layer: str) -> Tensor:
    """Return an orthonormal basis (n, C) of what the directions span, worked out in float64."""
    if directions.shape[1] != channels:
        raise ConfigError(
            f"a direction of {directions.shape[1]} numbers does not fit layer '{layer}', which "
            f"has {channels} channels."
        )
    exact = directions.double().cpu()
    exact = exact / exact.norm(dim=1, keepdim=True).clamp(min=torch.finfo(exact.dtype).tiny)
    _, values, vectors = torch.linalg.svd(exact, full_matrices=False)
    basis: Tensor = vectors[values > 1e-9 * values.max()]
    return basis


def _places(
    positions: int | tuple[int, ...] | Tensor, node: Node, axis: int, layer: str
) -> tuple[int, ...]:
    """Return positions as flat indices."""
    sizes = [
        size for position, size in enumerate(node.shape) if position not in (node.batch.axis, axis)
    ]
    if isinstance(positions, Tensor):
        if positions.dtype != torch.bool or positions.numel() != prod(sizes):
            raise ConfigError(
                f"a region of layer '{layer}' must be a boolean mask of shape {tuple(sizes)}, not "
                f"{tuple(positions.shape)} of {positions.dtype}."
            )
        return tuple(positions.flatten().nonzero()[:, 0].tolist())
    assert isinstance(positions, tuple)
    for position in positions:
        check_index(position, prod(sizes), "position", layer)
    return positions
