"""Principal components by the eigenvectors of the smaller of two matrices of products.

Those of the covariance (concept x concept) or of the inner products of the centred samples (sample
x sample) say the same as a singular value decomposition of the samples, for a part of its cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh

# Keeps a division by the length of a component without variance, or by no variance at all, finite.
TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, eq=False)
class Principal:
    """The first principal components of samples, and which part of the variance each explains."""

    mean: Float[np.ndarray, "concept"]
    components: Float[np.ndarray, "component concept"]
    explained: Float[np.ndarray, "component"]

    def first(self, number: int) -> Principal:
        """Return the first ``number`` components alone."""
        return Principal(self.mean, self.components[:number], self.explained[:number])

    def coordinates(
        self, samples: Float[np.ndarray, "sample concept"]
    ) -> Float[np.ndarray, "sample component"]:
        """Return where samples lie along the components."""
        found: np.ndarray = (samples - self.mean) @ self.components.T
        return found


def principal(samples: Float[np.ndarray, "sample concept"], number: int) -> Principal:
    """Return the first ``number`` principal components, at most one per sample and concept.

    Samples are in double precision. A component's largest entry is positive.
    """
    mean = samples.mean(axis=0)
    centred = samples - mean
    products, largest = _products(centred, number)
    values, vectors = eigh(products, subset_by_index=largest)
    if samples.shape[1] > len(samples):
        vectors = centred.T @ vectors
        vectors /= np.maximum(np.linalg.norm(vectors, axis=0), TINY)
    components = vectors.T[::-1]
    ends = components[np.arange(len(components)), np.abs(components).argmax(axis=1)]
    return Principal(mean, components * np.sign(ends)[:, None], _parts(values, products))


def explained_parts(
    samples: Float[np.ndarray, "sample concept"], number: int
) -> Float[np.ndarray, "component"]:
    """Return which part of the variance each of the first ``number`` components explains."""
    products, largest = _products(samples - samples.mean(axis=0), number)
    return _parts(eigh(products, subset_by_index=largest, eigvals_only=True), products)


def _products(
    centred: Float[np.ndarray, "sample concept"], number: int
) -> tuple[Float[np.ndarray, "row row"], tuple[int, int]]:
    """Return the smaller matrix of products, and between which places its largest values lie."""
    samples, concepts = centred.shape
    products = centred.T @ centred if concepts <= samples else centred @ centred.T
    size = len(products)
    return products, (size - min(number, size), size - 1)


def _parts(
    values: Float[np.ndarray, "component"], products: Float[np.ndarray, "row row"]
) -> Float[np.ndarray, "component"]:
    parts: np.ndarray = np.maximum(values[::-1], 0.0) / max(float(np.trace(products)), TINY)
    return parts
