"""The positions of a layer that the rest of the network reads, and those a region acts through.

A classifier that reads its class token leaves the patches of its last block unread: whatever is
done to them changes no logit. What a latent test says depends on where it acts, so that is asked
first: positions are replaced by those of other pictures, and the logits show who reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from auditor.causal.images import Stage
from auditor.causal.probe import Probe
from auditor.causal.transplant import OTHER_CLASS, Pairing, Region, composed, margin, pair_up
from auditor.language.numbers import whole_percent
from auditor.language.speaking import gettext as _
from auditor.relevance.graph.geometry import Geometry
from auditor.relevance.sweep.partial import Upper

# Transplants whose mean change is asked for.
PAIRS = 32
# Images that show which positions are read.
SHOWN = 8
# A logit that moves by less than this part of the largest is the same but for rounding.
SAME = 1e-5
# A region acts through positions that carry at least this part of what it does to the margin.
THROUGH = 0.5
# Images in a batch.
AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Route:
    """Through which positions of a layer a region acts.

    ``positions`` marks them among all (h x w, flattened). ``geometry`` is given where the region
    acts at its own places: then only those under it show its direction.
    """

    layer: str
    positions: Bool[np.ndarray, "position"]
    geometry: Geometry | None = None


def pairs_of(stage: Stage, region: Region, rng: np.random.Generator, pairs: int = PAIRS) -> Pairing:
    """Pair references of a region with discovery images of other classes, half of them fillers.

    There are ``pairs`` of them, or a few more where the images do not go evenly into that.
    """
    candidates = stage.others.without(region.members.output)
    half = len(candidates) // 2
    targets, fillers = candidates[:half], candidates[half:]
    slots = max(1, -(-pairs // max(1, len(targets))))
    targets = targets[: -(-pairs // slots)]
    return pair_up(region, stage.others, targets, stage.others, fillers, slots, rng)


def route_of(stage: Stage, pairing: Pairing, layer: str) -> Route | str:
    """Return the positions of a layer through which a region acts, or why there are none.

    All that are read, where all of them have a place and are read, as in a convolutional net: there
    what a region does spreads to its neighbours. Else those under the region, or those without a
    place (a class token), whichever carries more: read off transplants in which only these
    positions are as with the region and all others as with the control.
    """
    references = np.unique(pairing.references)[:SHOWN]
    read = read_positions(stage.probe, pairing.region.members.inputs[references], layer)
    geometry = stage.probe.explainer.geometry(layer)
    if not read.any():
        return _("No logit reads layer %(layer)s.", layer=layer)
    if isinstance(geometry, str) or (read & geometry.placed).all():
        return Route(layer, read)
    under = _parts(stage, pairing, layer, read, geometry)
    inside, loose = under
    if max(under) < THROUGH:
        return _(
            "At layer %(layer)s the region acts neither through its own places (%(inside)s of its "
            "effect) nor through what has no place, such as a class token (%(loose)s).",
            layer=layer,
            inside=whole_percent(inside),
            loose=whole_percent(loose),
        )
    if inside >= loose:
        return Route(layer, read & geometry.placed, geometry)
    return Route(layer, read & ~geometry.placed)


def read_positions(
    probe: Probe, images: Float[Tensor, "sample channel h w"], layer: str
) -> Bool[np.ndarray, "position"]:
    """Return which positions of a layer some logit reads: where one has a gradient in some image.

    All are, when replacing those without a gradient moves a logit nevertheless.
    """
    above = probe.explainer.upper(images, layer)
    outputs = probe.explainer.classes
    largest = above.logits().argmax(1)
    read: Bool[np.ndarray, "position"] | None = None
    for step in range(min(2, outputs)):
        slope = above.gradient((largest + step) % outputs)
        seen = slope.abs().sum(dim=(0, 1)).flatten().cpu().numpy() > 0
        read = seen if read is None else read | seen
    assert read is not None
    if read.all() or not moves(above, ~read):
        return read
    return np.ones_like(read)


def moves(above: Upper, where: Bool[np.ndarray, "position"]) -> bool:
    """Say whether a logit moves when positions take the values of another image of the batch."""
    before = above.logits()
    after = above.with_positions(where[None], above.activation().roll(1, 0))
    return bool((after - before).abs().max() > SAME * before.abs().max())


def shifts(stage: Stage, pairing: Pairing, layer: str) -> Iterator[tuple[Pairing, Upper, Upper]]:
    """Yield parts of a pairing with the network above the layer: the region put in, the control."""
    slots = pairing.references.shape[1]
    step = max(1, AT_ONCE // slots)
    for start in range(0, len(pairing.targets), step):
        part = pairing.at(slice(start, start + step))
        with_region, control = (
            stage.probe.explainer.upper(composed(part, name), layer) for name in (None, OTHER_CLASS)
        )
        yield part, with_region, control


def _parts(
    stage: Stage,
    pairing: Pairing,
    layer: str,
    read: Bool[np.ndarray, "position"],
    geometry: Geometry,
) -> tuple[float, float]:
    """Return the part of the region's effect on the margin that runs inside it, and placeless."""
    output = pairing.region.members.output
    total, carried = 0.0, np.zeros(2)

    def gained(logits: Tensor) -> Float[np.ndarray, "pair"]:
        gains: np.ndarray = margin(logits.double().cpu().numpy(), output)
        return gains

    for part, with_region, control in shifts(stage, pairing, layer):
        masks = part.region.masks[part.references.ravel()]
        inside = (geometry.covered(masks) > 0) & read & geometry.placed
        loose = (read & ~geometry.placed)[None]
        before = gained(control.logits())
        total += float((gained(with_region.logits()) - before).sum())
        values = with_region.activation()
        carried += [
            float((gained(control.with_positions(where, values)) - before).sum())
            for where in (inside, loose)
        ]
    inside_part, loose_part = carried / total if total > 0 else np.zeros(2)
    return float(inside_part), float(loose_part)


def pooled(route: Route, part: Pairing, above: Upper) -> Float[np.ndarray, "channel"]:
    """Return the sum over images of the activations' mean over a route's positions.

    Of a region that acts at its own places, over those under it, by how much of them it covers.
    """
    maps = above.activation().flatten(2).double().cpu()
    weights = np.repeat(route.positions[None].astype(float), len(maps), axis=0)
    if route.geometry is not None:
        weights *= route.geometry.covered(part.region.masks[part.references.ravel()])
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    mean: np.ndarray = torch.einsum("bcp,bp->c", maps, torch.from_numpy(weights)).numpy()
    return mean
