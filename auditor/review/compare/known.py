"""What the findings of an audit are known by in another one: regions, and whole-picture factors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from auditor.language.speaking import capitalised
from auditor.language.speaking import gettext as _
from auditor.records.part import Interval, Picture
from auditor.records.shortcuts import GlobalFactor, Severity, Signature
from auditor.report.document.audit import AuditResult, FindingCard
from auditor.report.show.chosen import SHEET_GRADES
from auditor.shortcuts.fingerprint import SAME, same_finding
from auditor.shortcuts.grading import severity
from auditor.shortcuts.tests import FLIP_EXCESS

EQUAL = 0.9


@dataclass(frozen=True)
class Known:
    """A finding as it is compared: ``effect`` is the share of other pictures that it turns.

    ``kind`` is the proposal that it came from, ``signature`` what it looks like (None: a factor of
    whole pictures, or a result of an early version).
    """

    id: str
    fingerprint: str
    title: str
    class_name: str
    severity: Severity
    grade: str
    kind: str
    signature: Signature | None
    effect: Interval | None = None
    picture: Picture | None = None

    @property
    def counts(self) -> bool:
        """Say whether it is a likely shortcut: grade A or B."""
        return self.grade in SHEET_GRADES


def known_findings(result: AuditResult) -> list[Known]:
    """Return all findings of an audit of any grade, factors after regions."""
    regions = [_region(card) for card in result.findings]
    factors = result.factors.factors if result.factors else []
    return [*regions, *(_factor(card) for card in factors if card.grade is not None)]


def factor_fingerprint(class_name: str, statistic: str) -> str:
    """Return 16 hex digits that are the same for the same statistic of the same class."""
    return hashlib.sha256(f"{class_name}|whole picture|{statistic}".encode()).hexdigest()[:16]


def likeness(first: Known, second: Known) -> float:
    """Return how alike two findings are, from 0 to 1; `SAME` and more is the same one.

    Of equal fingerprints it is at least `EQUAL`, and by the look the likeliest pair is told.
    """
    return likeness_of(
        (first.class_name, first.fingerprint, first.signature),
        (second.class_name, second.fingerprint, second.signature),
    )


Look = tuple[str, str, Signature | None]


def likeness_of(first: Look, second: Look) -> float:
    """Return the likeness of two (class, fingerprint, signature); see `likeness`."""
    if first[0] != second[0]:
        return 0.0
    looks = 0.0
    if first[2] is not None and second[2] is not None:
        looks = same_finding(first[2], second[2])
    if first[1] == second[1]:
        return EQUAL + (1 - EQUAL) * looks if first[2] and second[2] else 1.0
    return looks


def assign(first: Sequence[Look], second: Sequence[Look]) -> dict[int, tuple[int, float]]:
    """Return place in ``first`` -> place in ``second`` and likeness, one to one, all `SAME`.

    The assignment with the largest sum of likenesses is taken (Kuhn 1955).
    """
    table = np.array([[likeness_of(one, two) for two in second] for one in first])
    table = table.reshape(len(first), len(second))
    table[table < SAME] = 0.0
    pairs = zip(*linear_sum_assignment(table, maximize=True), strict=True)
    return {int(i): (int(j), float(table[i, j])) for i, j in pairs if table[i, j] > 0}


def look_of(finding: Known) -> Look:
    """Return what `assign` compares of a finding."""
    return finding.class_name, finding.fingerprint, finding.signature


def _region(card: FindingCard) -> Known:
    flips = card.evidence.get(FLIP_EXCESS.id)
    return Known(
        id=card.id,
        fingerprint=card.fingerprint,
        title=card.title,
        class_name=card.class_name,
        severity=card.severity,
        grade=card.grade,
        kind=card.kind,
        signature=card.details.signature if card.details else None,
        effect=flips.interval if flips else None,
        picture=card.outlined[0] if card.outlined else None,
    )


def _factor(card: GlobalFactor) -> Known:
    assert card.grade is not None
    return Known(
        id=card.id,
        fingerprint=factor_fingerprint(card.class_name, card.statistic),
        title=_("%(what)s (whole pictures)", what=capitalised(card.what)),
        class_name=card.class_name,
        severity=severity(card.grade, None),
        grade=card.grade,
        kind="P6",
        signature=None,
    )
