"""The frozen records of the concept analyses: numpy arrays, strings and numbers, never torch.

Axes and units are those of `auditor.records.stages`; besides, ``component`` (of the positional
relevance),
``direction`` (of the relevance vectors), ``strategy`` (of one class), ``order`` (in which concepts
are switched). A share is part of a sample's absolute relevance where nothing else is said. An
analysis that has nothing to show gives `Empty`, with the reason in one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import Field

from auditor.records.part import Interval, Number, Part, Picture, Words

UnitKind = Literal["channel", "subspace", "component"]
Direction = Literal["off", "on"]
Baseline = Literal["zero", "mean"]
Trust = Literal["trusted", "partly trusted", "not trusted", "not tested"]


@dataclass(frozen=True)
class Empty:
    """Why an analysis has nothing to show: one sentence that a reader understands."""

    reason: str


@dataclass(frozen=True)
class PositionalComponents:
    """Parts of the positive positional relevance that go together, strongest first.

    ``output`` is the class they were found in, None over all classes; ``explained_as`` the output
    that each row's relevance explains. ``directions`` are unit vectors without negative entries,
    usable as conditions. ``place`` is the part of a sample's positive relevance that a component
    carries at a position, ``share`` its sum over positions, ``rest`` what no component carries:
    shares and rest sum to 1 in a row with positive relevance, and are all 0 in one without.
    ``class_share`` and ``class_rest`` are means over the rows explained as ``outputs[i]`` that
    have positive relevance. ``overlap`` is the cosine of two directions, ``redundancy`` the largest
    with another. ``stability[k]``, the smallest cosine of a component with its like in the other
    half of the samples, and ``explained[k]``, what components of one half carry of the other,
    belong to ``numbers[k]`` components; by these ``rule`` chose.
    """

    layer: str
    output: int | None
    rows: Int[np.ndarray, "sample"]
    explained_as: Int[np.ndarray, "sample"]
    directions: Float[np.ndarray, "component concept"]
    place: Float[np.ndarray, "sample component h w"]
    share: Float[np.ndarray, "sample component"]
    rest: Float[np.ndarray, "sample"]
    outputs: tuple[int, ...]
    class_share: Float[np.ndarray, "class component"]
    class_rest: Float[np.ndarray, "class"]
    overlap: Float[np.ndarray, "component component"]
    redundancy: Float[np.ndarray, "component"]
    numbers: tuple[int, ...]
    stability: Float[np.ndarray, "number"]
    explained: Float[np.ndarray, "number"]
    rule: str


@dataclass(frozen=True)
class RelevanceDirections:
    """Principal directions of the relevance shares of many samples, strongest first.

    ``directions`` are orthogonal unit vectors whose largest entry is positive, usable as
    conditions. ``coordinates`` are of the rows' shares less ``mean``. ``explained`` is each
    direction's part of the variance, ``chance`` the largest that shuffled shares gave at that
    place. ``class_coordinates`` are means over the rows explained as ``outputs[i]``.
    """

    layer: str
    rows: Int[np.ndarray, "sample"]
    mean: Float[np.ndarray, "concept"]
    directions: Float[np.ndarray, "direction concept"]
    explained: Float[np.ndarray, "direction"]
    chance: Float[np.ndarray, "direction"]
    coordinates: Float[np.ndarray, "sample direction"]
    outputs: tuple[int, ...]
    class_coordinates: Float[np.ndarray, "class direction"]
    rule: str


@dataclass(frozen=True)
class ConfusedPair:
    """Two classes that the model confuses, or that were named.

    ``mistakes`` counts samples of one predicted as the other, ``narrow`` right decisions of one
    over the other whose margin is among the smallest of all.
    """

    first: int
    second: int
    mistakes: int
    narrow: int
    named: bool


@dataclass(frozen=True)
class DecisionPlane:
    """The two units whose relevance shares separate two classes best.

    ``rows`` are samples of both classes decided as one of them, each explained as its own
    prediction. ``coordinates`` are their shares of the two units. ``score`` is the linear
    combination ``coordinates @ weights - threshold``: above 0 is the side of ``pair.first``;
    ``wrong`` marks the rows on the other side than their label. ``held_out`` marks rows that had
    no part in the choice and the weights: only those count for ``auc`` and its 95 % interval,
    and for ``unit_auc``, each axis alone. ``speaks_for`` is the class with the larger mean share of
    each unit. ``n`` counts the held-out rows of the first and second class behind ``auc``.
    """

    layer: str
    pair: ConfusedPair
    kind: UnitKind
    units: tuple[int, int]
    rows: Int[np.ndarray, "sample"]
    labels: Int[np.ndarray, "sample"]
    predictions: Int[np.ndarray, "sample"]
    held_out: Bool[np.ndarray, "sample"]
    coordinates: Float[np.ndarray, "sample 2"]
    weights: Float[np.ndarray, "2"]
    threshold: float
    score: Float[np.ndarray, "sample"]
    wrong: Bool[np.ndarray, "sample"]
    auc: float
    low: float
    high: float
    n: tuple[int, int]
    unit_auc: tuple[float, float]
    speaks_for: tuple[int, int]
    rule: str


@dataclass(frozen=True)
class Strategies:
    """Groups of a class's samples that are decided by different concepts, largest first.

    ``assigned`` is each row's strategy. ``difference`` is that of a strategy's mean shares from the
    class mean, ``difference_spread`` the same in spreads over the class's samples;
    ``distinguishing`` are the concepts with the largest differences. ``nearest`` holds the rows
    nearest to the middle of each strategy, -1 where there are fewer. ``odd`` are the rows with the
    lowest likelihood, lowest first, of which the first ``outlying`` are clearly apart.
    ``stability`` is the mean adjusted Rand index with the groups found in bootstrap samples, None
    for a single strategy. ``bic[i]`` belongs to ``numbers[i]`` strategies; smaller is better, and
    infinity marks a number that left a strategy with too few samples.
    """

    layer: str
    output: int
    rows: Int[np.ndarray, "member"]
    assigned: Int[np.ndarray, "member"]
    share_of_class: Float[np.ndarray, "strategy"]
    difference: Float[np.ndarray, "strategy concept"]
    difference_spread: Float[np.ndarray, "strategy concept"]
    distinguishing: Int[np.ndarray, "strategy top"]
    nearest: Int[np.ndarray, "strategy nearest"]
    odd: Int[np.ndarray, "odd"]
    outlying: int
    stability: float | None
    numbers: tuple[int, ...]
    bic: Float[np.ndarray, "number"]
    rule: str


@dataclass(frozen=True)
class ConceptContrast:
    """Concepts of wrong decisions against typical samples, the largest difference first.

    Shares are means; ``difference`` is in units of the concept's spread within classes, as is
    ``activation_difference`` (wrong decisions less typical samples of the label), which does not
    depend on what is explained.
    """

    concepts: Int[np.ndarray, "top"]
    share: Float[np.ndarray, "top"]
    share_in_predicted: Float[np.ndarray, "top"]
    share_in_label: Float[np.ndarray, "top"]
    difference: Float[np.ndarray, "top"]
    activation_difference: Float[np.ndarray, "top"]


@dataclass(frozen=True)
class MistakePair:
    """Samples of one class that were decided as another, and what that rested on.

    ``rows`` are all of them, the clearest mistake first (by margin). ``driving`` are concepts that
    spoke for the wrong class more than they do in typical samples of the label; ``missing`` those
    that the label usually rests on and that these decisions did not. Both are None where
    ``reason`` says why there is nothing to compare.
    """

    label: int
    prediction: int
    n: int
    rows: Int[np.ndarray, "sample"]
    driving: ConceptContrast | None
    missing: ConceptContrast | None
    reason: str


@dataclass(frozen=True)
class Mistakes:
    """All wrong decisions at one layer by pair of classes, the most frequent pair first."""

    layer: str
    n: int
    pairs: tuple[MistakePair, ...]


@dataclass(frozen=True)
class ConceptMatches:
    """Which concept of an earlier audit is which of a later one.

    ``before[i]`` is matched with ``after[i]`` with ``score[i]`` in [0, 1], best first;
    ``overlap`` is the Jaccard index of their reference samples, ``correlation`` that of their
    class profiles (None: too few common classes). Concepts without any reference sample among the
    common ones are not compared.
    """

    before: Int[np.ndarray, "match"]
    after: Int[np.ndarray, "match"]
    score: Float[np.ndarray, "match"]
    overlap: Float[np.ndarray, "match"]
    correlation: Float[np.ndarray, "match"] | None
    threshold: float
    rule: str


@dataclass(frozen=True)
class FlippingCurves:
    """The explained logit while concepts are switched in one order or another.

    ``curves[order]`` holds each sample's logit after each step, in units of the logit;
    ``switched`` is the share of the layer's concepts that is switched then. A concept that is off
    has the value of ``baseline`` everywhere: zero, or its mean over the samples.
    """

    layer: str
    direction: Direction
    baseline: Baseline
    rows: Int[np.ndarray, "sample"]
    switched: Float[np.ndarray, "step"]
    curves: Mapping[str, Float[np.ndarray, "sample step"]]


class UnitSummary(Part):
    """How concentrated and how distinct one kind of unit is; medians over the audited classes.

    Shares are of the positive positional relevance: ``top_share`` that of the strongest unit,
    ``carried`` what all units carry. ``for_half`` units carry half of it (None: all together do
    not). ``overlap`` is the mean cosine of the places of the strongest ones (0: they lie apart, 1:
    always together).
    """

    kind: UnitKind
    units: int
    top_share: Number
    for_half: Number | None
    carried: Number
    overlap: Number


class UnitChoice(Part):
    """Which unit the report leads with at a layer, and why."""

    leads: UnitKind
    sentence: Words
    rule: Words
    kinds: list[UnitSummary]


class ConceptQuality(Part):
    """How well one concept can be read; ``reading`` says each figure in a sentence.

    ``clarity`` in [0, 1] is how alike its reference crops are (None: fewer than two), ``meanings``
    into how many groups they fall (polysemanticity; None: too few crops to say), ``redundancy``
    how many concepts of the layer mean the same, itself included (None: not compared).
    """

    clarity: Number | None = None
    meanings: int | None = None
    redundancy: int | None = None
    reading: list[Words] = Field(default_factory=list)


class ReferenceSet(Part):
    """One way to choose reference samples, means over the leading concepts of a layer.

    ``of_class``: part of the samples explained as a class that the concept leads in; ``carried``:
    the concept's share of their relevance; ``left_out``: near-duplicates, None: not looked for;
    ``chosen_by``: over positions.
    """

    chosen_by: Literal["sum", "max"]
    of_class: Number
    carried: Number
    left_out: int | None


class ReferenceCard(Part):
    """How well reference samples show what a layer's leading concepts decide."""

    layer: str
    concepts: int
    by_relevance: ReferenceSet
    by_activation: ReferenceSet
    overlap: Number


class MapPoint(Part):
    """A concept on the map; ``x`` and ``y`` in [0, 1]. No colour: it stands alone."""

    concept: str
    x: Number
    y: Number
    subspace: str
    colour: str | None


class MapCard(Part):
    """The concepts of a layer in the plane: the nearer, the more alike.

    ``fit`` is the rank correlation of distances on the map with 1 - similarity (0: too few concepts
    for one).
    """

    layer: str
    points: list[MapPoint]
    fit: Number
    rule: Words


class OrderArea(Part):
    """Area over the curve of one order of concepts, and what the relevance order has more.

    In units of the logit: how far it has fallen on average while concepts go off, or risen while
    they come on, so that larger is better. Means over samples with 95 % intervals; ``gain`` is
    paired by sample (0 for the relevance order itself).
    """

    order: str
    area: Interval
    gain: Interval


class FlippingCard(Part):
    """One way of switching concepts, and how every order did.

    ``baseline`` is what a concept becomes that is off.
    """

    direction: Direction
    baseline: Baseline
    orders: list[OrderArea]

    def order(self, name: str) -> OrderArea:
        """Return how an order did.

        Raises:
            ValueError: there is no such order.
        """
        for each in self.orders:
            if each.order == name:
                return each
        raise ValueError(f"no order '{name}' among {', '.join(o.order for o in self.orders)}")


class RankingCard(Part):
    """How far the ranking of concepts at a layer can be trusted, and how every way did."""

    layer: str
    trust: Trust
    sentence: Words
    ways: list[FlippingCard]
    figure: Picture | None = None
