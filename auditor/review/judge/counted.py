"""The findings of an audit as a gate counts them: regions and whole-picture factors alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.language.speaking import gettext as _
from auditor.language.speaking import joined
from auditor.language.speaking import listed as in_a_list
from auditor.report.document.audit import AuditResult

MOST_NAMES = 6
RANK = {"none": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
# A factor of whole pictures has a grade and no exposure: the lower severity of its grade.
OF_FACTOR = {"A": "high", "B": "medium", "D": "low"}


@dataclass(frozen=True)
class Counted:
    """A finding: ``what`` it is in a phrase, ``fingerprint`` empty for a factor."""

    id: str
    fingerprint: str
    what: str
    class_name: str
    grade: str
    severity: str

    @property
    def suspected(self) -> bool:
        """Whether it steers the decision and may be an artefact."""
        return self.grade in ("A", "B")

    @property
    def said(self) -> str:
        """Return its id, what it is, and its severity."""
        return _(
            "%(id)s (%(what)s; %(severity)s)",
            id=self.id,
            what=self.what,
            severity=_(self.severity),
        )


def counted_findings(result: AuditResult) -> list[Counted]:
    """Return everything that has a grade, the most severe first."""
    found = [
        Counted(each.id, each.fingerprint, each.what, each.class_name, each.grade, each.severity)
        for each in result.findings
    ]
    factors = result.factors.factors if result.factors else []
    found += [
        Counted(f.id, "", f.what, f.class_name, f.grade, OF_FACTOR.get(f.grade, "none"))
        for f in factors
        if f.grade is not None
    ]
    return sorted(found, key=lambda item: -RANK[item.severity])


def gaps_of(result: AuditResult) -> list[str]:
    """Return what did not run and so cannot be passed."""
    verdict = result.verdict
    if verdict.gaps or verdict.word != "INCOMPLETE":
        gaps = list(verdict.gaps)
    else:
        gaps = [verdict.sentence.removesuffix(".")]
    few = [item.name for item in result.classes if item.searched is False]
    if gaps and few and result.search.ran:
        names, more = joined(few[:MOST_NAMES], ", "), len(few) - MOST_NAMES
        if more > 0:
            names = _("%(names)s and %(more)s more", names=names, more=more)
        gaps.append(_("not searched: %(names)s", names=names))
    return gaps


def listed(items: Sequence[Counted], most: int = 3) -> str:
    """Return findings in one phrase: the first few, and how many more."""
    names = [item.said for item in items[:most]]
    more = len(items) - len(names)
    if more:
        names.append(_("%(more)s more", more=more))
    return in_a_list(names)
