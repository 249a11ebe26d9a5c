"""JUnit XML: what other tools read in it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from auditor.config.policy import PolicyConfig, TargetsConfig
from auditor.report.document.result import AuditResult
from auditor.review.judge.junit import failed_xml, junit_xml
from auditor.review.judge.policy import judge
from tests.report.example import Example
from tests.review.test_policy import decided

junitparser = pytest.importorskip("junitparser")
CREATED = "2026-01-02T03:04:05Z"
HOSTILE = 'a\x00b\x1b <script>alert("&")</script> ]]> \ud800 é'


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    return Example(
        tmp_path_factory.mktemp("images"), classes=("brick", "coffee"), references=2, rows=2
    ).result()


def read(content: bytes, tmp_path: Path) -> object:
    path = tmp_path / "junit.xml"
    path.write_bytes(content)
    return junitparser.JUnitXml.fromfile(str(path))


def test_another_program_reads_failures_errors_and_waivers(
    result: AuditResult, tmp_path: Path
) -> None:
    targets = TargetsConfig(accuracy=0.99, faithfulness="trusted")
    states = [decided("accept", "F2")]
    judgement = judge(result, PolicyConfig(), targets, None, states)
    (suite,) = read(junit_xml(result, judgement, created=CREATED), tmp_path)
    kinds = {case.name: [type(each).__name__ for each in case.result] for case in suite}
    assert kinds["Accuracy: at least 99\u00a0%"] == ["Failure"]
    assert kinds["Trust in the ranking of concepts: trusted"] == ["Error"]
    assert kinds["F1 a mark in the bottom right corner of brick"] == ["Failure"]
    assert kinds["F2 a mark in the bottom right corner of coffee"] == ["Skipped"]
    assert kinds["F4 a mark in the bottom right corner of coffee"] == []
    results = [kind for each in kinds.values() for kind in each]
    assert (suite.tests, suite.failures) == (len(kinds), results.count("Failure"))
    assert (suite.errors, suite.skipped) == (results.count("Error"), results.count("Skipped"))


def test_what_need_not_be_complete_is_skipped(result: AuditResult, tmp_path: Path) -> None:
    policy, targets = PolicyConfig(require_complete=False), TargetsConfig(faithfulness="trusted")
    judgement = judge(result, policy, targets)
    (suite,) = read(junit_xml(result, judgement, created=CREATED), tmp_path)
    assert suite.errors == 0
    assert suite.skipped == 2  # the target, and the cue that nobody has answered


def test_no_name_breaks_the_file(result: AuditResult, tmp_path: Path) -> None:
    findings = [
        each.model_copy(update={"what": HOSTILE, "class_name": HOSTILE, "meaning": HOSTILE})
        for each in result.findings
    ]
    scope = result.scope.model_copy(update={"name": HOSTILE})
    hostile = result.model_copy(update={"findings": findings, "scope": scope})
    judgement = judge(hostile, PolicyConfig(), TargetsConfig())
    content = junit_xml(hostile, judgement, created=CREATED)
    (suite,) = read(content, tmp_path)
    assert suite.name == 'auditor: a?b? <script>alert("&")</script> ]]> ? é'
    assert ElementTree.fromstring(content).find(".//script") is None


def test_an_audit_that_did_not_finish_is_one_error(tmp_path: Path) -> None:
    (suite,) = read(failed_xml("x", "no model"), tmp_path)
    (case,) = suite
    assert case.result[0].message == "no model"
    assert (suite.tests, suite.errors) == (1, 1)
