"""The judgement as JUnit XML, which every CI system shows beside its tests."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from auditor.report.document.result import AuditResult
from auditor.report.document.review import Judgement
from auditor.review.graded import by_severity

# XML 1.0 has no control characters but tab, line feed and carriage return.
FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(result: AuditResult, judgement: Judgement, *, created: str) -> bytes:
    """Return a test case per target, rule, cue and finding.

    Not met is a failure, not measured an error (nothing was shown), waived a skipped case. Of an
    audit that need not be complete, what was not measured is skipped.
    """
    suite = ElementTree.Element(
        "testsuite", name=_text(f"auditor: {result.scope.name}"), timestamp=created.rstrip("Z")
    )
    for check in judgement.checks:
        case = _case(suite, f"gate.{check.kind}", f"{check.title}: {check.wanted}")
        if check.state == "not met":
            _child(case, "failure", check.sentence, check.name)
        elif check.state == "not measured":
            needed = judgement.policy.get("policy", {}).get("require_complete", True)
            _child(case, "error" if needed else "skipped", check.sentence, check.name)
        elif check.state == "waived":
            _child(case, "skipped", check.sentence)
        else:
            ElementTree.SubElement(case, "system-out").text = _text(check.sentence)
    _add_cues(suite, judgement)
    waived = {each.finding: each.sentence for each in judgement.waived}
    meanings = {finding.id: finding.meaning for finding in result.findings}
    called = {each.finding: each for each in judgement.cues if each.state == "a shortcut"}
    told = {each.finding for each in judgement.cues} - set(called)
    for item in by_severity(result):
        if item.id in told:
            continue
        case = _case(suite, f"finding.{item.class_name}", f"{item.id} {item.what}")
        meaning = meanings.get(item.id, item.what)
        answer = called.get(item.id)
        grave = answer.severity if answer else item.severity
        if answer:
            meaning = f"{answer.sentence} {meaning}"
        if item.id in judgement.blocking:
            _child(case, "failure", f"{grave}: {meaning}", grave)
        elif item.id in waived:
            _child(case, "skipped", waived[item.id])
        else:
            text = f"grade {item.grade}, severity {grave}: {meaning}"
            ElementTree.SubElement(case, "system-out").text = _text(text)
    counts = {
        "tests": len(suite),
        "failures": len(suite.findall("testcase/failure")),
        "errors": len(suite.findall("testcase/error")),
        "skipped": len(suite.findall("testcase/skipped")),
    }
    suite.attrib |= {name: str(count) for name, count in counts.items()} | {"time": "0"}
    return _document(suite)


def _add_cues(suite: ElementTree.Element, judgement: Judgement) -> None:
    """Add a case for each cue but those that are findings by what a person says.

    One without an answer is a failure where an answer is required, and skipped elsewhere.
    """
    required = judgement.policy.get("policy", {}).get("require_reviewed", False)
    for each in judgement.cues:
        if each.state == "a shortcut":
            continue
        case = _case(suite, f"cue.{each.class_name}", f"{each.finding} {each.title}")
        if each.answered:
            ElementTree.SubElement(case, "system-out").text = _text(each.sentence)
        else:
            _child(case, "failure" if required else "skipped", each.sentence, each.state)


def _case(suite: ElementTree.Element, class_name: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite, "testcase", classname=_text(class_name), name=_text(name), time="0"
    )


def _child(case: ElementTree.Element, tag: str, message: str, kind: str = "") -> None:
    child = ElementTree.SubElement(case, tag, message=_text(message))
    if kind:
        child.set("type", kind)
    if tag != "skipped":
        child.text = _text(message)


def _text(value: str) -> str:
    return FORBIDDEN.sub("?", value)


def failed_xml(name: str, message: str) -> bytes:
    """Return the file of an audit that did not finish: one case, in error."""
    suite = ElementTree.Element(
        "testsuite", name=_text(f"auditor: {name}"), tests="1", failures="0", errors="1"
    )
    suite.attrib |= {"skipped": "0", "time": "0"}
    _child(_case(suite, "audit", "The audit finishes"), "error", message, "failed")
    return _document(suite)


def _document(suite: ElementTree.Element) -> bytes:
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root, " ")
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"
