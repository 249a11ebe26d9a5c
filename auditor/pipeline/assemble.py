"""Put the result document together: every section builds its parts from what the stages found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.config.audit import Config
from auditor.report.document.result import AuditResult
from auditor.report.sections.analysis import Analysis
from auditor.report.sections.order import by_need
from auditor.report.sections.section import Audit
from auditor.report.show.picture_store import ImageStore


def assemble(
    config: Config,
    analysis: Analysis,
    store: ImageStore,
    tool: Mapping[str, Any],
    run_key: str,
) -> AuditResult:
    """Return the result document; figures are drawn here, from arrays alone."""
    made: dict[str, Any] = {}
    audit = Audit(config, analysis, store, run_key, tool, made)
    for section in by_need():
        for name, build in section.parts.items():
            made[name] = build(audit)
    known = AuditResult.model_fields
    return AuditResult(
        run=run_key,
        sections={name: part for name, part in made.items() if name not in known},
        **{name: part for name, part in made.items() if name in known},
    )
