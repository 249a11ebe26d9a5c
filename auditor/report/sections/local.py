"""The section on single pictures that were looked at closely."""

from __future__ import annotations

from auditor.language.speaking import gettext as _
from auditor.report.document.result import AuditResult, LocalPart
from auditor.report.sections.section import Audit, Section


def local(audit: Audit) -> LocalPart:
    """Return the pictures that were looked at; a stage has made their cards."""
    return audit.analysis.local


def has_local(result: AuditResult) -> bool:
    """Say whether a picture was looked at, or could not be."""
    return result.local is not None and bool(result.local.cards or result.local.notes)


SECTION = Section(
    "local", _("Single pictures"), parts={"local": local}, has=has_local, tier="technical"
)
