"""The direction of a candidate in a layer, and random directions of the same variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from auditor.interventions.transplant import OTHER_CLASS, Region, composed, pair_up
from auditor.interventions.trial import Stage

PAIRS = 32
POSITIONS = 64
TILTS = np.linspace(-1.0, 6.0, 29)
SMALL = 1e-9
AT_ONCE = 32


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
    layer: str,
    members: Float[Tensor, "member 3 h w"],
    others: Float[Tensor, "other 3 h w"],
) -> Spread:
    """Return how the channels of a layer vary over positions of members and of other images.

    At most `POSITIONS` positions, evenly spaced, of each image count.
    """
    own, rest = (_positions(stage, layer, images) for images in (members, others))
    everything = np.concatenate([own, rest])
    centred = everything - everything.mean(axis=0)
    covariance = centred.T @ centred / len(centred)
    values, vectors = np.linalg.eigh(covariance)
    return Spread(layer, rest.mean(axis=0), covariance, np.maximum(values, 0.0), vectors)


def region_direction(
    stage: Stage, region: Region, layer: str, generator: np.random.Generator
) -> Float[np.ndarray, "channel"] | None:
    """Return the unit direction in which the region moves the mean activation of the layer.

    Mean over pairs of a reference and a discovery image of another class: activation, averaged over
    positions, with the region put in, less that with another class's content put there. A contrast
    within one image, so it needs no members without the region and holds nothing of the class that
    comes along with it. Averaged over positions since the artefact may lie anywhere. None where the
    layer does not change.
    """
    candidates = stage.others.without(region.members.output)
    half = len(candidates) // 2
    targets, fillers = candidates[:half], candidates[half:]
    slots = max(1, -(-PAIRS // max(1, len(targets))))
    targets = targets[: -(-PAIRS // slots)]
    pairing = pair_up(region, targets, fillers, slots, generator)
    total: np.ndarray | float = 0.0
    pair = region, pairing, stage.others, stage.others
    step = max(1, AT_ONCE // slots)
    for start in range(0, len(targets), step):
        rows = slice(start, start + step)
        means = [
            _pooled(stage, layer, composed(*pair, control, rows)) for control in (None, OTHER_CLASS)
        ]
        total = total + (means[0] - means[1])
    length = float(np.linalg.norm(total))
    return np.asarray(total) / length if length > 0 else None


def variance_along(spread: Spread, direction: Float[np.ndarray, "channel"]) -> float:
    """Return the variance of the layer's positions along a unit direction."""
    return float(direction @ spread.covariance @ direction)


def random_directions(
    spread: Spread,
    direction: Float[np.ndarray, "channel"],
    count: int,
    generator: np.random.Generator,
) -> Float[np.ndarray, "random channel"]:
    """Return random unit directions at right angles to one, with the variance along it.

    A Gaussian vector in the basis of principal components, weighted by powers of their variances;
    the power is chosen for each so that its variance comes nearest to the one along ``direction``.
    """
    wanted = np.log(variance_along(spread, direction) + SMALL)
    scale = spread.values / max(float(spread.values.max()), SMALL) + SMALL
    draws = generator.standard_normal((count, len(scale)))
    found = np.zeros((count, len(scale)))
    nearest = np.full(count, np.inf)
    for tilt in TILTS:
        tilted = (draws * scale ** (tilt / 2)) @ spread.vectors.T
        tilted -= np.outer(tilted @ direction, direction)
        tilted /= np.linalg.norm(tilted, axis=1, keepdims=True) + SMALL
        along = ((tilted @ spread.covariance) * tilted).sum(axis=1)
        distance = np.abs(np.log(along + SMALL) - wanted)
        better = distance < nearest
        found[better], nearest[better] = tilted[better], distance[better]
    return found


def _positions(
    stage: Stage, layer: str, images: Float[Tensor, "sample 3 h w"]
) -> Float[np.ndarray, "position channel"]:
    parts = []
    for start in range(0, len(images), AT_ONCE):
        maps = _maps(stage, layer, images[start : start + AT_ONCE]).flatten(2)
        picks = evenly(maps.shape[2], POSITIONS)
        parts.append(maps[:, :, picks].transpose(1, 2).flatten(0, 1))
    return torch.cat(parts).double().cpu().numpy()


def evenly(total: int, most: int) -> Int[np.ndarray, "place"]:
    """Return at most ``most`` places of ``total``, evenly spaced."""
    places: np.ndarray = np.unique(np.linspace(0, total - 1, min(most, total)).round().astype(int))
    return places


def _pooled(
    stage: Stage, layer: str, images: Float[Tensor, "sample 3 h w"]
) -> Float[np.ndarray, "channel"]:
    """Return the sum over images of the activations' mean over positions."""
    return _maps(stage, layer, images).mean(dim=(2, 3)).sum(dim=0).double().cpu().numpy()


def _maps(stage: Stage, layer: str, images: Float[Tensor, "sample 3 h w"]) -> Tensor:
    return stage.probe.explainer.activations(images, (layer,))[layer]
