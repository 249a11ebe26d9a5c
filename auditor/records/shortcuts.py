"""What the search for shortcuts finds, as far as it holds no arrays: parts of ``audit.json``.

Accuracies are shares of images with 95 % Wilson intervals, None where there was no image;
confidences are softmax probabilities. Classes are named, concepts written ``layer/channel``.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from auditor.language.speaking import joined
from auditor.records.part import Interval, Number, Part, Picture, Words

Outcome = Literal["supports", "refutes", "inconclusive", "not applicable", "error"]
Grade = Literal["A", "B", "C", "D", "U"]
Severity = Literal["critical", "high", "medium", "low", "none"]
Confidence = Literal["high", "moderate", "low"]


class Evidence(Part):
    """The result of one causal test of one candidate, or of one statistic of whole pictures.

    ``test``, ``title`` and ``question`` are those of its row in `auditor.shortcuts.tests`.
    ``effect`` is in ``unit`` with a 95 % interval: a share of "images" or of the "evidence", of the
    class ``of`` where images of one class alone were tested. ``n`` counts target images; ``p`` is
    from the permutation test, ``q`` after Benjamini-Hochberg over all candidates and tests of the
    run; ``z`` compares with same-shape windows of the model where that applies; ``controls`` names
    each control and the effect against it. ``reason`` says in one sentence why an outcome is not a
    plain number (not applicable, error, inconclusive).
    """

    test: str
    title: Words
    question: Words
    outcome: Outcome
    effect: Number
    unit: str
    of: str = ""
    low: Number
    high: Number
    n: int
    p: Number | None = None
    q: Number | None = None
    z: Number | None = None
    controls: dict[str, Number] = Field(default_factory=dict)
    reason: Words = ""

    @property
    def has_run(self) -> bool:
        """Say whether the test gave a result."""
        return self.outcome not in ("not applicable", "error")

    @property
    def interval(self) -> Interval | None:
        """Return the effect with its interval, None where the test gave no result."""
        if not self.has_run:
            return None
        return Interval(value=self.effect, low=self.low, high=self.high, n=self.n)


class Exposure(Part):
    """How much is touched by a candidate.

    ``share`` of the class's test images carry it, and so do images of ``classes`` (its own
    included); ``lost`` is the accuracy that the class would lose without it.
    """

    share: Number
    classes: tuple[str, ...]
    lost: Number


class Subgroup(Part):
    """Accuracy of a group of test images with and without the region.

    ``group`` names it in words; ``p`` is of Fisher's exact test that the accuracies are equal, None
    where one side is empty.
    """

    group: Words
    carrying: Interval | None
    without: Interval | None
    p: Number | None


class Change(Part):
    """Accuracy of a group of test images before and after a direction is projected out.

    ``control`` is the mean accuracy after a random direction was projected out instead.
    """

    group: Words
    before: Interval | None
    after: Interval | None
    control: Number | None


class Projection(Part):
    """The direction of a candidate taken out of a layer, and what it would cost to do so.

    ``variance`` is the share of the layer's variance along the direction, ``control_variance`` the
    same of the ``directions`` random ones, on the mean. ``changes`` are of the images of the class
    with the region, of those without it, and of all other classes. ``turned``: the share of
    ``turned_n`` transplants that are taken for the class, before and after: whether it works.
    """

    layer: str
    sentence: Words
    variance: Number
    control_variance: Number
    directions: int
    changes: tuple[Change, ...]
    turned: tuple[Number, Number] = (0.0, 0.0)
    turned_n: int = 0


class SharedClass(Part):
    """A class and the concepts behind another class's candidate.

    ``share`` of its images' positive relevance lies on them (mean over ``n`` images); accuracy and
    confidence of the class before and after they are zeroed.
    """

    class_name: str
    n: int
    share: Number
    accuracy: tuple[Number, Number]
    confidence: tuple[Number, Number]


class Zeroing(Part):
    """Confidence while the concepts of a region are set to zero, the most relevant ones first.

    After ``counts[s]`` of ``concepts`` are zero, ``own`` is the mean confidence in the class of
    ``n_own`` test images that carry the region, ``others`` that in their own class of ``n_others``
    images of other classes. ``random_own`` and ``random_others`` are the means over ``draws`` sets
    of equally many other concepts of the layer, and ``band_own`` their 10 % and 90 % quantiles.
    ``part`` is each concept's part of the region's positive relevance among the concepts compared.
    ``classes`` are other classes with the first ``chosen`` concepts at zero, those that rest on
    them most first. The ``figure`` is drawn with the report.
    """

    layer: str
    concepts: tuple[str, ...]
    part: tuple[Number, ...]
    counts: tuple[int, ...]
    own: tuple[Number, ...]
    others: tuple[Number, ...]
    random_own: tuple[Number, ...]
    random_others: tuple[Number, ...]
    band_own: tuple[tuple[Number, Number], ...]
    draws: int
    n_own: int
    n_others: int
    chosen: int
    classes: tuple[SharedClass, ...]
    sentence: Words
    figure: Picture | None = None


class Signature(Part):
    """What a candidate looks like, so that the next audit can tell whether it is the same one.

    ``area`` is the share of the picture, ``place`` the median centre of the region as shares of
    height and width, ``spread`` the mean distance from it. ``colour`` is the region's median
    colour, ``look`` a few pixels of a window of fixed size around its centre, the median over
    references, row by row; both from 0 to 1.
    """

    area: Number
    place: tuple[Number, Number]
    spread: Number
    colour: tuple[Number, Number, Number]
    look: tuple[tuple[tuple[Number, Number, Number], ...], ...]


class Carrier(Part):
    """A picture that carries a finding's region: ``half`` of the data, and the ``box`` around it.

    The box is (x, y, width, height) in pixels of the picture as the model sees it.
    """

    picture: str
    half: Literal["discovery", "test"]
    box: tuple[int, int, int, int]


class Details(Part):
    """What is measured about a candidate besides its tests.

    A part is None where it was not measured, and ``missing`` says why.
    """

    exposure: Exposure | None = None
    subgroups: tuple[Subgroup, ...] = ()
    projection: Projection | None = None
    zeroing: Zeroing | None = None
    signature: Signature | None = None
    missing: dict[str, Words] = Field(default_factory=dict)


class Plausibility(Part):
    """How much a candidate looks like an artefact: each term in [0, 1], and their noisy-or.

    In nine of ten references no more than ``outside`` of the region lies off the masks of the
    objects; None without enough masks.
    """

    terms: dict[str, Number]
    score: Number
    outside: Number | None = None


class Assessment(Part):
    """What follows from the tests of a candidate, and what is said of it.

    ``evidence`` is by test. ``lead`` says in one sentence what it means, ``detail`` the rest, with
    the numbers; ``reasons`` say why it may not be the object, ``against`` why it may be part of it,
    or not be used, after all. ``fingerprint`` names it in audits of the same pictures.
    """

    fingerprint: str
    grade: Grade
    severity: Severity
    confidence: Confidence
    lead: Words
    detail: Words
    reasons: tuple[Words, ...]
    actions: tuple[Words, ...]
    verification: Words
    evidence: dict[str, Evidence]
    against: tuple[Words, ...] = ()
    details: Details | None = None

    @property
    def meaning(self) -> str:
        """Return lead and detail together."""
        return joined((self.lead, self.detail))


class GlobalFactor(Part):
    """A statistic of whole pictures that tells a class from the others, and whether it counts.

    ``what`` is a short phrase for tables and the summary. ``own`` and ``others`` are the 5, 25, 50,
    75 and 95 % quantiles of the class and of all other classes; ``auc`` is the chance that a
    picture of the class has the larger value. ``plausibility`` says how surely it is no part of
    the objects, by its ``terms``. ``grade`` is by the table for regions, None when no row of it
    fits.
    """

    id: str
    what: Words
    class_name: str
    statistic: str
    unit: str
    own: tuple[Number, ...]
    others: tuple[Number, ...]
    n: int
    auc: Number
    p: Number
    q: Number
    evidence: dict[str, Evidence]
    plausibility: Number
    terms: dict[str, Number]
    grade: Grade | None
    meaning: Words


class ColumnEffect(Part):
    """The share of the variance of a class's relevance that goes with a column's values."""

    name: str
    share: Number
    p: Number
    q: Number
    n: int


class ColumnFactor(Part):
    """A column of metadata: how it goes with the label, and with the relevance within classes.

    ``association`` is Cramer's V, corrected for bias; ``values`` are the groups that were compared;
    ``reading`` is what follows.
    """

    column: str
    values: tuple[Words, ...]
    n: int
    association: Number
    p: Number
    q: Number
    classes: tuple[ColumnEffect, ...]
    reading: Words


class OddSample(Part):
    """A sample to look at, and ``why``: decided unlike its class, or exactly like another one.

    ``p`` is of its relevance under the class it is compared with.
    """

    sample: str
    label: str
    why: Words
    p: Number
    q: Number


class Factors(Part):
    """What the search found that is no region: whole pictures, metadata, samples to look at.

    ``odd`` are the oddest of ``odd_total``. ``figure`` shows the quantiles of ``drawn`` of the
    factors; None of all, in older results.
    """

    factors: tuple[GlobalFactor, ...] = ()
    columns: tuple[ColumnFactor, ...] = ()
    odd: tuple[OddSample, ...] = ()
    odd_total: int = 0
    figure: Picture | None = None
    drawn: int | None = None


class KindSearched(Part):
    """A kind of shortcut, and whether this audit looked for it.

    ``kind`` is its short name in files, ``how`` says in a few words how it was searched, ``limit``
    is the smallest effect that would have been found (a share of pictures; None: none can be
    stated), ``n`` how many pictures it was tested on. ``reason`` says why it was not searched;
    empty: it was.
    """

    kind: str
    title: Words
    how: Words
    limit: Number | None = None
    n: int = 0
    reason: Words = ""


class SearchLimits(Part):
    """What the search for candidates could and could not have found; ``reason``: why not at all.

    ``detection_limit`` is the smallest flip excess that could have been found (None: no test ran).
    ``null_rate`` is the share of null windows that passed, ``null_n`` how many were tried.
    ``switched_off`` are the proposals that the config left out, ``failed`` counts tests that ended
    in an error, of whatever candidate. ``not_searched`` names the classes that were too small;
    ``kinds`` are the kinds of shortcut, searched or not.
    """

    ran: bool
    reason: Words = ""
    not_searched: Words = ""
    kinds: tuple[KindSearched, ...] = ()
    proposed: int = 0
    tests: int = 0
    targets: int = 0
    detection_limit: Number | None = None
    null_rate: Number | None = None
    null_n: int = 0
    notes: tuple[Words, ...] = ()
    switched_off: tuple[str, ...] = ()
    failed: int = 0
