"""The parts of ``audit.json`` about whole pictures, metadata and odd samples."""

from __future__ import annotations

from typing import Literal

from auditor.records.part import Interval, Number, Part, Picture, Words


class FactorTest(Part):
    """What setting a statistic did; ``effect`` is None where it could not be tested."""

    title: Words
    effect: Interval | None
    q: Number | None
    outcome: Literal["supports", "refutes", "inconclusive", "not applicable", "error"]
    reason: Words


class FactorCard(Part):
    """A statistic of whole pictures that tells a class from the others.

    ``own`` and ``others`` are the 5, 25, 50, 75 and 95 % quantiles of the class and of all others;
    ``terms`` are of ``plausibility``, which says how surely it is no part of the objects. ``what``
    is a short phrase for tables and the summary.
    """

    id: str
    what: Words
    class_name: str
    statistic: str
    unit: Words
    own: list[Number]
    others: list[Number]
    n: int
    auc: Number
    q: Number
    tests: list[FactorTest]
    plausibility: Number
    terms: dict[str, Number]
    grade: Literal["A", "B", "C", "D", "U"] | None
    meaning: Words


class ColumnClass(Part):
    """The part of the variance of a class's relevance that goes with a column."""

    name: str
    share: Number
    q: Number
    n: int


class ColumnCard(Part):
    """A column of metadata: Cramer's V with the label, and relevance within classes."""

    column: str
    values: list[str]
    n: int
    association: Number
    q: Number
    classes: list[ColumnClass]
    reading: Words


class OddCard(Part):
    """A picture to look at: ``why`` in words; ``taken_for`` where the label is in doubt."""

    sample: str
    label: str
    taken_for: str
    why: Words
    p: Number


class Factors(Part):
    """What the search found that is no region.

    ``figure`` shows the quantiles of ``drawn`` of the factors; None of all, in older results.
    """

    factors: list[FactorCard]
    columns: list[ColumnCard]
    odd: list[OddCard]
    odd_total: int
    figure: Picture | None
    drawn: int | None = None
