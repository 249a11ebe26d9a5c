"""Look at single samples: which ones, which region, and the concepts ranked inside a region.

Source: Achtibat et al. 2023, local analysis: ``R_c(I)``, the sum of ``R(p | y, c)`` over the pixels
p of a region I, orders the concepts by what they contribute there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from auditor.concepts.atlas import region_relevance
from auditor.concepts.scaling import at_size
from auditor.concepts.typical import least_typical, typical_samples
from auditor.language.speaking import gettext as _
from auditor.records.stages import LayerRelevance, Samples

WRONG = 2  # wrong samples of a class, the clearest mistakes
WINDOW = 1 / 3  # side of the window that is looked for, as a part of the picture's side

Box = tuple[int, int, int, int]


class Chosen(NamedTuple):
    """A sample to look at, and why this one."""

    row: int
    why: str


def choose_samples(layer: LayerRelevance, samples: Samples, output: int) -> list[Chosen]:
    """Return the most and the least typical sample of a class and its clearest mistakes."""
    members = samples.members(output)
    found = [
        Chosen(row, _("most typical of its class")) for row in typical_samples(layer, members, 1)
    ]
    odd = least_typical(layer, members)
    if odd is not None and odd not in {each.row for each in found}:
        found.append(Chosen(odd, _("least typical of its class")))
    return found + [Chosen(row, _("clear mistake")) for row in clear_mistakes(samples, output)]


def clear_mistakes(samples: Samples, output: int) -> list[int]:
    """Return the wrong samples of a class whose own score falls shortest of the winner's."""
    wrong = samples.valid & (samples.labels == output) & (samples.prediction != output)
    rows = np.flatnonzero(wrong)
    margin = samples.margin(output)[rows] if samples.logits.shape[1] > 1 else np.zeros(len(rows))
    return [int(row) for row in rows[np.argsort(margin, kind="stable")][:WRONG]]


def strongest_window(heatmap: Float[np.ndarray, "height width"]) -> Box:
    """Return the window (x, y, width, height) with the most positive relevance; ties to the top."""
    height, width = heatmap.shape
    tall, wide = max(1, round(height * WINDOW)), max(1, round(width * WINDOW))
    summed = np.zeros((height + 1, width + 1))
    summed[1:, 1:] = np.maximum(heatmap, 0).cumsum(0, dtype=np.float64).cumsum(1)
    inside = summed[tall:, wide:] - summed[:-tall, wide:] - summed[tall:, :-wide]
    inside = inside + summed[:-tall, :-wide]
    y, x = np.unravel_index(int(inside.argmax()), inside.shape)
    return int(x), int(y), wide, tall


def mask_of(box: Box, size: tuple[int, int]) -> Bool[np.ndarray, "height width"]:
    """Return the region of a box in a picture of a size (height, width).

    Raises:
        ValueError: no pixel of the picture, or one outside of it, lies in the box.
    """
    x, y, width, height = box
    if min(x, y) < 0 or min(width, height) < 1 or x + width > size[1] or y + height > size[0]:
        raise ValueError(f"the box {box} does not lie in a picture of {size[1]} x {size[0]} pixels")
    mask = np.zeros(size, dtype=bool)
    mask[y : y + height, x : x + width] = True
    return mask


def rank_in_region(
    heatmaps: Float[np.ndarray, "concept h w"], mask: Bool[np.ndarray, "height width"]
) -> tuple[Int[np.ndarray, "concept"], Float[np.ndarray, "concept"]]:
    """Return the places of the concepts by ``R_c(I)``, largest first, and ``R_c(I)`` in that order.

    Units of the explained logit; of equals the first comes first.
    """
    size = mask.shape[0], mask.shape[1]
    scaled = np.stack([at_size(heatmap, size) for heatmap in heatmaps]) if len(heatmaps) else None
    if scaled is None:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    relevance = region_relevance(scaled, mask)
    order = np.argsort(-relevance, kind="stable")
    return order, relevance[order]
