"""P1c: flat areas at the border, and a place where the pictures of a class are alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

from auditor.language.speaking import gettext as _
from auditor.shortcuts.drawn_look import flat_pixels
from auditor.shortcuts.propose.heat import (
    dilated,
    edge_growth,
    edge_pixels,
    heaviest_part,
    with_edges,
)
from auditor.shortcuts.propose.proposals import (
    MAX_AREA,
    ClassView,
    Proposal,
    proposer,
    region_score,
)
from auditor.shortcuts.propose.windows import FEATHER

# So many pictures to choose from have to have such an area: as many as a region has references.
LEAST_PICTURES = 4
# Flat areas may cover so much together: a photograph that is turned on a canvas which holds it
# leaves up to half of that free, in four corners.
MOST_FLAT = 0.5
# The peak of t that noise over a whole picture hardly reaches, and where the mark's edge is drawn.
LEAST_T, EDGE_T = 4.0, 2.5
# A smaller area is a few pixels of noise.
LEAST_AREA = 0.005


@proposer("P1c")
def flat_and_recurring_regions(view: ClassView) -> list[Proposal]:
    """Propose flat areas that touch the border, and the place that sets the class apart."""
    kept, large = (np.stack(parts) for parts in zip(*map(flat_border, view.pictures), strict=True))
    proposals = []
    for flat, too_large in ((kept, False), (large, True)):
        if flat[view.discovery].any(axis=(1, 2)).sum() >= LEAST_PICTURES:
            reason = _("areas of one colour that touch the border of the picture.")
            grown = edge_growth(*flat.shape[1:])
            border = _proposal(view, _("flat border area"), flat, reason, grown)
            proposals.append(replace(border, too_large=too_large))
    recurring = recurring_mark(view.pictures[view.discovery], view.others)
    if recurring.any():
        masks = np.repeat(recurring[None], len(view.pictures), axis=0)
        reason = _("the place whose colours depart most from the rest of the class's pictures.")
        proposals.append(_proposal(view, _("recurring mark"), masks, reason, FEATHER))
    return proposals


def _proposal(
    view: ClassView,
    shape: str,
    masks: Bool[np.ndarray, "member height width"],
    reason: str,
    grown: int,
) -> Proposal:
    score = region_score(view.heat, masks, view.discovery)
    return Proposal(shape, masks, score, reason, "pictures", grown=grown)


def flat_border(
    picture: UInt8[np.ndarray, "height width 3"],
) -> tuple[Bool[np.ndarray, "height width"], Bool[np.ndarray, "height width"]]:
    """Return the areas of near-constant colour that touch the border: those of a region's size.

    Each connected part counts by itself when it covers between `LEAST_AREA` and `MAX_AREA` of the
    picture, and all do when they cover up to `MOST_FLAT` together: the corners beside a turned
    photograph are four regions, not a large one. Second, what is larger than that.
    """
    parts, _number = ndimage.label(flat_pixels(picture))
    border = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    shares = np.bincount(parts.ravel()) / parts.size
    touching = np.unique(border[border > 0])
    small, large = (
        np.isin(parts, touching[(least <= shares[touching]) & (shares[touching] <= most)])
        for least, most in ((LEAST_AREA, MAX_AREA), (np.nextafter(MAX_AREA, 1), 1.0))
    )
    if small.mean() > MOST_FLAT:
        small, large = np.zeros_like(small), small | large
    kept, left_out = with_edges(np.stack([small, large]))
    return kept, left_out


def recurring_mark(
    own: UInt8[np.ndarray, "member height width 3"],
    others: UInt8[np.ndarray, "other height width 3"],
) -> Bool[np.ndarray, "height width"]:
    """Return the place where the mean own picture departs most from what the class has elsewhere.

    By `departures`. The largest connected part above `EDGE_T` and a quarter of the largest value
    counts, when that value is at least `LEAST_T` and the part is a region's size. The blur has
    taken its edges in; it is grown by what its weight falls over.
    """
    empty = np.zeros(own.shape[1:3], dtype=bool)
    if len(own) < 4 or len(others) < 4:
        return empty
    size = departures(mean_look(own), mean_look(others))
    if size.max() < LEAST_T:
        return empty
    part = heaviest_part(size >= max(EDGE_T, size.max() / 4), size)
    if not LEAST_AREA <= part.mean() <= MAX_AREA:
        return empty
    grown: np.ndarray = dilated(part[None], FEATHER)[0]
    return grown


@dataclass(frozen=True, eq=False)
class MeanLook:
    """Mean pictures less their mean colour, and the squared standard error, at every pixel."""

    mean: Float[np.ndarray, "height width 3"]
    error: Float[np.ndarray, "height width 3"]


def mean_look(pictures: UInt8[np.ndarray, "sample height width 3"]) -> MeanLook:
    """Return what pictures, two at least, have in common at every place."""
    values = pictures.astype(np.float64)
    values -= values.mean(axis=(1, 2), keepdims=True)
    error = values.var(axis=0, ddof=1) / len(values) + 1.0 / len(values)
    return MeanLook(values.mean(axis=0), error)


def departures(own: MeanLook, others: MeanLook) -> Float[np.ndarray, "height width"]:
    """Return how surely the mean own picture is another than that of others, at every pixel.

    Welch's t per channel between own and other pictures, each less its mean colour over all places;
    the root mean square over channels, blurred by the width of an edge.
    """
    t = (own.mean - others.mean) / np.sqrt(own.error + others.error)
    size: np.ndarray = ndimage.gaussian_filter(
        np.sqrt((t**2).mean(axis=2)), edge_pixels(*t.shape[:2])
    )
    return size
