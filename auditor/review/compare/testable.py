"""Whether an audit could have found a finding: what was not tested is never gone."""

from __future__ import annotations

from auditor.base.yaml_text import load
from auditor.language.numbers import percent
from auditor.language.speaking import gettext as _
from auditor.report.document.result import AuditResult, ClassReport
from auditor.review import words
from auditor.review.graded import Graded

# Of a class in results that do not say whether it was searched: about twice the search's least.
ENOUGH = 16


def untested_because(finding: Graded, result: AuditResult) -> str | None:
    """Return why ``result`` could not have found ``finding`` of another audit, None if it could."""
    reason = class_untested(finding.class_name, result)
    if reason is not None:
        return reason
    if finding.kind not in _proposals(result, finding.kind):
        return _(words.BECAUSE_PROPOSAL, kind=finding.kind)
    limit = result.search.detection_limit
    if finding.effect is not None and limit is not None and finding.effect.value < limit:
        effect = percent(finding.effect.value)
        return _(words.BECAUSE_WEAK, effect=effect, limit=percent(limit))
    return None


def class_untested(name: str, result: AuditResult) -> str | None:
    """Return why nothing could have been found on a class, None if it was searched."""
    if not result.search.ran:
        return _(words.BECAUSE_OFF, reason=result.search.reason)
    audited = next((item for item in result.classes if item.name == name), None)
    if audited is None:
        return _(words.BECAUSE_CLASS, name=name)
    return None if _searched(audited) else _(words.BECAUSE_FEW, name=name)


def _searched(item: ClassReport) -> bool:
    return item.members >= ENOUGH if item.searched is None else item.searched


def _proposals(result: AuditResult, kind: str) -> list[str]:
    """Return what candidates were proposed from, by the config; the kind itself if not said."""
    document = load(result.config, "config of the run").value
    section = document.get("shortcuts") if isinstance(document, dict) else None
    names = section.get("proposals") if isinstance(section, dict) else None
    return [str(name) for name in names] if isinstance(names, list) else [kind]
