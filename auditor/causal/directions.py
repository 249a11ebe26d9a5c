"""The direction of a candidate in a layer, and random directions of the same variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from auditor.causal.images import Stage
from auditor.causal.reading import AT_ONCE, Route, pooled, shifts
from auditor.causal.transplant import Pairing

# Positions of each image that the covariance is taken over: neighbours say the same.
POSITIONS = 64
# Powers of the principal components' variances between which the right one lies, and how often the
# range is halved: to 1e-11 of it.
TILTS = (-2.0, 8.0)
HALVINGS = 40
# Keeps divisions by a variance or a length finite.
SMALL = 1e-9


@dataclass(frozen=True, eq=False)
class Spread:
    """How the positions of a layer vary: mean and covariance over channels, with its eigenvectors.

    ``mean`` is of images of other classes than the candidate's (what its members lack the region
    for); the covariance is of these and the members together. All from the discovery half.
    """

    layer: str
    mean: Float[np.ndarray, "channel"]
    covariance: Float[np.ndarray, "channel channel"]
    values: Float[np.ndarray, "channel"]
    vectors: Float[np.ndarray, "channel channel"]


def spread_of(
    stage: Stage,
    route: Route,
    members: Float[Tensor, "member channel h w"],
    others: Float[Tensor, "other channel h w"],
    rng: np.random.Generator,
) -> Spread:
    """Return how the channels of a layer vary over positions of members and of other images.

    At most `POSITIONS` of the route's positions, at random, of each image count.
    """
    of_members, of_others = (_positions(stage, route, images, rng) for images in (members, others))
    positions = np.concatenate([of_members, of_others])
    centred = positions - positions.mean(axis=0)
    covariance = centred.T @ centred / len(centred)
    values, vectors = np.linalg.eigh(covariance)
    mean = of_others.mean(axis=0)
    return Spread(route.layer, mean, covariance, np.maximum(values, 0.0), vectors)


def region_direction(
    stage: Stage, pairing: Pairing, route: Route
) -> Float[np.ndarray, "channel"] | None:
    """Return the unit direction in which the region moves the mean activation of the layer.

    Mean over pairs of a reference and a discovery image of another class: activation, averaged over
    the positions of the route, with the region put in, less that with another class's content put
    there. A contrast within one image, so it needs no members without the region and holds nothing
    of the class that comes along with it. None where the layer does not change.
    """
    total: np.ndarray | float = 0.0
    for part, with_region, control in shifts(stage, pairing, route.layer):
        total = total + (pooled(route, part, with_region) - pooled(route, part, control))
    length = float(np.linalg.norm(total))
    return np.asarray(total) / length if length > 0 else None


def variance_along(spread: Spread, direction: Float[np.ndarray, "channel"]) -> float:
    """Return the variance of the layer's positions along a unit direction."""
    return float(direction @ spread.covariance @ direction)


def random_directions(
    spread: Spread,
    direction: Float[np.ndarray, "channel"],
    count: int,
    rng: np.random.Generator,
) -> Float[np.ndarray, "random channel"]:
    """Return random unit directions at right angles to one, with the variance along it.

    A Gaussian vector in the basis of principal components, weighted by powers of their variances;
    the power is found for each by halving between `TILTS`, so that its variance comes to the one
    along ``direction``, or as near to it as the layer has it.
    """
    wanted = variance_along(spread, direction)
    scale = spread.values / max(float(spread.values.max()), SMALL) + SMALL
    draws = rng.standard_normal((count, len(scale)))
    low, high = np.full(count, TILTS[0]), np.full(count, TILTS[1])
    # In the basis of the components, where a variance is a sum over them.
    along, turned = direction @ spread.vectors, draws
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        turned = draws * scale ** (middle[:, None] / 2)
        turned -= np.outer(turned @ along, along)
        turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), SMALL**2)
        more = turned**2 @ spread.values > wanted
        low, high = np.where(more, low, middle), np.where(more, middle, high)
    directions: np.ndarray = turned @ spread.vectors.T
    return directions


def _positions(
    stage: Stage,
    route: Route,
    images: Float[Tensor, "sample channel h w"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "position channel"]:
    parts = []
    acting = torch.from_numpy(np.flatnonzero(route.positions))
    for start in range(0, len(images), AT_ONCE):
        batch = images[start : start + AT_ONCE]
        layer = stage.probe.explainer.activations(batch, (route.layer,))[route.layer]
        maps = layer.flatten(2).cpu()[..., acting]
        places = rng.random((len(maps), len(acting))).argsort(axis=1)[:, :POSITIONS]
        index = torch.from_numpy(places)[:, None].expand(-1, maps.shape[1], -1)
        parts.append(maps.gather(2, index).transpose(1, 2).flatten(0, 1))
    found: np.ndarray = torch.cat(parts).double().numpy()
    return found
