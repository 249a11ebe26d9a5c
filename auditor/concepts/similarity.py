"""Compare concepts by what they respond to on each other's reference samples."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def similarity_matrix(
    dots: Float[np.ndarray, "compared compared"], squares: Float[np.ndarray, "compared compared"]
) -> Float[np.ndarray, "compared compared"]:
    """Return the symmetric cosine similarity of concepts, in [0, 1], ones on the diagonal.

    ``rho_qp = (cos(V_q^q, V_p^q) + cos(V_q^p, V_p^p)) / 2`` (Achtibat et al. 2023, appendix on
    concept similarity), where ``V_p^q`` are the rectified activations of concept p at all
    positions of the reference samples of q, one after another.

    Args:
        dots: ``[q, p]`` is the inner product of ``V_q^q`` and ``V_p^q``.
        squares: ``[q, p]`` is the inner product of ``V_p^q`` with itself.

    A concept that is silent on the samples has no direction: its cosine counts as 0.
    """
    norms = np.sqrt(np.diagonal(squares)[:, None] * squares)
    cosine: np.ndarray = np.divide(dots, norms, out=np.zeros_like(norms), where=norms > 0)
    similarity: np.ndarray = np.clip((cosine + cosine.T) / 2, 0.0, 1.0)
    np.fill_diagonal(similarity, 1.0)
    return similarity
