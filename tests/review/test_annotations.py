"""Annotations of GitHub Actions: what is an error, what is left out, and what a line may hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditor.__main__ import run as command
from auditor.config.policy import PolicyConfig, TargetsConfig
from auditor.language.speaking import speaking
from auditor.report.document.result import AuditResult
from auditor.review.judge.annotations import annotation_lines, of_failure
from auditor.review.judge.policy import judge
from tests.report.example import Example
from tests.review.made import audit, write
from tests.review.test_policy import decided

LINE = re.compile(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    return Example(
        tmp_path_factory.mktemp("images"), classes=("brick", "coffee"), references=2, rows=2
    ).result()


def read(lines: list[str]) -> list[tuple[str, str, str]]:
    """Return level, title and text of each, as GitHub's runner unescapes them."""
    found = []
    for line in lines:
        match = LINE.fullmatch(line)
        assert match, line
        level, *texts = match.groups()
        for code, sign in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
            texts = [text.replace(code, sign) for text in texts]
        found.append((level, *texts))
    return found


def test_what_fails_the_gate_is_an_error_and_what_is_waived_is_left_out(
    result: AuditResult,
) -> None:
    targets = TargetsConfig(accuracy=0.99)
    policy = PolicyConfig(fail_on="high")
    judgement = judge(result, policy, targets, None, [])
    failed = read(annotation_lines(result, judgement))
    assert failed[0][:2] == ("error", "Audit: DO NOT USE YET")
    missed = [
        f"{each.title}: {each.wanted}" for each in judgement.checks if each.state == "not met"
    ]
    assert len(missed) > 1
    assert [title for level, title, _ in failed if level == "error"][1 : 1 + len(missed)] == missed
    (first,) = [each for each in failed if each[1].startswith("F1 ")]
    assert first[0] == "error"
    assert first[2] == str(result.findings[0].meaning)
    waived = judge(result, policy, TargetsConfig(), None, [decided("accept", "F1")])
    assert not [
        each for each in read(annotation_lines(result, waived)) if each[1].startswith("F1 ")
    ]


def test_without_a_gate_nothing_is_an_error(result: AuditResult) -> None:
    found = read(annotation_lines(result, None))
    assert {level for level, _, _ in found} == {"warning"}
    assert [title.split(" ")[0] for _, title, _ in found[1:]] == ["F1", "F2", "0-g0"]


def test_no_more_than_ten_of_a_level_and_the_last_counts_the_rest(result: AuditResult) -> None:
    many = [result.findings[0].model_copy(update={"id": f"F{n}"}) for n in range(1, 31)]
    found = read(annotation_lines(result.model_copy(update={"findings": many}), None))
    assert len(found) == 10
    assert found[-1][2] == "23 more are in the report."  # 30, a factor, the verdict, less nine


def test_names_from_the_data_stay_in_their_line(result: AuditResult) -> None:
    hostile = "a\n::error title=x::y,100%:\r\x1b[31m"
    finding = result.findings[0].model_copy(update={"title": hostile, "meaning": hostile})
    found = read(annotation_lines(result.model_copy(update={"findings": [finding]}), None))
    assert len(found) == 3
    assert "\x1b" not in str(found)
    assert "100%:" in found[1][1]
    assert LINE.fullmatch(of_failure(hostile))


def test_they_speak_the_language_of_the_reports(result: AuditResult) -> None:
    with speaking("de"):
        first = read(annotation_lines(result.translated(), None))[0]
    assert first[1] == "Prüfung: NOCH NICHT VERWENDEN"


def test_the_command_prints_them_to_stderr(
    base: AuditResult, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = write(tmp_path / "run", audit(base, base.findings))
    assert command(["gate", str(run), "--annotate", "--exit-zero"]) == 0
    said = capfd.readouterr()
    assert "::" not in said.out
    assert read([line for line in said.err.splitlines() if line.startswith("::")])
