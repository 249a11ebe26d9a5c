"""Progress in plain lines: time left only once something is done."""

from __future__ import annotations

import json

import pytest

from auditor.cli.progress import JsonProgress, TerminalProgress


def test_no_time_left_is_said_before_anything_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalProgress(every=0.0).stage("searching", 14) as step:
        step(0)
        step(7)
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == "searching: 0/14"
    assert lines[2].startswith("searching: 7/14, ")
    assert lines[2].endswith(" s left")


def test_a_stage_of_an_audit_is_told_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalProgress().stage("searching", 14, (7, 16)):
        pass
    with JsonProgress().stage("searching", 14, (7, 16)):
        pass
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "step 7 of 16, searching ..."
    assert lines[1].startswith("step 7 of 16, searching: done in")
    begun = json.loads(lines[2])
    assert (begun["stage"], begun["number"], begun["of"]) == ("searching", 7, 16)
