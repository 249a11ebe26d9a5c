"""Colour a sample by the concept that dominates each part of it: the concept atlas.

Source: Achtibat et al. 2023, sections on local analysis and the concept atlas.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from skimage.segmentation import slic

from auditor.concepts.scaling import at_size
from auditor.records.stages import Atlas

# A segment whose dominating concept is weaker than this share of the strongest segment is left
# uncoloured: what little relevance lies there is spill of the first layers, not evidence.
NEGLIGIBLE = 0.1

Picture = UInt8[np.ndarray, "height width 3"]


def superpixels(picture: Picture, *, segments: int = 60) -> Int[np.ndarray, "height width"]:
    """Return about ``segments`` connected superpixels (SLIC), numbered from 0 without gaps."""
    found = slic(picture, n_segments=segments, compactness=12, sigma=1, start_label=0)
    _, numbered = np.unique(found, return_inverse=True)
    return numbered.reshape(picture.shape[:2])


def atlas(
    row: int,
    layer: str,
    picture: Picture,
    heatmaps: Float[np.ndarray, "concept h w"],
    concepts: Sequence[int],
    *,
    legend: int = 5,
    segments: int = 60,
) -> Atlas:
    """Return the superpixels of a sample and the concept that dominates each.

    Only the ``legend`` concepts with the most positive relevance in the whole sample compete. A
    segment goes to the one with the largest positive mean relevance in it; -1 where none is
    positive or the largest is below `NEGLIGIBLE` of the strongest segment's. ``dominating`` holds
    concept numbers. ``share`` is a concept's relevance over the sum of absolute relevance of all
    ``concepts`` given. Heatmaps are signed, in units of the explained logit, and may be smaller
    than the picture.
    """
    if len(heatmaps) != len(concepts):
        raise ValueError(f"{len(concepts)} concepts, but {len(heatmaps)} heatmaps")
    labels = superpixels(picture, segments=segments)
    count = int(labels.max()) + 1
    relevance = heatmaps.sum(axis=(1, 2), dtype=np.float64)
    order = np.argsort(-relevance, kind="stable")
    chosen = [int(place) for place in order if relevance[place] > 0][:legend]
    dominating = np.full(count, -1, dtype=np.int64)
    if chosen:
        means = np.stack([_segment_means(heatmaps[place], labels, count) for place in chosen])
        strength = means.max(axis=0)
        numbers = np.array([concepts[place] for place in chosen], dtype=np.int64)
        clear = (strength > 0) & (strength >= NEGLIGIBLE * strength.max())
        dominating[clear] = numbers[means.argmax(axis=0)][clear]
    total = np.abs(relevance).sum()
    return Atlas(
        row=row,
        layer=layer,
        segments=labels,
        dominating=dominating,
        concepts=tuple(int(concepts[place]) for place in chosen),
        share=relevance[chosen] / total if total > 0 else np.zeros(len(chosen)),
    )


def region_relevance(
    heatmaps: Float[np.ndarray, "concept height width"], mask: Bool[np.ndarray, "height width"]
) -> Float[np.ndarray, "concept"]:
    """Return the relevance of each concept in a region: ``R_c(I)``, the sum of ``R(p | c)``."""
    relevance: np.ndarray = heatmaps[:, mask].sum(axis=1, dtype=np.float64)
    return relevance


def _segment_means(
    heatmap: Float[np.ndarray, "h w"], labels: Int[np.ndarray, "height width"], count: int
) -> Float[np.ndarray, "segment"]:
    values = at_size(heatmap, (labels.shape[0], labels.shape[1]))
    flat = labels.ravel()
    sums = np.bincount(flat, weights=values.ravel(), minlength=count)
    means: np.ndarray = sums / np.bincount(flat, minlength=count)
    return means
