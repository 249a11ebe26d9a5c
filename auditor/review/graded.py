"""The findings of an audit as they are judged and found again: regions and whole pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from auditor.language.speaking import capitalised
from auditor.language.speaking import gettext as _
from auditor.language.speaking import listed as in_a_list
from auditor.records.part import Interval, Picture
from auditor.records.shortcuts import Carrier, GlobalFactor, Severity, Signature
from auditor.report.document.result import AuditResult, FindingCard
from auditor.report.show.chosen import SEVERITIES, SHEET_GRADES
from auditor.review.same_places import same_places
from auditor.shortcuts.cues import inside_the_object, severity_as_shortcut
from auditor.shortcuts.fingerprint import SAME, factor_fingerprint, same_finding
from auditor.shortcuts.grading import ruled_out, severity
from auditor.shortcuts.tests import FLIP_EXCESS
from auditor.shortcuts.whole_pictures.global_factors import WHOLE_PICTURES

# Of findings with one fingerprint that look the same as well.
EQUAL = 0.9
# Share of the picture up to which a region is told by its place: larger ones hold any other.
SMALL = 0.125
RANK = {name: rank for rank, name in enumerate(reversed(SEVERITIES))}


@dataclass(frozen=True)
class Graded:
    """A finding that has a grade: ``what`` it is in a phrase, ``title`` as its sheet is headed.

    ``effect`` is the share of other pictures that it turns, ``kind`` the proposal that it came
    from, ``signature`` what it looks like (None: a factor of whole pictures, or a result of an
    early version), ``carriers`` the pictures of the set ``data`` in which it was found. ``asked``:
    it is a cue, of which a person is asked whether it is part of its class, and ``inside`` the
    object as it is marked in the data. ``shortcut``: a person says of what did not look like one
    that it is. ``severity_as_shortcut`` is what that makes of it. ``ruled_out``: transplants leave
    no room for an effect that would count.
    """

    id: str
    fingerprint: str
    what: str
    title: str
    class_name: str
    severity: Severity
    grade: str
    kind: str
    signature: Signature | None
    effect: Interval | None = None
    picture: Picture | None = None
    asked: bool = False
    inside: bool = False
    shortcut: bool = False
    severity_as_shortcut: Severity = "critical"
    ruled_out: bool = False
    carriers: tuple[Carrier, ...] = ()
    data: str = ""

    @property
    def counts(self) -> bool:
        """Say whether it is a likely shortcut: grade A or B, or a person says so."""
        return self.grade in SHEET_GRADES or self.shortcut

    @property
    def said(self) -> str:
        """Return its id, what it is, and its severity."""
        return _(
            "%(id)s (%(what)s; %(severity)s)",
            id=self.id,
            what=self.what,
            severity=_(self.severity),
        )


def graded_findings(result: AuditResult) -> list[Graded]:
    """Return all findings of an audit of any grade, factors after regions."""
    regions = [replace(_region(card), data=result.data.digest) for card in result.findings]
    factors = result.factors.factors if result.factors else []
    found = [*regions, *(_factor(card) for card in factors if card.grade is not None)]
    return [replace(item, asked=True) if item.id in result.cues else item for item in found]


def by_severity(result: AuditResult) -> list[Graded]:
    """Return all findings of an audit of any grade, the most severe first."""
    return sorted(graded_findings(result), key=lambda item: -RANK[item.severity])


def listed(items: Sequence[Graded], most: int = 3) -> str:
    """Return findings in one phrase: the first few, and how many more."""
    names = [item.said for item in items[:most]]
    more = len(items) - len(names)
    if more:
        names.append(_("%(more)s more", more=more))
    return in_a_list(names)


def likeness(first: Graded, second: Graded) -> float:
    """Return how alike two findings are, from 0 to 1; `SAME` and more is the same one.

    Of equal fingerprints it is at least `EQUAL` where they look the same too: a fingerprint tells
    size, place and colour, and other things may share them.
    """
    return likeness_of(look_of(first), look_of(second))


@dataclass(frozen=True)
class Look:
    """What a finding is known again by; without ``carriers`` only by what it looks like.

    ``data`` is the digest of the pictures, whose places are compared only with those of the same.
    """

    class_name: str
    fingerprint: str
    signature: Signature | None
    carriers: tuple[Carrier, ...] = ()
    data: str = ""


def likeness_of(first: Look, second: Look) -> float:
    """Return the likeness of two looks; see `likeness`.

    What lies in the same place of the same pictures is the same, however its outline was drawn:
    one audit may outline a digit of a date stamp, the next one all of it.
    """
    if first.class_name != second.class_name:
        return 0.0
    if first.signature is None or second.signature is None:
        return float(first.fingerprint == second.fingerprint)
    looks = same_finding(first.signature, second.signature)
    if looks < SAME:
        return SAME if _in_the_same_place(first, second) else looks
    if first.fingerprint != second.fingerprint:
        return looks
    return EQUAL + (1 - EQUAL) * looks


def _in_the_same_place(first: Look, second: Look) -> bool:
    large = max(each.signature.area for each in (first, second) if each.signature)
    same_data = bool(first.data) and first.data == second.data
    return same_data and large <= SMALL and same_places(first.carriers, second.carriers)


def assign(first: Sequence[Look], second: Sequence[Look]) -> dict[int, tuple[int, float]]:
    """Return place in ``first`` -> place in ``second`` and likeness, one to one, all `SAME`.

    The assignment with the largest sum of likenesses is taken (Kuhn 1955).
    """
    table = np.array([[likeness_of(one, two) for two in second] for one in first])
    table = table.reshape(len(first), len(second))
    table[table < SAME] = 0.0
    pairs = zip(*linear_sum_assignment(table, maximize=True), strict=True)
    return {int(i): (int(j), float(table[i, j])) for i, j in pairs if table[i, j] > 0}


def look_of(finding: Graded) -> Look:
    """Return what `assign` compares of a finding."""
    return Look(
        finding.class_name,
        finding.fingerprint,
        finding.signature,
        finding.carriers,
        finding.data,
    )


def _region(card: FindingCard) -> Graded:
    flips = card.evidence.get(FLIP_EXCESS.id)
    return Graded(
        id=card.id,
        fingerprint=card.fingerprint,
        what=card.what,
        title=card.title,
        class_name=card.class_name,
        severity=card.severity,
        grade=card.grade,
        kind=card.kind,
        signature=card.details.signature if card.details else None,
        effect=flips.interval if flips else None,
        picture=card.outlined[0] if card.outlined else None,
        inside=inside_the_object(card.outside, card.plausibility),
        severity_as_shortcut=severity_as_shortcut(
            card.evidence, card.details.exposure if card.details else None
        ),
        ruled_out=ruled_out(card.evidence),
        carriers=tuple(card.carriers),
    )


def _factor(card: GlobalFactor) -> Graded:
    assert card.grade is not None
    return Graded(
        id=card.id,
        fingerprint=factor_fingerprint(card.class_name, card.statistic, larger=card.auc >= 0.5),
        what=card.what,
        title=_("%(what)s (whole pictures)", what=capitalised(card.what)),
        class_name=card.class_name,
        severity=severity(card.grade, None),
        grade=card.grade,
        kind=WHOLE_PICTURES,
        signature=None,
        severity_as_shortcut=severity_as_shortcut(card.evidence, None),
        ruled_out=ruled_out(card.evidence),
    )
