"""Factors of non-negative relevance: their directions, and what each carries of every entry.

Non-negative matrix factorisation (Lee and Seung 1999) and, with fixed directions, non-negative
least squares by cyclic coordinate descent (Cichocki and Phan 2009).
"""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Float
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

SWEEPS = 50

Patches = Float[np.ndarray, "position concept"]


def factor_directions(
    patches: Patches, number: int, seed: int
) -> Float[np.ndarray, "component concept"]:
    """Return the channel directions as unit vectors; a factor that died is left as it started."""
    model = NMF(number, init="nndsvda", tol=1e-2, max_iter=200, random_state=seed)
    with warnings.catch_warnings():
        # Whether a factor is kept is for its stability to decide, not for its last digits.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(patches / patches.mean())
    found: np.ndarray = model.components_
    length = np.linalg.norm(found, axis=1, keepdims=True)
    uniform = np.full_like(found, found.shape[1] ** -0.5)
    directions: np.ndarray = np.divide(found, length, out=uniform, where=length > 1e-12)
    return directions


def carried_parts(
    patches: Patches, directions: Float[np.ndarray, "component concept"]
) -> Float[np.ndarray, "position component"]:
    """Return what each component carries of each position, in the units of ``patches``."""
    loadings = loadings_of(patches, directions)
    rebuilt = loadings @ directions
    part = np.divide(
        np.minimum(patches, rebuilt), rebuilt, out=np.zeros_like(rebuilt), where=rebuilt > 0
    )
    carried: np.ndarray = loadings * (part @ directions.T)
    return carried


def loadings_of(
    patches: Patches, directions: Float[np.ndarray, "component concept"]
) -> Float[np.ndarray, "position component"]:
    """Return the non-negative least-squares loadings by cyclic coordinate descent."""
    gram = directions @ directions.T
    wanted = patches @ directions.T
    loadings: np.ndarray = np.maximum(wanted, 0) / len(directions)
    for _ in range(SWEEPS):
        for place in range(len(directions)):
            step = (wanted[:, place] - loadings @ gram[:, place]) / gram[place, place]
            loadings[:, place] = np.maximum(loadings[:, place] + step, 0)
    return loadings


def leading_channels(
    direction: Float[np.ndarray, "concept"], *, part: float = 0.8, most: int = 50
) -> tuple[int, ...]:
    """Return the fewest channels that hold ``part`` of a non-negative direction, largest first.

    At most ``most``: what stands for a component where a condition is a set of channels.
    """
    order = np.argsort(-direction, kind="stable")
    reached = np.cumsum(direction[order]) >= part * direction.sum()
    count = min(int(np.argmax(reached)) + 1, most)
    return tuple(int(channel) for channel in order[:count])
