"""The section on reproducibility: what made the result, of what, and with which config."""

from __future__ import annotations

from auditor.config.audit import dump_config
from auditor.language.speaking import gettext as _
from auditor.report.document.analyses import Identity
from auditor.report.document.result import ModelCard, Tool
from auditor.report.sections.identity import identity as identify
from auditor.report.sections.section import Audit, Section


def tool(audit: Audit) -> Tool:
    """Return the program that made the result."""
    return Tool(**audit.tool)


def model(audit: Audit) -> ModelCard:
    """Return the model as audited."""
    return audit.analysis.facts.model


def config(audit: Audit) -> str:
    """Return the config as it may be shared."""
    return dump_config(audit.shared, evidence=True)


def identity(audit: Audit) -> Identity:
    """Return what finds the concepts again in another audit."""
    layers = audit.analysis.layers
    return identify(
        audit.analysis.samples, [(layer.by_relevance, layer.statistics) for layer in layers]
    )


SECTION = Section(
    "reproducibility",
    _("Reproducibility"),
    parts={"tool": tool, "model": model, "config": config, "identity": identity},
    tier="technical",
)
