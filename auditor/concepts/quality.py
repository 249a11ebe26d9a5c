"""Measure how well a concept can be read: clear, of one meaning, and the only one of its kind.

Clarity and polysemanticity are measured on the reference crops (after Dreyer et al. 2024, "PURE",
who cluster the reference samples of polysemantic units, there by lower-layer relevance);
redundancy is the size of the concept's subspace.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image
from skimage.color import rgb2lab
from skimage.feature import hog
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import silhouette_score

from auditor.concepts.subspaces import largest_first
from auditor.language.numbers import decimal
from auditor.language.speaking import gettext as _
from auditor.records.concepts import ConceptQuality
from auditor.records.stages import Subspaces

SIDE = 64
# Crops needed to speak of groups, and the largest number of groups looked for.
ENOUGH_CROPS = 6
MOST_MEANINGS = 4
# Smallest mean silhouette that makes groups. Of 8 or 12 unrelated crops of photographs 95 % reach
# less than 0.19 and none of 120 sets more than 0.21; two things in turn reach 0.42 in 9 of 10.
GROUPED = 0.25
# A smaller number wins when its silhouette is nearly as large.
NEARLY = 0.05
CLEAR, UNCLEAR = 0.35, 0.25

Crop = UInt8[np.ndarray, "height width 3"]


def clarity(crops: Sequence[Crop]) -> float | None:
    """Return how alike reference crops are, in [0, 1]; None for fewer than two.

    The mean over all pairs of the mean of two agreements: of shape (correlation of histograms of
    oriented gradients of the crops at 64 x 64 pixels) and of colour (correlation of 8 x 8 x 8
    CIELAB histograms). Negative correlation counts as 0. 1 means the same picture again and
    again; unrelated crops of photographs have about 0.25, wheels or cars 0.35 to 0.4. What recurs
    as texture at no fixed place (letters, foliage) scores low although people see it: a low value
    is a reason to look, no verdict.
    """
    return _mean_pair(crop_similarity(crops))


def crop_similarity(crops: Sequence[Crop]) -> Float[np.ndarray, "crop crop"]:
    """Return how alike every two crops are, in [0, 1]: the mean of shape and colour, see `clarity`.

    Each crop agrees wholly with itself.
    """
    if len(crops) == 0:
        return np.zeros((0, 0))
    pictures = [_standard(crop) for crop in crops]
    shapes = np.stack([_shape(picture) for picture in pictures])
    colours = np.stack([_colour(picture) for picture in pictures])
    similarity: np.ndarray = (_agreements(shapes) + _agreements(colours)) / 2
    np.fill_diagonal(similarity, 1.0)
    return similarity


def meanings(
    similarity: Float[np.ndarray, "crop crop"],
) -> tuple[int | None, Int[np.ndarray, "crop"]]:
    """Return into how many groups reference crops fall, and the group of each, largest first.

    Agglomerative clustering with average linkage on ``1 - similarity`` into 2 to `MOST_MEANINGS`
    groups of at least 2 crops each; the largest mean silhouette decides, or the smallest number
    that comes within `NEARLY` of it. Below `GROUPED` it is one group: the crops may be alike or
    all different, which is what clarity tells. None, and one group, for fewer than `ENOUGH_CROPS`.
    ``similarity`` may be of any kind, in [0, 1]: of crops, or of what the model sees in them.
    """
    count = len(similarity)
    together = np.zeros(count, dtype=np.int64)
    if count < ENOUGH_CROPS:
        return None, together
    distance = 1.0 - (similarity + similarity.T) / 2
    np.fill_diagonal(distance, 0.0)
    found: list[tuple[float, Int[np.ndarray, "crop"]]] = []
    for number in range(2, min(MOST_MEANINGS, count // 2) + 1):
        labels = AgglomerativeClustering(
            n_clusters=number, metric="precomputed", linkage="average"
        ).fit_predict(distance)
        if np.bincount(labels).min() >= 2:
            value = float(silhouette_score(distance, labels, metric="precomputed"))
            found.append((value, labels))
    best = max((value for value, _ in found), default=0.0)
    if best < GROUPED:
        return 1, together
    labels = next(labels for value, labels in found if value >= best - NEARLY)
    return int(labels.max()) + 1, largest_first(labels)


def redundancy(subspaces: Subspaces, concept: int) -> int | None:
    """Return how many concepts are in the concept's subspace, itself included; None: in none."""
    place = np.flatnonzero(subspaces.concepts == concept)
    if len(place) == 0:
        return None
    return int((subspaces.cluster == subspaces.cluster[place[0]]).sum())


def concept_quality(
    concept: int,
    crops: Sequence[Crop],
    subspaces: Subspaces | None,
    *,
    similarity: Float[np.ndarray, "crop crop"] | None = None,
) -> ConceptQuality:
    """Return clarity, polysemanticity and redundancy of one concept, each with a sentence.

    Args:
        concept: channel.
        crops: its reference crops over all data, the best first.
        subspaces: of the layer; None where concepts were not compared.
        similarity: of the reference samples, for the groups; None compares the crops.

    Raises:
        ValueError: similarity is not of the crops.
    """
    if similarity is not None and similarity.shape != (len(crops), len(crops)):
        raise ValueError(f"{len(crops)} crops, but similarity is {similarity.shape}")
    alike = crop_similarity(crops)
    clear = _mean_pair(alike)
    number, groups = meanings(alike if similarity is None else similarity)
    size = None if subspaces is None else redundancy(subspaces, concept)
    return ConceptQuality(
        clarity=clear,
        meanings=number,
        redundancy=size,
        reading=[_say_clarity(clear), _say_meanings(number, groups), _say_redundancy(size)],
    )


def _say_clarity(value: float | None) -> str:
    if value is None:
        return _("There are too few crops to say whether they look alike.")
    if value >= CLEAR:
        return _(
            "The crops look alike (%(value)s): the concept is easy to name.", value=decimal(value)
        )
    if value >= UNCLEAR:
        return _(
            "The crops look somewhat alike (%(value)s): look at several before naming it.",
            value=decimal(value),
        )
    return _(
        "The crops look no more alike than unrelated ones (%(value)s): it may be a texture, "
        "something abstract, or nothing that a person sees.",
        value=decimal(value),
    )


def _say_meanings(number: int | None, groups: Int[np.ndarray, "crop"]) -> str:
    if number is None:
        return _(
            "At least %(enough_crops)s crops are needed to look for several meanings.",
            enough_crops=ENOUGH_CROPS,
        )
    if number == 1:
        return _("The crops do not fall into groups: nothing points to several meanings.")
    sizes = ", ".join(str(size) for size in np.bincount(groups))
    return _(
        "The crops fall into %(number)s groups (of %(sizes)s): the concept may stand for "
        "%(number)s different things.",
        number=number,
        sizes=sizes,
    )


def _say_redundancy(size: int | None) -> str:
    if size is None:
        return _("It was not compared with other concepts.")
    if size == 1:
        return _("No other compared concept of the layer means the same.")
    others = (
        _("1 other compared concept")
        if size == 2
        else _("%(value)s other compared concepts", value=size - 1)
    )
    return _(
        "It shares its meaning with %(others)s of the layer: read them together.", others=others
    )


def _standard(crop: Crop) -> Float[np.ndarray, "side side 3"]:
    image = Image.fromarray(np.ascontiguousarray(crop))
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)) / 255


def _shape(picture: Float[np.ndarray, "side side 3"]) -> Float[np.ndarray, "feature"]:
    found: np.ndarray = hog(
        picture, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2), channel_axis=-1
    )
    return found


def _colour(picture: Float[np.ndarray, "side side 3"]) -> Float[np.ndarray, "bin"]:
    lab = rgb2lab(picture).reshape(-1, 3)
    counts, _ = np.histogramdd(lab, bins=(8, 8, 8), range=((0, 100), (-80, 80), (-80, 80)))
    found: np.ndarray = np.sqrt(counts.ravel())
    return found


def _agreements(features: Float[np.ndarray, "crop feature"]) -> Float[np.ndarray, "crop crop"]:
    """Return the positive correlation of all pairs; two flat vectors agree wholly."""
    centred = features - features.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1)
    flat = norms <= 1e-9
    unit = centred / np.where(flat, 1.0, norms)[:, None]
    correlation = np.where(np.logical_and.outer(flat, flat), 1.0, unit @ unit.T)
    return np.clip(correlation, 0.0, 1.0)


def _mean_pair(similarity: Float[np.ndarray, "crop crop"]) -> float | None:
    """Return the mean over all pairs, None without a pair."""
    if len(similarity) < 2:
        return None
    return float(similarity[np.triu_indices(len(similarity), k=1)].mean())
