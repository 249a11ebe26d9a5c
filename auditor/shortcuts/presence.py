"""How much every picture holds of what a region is made of, wherever in it, and in any shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

from auditor.shortcuts.scenes import Scene
from auditor.shortcuts.visual_words import frequencies, typical

# A picture holds as much of something as the most typical spots of this share of its area say.
SPOTS = 0.02
# Side of a spot in pixels: a stroke is no wider, and one pixel is noise.
SPOT = 3
# So many pictures of another class are enough.
MOST_OTHERS = 32
# Pixels around the region that may belong to it, and count neither to it nor to the rest.
MARGIN = 2
# From two thirds of what the references hold on a picture has it; up to one third it lacks it.
HAS, LACKS = 2 / 3, 1 / 3


@dataclass(frozen=True, eq=False)
class Presence:
    """What pictures hold of a region's stuff: 0 as other classes' pictures do, 1 as references do.

    Medians of both; a picture is measured by words that were weighed on other pictures.
    """

    members: Float[np.ndarray, "member"]
    others: Float[np.ndarray, "picture"]

    @property
    def has(self) -> float:
        """The share of the class's pictures that have it."""
        return float((self.members >= HAS).mean())

    @property
    def others_have(self) -> float:
        """The share of other classes' pictures that have it."""
        return float((self.others >= HAS).mean())

    @property
    def lacks(self) -> float:
        """The share of the class's pictures that lack it."""
        return float((self.members <= LACKS).mean())


def presence_of(
    own: Scene,
    references: Int[np.ndarray, "reference"],
    masks: Bool[np.ndarray, "member height width"],
    others: Sequence[Scene],
) -> Presence | None:
    """Return the presence of a region's stuff, None where references hold no more than others.

    By cross-fitting: words are weighed on every second reference and every second picture of other
    classes, and measured on the rest; members that are no references count the mean of both.

    Args:
        own: the members of the class.
        references: the members whose regions are looked at.
        masks: the region in every member, as small as the scene.
        others: the members of other classes.
    """
    outside = [scene.words[:: -(-len(scene.words) // MOST_OTHERS)] for scene in others]
    outside = [words for words in outside if len(words) > 1]
    if len(references) < 2 or not outside:
        return None
    rest = np.setdiff1d(np.arange(len(masks)), references)
    held = np.zeros(len(masks))
    of_others = []
    for fold in (0, 1):
        fitted, measured = references[fold::2], references[1 - fold :: 2]
        weights = _weights(own, fitted, masks, [words[fold::2] for words in outside])
        held[measured] = _held(own.words[measured], weights)
        held[rest] += _held(own.words[rest], weights) / 2
        of_others += [_held(words[1 - fold :: 2], weights) for words in outside]
    usual = np.concatenate(of_others)
    nothing, fully = float(np.median(usual)), float(np.median(held[references]))
    if fully <= nothing:
        return None
    return Presence((held - nothing) / (fully - nothing), (usual - nothing) / (fully - nothing))


def _weights(
    own: Scene,
    rows: Int[np.ndarray, "reference"],
    masks: Bool[np.ndarray, "member height width"],
    outside: Sequence[Int[np.ndarray, "picture height width"]],
) -> Float[np.ndarray, "word"]:
    """Return how typical words are of the region where it is relevant.

    Of other classes' pictures and of the rest of its own ones that counts in which a word is more
    frequent.
    """
    inside = frequencies(own.words[rows], masks[rows] * own.heat[rows])
    side = 2 * MARGIN + 1
    grown = ndimage.maximum_filter(masks[rows], (1, side, side))
    around = frequencies(own.words[rows], (~grown).astype(np.float64))
    elsewhere = np.mean([frequencies(words) for words in outside], axis=0)
    return typical(inside, np.maximum(around, elsewhere))


def _held(
    words: Int[np.ndarray, "picture height width"], weights: Float[np.ndarray, "word"]
) -> Float[np.ndarray, "picture"]:
    """Return the mean weight of the spots of each picture that hold most."""
    if not len(words):
        return np.zeros(0)
    spots = ndimage.uniform_filter(weights.astype(np.float32)[words], (0, SPOT, SPOT))
    spots = spots.reshape(len(words), -1)
    count = max(1, round(SPOTS * spots.shape[1]))
    best: np.ndarray = np.partition(spots, -count, axis=1)[:, -count:].mean(axis=1)
    return best.astype(np.float64)
