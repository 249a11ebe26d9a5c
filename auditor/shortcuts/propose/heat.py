"""Heatmaps made ready for placing regions."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from auditor.shortcuts.propose.windows import FEATHER

# Blur of relevance before windows are placed, as a share of the shorter side: less follows single
# pixels of the heatmap, more washes a small mark out.
SMOOTHING = 0.02
# Width of the edge of a mark, as a share of the shorter side.
EDGE = 0.015


def smoothed_positive(
    heatmaps: Float[np.ndarray, "*axes height width"],
) -> Float[np.ndarray, "*axes height width"]:
    """Return the positive part of relevance, blurred by `SMOOTHING` of the shorter side."""
    sigma = max(0.8, SMOOTHING * min(heatmaps.shape[-2:]))
    widths = (0.0,) * (heatmaps.ndim - 2) + (sigma, sigma)
    positive = np.maximum(heatmaps, 0.0).astype(np.float32)
    blurred: np.ndarray = ndimage.gaussian_filter(positive, widths, mode="constant")
    return blurred


def top_component(
    heat: Float[np.ndarray, "height width"], share: float
) -> Bool[np.ndarray, "height width"]:
    """Return the connected part with most heat among the ``share`` of pixels with most heat."""
    count = max(1, round(share * heat.size))
    threshold = np.partition(heat.ravel(), -count)[-count]
    return heaviest_part((heat >= threshold) & (heat > 0), heat)


def heaviest_part(
    area: Bool[np.ndarray, "height width"], weights: Float[np.ndarray, "height width"]
) -> Bool[np.ndarray, "height width"]:
    """Return the connected part of an area with most weight; of an empty area, nothing."""
    parts, number = ndimage.label(area)
    if number == 0:
        return area
    totals = ndimage.sum_labels(weights, parts, np.arange(1, number + 1))
    part: np.ndarray = parts == 1 + int(np.argmax(totals))
    return part


def dilated(
    masks: Bool[np.ndarray, "sample height width"], pixels: int
) -> Bool[np.ndarray, "sample height width"]:
    """Return the masks grown by ``pixels`` in all eight directions."""
    side = 2 * pixels + 1
    grown: np.ndarray = ndimage.maximum_filter(masks.astype(np.uint8), size=(1, side, side))
    return grown.astype(bool)


def eroded(
    masks: Bool[np.ndarray, "sample height width"], pixels: int
) -> Bool[np.ndarray, "sample height width"]:
    """Return what `dilated` masks were before; the border of the picture is no edge of them."""
    side = 2 * pixels + 1
    shrunk: np.ndarray = ndimage.minimum_filter(
        masks.astype(np.uint8), size=(1, side, side), mode="nearest"
    )
    return shrunk.astype(bool)


def edge_pixels(height: int, width: int) -> int:
    """Return how many pixels wide the edge of a mark is taken to be."""
    return max(1, round(EDGE * min(height, width)))


def with_edges(
    masks: Bool[np.ndarray, "sample height width"],
) -> Bool[np.ndarray, "sample height width"]:
    """Return regions grown by `edge_growth`: their own edges are then inside at full weight."""
    return dilated(masks, edge_growth(*masks.shape[1:]))


def edge_growth(height: int, width: int) -> int:
    """Return by how many pixels `with_edges` grows a region."""
    return edge_pixels(height, width) + FEATHER
