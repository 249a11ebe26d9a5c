"""A finding's sheet beyond its tests: who carries it, its concepts, what a fix costs."""

from __future__ import annotations

from pydantic import Field

from auditor.records.part import Interval, Number, Part, Picture, Words


class ExposureCard(Part):
    """How much is touched: share of the class, classes that carry it, accuracy at stake."""

    share: Number
    classes: list[str]
    lost: Number


class SubgroupRow(Part):
    """Accuracy of a group with and without the region; None: no picture. ``p``: Fisher's test."""

    group: Words
    carrying: Interval | None
    without: Interval | None
    p: Number | None


class ChangeRow(Part):
    """Accuracy before and after the direction is projected out; ``control``: a random one."""

    group: Words
    before: Interval | None
    after: Interval | None
    control: Number | None


class ProjectionCard(Part):
    """What it would cost to keep the model and take the direction out of a layer.

    ``variance`` and ``control_variance`` are shares of the layer's variance along the direction and
    along the ``directions`` random ones. ``turned``: the share of ``turned_n`` transplants that are
    taken for the class, before and after.
    """

    layer: str
    sentence: Words
    variance: Number
    control_variance: Number
    directions: int
    changes: list[ChangeRow]
    turned: tuple[Number, Number] = (0.0, 0.0)
    turned_n: int = 0


class SharedClassRow(Part):
    """Another class with the same concepts at zero: accuracy and confidence before and after."""

    class_name: str
    n: int
    share: Number
    accuracy: tuple[Number, Number]
    confidence: tuple[Number, Number]


class ZeroingCard(Part):
    """Confidence while the region's concepts are zeroed one after the other.

    ``own`` and ``others`` after ``counts[s]`` of ``concepts`` (the class's pictures with the
    region, and other classes' in their own class); ``random_own`` and ``random_others`` with
    equally many other concepts (mean of ``draws``, 10 to 90 % in ``band_own``).
    """

    layer: str
    concepts: list[str]
    part: list[Number]
    counts: list[int]
    own: list[Number]
    others: list[Number]
    random_own: list[Number]
    random_others: list[Number]
    band_own: list[tuple[Number, Number]]
    draws: int
    n_own: int
    n_others: int
    chosen: int
    classes: list[SharedClassRow]
    sentence: Words
    figure: Picture


class SignatureCard(Part):
    """What the candidate looks like: by it the next audit tells whether it is the same one."""

    area: Number
    place: tuple[Number, Number]
    spread: Number
    colour: tuple[Number, Number, Number]
    look: list[list[tuple[Number, Number, Number]]]


class FindingDetails(Part):
    """All of it; ``missing`` says of each part that is None why."""

    exposure: ExposureCard | None = None
    subgroups: list[SubgroupRow] = Field(default_factory=list)
    projection: ProjectionCard | None = None
    zeroing: ZeroingCard | None = None
    signature: SignatureCard | None = None
    missing: dict[str, Words] = Field(default_factory=dict)
