"""The parts of ``audit.json`` that go beyond single concepts: units, planes, strategies, errors."""

from __future__ import annotations

from auditor.records.concepts import UnitChoice, UnitKind
from auditor.records.part import Crop, Interval, Number, Part, Picture, SampleView, Words


class Component(Part):
    """A component of the positional relevance, over all classes.

    ``share``: class -> mean part of the positive relevance; ``concepts`` are those with the
    largest weight in its direction, ``pictures`` its conditional heatmaps where it is strongest.
    """

    id: str
    share: dict[str, Number]
    redundancy: Number
    concepts: list[str]
    pictures: list[Picture]


class ClassComponent(Part):
    """A component of one class, on the class's most typical sample."""

    id: str
    share: Number
    concepts: list[str]
    picture: Picture | None


class ClassComponents(Part):
    """The components of one class; ``note`` says why there are none, ``rest`` what none carries."""

    class_name: str
    n: int
    rest: Number
    rule: Words
    photo: SampleView | None
    components: list[ClassComponent]
    note: Words


class RelevanceDirection(Part):
    """A direction in which the relevance of samples varies; its ends by concept and by class."""

    explained: Number
    chance: Number
    concepts: list[str]
    concepts_against: list[str]
    classes: list[str]
    classes_against: list[str]


class SubspacePictures(Part):
    """Conditional heatmaps of a subspace where it is most relevant."""

    subspace: str
    pictures: list[Picture]


class LayerUnits(Part):
    """Units larger than a concept at one layer; notes say why something is missing."""

    layer: str
    choice: UnitChoice | None
    choice_note: Words
    components: list[Component]
    components_rule: Words
    components_note: Words
    classes: list[ClassComponents]
    directions: list[RelevanceDirection]
    directions_rule: Words
    directions_note: Words
    subspaces: list[SubspacePictures]


class PlaneAxis(Part):
    """One axis of a plane: a unit, its concepts, the class it speaks for and how well alone."""

    unit: str
    concepts: list[str]
    speaks_for: str
    auc: Number
    crops: list[Crop]


class PlaneCard(Part):
    """Two classes on the two units that separate them best.

    ``auc`` is over held-out samples (``samples`` of each class), of which ``wrong`` lie on the
    other side of the line. Only the deepest layer of a pair has a ``figure``.
    """

    layer: str
    kind: UnitKind
    first: str
    second: str
    mistakes: int
    narrow: int
    named: bool
    axes: tuple[PlaneAxis, PlaneAxis]
    auc: Interval
    samples: tuple[int, int]
    wrong: int
    sentence: Words
    rule: Words
    figure: Picture | None


class PlaneGap(Part):
    """A pair of classes that could not be compared at some layers."""

    layers: list[str]
    first: str
    second: str
    mistakes: int
    reason: Words


class Planes(Part):
    """Fine-grained decisions; ``note`` says why no pair was compared."""

    cards: list[PlaneCard]
    gaps: list[PlaneGap]
    note: Words


class StrategyConcept(Part):
    """A concept that a strategy uses more (or less) than the class; in spreads of the class."""

    concept: str
    difference: Number
    crop: Crop | None


class Strategy(Part):
    """A group of a class's samples that are decided alike."""

    share: Number
    n: int
    concepts: list[StrategyConcept]
    nearest: list[SampleView]


class ClassStrategies(Part):
    """The strategies of one class; ``odd`` are samples clearly apart from all of them."""

    class_name: str
    n: int
    stability: Number | None
    stable: bool
    strategies: list[Strategy]
    odd: list[SampleView]
    rule: Words
    note: Words


class StrategyReport(Part):
    """Strategies of all audited classes at one layer."""

    layer: str
    classes: list[ClassStrategies]


class ContrastRow(Part):
    """A concept in wrong decisions, compared with typical samples of both classes (mean shares).

    ``difference`` and ``activation_difference`` are against the label's typical samples, in
    spreads within classes.
    """

    concept: str
    share: Number
    share_in_predicted: Number
    share_in_label: Number
    difference: Number
    activation_difference: Number
    crops: list[Crop]


class MistakeCard(Part):
    """Samples of one class that were decided as another; ``reason`` where nothing is compared."""

    label: str
    prediction: str
    n: int
    driving: list[ContrastRow]
    missing: list[ContrastRow]
    examples: list[SampleView]
    reason: Words


class ErrorReport(Part):
    """What wrong decisions rested on; ``note`` says why there is nothing to show."""

    layer: str
    n: int
    pairs: list[MistakeCard]
    more: int
    note: Words


class LeadUnit(Part):
    """A unit that a class leads with in its table, where single channels are not distinct."""

    id: str
    share: Number
    concepts: list[str]
    pictures: list[Picture]


class LayerIdentity(Part):
    """What finds the concepts of a layer again in another audit.

    ``references[i]`` are places in `Identity.samples` of the reference samples of
    ``concepts[i]``; ``shares[i]`` its mean share per class of ``classes``.
    """

    layer: str
    classes: list[str]
    concepts: list[int]
    references: list[list[int]]
    shares: list[list[Number]]


class Identity(Part):
    """Sample ids of the audit, and what identifies the concepts of every layer by them.

    ``labels[i]`` is the place in ``classes`` of the label of ``samples[i]``, ``wrong`` the places
    of the samples that are not decided as their label: what pairs two audits picture by picture.
    None in results of versions that did not keep them.
    """

    samples: list[str]
    layers: list[LayerIdentity]
    classes: list[str] | None = None
    labels: list[int] | None = None
    wrong: list[int] | None = None
