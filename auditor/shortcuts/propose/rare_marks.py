"""P1d, rare marks: a patch that recurs, nearly alike, in a few pictures of one class and no other.

What is on a tenth of a class is lost in its means. So the most relevant patches of every picture
are looked for in all other pictures, one by one and at every place, by normalised correlation of
their luminance. A mark is met again in a few pictures of the class far better than in any picture
of the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage

from auditor.language.speaking import gettext as _
from auditor.language.speaking import ngettext
from auditor.shortcuts.propose.heat import edge_growth, with_edges
from auditor.shortcuts.propose.proposals import ClassView, Proposal, proposer, region_score
from auditor.shortcuts.propose.windows import Shape, place
from auditor.shortcuts.scenes import shrunk

# Shortest side of the pictures that are compared: shrunk more, a thin mark is not the same thing
# any more where it lies between two pixels. A patch is about a seventh of it.
SIDE, PATCH = 64, 10
# Patches of each picture that are looked for, the most relevant ones, none on another; and pictures
# of other classes that they are looked for in.
QUERIES, OTHERS = 4, 48
# A patch without contrast is like any other: deviation of its pixels, of 255.
CONTRAST = 12.0
# A mark is on so many pictures at least, the one it is looked for from included.
LEAST_PICTURES = 4
# By how much more alike these are than any picture of another class, in normalised correlation. Of
# 12 classes of photographs without a mark the patch that leads most leads by .01 to .19, with marks
# on a seventh of a class (a word, a sticker, a face) by .45 to .77; a date whose digits change .13.
MORE_ALIKE = 0.25
# Around the patch what varies less than this, of its variation over the class, is the mark too.
STEADY = 0.5


@dataclass(frozen=True, eq=False)
class Mark:
    """A patch and where it is best met again: in every member, by shrunk pixels, and how well."""

    likeness: Float[np.ndarray, "member"]
    corners: Int[np.ndarray, "member 2"]
    limit: float

    @property
    def carriers(self) -> Bool[np.ndarray, "member"]:
        """The members that are met better than any picture of another class."""
        return self.likeness >= self.limit


@proposer("P1d")
def rare_marks(view: ClassView) -> list[Proposal]:
    """Propose the patch that best sets a few pictures apart, with what is steady around it."""
    factor = max(1, min(view.pictures.shape[1:3]) // SIDE)
    own = shrunk(view.pictures.mean(axis=3), factor)
    others = shrunk(view.others[:OTHERS].mean(axis=3), factor)
    mark = best_mark(own, others, shrunk(view.heat, factor), view.discovery)
    if mark is None:
        return []
    offsets = extent(own, mark, view.discovery)
    masks = with_edges(_masks(view.heat.shape, mark, offsets, factor))
    count = int((mark.carriers & view.discovery).sum())
    reason = ngettext(
        "a patch that %(num)s picture of the class has nearly alike, and no picture of another.",
        "a patch that %(num)s pictures of the class have nearly alike, and no picture of another.",
        count,
    )
    score = region_score(view.heat, masks, view.discovery & mark.carriers)
    grown = edge_growth(*view.heat.shape[1:])
    return [Proposal(_("rare mark"), masks, score, reason, carriers=mark.carriers, grown=grown)]


def best_mark(
    own: Float[np.ndarray, "member h w"],
    others: Float[np.ndarray, "other h w"],
    heat: Float[np.ndarray, "member h w"],
    discovery: Bool[np.ndarray, "member"],
) -> Mark | None:
    """Return the patch of a discovery member that sets a few members apart most, None without.

    It has to be `MORE_ALIKE` in the fourth best of the discovery members than in the best picture
    of another class. Pictures are of luminance.
    """
    rows = np.flatnonzero(discovery)
    if len(rows) < LEAST_PICTURES or not len(others) or min(own.shape[1:3]) < 2 * PATCH:
        return None
    patches = np.concatenate([_queries(own[row], heat[row]) for row in rows])
    if not len(patches):
        return None
    of_own = np.stack([(patches @ _unit_patches(picture).T).max(axis=1) for picture in own[rows]])
    of_others = np.stack([(patches @ _unit_patches(picture).T).max(axis=1) for picture in others])
    fourth = np.sort(of_own, axis=0)[-LEAST_PICTURES]
    most = of_others.max(axis=0)
    chosen = int(np.argmax(fourth - most))
    if fourth[chosen] - most[chosen] < MORE_ALIKE:
        return None
    likeness, corners = [], []
    across = own.shape[2] - PATCH + 1
    for picture in own:
        likenesses = _unit_patches(picture) @ patches[chosen]
        likeness.append(likenesses.max())
        corners.append(divmod(int(likenesses.argmax()), across))
    return Mark(np.array(likeness), np.array(corners), float(fourth[chosen] + most[chosen]) / 2)


def extent(
    own: Float[np.ndarray, "member h w"], mark: Mark, discovery: Bool[np.ndarray, "member"]
) -> Bool[np.ndarray, "rows columns"]:
    """Return which pixels around the patch are as steady as it is, in 3 x 3 patches around it.

    Over the discovery members that carry it: the deviation of each pixel from picture to picture,
    over the deviation of all pixels of the class; connected with the patch.
    """
    rows = np.flatnonzero(mark.carriers & discovery)
    padded = np.pad(own, ((0, 0), (PATCH, PATCH), (PATCH, PATCH)), constant_values=np.nan)
    crops = np.stack(
        [
            padded[row, top : top + 3 * PATCH, left : left + 3 * PATCH]
            for row, (top, left) in zip(rows, mark.corners[rows], strict=True)
        ]
    )
    usual = float(own[discovery].std(axis=0).mean())
    steady = np.nan_to_num(crops.std(axis=0), nan=np.inf) <= STEADY * usual
    middle = np.zeros_like(steady)
    middle[PATCH : 2 * PATCH, PATCH : 2 * PATCH] = True
    parts, _number = ndimage.label(steady | middle)
    around: np.ndarray = parts == parts[PATCH, PATCH]
    return around


def _queries(
    picture: Float[np.ndarray, "h w"], heat: Float[np.ndarray, "h w"]
) -> Float[np.ndarray, "query pixel"]:
    """Return the most relevant patches of a picture that have contrast, of length 1."""
    units = _unit_patches(picture)
    shape = Shape("patch", PATCH, PATCH)
    across = picture.shape[1] - PATCH + 1
    taken = np.zeros((1, *heat.shape), dtype=bool)
    chosen = []
    for _turn in range(QUERIES):
        top, left = place(heat[None], shape, avoid=taken)[0]
        if taken[0, top : top + PATCH, left : left + PATCH].any():
            break
        taken[0, top : top + PATCH, left : left + PATCH] = True
        unit = units[top * across + left]
        if unit.any():
            chosen.append(unit)
    return np.array(chosen, dtype=np.float32).reshape(-1, PATCH * PATCH)


def _unit_patches(
    picture: Float[np.ndarray, "h w"],
) -> Float[np.ndarray, "place pixel"]:
    """Return every patch less its mean, of length 1; 0 where it has no contrast."""
    tiles = sliding_window_view(picture, (PATCH, PATCH))
    flat = tiles.reshape(-1, PATCH * PATCH).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    clear = lengths >= CONTRAST * flat.shape[1] ** 0.5
    units: np.ndarray = np.divide(flat, lengths, out=np.zeros_like(flat), where=clear)
    return units


def _masks(
    shape: tuple[int, ...],
    mark: Mark,
    offsets: Bool[np.ndarray, "rows columns"],
    factor: int,
) -> Bool[np.ndarray, "member height width"]:
    """Return where the mark and what is steady around it lies in pictures of full size."""
    masks = np.zeros(shape, dtype=bool)
    large = offsets.repeat(factor, axis=0).repeat(factor, axis=1)
    rows, columns = np.nonzero(large)
    for mask, (top, left) in zip(masks, mark.corners, strict=True):
        down = rows + (top - PATCH) * factor
        across = columns + (left - PATCH) * factor
        inside = (down >= 0) & (down < shape[1]) & (across >= 0) & (across < shape[2])
        mask[down[inside], across[inside]] = True
    return masks
