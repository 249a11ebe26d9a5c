"""Lay the concepts of a layer out in the plane, alike ones together: the global concept atlas.

Source: Achtibat et al. 2023, concept atlas. Distances on the map follow ``1 - similarity`` as well
as two dimensions allow: metric multidimensional scaling (SMACOF), begun at the classical solution,
so that nothing is random. ``fit`` says how well.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr
from sklearn.manifold import smacof

from auditor.concepts.colours import PALETTE
from auditor.language.speaking import gettext
from auditor.language.speaking import gettext as _
from auditor.records.concepts import MapCard, MapPoint
from auditor.records.part import concept_id, subspace_id
from auditor.records.stages import Subspaces

RULE = _(
    "Positions by metric multidimensional scaling of 1 - similarity (SMACOF, begun at the "
    "classical solution)."
)
TOO_FEW = _("Two concepts or fewer: they stand side by side.")
RING = _("All concepts are alike: they stand in a ring.")


def concept_map(subspaces: Subspaces) -> MapCard:
    """Return the map of the concepts that were compared, in their order."""
    count = len(subspaces.concepts)
    distance = np.clip(1.0 - np.asarray(subspaces.similarity, dtype=np.float64), 0.0, None)
    distance = (distance + distance.T) / 2
    np.fill_diagonal(distance, 0.0)
    if count < 3:
        position = np.column_stack([np.linspace(0.0, 1.0, count), np.full(count, 0.5)])
        return _map(subspaces, position, 0.0, TOO_FEW)
    if not distance.any():
        angle = 2 * np.pi * np.arange(count) / count
        ring = 0.5 + 0.5 * np.column_stack([np.cos(angle), np.sin(angle)])
        return _map(subspaces, ring, 0.0, RING)
    position, _ = smacof(distance, n_components=2, init=_classical(distance), n_init=1)
    return _map(subspaces, _unit(position), _fit(distance, position), RULE)


def _map(
    subspaces: Subspaces, position: Float[np.ndarray, "point 2"], fit: float, rule: str
) -> MapCard:
    """Return the card; the largest subspaces of two concepts or more have a colour each."""
    sizes = Counter(int(cluster) for cluster in subspaces.cluster)
    several = sorted((c for c in sizes if sizes[c] > 1), key=lambda c: (-sizes[c], c))
    colours = dict(zip(several, PALETTE, strict=False))
    return MapCard(
        layer=subspaces.layer,
        points=[
            MapPoint(
                concept=concept_id(subspaces.layer, int(concept)),
                x=float(x),
                y=float(y),
                subspace=subspace_id(subspaces.layer, int(cluster)),
                colour=colours.get(int(cluster)),
            )
            for concept, (x, y), cluster in zip(
                subspaces.concepts, position, subspaces.cluster, strict=True
            )
        ],
        fit=fit,
        rule=gettext(rule),
    )


def _classical(distance: Float[np.ndarray, "point point"]) -> Float[np.ndarray, "point 2"]:
    """Return the two main axes of the doubly centred squared distances (Torgerson 1952)."""
    centre = np.eye(len(distance)) - 1 / len(distance)
    values, vectors = np.linalg.eigh(-0.5 * centre @ distance**2 @ centre)
    main = np.argsort(values)[::-1][:2]
    axes = vectors[:, main] * np.sqrt(np.maximum(values[main], 0.0))
    # An eigenvector's sign is arbitrary: the entry of the largest size is made positive.
    largest = np.abs(axes).argmax(axis=0)
    signs = np.where(axes[largest, [0, 1]] < 0, -1.0, 1.0)
    found: np.ndarray = axes * signs
    return found


def _unit(position: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, "point 2"]:
    """Return positions scaled to [0, 1] along the longer side, centred along the other."""
    low, high = position.min(axis=0), position.max(axis=0)
    side = (high - low).max() or 1.0
    found: np.ndarray = np.clip((position - (low + high) / 2) / side + 0.5, 0.0, 1.0)
    return found


def _fit(
    distance: Float[np.ndarray, "point point"], position: Float[np.ndarray, "point 2"]
) -> float:
    wanted, drawn = squareform(distance, checks=False), pdist(position)
    if np.ptp(wanted) == 0 or np.ptp(drawn) == 0:
        return 0.0
    return float(spearmanr(wanted, drawn).statistic)
