"""Where the object of a picture is: as the user marked it, else as the picture alone tells.

Without a mask it is what the border of the picture does not lead to, by colour: the boundary
connectivity of superpixels, and the smooth map that fits it best (Zhu, Liang, Wei and Sun 2014,
"Saliency optimization from robust background detection", equations 2 to 9). The model is not asked:
one that decides by the background has its relevance there. An estimate may be wrong, so each has a
certainty, and what is too small, too large or too uncertain is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage
from scipy.sparse.csgraph import floyd_warshall
from scipy.spatial.distance import cdist
from skimage.color import rgb2lab
from skimage.segmentation import slic

from auditor.shortcuts.propose.heat import heaviest_part
from auditor.shortcuts.scenes import shrinkage
from auditor.shortcuts.whole_pictures.modes import otsu

# Superpixels of a picture, a side of eleven: they tell an object of a twentieth of it.
SEGMENTS, COMPACTNESS, ROUNDS = 120, 10.0, 5
# Blur, in pixels of a picture of 64: what is finer is texture, and parts nothing.
BLUR = 1.5
# Distances in CIELAB and in sides at which two superpixels are half a class apart, and the
# connectivity of the border that makes one background: sigma_clr, sigma_spa, sigma_bndCon there.
COLOUR, NEAR, CONNECTED = 10.0, 0.25, 1.0
# The weight of the smoothness where colours differ much: mu there.
SMOOTH = 0.1
# How far from the middle, in sides, an object is half as likely: photographers centre it.
CENTRED = 0.4
# Areas, as shares of the picture, of an object that leaves a surround, and is no speck.
SMALLEST, LARGEST = 0.05, 0.65
# How much more an object stands out than its surround, on the mean, to be used.
LEAST_CERTAIN = 0.15
# Objects of shrunk pictures, 12 kB each with its picture, that are kept.
REMEMBERED = 2048
# Of a user's mask a pixel belongs to the object from this share on.
MARKED = 0.5


@dataclass(frozen=True, eq=False)
class Objects:
    """The object in every picture, from 0 to 1 how sure that is, and whether the user marked it."""

    masks: Bool[np.ndarray, "sample h w"]
    certainty: Float[np.ndarray, "sample"]
    marked: Bool[np.ndarray, "sample"]

    @property
    def usable(self) -> Bool[np.ndarray, "sample"]:
        """Say which pictures have an object, and a surround, to be swapped."""
        area = self.masks.mean(axis=(1, 2))
        sized = (area >= SMALLEST) & (area <= LARGEST)
        sure: Bool[np.ndarray, "sample"] = sized & (self.certainty >= LEAST_CERTAIN)
        return sure


def objects_of(
    pictures: UInt8[np.ndarray, "sample h w 3"],
    marked: Float[np.ndarray, "sample h w"] | None = None,
) -> Objects:
    """Return the object of every picture: by ``marked``, the user's masks, where it is not NaN."""
    masks = np.zeros(pictures.shape[:3], dtype=bool)
    certainty = np.ones(len(pictures))
    given = np.zeros(len(pictures), dtype=bool)
    if marked is not None:
        given = np.isfinite(marked).all(axis=(1, 2))
        masks[given] = marked[given] >= MARKED
    for row in np.flatnonzero(~given):
        masks[row], certainty[row] = estimated(pictures[row])
    return Objects(masks, certainty, given)


def estimated(picture: UInt8[np.ndarray, "h w 3"]) -> tuple[Bool[np.ndarray, "h w"], float]:
    """Return where the object of a picture is likely to be, and how surely, from 0 to 1.

    The certainty is how much the object stands out of the rest in the map of the likely object:
    nothing in a picture of one texture.
    """
    factor = shrinkage(picture.shape[:2])
    small = np.ascontiguousarray(picture[::factor, ::factor])
    mask, certainty = _estimated(small.tobytes(), small.shape)
    rows = np.minimum(np.arange(picture.shape[0]) // factor, mask.shape[0] - 1)
    columns = np.minimum(np.arange(picture.shape[1]) // factor, mask.shape[1] - 1)
    return mask[np.ix_(rows, columns)], certainty


# Contexts and the geometry of objects ask about the same pictures.
@lru_cache(maxsize=REMEMBERED)
def _estimated(
    picture: bytes, shape: tuple[int, ...]
) -> tuple[Bool[np.ndarray, "small_h small_w"], float]:
    """Return the object of a shrunk picture, given as its bytes, and how sure it is."""
    salient = _salience(np.frombuffer(picture, np.uint8).reshape(shape))
    if np.ptp(salient) < 1e-6:
        return np.zeros(shape[:2], dtype=bool), 0.0
    part = heaviest_part(salient >= otsu(salient.ravel()), salient)
    mask: Bool[np.ndarray, "small_h small_w"] = ndimage.binary_fill_holes(part)
    outside = salient[~mask].mean() if not mask.all() else 1.0
    certainty = float(np.clip(salient[mask].mean() - outside, 0.0, 1.0)) if mask.any() else 0.0
    return mask, certainty


def _salience(picture: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w"]:
    """Return from 0 to 1 how likely each pixel is of the object."""
    lab = ndimage.gaussian_filter(rgb2lab(picture), (BLUR, BLUR, 0))
    segments = slic(
        lab,
        n_segments=SEGMENTS,
        compactness=COMPACTNESS,
        max_num_iter=ROUNDS,
        convert2lab=False,
        start_label=0,
    )
    count = int(segments.max()) + 1
    height, width = segments.shape
    rows, columns = np.indices(segments.shape)
    values = np.concatenate([lab, np.stack([rows / height, columns / width], axis=2)], axis=2)
    flat, number = segments.ravel(), np.bincount(segments.ravel())
    sums = [np.bincount(flat, each.ravel()) for each in np.moveaxis(values, 2, 0)]
    means = np.stack(sums, axis=1) / number[:, None]
    colours, places = means[:, :3], means[:, 3:]
    border = np.zeros(count, dtype=bool)
    edges = segments[0], segments[-1], segments[:, 0], segments[:, -1]
    border[np.concatenate(edges)] = True
    adjacent = _adjacent(segments, count)
    apart = cdist(colours, colours)
    background = _background(apart, adjacent, border)
    near = np.exp(-(cdist(places, places) ** 2) / (2 * NEAR**2))
    contrast = (apart * near * background).sum(axis=1)
    contrast *= np.exp(-(((places - 0.5) ** 2).sum(axis=1)) / (2 * CENTRED**2))
    contrast /= max(float(contrast.max()), 1e-9)
    # The map that is 0 on the background and 1 on what contrasts with it, smooth within a colour.
    alike = adjacent * (np.exp(-(apart**2) / (2 * COLOUR**2)) + SMOOTH)
    smooth = np.diag(alike.sum(axis=1)) - alike
    fitted = np.linalg.solve(np.diag(background + contrast + 1e-6) + smooth, contrast)
    salient: Float[np.ndarray, "h w"] = np.clip(fitted, 0.0, 1.0)[segments]
    return salient


def _background(
    apart: Float[np.ndarray, "segment segment"],
    adjacent: Bool[np.ndarray, "segment segment"],
    border: Bool[np.ndarray, "segment"],
) -> Float[np.ndarray, "segment"]:
    """Return from 0 to 1 how much each superpixel is connected to the border, by colour.

    Steps between neighbours count by what they exceed the usual step to the most alike one: within
    a texture nothing is far from anything.
    """
    usual = np.where(adjacent, apart, np.inf).min(axis=1)
    step = float(usual[np.isfinite(usual)].mean()) if np.isfinite(usual).any() else 0.0
    linked = adjacent | np.outer(border, border)
    graph = np.where(linked, np.maximum(apart - step, 0.0) + 1e-6, 0.0)
    np.fill_diagonal(graph, 0.0)
    reach = np.exp(-(floyd_warshall(graph, directed=False) ** 2) / (2 * COLOUR**2))
    connectivity = (reach * border).sum(axis=1) / np.sqrt(reach.sum(axis=1))
    connected: Float[np.ndarray, "segment"] = 1 - np.exp(-(connectivity**2) / (2 * CONNECTED**2))
    return connected


def _adjacent(segments: Int[np.ndarray, "h w"], count: int) -> Bool[np.ndarray, "segment segment"]:
    adjacent = np.zeros((count, count), dtype=bool)
    for first, second in ((segments[1:], segments[:-1]), (segments[:, 1:], segments[:, :-1])):
        adjacent[first, second] = adjacent[second, first] = True
    np.fill_diagonal(adjacent, val=False)
    return adjacent
