"""What is measured about a candidate besides its tests: who carries it, what it rests on, a fix.

Frozen records without torch, part of a `auditor.records.stages.Finding`. Accuracies are shares of
images with 95 % Wilson intervals; confidences are softmax probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Accuracy:
    """How many of ``n`` images are decided as their label, with the interval of the share."""

    correct: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """Share of images decided as their label, None without images."""
        return self.correct / self.n if self.n else None


@dataclass(frozen=True)
class Subgroup:
    """T5: accuracy of a group of test images with and without the region.

    ``group`` names it in words; ``p`` is of Fisher's exact test that the accuracies are equal, None
    where one side is empty.
    """

    group: str
    carrying: Accuracy
    without: Accuracy
    p: float | None


@dataclass(frozen=True)
class Exposure:
    """How much is touched by a candidate.

    ``share`` of the class's test images carry it, and so do images of the outputs in ``classes``
    (its own included); ``lost`` is the accuracy that the class would lose without it.
    """

    share: float
    classes: tuple[int, ...]
    lost: float


@dataclass(frozen=True)
class Change:
    """Accuracy of a group of test images before and after a direction is projected out.

    ``control`` is the mean accuracy after a random direction was projected out instead.
    """

    group: str
    before: Accuracy
    after: Accuracy
    control: float | None


@dataclass(frozen=True)
class Projection:
    """The direction of a candidate taken out of a layer, and what that costs.

    ``variance`` is the share of the layer's variance along the direction, ``control_variance`` the
    same of the ``directions`` random ones, on the mean. ``changes`` are of the images of the class
    with the region, of those without it, and of all other classes. ``turned``: the share of
    ``turned_n`` transplants that are taken for the class, before and after: whether it works.
    """

    layer: str
    variance: float
    control_variance: float
    directions: int
    changes: tuple[Change, ...]
    turned: tuple[float, float] = (0.0, 0.0)
    turned_n: int = 0


@dataclass(frozen=True)
class SharedClass:
    """A class and the concepts behind another class's candidate.

    ``share`` of its images' positive relevance lies on them (mean over ``n`` images); accuracy and
    confidence of the class before and after they are zeroed.
    """

    output: int
    n: int
    share: float
    accuracy: tuple[float, float]
    confidence: tuple[float, float]


@dataclass(frozen=True)
class Zeroing:
    """Confidence while the concepts of a region are set to zero, the most relevant ones first.

    After ``counts[s]`` of ``concepts`` are zero, ``own`` is the mean confidence in the class of
    ``n_own`` test images that carry the region, ``others`` that in their own class of ``n_others``
    images of other classes. ``random_own`` and ``random_others`` are the means over ``draws`` sets
    of equally many other concepts of the layer, and ``band_own`` their 10 % and 90 % quantiles.
    ``part`` is each concept's part of the region's positive relevance among the concepts compared.
    ``classes`` are other classes with the first ``chosen`` concepts at zero, those that rest on
    them most first.
    """

    layer: str
    concepts: tuple[int, ...]
    part: tuple[float, ...]
    counts: tuple[int, ...]
    own: tuple[float, ...]
    others: tuple[float, ...]
    random_own: tuple[float, ...]
    random_others: tuple[float, ...]
    band_own: tuple[tuple[float, float], ...]
    draws: int
    n_own: int
    n_others: int
    chosen: int
    classes: tuple[SharedClass, ...]


@dataclass(frozen=True)
class Signature:
    """What a candidate looks like, so that the next audit can tell whether it is the same one.

    ``area`` is the share of the picture, ``place`` the median centre of the region as shares of
    height and width, ``spread`` the mean distance from it. ``colour`` is the region's median
    colour, ``look`` a few pixels of a window of fixed size around its centre, the median over
    references; both from 0 to 1.
    """

    class_name: str
    area: float
    place: tuple[float, float]
    spread: float
    colour: tuple[float, float, float]
    look: Float[np.ndarray, "height width 3"]


@dataclass(frozen=True)
class Details:
    """All of this about one candidate; None where it was not measured, and ``missing`` says why.

    ``cost`` says in a sentence what projecting the direction out changes.
    """

    exposure: Exposure | None = None
    subgroups: tuple[Subgroup, ...] = ()
    projection: Projection | None = None
    cost: str = ""
    zeroing: Zeroing | None = None
    signature: Signature | None = None
    missing: Mapping[str, str] | None = None
