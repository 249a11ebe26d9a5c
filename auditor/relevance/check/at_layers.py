"""Look at the layers: what of the logit reaches each, what goes around, what a concept is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from auditor.relevance.check.flow import Account, Kept
from auditor.relevance.explainer import Explainer
from auditor.relevance.graph.canonise import WEIGHTED
from auditor.relevance.graph.layers import Layers
from auditor.relevance.sweep.results import Explanation

# From how many channels on, for half of the relevance, single channels stop being the unit to read.
FEW = 16
ALIKE = 0.9  # mean cosine from which on heatmaps of channels show the same place
MAPS = 8  # heatmaps of leading channels that are compared
PARTS = 4  # sets of channels whose heatmaps must add up to the plain one

Kind = Literal["maps", "tokens", "units"]
Unit = Literal["channels", "subspaces"]
Chosen = Literal["named", "middle", "last"]


@dataclass(frozen=True)
class LayerFlow:
    """How much of the explained logit reaches a layer that cuts the graph, in shares of it.

    ``kept`` is what stayed on the way down to it from the row above: the next cutting layer, or
    the logit. ``block``: the layer is a module with modules inside.
    """

    layer: str
    block: bool
    arrives: float
    kept: Kept


@dataclass(frozen=True)
class Position:
    """Where an audited layer is: how many of the model's weighted layers come before it."""

    before: int
    weighted: int
    block: bool
    cuts: bool
    spatial: bool
    choices: int


@dataclass(frozen=True)
class LayerCheck:
    """What there is to know of an audited layer before it is audited.

    ``through`` and ``bypass``: shares of the logit that pass through the layer and around it.
    ``top``: share of the leading channel in the relevance over channels, ``half`` and ``ninety``:
    how many channels hold 50 % and 90 % of it (medians over the images; None without relevance).
    ``alike``: mean cosine between the conditional heatmaps of the leading channels of one image.
    ``additivity``: relative difference (L2) between the plain heatmap and the sum of conditional
    heatmaps over all channels; None at a layer that is bypassed. ``chosen``: why it is audited.
    """

    layer: str
    operation: str
    kind: Kind
    channels: int
    size: tuple[int, int]
    position: Position
    through: float
    bypass: float
    top: float | None
    half: int | None
    ninety: int | None
    alike: float | None
    additivity: float | None
    unit: Unit | None
    chosen: Chosen


def layer_checks(
    explainer: Explainer, image: Tensor, out: Explanation, total: Account, *, automatic: bool
) -> tuple[LayerCheck, ...]:
    """Describe the layers that ``out`` explains; ``image`` (1, 3, H, W) is the first of its images.

    ``automatic``: whether the layers were chosen by the explainer.
    """
    *middle, last = out.relevance
    how: list[tuple[str, Chosen]] = [*((layer, "middle") for layer in middle), (last, "last")]
    return tuple(
        _layer_check(explainer, image, out, total, layer, chosen if automatic else "named")
        for layer, chosen in how
    )


def _layer_check(
    explainer: Explainer,
    image: Tensor,
    out: Explanation,
    total: Account,
    layer: str,
    chosen: Chosen,
) -> LayerCheck:
    layout, relevance = explainer.layout, out.relevance[layer]
    node, channels, where = layout.node(layer), layout.channels(layer), position(layout, layer)

    def maps(concepts: Sequence[int | tuple[int, ...]]) -> Tensor:
        return explainer.conditional_heatmaps(image, layer, concepts, out.targets[:1])[:, 0]

    alike = likeness(maps(leading_channels(relevance[0], MAPS)))
    additivity = None
    if where.cuts:
        assert out.heatmap is not None
        count = min(PARTS, channels)
        parts = [tuple(range(first, channels, count)) for first in range(count)]
        norm = float(out.heatmap[0].norm())
        additivity = float((maps(parts).sum(0) - out.heatmap[0]).norm()) / norm if norm else None
    top, half, ninety = concentration(relevance) or (None, None, None)
    return LayerCheck(
        layer=layer,
        operation=node.operation,
        kind=kind(layout, layer),
        channels=channels,
        size=size(layout, layer),
        position=where,
        through=total.arrived.get(node.name, 0.0),
        bypass=bypass(layout, layer, total),
        top=top,
        half=half,
        ninety=ninety,
        alike=alike,
        additivity=additivity,
        unit=None if half is None else unit_of(half, alike),
        chosen=chosen,
    )


def flow_rows(layers: Layers, account: Account, audited: Sequence[str]) -> tuple[LayerFlow, ...]:
    """Return a row per node that cuts the graph, from the logit down; the pixels come last."""
    graph = layers.graph
    order = {node.name: index for index, node in enumerate(graph.nodes)}
    names: dict[str, str] = {}
    for layer, node in layers.nodes.items():
        known = names.get(node)
        if known is None or _preferred(layer, known, layers, audited):
            names[node] = layer
    cutting = [node for node, layer in names.items() if layers.cuts(layer)]
    cutting.sort(key=order.__getitem__, reverse=True)
    rows = []
    above = graph.output
    for node in [*cutting, graph.input]:
        if node == graph.input:
            label, arrives = "pixels", account.pixels
        else:
            label, arrives = names[node], account.arrived.get(node, 0.0)
        between = (name for name in account.kept if order[node] < order[name] <= order[above])
        kept = Kept.sum(account.kept[name] for name in between)
        rows.append(LayerFlow(label, label in layers.blocks, arrives, kept))
        above = node
    return tuple(rows)


def _preferred(layer: str, known: str, layers: Layers, audited: Sequence[str]) -> bool:
    """Prefer audited names, then blocks, then the innermost."""

    def rank(name: str) -> tuple[bool, bool, int]:
        return name in audited, name in layers.blocks, name.count(".")

    return rank(layer) > rank(known)


def bypass(layers: Layers, layer: str, account: Account) -> float:
    """Return the share of the logit that is handed past a layer: from after it to before it."""
    order = {node.name: index for index, node in enumerate(layers.graph.nodes)}
    here = order[layers.nodes[layer]]
    return sum(
        amount
        for (source, target), amount in account.edges.items()
        if order[target] < here < order[source]
    )


def position(layers: Layers, layer: str) -> Position:
    """Return where a layer is and how many others could stand in for it."""
    graph = layers.graph
    weighted = {node.name for node in graph.nodes if node.live and node.operation in WEIGHTED}
    before = graph.ancestors({layers.nodes[layer]}) & weighted
    alternatives = {
        node for name, node in layers.nodes.items() if layers.cuts(name) and _spatial(layers, name)
    }
    return Position(
        before=len(before),
        weighted=len(weighted),
        block=layer in layers.blocks,
        cuts=layers.cuts(layer),
        spatial=_spatial(layers, layer),
        choices=len(alternatives),
    )


def kind(layers: Layers, layer: str) -> Kind:
    """Tell what the positions of a layer are."""
    node = layers.node(layer)
    if len(node.shape) == 2:
        return "units"
    return "tokens" if layers.axis(layer) == len(node.shape) - 1 else "maps"


def size(layers: Layers, layer: str) -> tuple[int, int]:
    """Return (h, w) of a layer as the engine gives it."""
    node = layers.node(layer)
    height, width = layers.maps(layer, torch.empty(node.shape, device="meta")).shape[2:]
    return int(height), int(width)


def _spatial(layers: Layers, layer: str) -> bool:
    height, width = size(layers, layer)
    return height * width >= 4


def concentration(relevance: Tensor) -> tuple[float, int, int] | None:
    """Return the leading channel's share and how many channels hold 50 % and 90 % (medians).

    ``relevance``: (B, C, h, w). Shares are of the absolute relevance per channel.
    """
    strength = relevance.double().sum((2, 3)).abs()
    strength = strength[strength.sum(1) > 0]
    if not len(strength):
        return None
    shares = (strength / strength.sum(1, keepdim=True)).sort(1, descending=True).values
    reached = shares.cumsum(1)

    def needed(part: float) -> int:
        counts = (reached < part - 1e-9).sum(1) + 1
        return int(counts.median())

    return float(shares[:, 0].median()), needed(0.5), needed(0.9)


def leading_channels(relevance: Tensor, count: int) -> list[int]:
    """Return the channels with the largest absolute relevance of one image (C, h, w)."""
    strength = relevance.double().sum((1, 2)).abs()
    return [int(each) for each in strength.topk(min(count, len(strength))).indices]


def likeness(maps: Tensor) -> float | None:
    """Return the mean cosine between heatmaps (K, H, W); None for fewer than two with content."""
    flat = maps.double().flatten(1)
    flat = flat[flat.norm(dim=1) > 0]
    if len(flat) < 2:
        return None
    unit = flat / flat.norm(dim=1, keepdim=True)
    cosines = unit @ unit.T
    count = len(unit)
    return float((cosines.sum() - cosines.trace()) / (count * (count - 1)))


def unit_of(half: int, alike: float | None) -> Unit:
    """Tell which unit can be read: few channels with maps of their own, or groups of them."""
    return "subspaces" if half > FEW or (alike is not None and alike > ALIKE) else "channels"
