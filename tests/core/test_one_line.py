"""A name stays a name in a log: no line of its own, no command to a terminal or a CI system."""

from __future__ import annotations

import json

import pytest

from auditor.base.errors import ConfigError, DataError, UnknownNameError, on_one_line
from auditor.cli.progress import JsonProgress, TerminalProgress


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cat\n::error::x", r"cat\u000a::error::x"),
        ("cat\r\nx", r"cat\u000d\u000ax"),
        ("::error::x", ": :error::x"),
        ("  ::add-mask::x", "  : :add-mask::x"),
        ("##[error]x", "# #[error]x"),
        ("a ##vso[task.complete]x", "a # #vso[task.complete]x"),
        ("\x1b]0;t\x07\x9b31m", r"\u001b]0;t\u0007\u009b31m"),
        ("a\u202eb\u2066c\u2028d", r"a\u202eb\u2066c\u2028d"),
        ("\udcff.png", r"\udcff.png"),
        ("tab\there", r"tab\u0009here"),
        ("torch::Tensor, a: b", "torch::Tensor, a: b"),
        ("\u732b \u05d7\u05ea\u05d5\u05dc \u0642\u0637\u0629 \U0001f469\u200d\U0001f52c 95\u00a0%",)
        * 2,
        ("C:\\x # 3 [a]", "C:\\x # 3 [a]"),
    ],
)
def test_what_becomes_of_a_name(text: str, shown: str) -> None:
    assert on_one_line(text) == shown
    assert on_one_line(shown) == shown


def test_errors_are_one_line_a_problem() -> None:
    assert str(DataError("class 'a\nb'")) == r"class 'a\u000ab'"
    assert str(ConfigError("one\n", "two")) == "one\\u000a\ntwo"
    assert "\n" not in str(UnknownNameError("class", "a\n::error::", ["b\n::warning::"]))


def test_progress_is_one_line_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    TerminalProgress().say("note: a\n::error::b\x1b[2J")
    assert capsys.readouterr().err == "note: a\\u000a::error::b\\u001b[2J\n"
    JsonProgress().say("a\x9b\u2028b")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["text"] == r"a\u009b\u2028b"
