"""P1c, template regions: flat borders, and places whose pixels recur in one class only."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

from auditor.shortcuts.heat import dilated, edge_pixels
from auditor.shortcuts.proposals import MAX_AREA, PROPOSALS, ClassView, Proposal, region_score

FLAT = 6.0
LIKE = 36.0
IN_CLASS, ELSEWHERE = 0.3, 0.1
LEAST_AREA = 0.005


@PROPOSALS.register("P1c")
def template_regions(view: ClassView) -> list[Proposal]:
    """Propose flat areas that touch the border, and pixels that recur in this class only."""
    found = []
    flat = np.stack([flat_border(picture) for picture in view.pictures])
    if flat[view.discovery].any(axis=(1, 2)).mean() >= IN_CLASS:
        reason = "areas of one colour that touch the border of the picture."
        score = region_score(view.heat, flat, view.discovery)
        found.append(Proposal("P1c", "flat border area", flat, score, reason))
    recurring = recurring_pixels(view.pictures[view.discovery], view.others)
    if recurring.any():
        masks = np.repeat(recurring[None], len(view.pictures), axis=0)
        reason = "pixels that are alike in many images of this class and in few of the others."
        score = region_score(view.heat, masks, view.discovery)
        found.append(Proposal("P1c", "recurring pixels", masks, score, reason))
    return found


def flat_border(
    picture: UInt8[np.ndarray, "height width 3"],
) -> Bool[np.ndarray, "height width"]:
    """Return the areas of near-constant colour that touch the border, if of a region's size.

    Near-constant: the largest difference within 3 x 3 pixels is below `FLAT` of 255. An area counts
    when it covers between `LEAST_AREA` and `MAX_AREA` of the picture.
    """
    span = ndimage.maximum_filter(picture, (3, 3, 1)).astype(np.int16) - ndimage.minimum_filter(
        picture, (3, 3, 1)
    )
    parts, _ = ndimage.label(span.max(axis=2) <= FLAT)
    border = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    kept = np.zeros(parts.shape, dtype=bool)
    for part in np.unique(border[border > 0]):
        area = parts == part
        if LEAST_AREA <= area.mean() <= MAX_AREA:
            kept |= area
    if kept.mean() > MAX_AREA:
        return np.zeros_like(kept)
    grown: np.ndarray = dilated(kept[None], edge_pixels(*picture.shape[:2]))[0]
    return grown


def recurring_pixels(
    own: UInt8[np.ndarray, "member height width 3"],
    others: UInt8[np.ndarray, "other height width 3"],
) -> Bool[np.ndarray, "height width"]:
    """Return places where many own pictures have one colour that few other pictures have there.

    The colour of a place is that of the own picture that most of the others resemble there. The
    largest connected part after closing small gaps is kept, nothing when it is too small or large.
    """
    if len(own) < 4 or len(others) < 4:
        return np.zeros(own.shape[1:3], dtype=bool)
    colours = ndimage.uniform_filter(own.astype(np.float32), (0, 3, 3, 0))
    elsewhere = ndimage.uniform_filter(others.astype(np.float32), (0, 3, 3, 0))
    best, mode = _resembled(colours)
    outside = (np.abs(elsewhere - mode).max(axis=3) < LIKE).mean(axis=0)
    lift = (best >= IN_CLASS) & (outside <= ELSEWHERE) & (best - outside >= IN_CLASS)
    edge = edge_pixels(*own.shape[1:3])
    gap = 2 * edge
    closed = ndimage.binary_closing(
        np.pad(lift, gap), np.ones((2 * gap + 1, 2 * gap + 1), dtype=bool)
    )
    parts, number = ndimage.label(closed[gap:-gap, gap:-gap])
    if number == 0:
        return np.zeros_like(lift)
    areas = ndimage.sum_labels(lift, parts, np.arange(1, number + 1))
    part: np.ndarray = dilated((parts == 1 + int(np.argmax(areas)))[None], edge)[0]
    wanted = LEAST_AREA <= part.mean() <= MAX_AREA
    return part if wanted else np.zeros_like(part)


def _resembled(
    colours: Float[np.ndarray, "member height width 3"],
) -> tuple[Float[np.ndarray, "height width"], Float[np.ndarray, "height width 3"]]:
    """Return how many resemble the most resembled colour of each place, and that colour."""
    best = np.zeros(colours.shape[1:3])
    mode = colours[0].copy()
    for colour in colours[:32]:
        alike = (np.abs(colours - colour).max(axis=3) < LIKE).mean(axis=0)
        better = alike > best
        best = np.where(better, alike, best)
        mode[better] = colour[better]
    return best, mode
