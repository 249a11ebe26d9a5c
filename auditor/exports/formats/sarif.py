"""SARIF 2.1.0: findings as results, for the security pages of code hosts."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from auditor.exports.export import EXPORTS, Export, Files, Source
from auditor.exports.tables import as_json
from auditor.report.document.result import FindingCard
from auditor.report.show.render import read_review

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
SHOWN = 10  # pictures of a finding that a code host links


def _make(source: Source) -> Files:
    result = source.result.translated()
    review = read_review(source.path)
    judgement = review.judgement if review else None
    waived = {each.finding: str(each.sentence) for each in (judgement.waived if judgement else ())}
    kinds = list(dict.fromkeys(each.kind for each in result.findings))
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": result.tool.name,
                "version": result.tool.version,
                "rules": [_rule(kind) for kind in kinds],
            }
        },
        "originalUriBaseIds": {"DATA": {"description": {"text": "The folder of the pictures."}}},
        "properties": {
            "verdict": result.verdict.code,
            "sentence": result.verdict.sentence,
            "project": result.scope.name,
        },
        "results": [_result(each, kinds.index(each.kind), waived) for each in result.findings],
    }
    return {"findings.sarif": as_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})}


def _rule(kind: str) -> dict[str, Any]:
    text = f"The model may rest on a shortcut (proposed by {kind})."
    return {"id": kind, "name": "SpuriousFeature", "shortDescription": {"text": text}}


def _result(finding: FindingCard, rule: int, waived: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ruleId": finding.kind,
        "ruleIndex": rule,
        "level": LEVELS.get(finding.severity, "none"),
        "message": {"text": f"{finding.id}, {finding.title}: {finding.lead}"},
        "locations": [_location(each.picture) for each in finding.carriers[:SHOWN]]
        or [{"physicalLocation": {"artifactLocation": {"uri": "audit.json"}}}],
        "partialFingerprints": {"conceptAuditor/v1": finding.fingerprint},
        "properties": {
            "class": finding.class_name,
            "grade": finding.grade,
            "severity": finding.severity,
        },
    }
    if finding.id in waived:
        found["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": waived[finding.id]}
        ]
    return found


def _location(path: str) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": quote(path), "uriBaseId": "DATA"}}}


EXPORTS.enter("sarif", Export("findings for code hosts (SARIF 2.1.0)", _make), made_of=_make)
