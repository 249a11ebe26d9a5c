"""Progress in plain lines: time left only once something is done."""

from __future__ import annotations

import pytest

from auditor.cli.progress import TerminalProgress


def test_no_time_left_is_said_before_anything_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalProgress(every=0.0).stage("searching", 14) as step:
        step(0)
        step(7)
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == "searching: 0/14"
    assert lines[2].startswith("searching: 7/14, ")
    assert lines[2].endswith(" s left")
