"""The section on scope: what the owner says about the model."""

from __future__ import annotations

from auditor.language.speaking import gettext as _
from auditor.report.document.result import Scope
from auditor.report.sections.section import Audit, Section


def scope(audit: Audit) -> Scope:
    """Return what the config says about the model and the report."""
    project, report = audit.config.project, audit.config.report
    return Scope(
        name=project.name,
        title=report.title or _("Audit of %(name)s", name=project.name),
        owner=project.owner,
        purpose=project.purpose,
        out_of_scope=project.out_of_scope,
        model_version=project.model_version,
        prepared_for=report.prepared_for,
        prepared_by=report.prepared_by,
        classification=report.classification,
    )


SECTION = Section("scope", _("Scope and intended use"), parts={"scope": scope})
